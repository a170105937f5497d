//! A pool of connections that explains itself.
//!
//! - `mod.rs`: [`Pool`], acquiring and closing
//! - [`options`]: what can be set
//! - `state`: what is known at one moment and what is to be done next, changed under one lock
//! - `shared`: what handles, guards and tasks share; does what the state says
//! - `queue`: callers who wait; `waiting`: the wait of one of them
//! - `place`: a place that is taken; [`guard`]: [`PoolGuard`], a connection on loan
//! - `tasks`: opening, checking and recovering connections; `dials`: what is known of opening them
//! - `loans`: who has a connection, and for too long
//! - `keeper`: keeps the minimum warm, retires what is old, looks for leaks
//! - `phases`: what a wait was spent on; `explain`: the pool's errors
//! - [`status`]: what the pool says of itself

mod dials;
mod explain;
pub mod guard;
mod keeper;
mod loans;
pub mod options;
mod phases;
mod place;
mod queue;
mod shared;
mod state;
pub mod status;
mod tasks;
mod waiting;

#[cfg(test)]
mod tests;

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout, timeout_at};

pub use guard::PoolGuard;
pub use options::PoolOptions;
pub use status::{DialFailures, Dialling, Holder, PoolStatus};

use crate::clock;
use crate::driver::Driver;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorKind, Result};
use place::Place;
use shared::Shared;
use state::Role;

/// A pool of connections to one database. Cloning gives another handle on the same pool.
///
/// The queue is fair: who waits longest is served first. Dropping an acquire leaves the queue.
/// Connections are opened, checked and brought into order by tasks of the pool, so a caller who
/// gives up takes nothing along.
#[derive(Debug, Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    /// A pool without connections yet. Must be called within a tokio runtime, where it starts the
    /// task that keeps the minimum warm.
    pub fn new(driver: Arc<dyn Driver>, options: PoolOptions, entropy: Arc<dyn Entropy>) -> Self {
        let shared = Arc::new(Shared::new(driver, options, entropy));
        keeper::start(&shared);
        Self { shared }
    }

    /// Lends a connection to a call that must end by `deadline`.
    ///
    /// Waits in the queue up to [`PoolOptions::acquire`], never beyond `deadline`, and for less
    /// while more callers come than the pool serves. The loan counts as leaked after
    /// [`PoolOptions::leak_after`], but not before `deadline`.
    ///
    /// # Errors
    /// `POOL_TIMEOUT` when the queue was too long, naming who holds the connections; `OVERLOADED`
    /// when too many wait already; the driver's errors when no connection can be made;
    /// `DATABASE_CLOSED` after [`close`](Self::close).
    pub async fn acquire(
        &self,
        deadline: Instant,
        site: &'static Location<'static>,
    ) -> Result<PoolGuard> {
        self.acquire_at(Instant::now(), deadline, site).await
    }

    /// The same for a caller who knows what time it is.
    pub(crate) async fn acquire_at(
        &self,
        now: Instant,
        deadline: Instant,
        site: &'static Location<'static>,
    ) -> Result<PoolGuard> {
        match self.shared.take(site, now, deadline)? {
            Some((idle, loan)) => {
                let place = Place::new(Arc::clone(&self.shared), Role::Lent(loan));
                Ok(PoolGuard::new(place, idle, Some(now)))
            }
            // In a box of its own: the usual call does not carry its size around.
            None => Box::pin(waiting::wait(&self.shared, deadline, site)).await,
        }
    }

    /// Makes connections until the minimum is there.
    ///
    /// # Errors
    /// The driver's error of the first connection that cannot be made.
    pub async fn warm(&self) -> Result<()> {
        let shared = &self.shared;
        let before = shared.state().dials.failed_total;
        loop {
            // Registered before the look, so that an end in between is not missed.
            let dialled = shared.dialled.notified();
            let dial = {
                let mut state = shared.state();
                let min = state.options.min;
                if state.closed || state.open - state.dials.underway() >= min {
                    return Ok(());
                }
                let now = Instant::now();
                if state.dials.failed_total > before
                    && let Some(error) = state.dials.explained(now)
                {
                    return Err(error);
                }
                (state.open < min).then(|| state.take_place_for_dial(now))
            };
            match dial {
                Some(dial) => {
                    let place = Place::new(Arc::clone(shared), Role::Dialling(dial.id));
                    tasks::dial_here(shared, place, dial).await?;
                }
                // The pool's own tasks are at it.
                None => dialled.await,
            }
        }
    }

    /// Changes the size while in use. Growing takes effect at once; when shrinking, connections
    /// beyond the new size are closed as they come back.
    pub fn resize(&self, max: usize, min: usize) {
        self.shared.resize(max, min);
    }

    /// Whether the pool refuses new callers.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// What the pool is doing now.
    pub fn status(&self) -> PoolStatus {
        self.shared.status()
    }

    /// Refuses new callers, waits up to `limit` for connections on loan to come back, and closes
    /// them all.
    ///
    /// # Errors
    /// `DEADLINE_EXCEEDED` when some were still on loan; they are closed when they come back.
    pub async fn close(&self, limit: Duration) -> Result<()> {
        self.shared.close_to_callers();
        let deadline = clock::after(limit);
        loop {
            // Registered before the check, so that a return in between is not missed.
            let returned = self.shared.returned.notified();
            let idle = {
                let mut state = self.shared.state();
                let idle = std::mem::take(&mut state.idle);
                for _ in &idle {
                    state.forget(false, Instant::now());
                }
                idle
            };
            let left = deadline.saturating_duration_since(Instant::now());
            // A server that does not say goodbye in time is left to notice by itself.
            let goodbyes = idle.into_iter().map(|idle| idle.connection.close());
            let _ = timeout(left, join_all(goodbyes)).await;
            let open = self.shared.state().open;
            if open == 0 && self.shared.goodbyes() == 0 {
                return Ok(());
            }
            if timeout_at(deadline, returned).await.is_err() {
                if open == 0 {
                    return Ok(());
                }
                return Err(Error::new(
                    ErrorKind::Deadline,
                    format!(
                        "{open} connections were still in use {limit:.1?} after the pool closed"
                    ),
                ));
            }
        }
    }
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the database handle has been closed")
        .with_hint("the service is stopping; do not start new work")
}
