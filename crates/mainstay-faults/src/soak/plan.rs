//! How a soak is done.

use std::time::Duration;

/// How a soak is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) length: Duration,
    pub(super) rate: u32,
    pub(super) seed: u64,
}
