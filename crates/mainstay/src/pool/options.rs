//! What can be set on a pool.

use std::time::Duration;

/// Sizes and times of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolOptions {
    /// The most connections at a time, at least 1.
    pub max: usize,
    /// How many are kept open when nobody needs them.
    pub min: usize,
    /// The longest wait in the queue.
    pub acquire: Duration,
    /// The longest time to make a connection.
    pub connect: Duration,
    /// An idle connection beyond the minimum is closed after this.
    pub idle: Duration,
    /// A connection is replaced after this.
    pub lifetime: Duration,
    /// The share of the lifetime, 0 to 1, that is taken off at random, so that connections made
    /// together do not all end together.
    pub lifetime_jitter: f64,
    /// A connection idle for this long is pinged before it is lent.
    pub health_check_after: Duration,
    /// The longest wait for a ping.
    pub ping: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            max: 10,
            min: 2,
            acquire: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(600),
            lifetime: Duration::from_secs(1800),
            lifetime_jitter: 0.1,
            health_check_after: Duration::from_secs(30),
            ping: Duration::from_secs(2),
        }
    }
}
