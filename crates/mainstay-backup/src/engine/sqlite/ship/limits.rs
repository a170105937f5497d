//! How far a log may grow.

/// How far a log may grow, and what is read ahead of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Beyond so many bytes the log is made to start again.
    pub(crate) start_again: u64,
    /// So many bytes are read ahead.
    pub(crate) ahead: usize,
    /// Beyond so many bytes it is no longer followed: the archive does not keep up, and the service
    /// needs its disk.
    pub(crate) give_up: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start_again: 8 << 20,
            ahead: 8 << 20,
            give_up: 1 << 30,
        }
    }
}
