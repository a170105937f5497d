//! Making many rows: prepared on several threads, or part by part ahead of what is written.

use std::num::NonZero;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::ahead;
use super::bulk::{Group, SHARE_FROM, insert, prepare_part, unprepared};
use crate::database::{CallOptions, Executor};
use crate::entropy::KeySeries;
use crate::error::Result;
use crate::schema::{Assignment, Entity};

/// Makes all rows or none. Gives them back as they were sent, if they were.
pub(super) async fn create<E: Entity>(
    executor: &Executor,
    given: Vec<Vec<Assignment>>,
    options: &CallOptions,
) -> (Vec<Group>, Result<u64>) {
    // In a transaction of somebody else's a row that is refused late would leave others behind.
    if given.len() >= ahead::FROM && matches!(executor, Executor::Database(_)) {
        return ahead::create::<E>(executor, given, options).await;
    }
    match prepare::<E>(executor, given).await {
        Ok(groups) => {
            let made = insert::<E>(executor, &groups, options).await;
            (groups, made)
        }
        Err(error) => (Vec::new(), Err(error)),
    }
}

/// Validates and completes all rows, and puts those together that follow each other and give the
/// same columns.
///
/// Many rows take longer than a task may have its thread, so they are shared out among blocking
/// threads.
async fn prepare<E: Entity>(
    executor: &Executor,
    given: Vec<Vec<Assignment>>,
) -> Result<Vec<Group>> {
    let shared = executor.shared();
    let now = shared.clock.now();
    let keys = KeySeries::new(now, Arc::clone(&shared.entropy));
    if given.len() < SHARE_FROM {
        return prepare_part::<E>(given, now, keys);
    }
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let size = given.len().div_ceil(threads).max(SHARE_FROM / 2);
    let mut rest = given.into_iter();
    let mut parts = Vec::new();
    while rest.len() > 0 {
        let keys = keys.after(parts.len() * size);
        let part: Vec<_> = rest.by_ref().take(size).collect();
        parts.push(spawn_blocking(move || prepare_part::<E>(part, now, keys)));
    }
    let mut groups = Vec::new();
    // In the order of the rows, so that the first refused one is reported.
    for part in parts {
        groups.extend(part.await.map_err(|error| unprepared(&error))??);
    }
    Ok(groups)
}
