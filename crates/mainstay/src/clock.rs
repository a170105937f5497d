//! Time as a parameter.
//!
//! Nothing in Mainstay reads the system clock directly: a [`Clock`] is passed in, so that a test
//! decides what "now" is. Stored instants have microsecond precision, because that is what all
//! three engines keep.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
/// Tells the current time.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The current instant in UTC, truncated to whole microseconds.
    fn now(&self) -> DateTime<Utc>;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the system clock"
    )]
    fn now(&self) -> DateTime<Utc> {
        truncate_to_micros(Utc::now())
    }
}

/// A clock that stands still until it is told to move. For tests.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<Mutex<DateTime<Utc>>>,
}

impl ManualClock {
    /// A clock that shows `start`, truncated to whole microseconds.
    pub fn new(start: DateTime<Utc>) -> Self {
        Self {
            now: Arc::new(Mutex::new(truncate_to_micros(start))),
        }
    }

    /// Moves the clock forward, or backward with a negative `step`.
    pub fn advance(&self, step: TimeDelta) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now += step;
    }

    /// Sets the clock.
    pub fn set(&self, to: DateTime<Utc>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = truncate_to_micros(to);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what is finer than a microsecond. A leap second becomes the first second after it, since
/// no engine stores the 60th.
pub fn truncate_to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// As far away as anything is planned: thirty years. `Duration::MAX` is how callers say "none", and
/// cannot be added to an instant.
pub(crate) const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The instant so long from now, or [`FAR`] away.
pub(crate) fn after(limit: Duration) -> tokio::time::Instant {
    later(tokio::time::Instant::now(), limit)
}

/// The same, where it is known what time it is.
pub(crate) fn later(now: tokio::time::Instant, limit: Duration) -> tokio::time::Instant {
    now + limit.min(FAR)
}

#[cfg(test)]
mod tests;
