//! Who is measured. Each does the same work in its own usual way.
//!
//! - `mainstay`: the public repository API with everything on, on all engines
//! - `raw_*`: the drivers by hand, with prepared statements
//! - `sqlx_*`, `sea_*`, `diesel_*`: each engine apart where types or placeholders differ

pub mod diesel_mysql;
pub mod diesel_postgres;
pub mod diesel_sqlite;
pub mod mainstay;
pub mod raw_mysql;
pub mod raw_postgres;
pub mod raw_sqlite;
pub mod sea_server;
pub mod sea_sqlite;
pub mod sqlx_mysql;
pub mod sqlx_postgres;
pub mod sqlx_sqlite;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use uuid::Uuid;

use crate::rows::{NewImport, NewProgress, NewUser};

/// Any error: a benchmark stops at the first.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T, E = Failure> = std::result::Result<T, E>;
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<usize>> + Send + 'a>>;

/// One operation with its input. The answer says how many rows were read or written, which is
/// checked: a candidate that does less is no faster.
#[derive(Debug, Clone)]
pub enum Operation {
    /// A user by key.
    Find(Uuid),
    /// The goals of a user, by an index, in order of the key: a hundred.
    List(Uuid),
    /// The page of goals after a key in order of the key. `number` says which of the places.
    Page { number: usize, after: Uuid },
    /// One user; the row is returned as stored where that is the candidate's usual way.
    Insert(NewUser),
    /// A transaction: raise a user's XP, then insert progress.
    Transaction(NewProgress),
    /// The same as one batch where the candidate has that.
    Batch(NewProgress),
    /// Many rows, all or none.
    Bulk(Vec<NewImport>),
}

/// Rows of a list, and at most of one statement that reads one.
pub const LIST: i64 = 100;
/// Rows of a page.
pub const PAGE: usize = 50;

/// A candidate on one engine that works from async tasks.
pub trait Candidate: Send + Sync {
    /// Does one operation.
    fn work(&self, operation: Operation) -> Answer<'_>;

    /// Ends what the candidate holds open.
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

/// A candidate that blocks and brings its own threads: the raw SQLite driver.
pub trait Threads: Send + Sync {
    /// A worker with a connection of its own.
    fn worker(&self) -> Result<Box<dyn Worker>>;
    /// How many workers an operation is given for a number of tasks.
    fn workers(&self, operation: Kind, tasks: usize) -> usize;
}

/// One thread of [`Threads`].
pub trait Worker: Send {
    /// Does one operation.
    fn work(&mut self, operation: Operation) -> Result<usize>;
}

/// Either.
#[derive(Clone)]
pub enum Runner {
    Tasks(Arc<dyn Candidate>),
    Threads(Arc<dyn Threads>),
}

/// What kind of operation a workload consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Find,
    List,
    Page,
    Insert,
    Transaction,
    Batch,
    Bulk,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Find,
        Self::List,
        Self::Page,
        Self::Insert,
        Self::Transaction,
        Self::Batch,
        Self::Bulk,
    ];

    /// The name on the command line and in the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Find => "point-read",
            Self::List => "list-100",
            Self::Page => "keyset-page",
            Self::Insert => "insert",
            Self::Transaction => "transaction",
            Self::Batch => "batch",
            Self::Bulk => "bulk-insert",
        }
    }

    /// Whether how hard a commit is written matters.
    pub fn writes(self) -> bool {
        !matches!(self, Self::Find | Self::List | Self::Page)
    }
}

/// The head of a multi-row insert.
pub const IMPORT_HEAD: &str = "INSERT INTO imports \
     (id, user_id, title, description, status, created_at, updated_at) ";

/// The settings of every SQLite connection but Mainstay's, which has the same by itself.
pub fn pragmas(synchronous: &str) -> String {
    format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
         PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA busy_timeout = 30000;"
    )
}
