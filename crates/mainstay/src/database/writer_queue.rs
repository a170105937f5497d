//! The queue of an engine's only writer: how many may be in it, and when callers are shed.
//!
//! The engine itself takes in whoever comes and serves many at one turn. A caller comes by here
//! first, and takes a place until its call, or its transaction, is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::pool::PoolOptions;
use crate::resilience::shedding::{Options as SheddingOptions, Shedding};

/// So many are served at one turn of the writer: a queue that is no longer does not stand.
const ONE_TURN: usize = 128;

#[derive(Debug)]
pub(crate) struct WriterQueue {
    /// So many may wait, beside the one that writes.
    most: usize,
    /// The longest a caller may take while the queue stands; zero sheds nobody.
    target: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    here: usize,
    shedding: Shedding,
    /// How long the caller was here who left last, while the queue was long.
    last: Duration,
    shed_total: u64,
}

/// A place in the queue, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    queue: Arc<WriterQueue>,
    since: Instant,
}

impl WriterQueue {
    pub(super) fn new(pool: &PoolOptions) -> Self {
        Self {
            most: pool.max_waiting,
            target: pool.shed_target,
            state: Mutex::new(State {
                here: 0,
                shedding: Shedding::new(SheddingOptions {
                    target: pool.shed_target,
                    interval: pool.shed_interval,
                }),
                last: Duration::ZERO,
                shed_total: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements, so a panic elsewhere changes nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a caller who comes now.
    ///
    /// # Errors
    /// `OVERLOADED` when the queue is full, or when it has stood for a while and those who leave it
    /// were in it for too long: one more would be served too late as well.
    pub(super) fn enter(self: &Arc<Self>, now: Instant) -> Result<Place> {
        let mut state = self.state();
        let before = state.here;
        if before > self.most {
            state.shed_total += 1;
            drop(state);
            return Err(full(before));
        }
        if before >= ONE_TURN && !self.target.is_zero() {
            // A queue that stands has a limit shorter than any other.
            let stands = state.shedding.limit(now, Duration::MAX) < Duration::MAX;
            if stands && state.last >= self.target {
                state.shed_total += 1;
                let last = state.last;
                drop(state);
                return Err(too_slow(before, last));
            }
        }
        state.here += 1;
        drop(state);
        Ok(Place {
            queue: Arc::clone(self),
            since: now,
        })
    }

    /// How many are in it, and how many were shed since the handle was opened.
    pub(super) fn counts(&self) -> (usize, u64) {
        let state = self.state();
        (state.here, state.shed_total)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.here -= 1;
        if state.here < ONE_TURN {
            state.shedding.queue_is_empty();
            state.last = Duration::ZERO;
        } else {
            state.last = self.since.elapsed();
        }
    }
}

fn full(before: usize) -> Error {
    Error::new(
        ErrorKind::Overloaded,
        format!("the writer's queue is full: {before} callers are in it"),
    )
    .with_hint("write less at a time, write in batches, or raise pool.max_waiting")
    .with_outcome(Outcome::NotApplied)
}

fn too_slow(before: usize, last: Duration) -> Error {
    Error::new(
        ErrorKind::Overloaded,
        format!(
            "more callers come than the writer serves: {before} are in its queue, and the last to \
             leave it was there for {last:.1?}"
        ),
    )
    .with_hint("write less at a time, write in batches, or keep transactions short")
    .with_outcome(Outcome::NotApplied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(max_waiting: usize) -> Arc<WriterQueue> {
        Arc::new(WriterQueue::new(&PoolOptions {
            max_waiting,
            shed_target: Duration::from_secs(1),
            shed_interval: Duration::from_secs(2),
            ..PoolOptions::default()
        }))
    }

    fn enter(queue: &Arc<WriterQueue>, count: usize) -> Vec<Place> {
        let places = (0..count).map(|_| queue.enter(Instant::now()).unwrap());
        places.collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_refuses_at_once_and_places_come_back() {
        let queue = queue(3);
        let mut places = enter(&queue, 4);
        let error = queue.enter(Instant::now()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        assert_eq!(error.outcome(), Outcome::NotApplied);
        assert!(error.retry_after().is_some());
        assert_eq!(queue.counts(), (4, 1));
        places.pop();
        places.extend(enter(&queue, 1));
        drop(places);
        assert_eq!(queue.counts(), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_queue_that_moves_sheds_nobody() {
        let queue = queue(10_000);
        let mut places = std::collections::VecDeque::from(enter(&queue, ONE_TURN * 2));
        for _ in 0..100 {
            tokio::time::advance(Duration::from_millis(100)).await;
            // One turn is served: nobody was here for longer than two.
            places.drain(..ONE_TURN);
            places.extend(enter(&queue, ONE_TURN));
        }
        assert_eq!(queue.counts(), (ONE_TURN * 2, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_stands_sheds_until_it_is_short() {
        let queue = queue(10_000);
        let mut places = std::collections::VecDeque::from(enter(&queue, ONE_TURN * 4));
        // Slow, but not for long enough to stand.
        tokio::time::advance(Duration::from_millis(1500)).await;
        places.pop_front();
        places.extend(enter(&queue, 1));
        tokio::time::advance(Duration::from_millis(1500)).await;
        places.pop_front();
        let error = queue.enter(Instant::now()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        assert!(error.detail().contains("3.0s"), "{error}");
        // It is as short as one turn: whoever comes now is served soon.
        places.drain(ONE_TURN - 1..);
        places.extend(enter(&queue, ONE_TURN * 2));
        tokio::time::advance(Duration::from_millis(100)).await;
        places.pop_front();
        places.extend(enter(&queue, 1));
        assert_eq!(queue.counts().1, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_target_only_a_full_queue_refuses() {
        let queue = Arc::new(WriterQueue::new(&PoolOptions {
            max_waiting: ONE_TURN * 3,
            shed_target: Duration::ZERO,
            ..PoolOptions::default()
        }));
        let mut places = enter(&queue, ONE_TURN * 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        places.pop();
        places.extend(enter(&queue, 1));
        assert_eq!(queue.counts(), (ONE_TURN * 2, 0));
    }
}
