//! Which databases the running task has a writing transaction on, so that a write that would wait
//! for its own task is refused instead.

use crate::database::Shared;

tokio::task_local! {
    static OPEN: Vec<usize>;
}

/// The writer rather than the handle: two handles on one file wait for the same writer. The handle
/// keeps it alive, so no other has its number meanwhile.
fn identity(shared: &Shared) -> Option<usize> {
    shared.driver.writer_id()
}

/// Whether the running task is inside a writing transaction on this database.
pub(crate) fn is_inside(shared: &Shared) -> bool {
    identity(shared).is_some_and(|writer| {
        OPEN.try_with(|open| open.contains(&writer))
            .unwrap_or(false)
    })
}

/// Runs a future inside a writing transaction on this database.
pub(crate) async fn scope<F: Future>(shared: &Shared, work: F) -> F::Output {
    let mut open = OPEN.try_with(Clone::clone).unwrap_or_default();
    open.extend(identity(shared));
    OPEN.scope(open, work).await
}
