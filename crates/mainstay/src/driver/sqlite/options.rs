//! How a database file is opened.

use std::path::PathBuf;
use std::time::Duration;

/// How hard a commit is written to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Synchronous {
    /// A commit survives a power cut. The default.
    #[default]
    Full,
    /// A commit survives a crash of the process; a power cut may undo the newest ones, but never
    /// damages the file.
    Normal,
}

impl Synchronous {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
        }
    }
}

/// For how long the writer lets jobs share a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// A group takes jobs for this long.
    pub(crate) group: Duration,
    /// A transaction may take this long while others wait for the commit they share.
    pub(crate) transaction: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            group: Duration::from_millis(10),
            transaction: Duration::from_millis(20),
        }
    }
}

/// How a database file is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SqliteOptions {
    /// The file. Its folder must exist.
    pub(crate) path: PathBuf,
    /// Whether a missing file is created.
    pub(crate) create: bool,
    /// How hard a commit is written to disk.
    pub(crate) synchronous: Synchronous,
    /// How long to wait for another process that holds the file's lock. Within one process nobody
    /// waits for a lock: writes queue.
    pub(crate) busy_timeout: Duration,
    /// How many prepared statements each connection keeps.
    pub(crate) statement_cache: usize,
    /// For how long jobs share a commit. The first handle on a file sets it.
    pub(crate) patience: Patience,
}

impl SqliteOptions {
    /// The defaults, for a file.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            create: true,
            synchronous: Synchronous::Full,
            busy_timeout: Duration::from_secs(5),
            statement_cache: 256,
            patience: Patience::default(),
        }
    }
}
