//! Very many rows, prepared part by part while those before are written already.
//!
//! To its caller it is the same as preparing all of them first: a row that is refused by validation
//! ends the call as soon as it is found, whatever the database says of those before it, and nothing
//! is kept. That takes a transaction of the call's own, whose dropped future leaves nothing behind.

use std::collections::VecDeque;
use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::SetOnce;
use tokio::task::spawn_blocking;

use super::bulk::{Group, begin, insert_group, loads, prepare_part, unprepared};
use crate::database::{CallOptions, Executor};
use crate::entropy::KeySeries;
use crate::error::Result;
use crate::schema::{Assignment, Entity};

/// From so many rows on it pays.
pub(super) const FROM: usize = 2 * PART;

/// The rows that are prepared together: a few milliseconds' work.
const PART: usize = 5_000;

/// The parts, in their order, as they get ready. They stay, should the transaction be tried again.
type Parts = [SetOnce<Vec<Group>>];

/// Makes all rows or none, in a transaction of its own. Gives back those that were prepared.
pub(super) async fn create<E: Entity>(
    executor: &Executor,
    given: Vec<Vec<Assignment>>,
    options: &CallOptions,
) -> (Vec<Group>, Result<u64>) {
    let total = given.len();
    let parts: Vec<_> = (0..total.div_ceil(PART)).map(|_| SetOnce::new()).collect();
    let made = {
        let preparing = pin!(prepare::<E>(executor, given, &parts));
        let inserting = pin!(insert::<E>(executor, total, &parts, options));
        match select(preparing, inserting).await {
            Either::Left((Ok(()), inserting)) => inserting.await,
            Either::Left((Err(error), _)) => Err(error),
            Either::Right((Ok(made), _)) => Ok(made),
            Either::Right((Err(error), preparing)) => preparing.await.and(Err(error)),
        }
    };
    let groups = parts.into_iter().filter_map(SetOnce::into_inner);
    (groups.flatten().collect(), made)
}

/// Prepares part after part on other threads than the one that writes.
async fn prepare<E: Entity>(
    executor: &Executor,
    given: Vec<Vec<Assignment>>,
    parts: &Parts,
) -> Result<()> {
    let shared = executor.shared();
    let now = shared.clock.now();
    let all_keys = KeySeries::new(now, Arc::clone(&shared.entropy));
    let mut begun = 0;
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let at_once = threads.saturating_sub(1).max(1);
    let mut rest = given.into_iter();
    let mut running = VecDeque::new();
    for part in parts {
        while running.len() < at_once && rest.len() > 0 {
            let keys = all_keys.after(begun);
            let rows: Vec<_> = rest.by_ref().take(PART).collect();
            begun += rows.len();
            running.push_back(spawn_blocking(move || prepare_part::<E>(rows, now, keys)));
        }
        if let Some(work) = running.pop_front() {
            let groups = work.await.map_err(|error| unprepared(&error))??;
            // Each is set once.
            let _ = part.set(groups);
        }
    }
    Ok(())
}

/// Writes part after part as they get ready.
async fn insert<E: Entity>(
    executor: &Executor,
    total: usize,
    parts: &Parts,
    options: &CallOptions,
) -> Result<u64> {
    executor
        .atomically_with(begin(total as u64), options, |executor| async move {
            let (mut made, mut before) = (0, 0);
            for part in parts {
                for group in part.wait().await {
                    let of = (before, total as u64);
                    let loading = loads(&executor, group);
                    made +=
                        insert_group(&executor, E::table(), group, (of, loading), options).await?;
                    before += group.len();
                }
            }
            Ok(made)
        })
        .await
}
