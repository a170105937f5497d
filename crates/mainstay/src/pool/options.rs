//! What can be set on a pool.

use std::time::Duration;

/// Sizes and times of a pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolOptions {
    /// The most connections at a time, at least 1.
    pub max: usize,
    /// How many are kept open when nobody needs them.
    pub min: usize,
    /// The most callers in the queue; more are refused at once.
    pub max_waiting: usize,
    /// The longest wait in the queue.
    pub acquire: Duration,
    /// The longest wait in a queue that stands: one that has been longer than the pool is large
    /// for [`shed_interval`](Self::shed_interval). Zero sheds nobody.
    pub shed_target: Duration,
    /// How long a queue may be longer than the pool is large before it counts as standing.
    pub shed_interval: Duration,
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
    /// How long a connection may take to recover from a dropped call before its place is given to
    /// another one. Short: when all connections are half open, this is added to the time until
    /// their callers' deadlines before new ones are opened.
    pub recover: Duration,
    /// A connection that is on loan for longer, and beyond the limit of the call that has it,
    /// counts as leaked. Zero looks for none.
    pub leak_after: Duration,
    /// Whether leaked connections are taken from their holders.
    pub reclaim_leaks: bool,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            max: 10,
            min: 2,
            max_waiting: 10_000,
            acquire: Duration::from_secs(5),
            shed_target: Duration::from_secs(1),
            shed_interval: Duration::from_secs(2),
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(600),
            lifetime: Duration::from_secs(1800),
            lifetime_jitter: 0.1,
            health_check_after: Duration::from_secs(30),
            ping: Duration::from_secs(2),
            recover: Duration::from_secs(1),
            leak_after: Duration::from_secs(60),
            reclaim_leaks: false,
        }
    }
}
