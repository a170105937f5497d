//! Which databases the running task has a writing transaction on, so that a write that would wait
//! for its own task is refused instead.

use std::sync::Arc;

use crate::database::Shared;

tokio::task_local! {
    static OPEN: Vec<usize>;
}

fn identity(shared: &Arc<Shared>) -> usize {
    Arc::as_ptr(shared) as usize
}

/// Whether the running task is inside a writing transaction on this database.
pub(crate) fn is_inside(shared: &Arc<Shared>) -> bool {
    OPEN.try_with(|open| open.contains(&identity(shared)))
        .unwrap_or(false)
}

/// Runs a future inside a writing transaction on this database.
pub(crate) async fn scope<F: Future>(shared: &Arc<Shared>, work: F) -> F::Output {
    let mut open = OPEN.try_with(Clone::clone).unwrap_or_default();
    open.push(identity(shared));
    OPEN.scope(open, work).await
}
