//! A pool of connections that explains itself.
//!
//! - `mod.rs`: [`Pool`], acquiring and closing
//! - [`options`]: what can be set
//! - `shared`: idle connections, counters and the list of holders
//! - [`guard`]: [`PoolGuard`], a connection on loan; cleans up after dropped calls
//! - `keeper`: keeps the minimum warm and retires what is old
//! - [`status`]: what the pool says of itself

pub mod guard;
mod keeper;
pub mod options;
mod shared;
pub mod status;

#[cfg(test)]
mod tests;

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};

pub use guard::PoolGuard;
pub use options::PoolOptions;
pub use status::{Holder, PoolStatus};

use crate::clock;
use crate::driver::{Connection, Driver};
use crate::entropy::Entropy;
use crate::error::{Error, ErrorKind, Result};
use guard::Slot;
use shared::Shared;

/// A pool of connections to one database. Cloning gives another handle on the same pool.
///
/// The queue is fair: who waits longest is served first. Dropping an acquire leaves the queue.
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

    /// Lends a connection.
    ///
    /// Waits in the queue up to [`PoolOptions::acquire`] and never beyond `deadline`.
    ///
    /// # Errors
    /// `POOL_TIMEOUT` when the queue was too long, naming who holds the connections;
    /// the driver's errors when a new connection cannot be made; `DATABASE_CLOSED` after
    /// [`close`](Self::close).
    pub async fn acquire(
        &self,
        deadline: Instant,
        site: &'static Location<'static>,
    ) -> Result<PoolGuard> {
        let options = self.shared.options();
        let queued_at = Instant::now();
        let until = deadline.min(clock::after(options.acquire));
        let permit = self.wait_in_queue(until, queued_at).await?;
        let slot = self.obtain(permit, &options, deadline).await?;
        Ok(PoolGuard::new(slot, site))
    }

    async fn wait_in_queue(
        &self,
        until: Instant,
        queued_at: Instant,
    ) -> Result<OwnedSemaphorePermit> {
        let _waiting = shared::CountGuard::new(&self.shared.waiting);
        let permits = Arc::clone(&self.shared.permits);
        match timeout_at(until, permits.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(closed()),
            Err(_) => {
                self.shared.timeouts.fetch_add(1, Ordering::Relaxed);
                Err(self.queue_timeout(queued_at.elapsed()))
            }
        }
    }

    /// Takes an idle connection that is fit for use, or makes a new one.
    async fn obtain(
        &self,
        mut permit: OwnedSemaphorePermit,
        options: &PoolOptions,
        deadline: Instant,
    ) -> Result<Slot> {
        while let Some(idle) = self.shared.pop_idle() {
            if idle.connection.is_broken() || idle.is_expired(Instant::now()) {
                self.shared.discard(idle.connection);
                continue;
            }
            let since = idle.since;
            // From here on the slot counts the connection, also when this future is dropped.
            let mut slot = Slot::new(
                Arc::clone(&self.shared),
                permit,
                idle.connection,
                idle.born,
                idle.expires,
            );
            if since.elapsed() < options.health_check_after {
                return Ok(slot);
            }
            let limit = options
                .ping
                .min(deadline.saturating_duration_since(Instant::now()));
            if slot.is_alive(limit).await {
                return Ok(slot);
            }
            tracing::debug!("an idle connection failed its health check and is replaced");
            permit = slot.give_up();
        }
        let limit = options
            .connect
            .min(deadline.saturating_duration_since(Instant::now()));
        let connection = connect(&self.shared, limit).await?;
        let (born, expires) = self.shared.lifetime(options);
        Ok(Slot::new(
            Arc::clone(&self.shared),
            permit,
            connection,
            born,
            expires,
        ))
    }

    fn queue_timeout(&self, waited: Duration) -> Error {
        let status = self.status();
        let mut detail = format!(
            "waited {waited:.1?} in the queue; all {} connections are in use and {} other callers wait",
            status.max,
            status.waiting.saturating_sub(1),
        );
        for holder in status.holders.iter().take(5) {
            detail.push_str(&format!("; {holder}"));
        }
        Error::new(ErrorKind::PoolTimeout, detail)
            .with_hint("hold connections for less time, raise pool.max or raise timeouts.acquire")
    }

    /// Makes connections until the minimum is there.
    ///
    /// # Errors
    /// The driver's error of the first connection that cannot be made.
    pub async fn warm(&self) -> Result<()> {
        keeper::fill(&self.shared).await
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
            while let Some(idle) = self.shared.pop_idle() {
                self.shared.forget_one();
                let left = deadline.saturating_duration_since(Instant::now());
                // A server that does not say goodbye in time is left to notice by itself.
                let _ = timeout(left, idle.connection.close()).await;
            }
            let open = self.shared.open.load(Ordering::Acquire);
            if open == 0 {
                return Ok(());
            }
            if timeout_at(deadline, returned).await.is_err() {
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

/// Opens a connection, counted from before the first byte is sent, so that the pool never exceeds
/// its size on the server either.
async fn connect(shared: &Arc<Shared>, limit: Duration) -> Result<Box<dyn Connection>> {
    let counted = shared::OpenCount::new(Arc::clone(shared));
    let started = Instant::now();
    // The driver keeps the limit itself and knows which step took too long. The outer time-out is
    // for a driver that hangs all the same.
    match timeout(
        limit.saturating_add(Duration::from_millis(250)),
        shared.driver.connect(limit),
    )
    .await
    {
        Ok(Ok(connection)) => {
            shared.opened.fetch_add(1, Ordering::Relaxed);
            counted.keep();
            Ok(connection)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Error::new(
            ErrorKind::Unreachable,
            format!("no connection within {:.1?}", started.elapsed()),
        )
        .with_hint("check that the server is up and reachable, or raise timeouts.connect")),
    }
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the database handle has been closed")
        .with_hint("the service is stopping; do not start new work")
}
