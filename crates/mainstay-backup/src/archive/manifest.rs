//! What an archive says of itself.

use std::fmt;

use chrono::{DateTime, Utc};
use mainstay::config::EngineKind;
use serde::{Deserialize, Serialize};

/// The number of the format that this version writes. It reads this one and earlier ones.
pub const FORMAT: u32 = 1;

/// What an archive says of itself. It stands at the archive's end, because most of it is known only
/// then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The number of the archive's format.
    pub format: u32,
    /// The backup's name: when it was begun, and a random part. Names of later backups are greater.
    pub id: String,
    /// The label under which backups of one database stand together in a target.
    pub label: String,
    /// What was backed up.
    pub engine: Engine,
    /// The version of the engine, as it tells it itself.
    pub engine_version: String,
    /// How it was taken.
    pub kind: Kind,
    /// The programs that took part, the one that took the backup first.
    pub tools: Vec<Tool>,
    /// The version of this library.
    pub mainstay: String,
    /// Which migrations had been applied, if there is a record of them.
    pub schema: Option<SchemaVersion>,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// The moment whose state it has.
    pub taken_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Where in the engine's log the state stands, if changes that follow can be put on top of it.
    /// Each engine has a form of its own. Where the archive is encrypted, so is this, and it is
    /// `None` for who has no key.
    #[serde(default)]
    pub position: Option<serde_json::Value>,
    /// Bytes before compression.
    pub raw_bytes: u64,
    /// Bytes of the chunks in the archive.
    pub stored_bytes: u64,
    /// How many chunks there are.
    pub chunks: u64,
    /// The BLAKE3 hash over the hashes of all chunks, in hexadecimal.
    pub hash: String,
    /// Whether a key is needed to restore it.
    pub is_encrypted: bool,
    /// The tables, by name. Where the archive is encrypted, so is this list, and it is empty for
    /// who has no key.
    #[serde(default)]
    pub tables: Vec<Table>,
}

/// A table, as it was in the state that was backed up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Table {
    /// Its name, with its schema in front where it is not the usual one.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// A hash over the rows, whatever their order, in hexadecimal. Equal contents have equal hashes
    /// on the same engine.
    pub hash: String,
}

/// Which migrations had been applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaVersion {
    /// The version of the last one.
    pub version: String,
    /// How many.
    pub applied: u64,
}

/// A program that took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name, such as `pg_dump`.
    pub name: String,
    /// What it says its version is.
    pub version: String,
}

/// The engine of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Engine {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MariaDB or MySQL.
    MySql,
}

/// How a backup was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// As statements: any later version of the engine reads them.
    Logical,
    /// As the engine's own files: restored by the same version, and the base of recovery to a point
    /// in time.
    Physical,
}

/// What every manifest says of the data, those of segments of a log too. These are fields of
/// [`Manifest`] as it stands in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) format: u32,
    pub(crate) raw_bytes: u64,
    pub(crate) stored_bytes: u64,
    pub(crate) chunks: u64,
    pub(crate) hash: String,
    pub(crate) is_encrypted: bool,
}

/// What of the manifest is kept from who has no key, and what holds the archive together: since it
/// has the hash over the data and that over the general part, neither can be exchanged without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    /// The BLAKE3 hash over the general part as it stands in the archive.
    pub(crate) general: String,
    /// The hash over the hashes of all data chunks.
    pub(crate) data: String,
    pub(crate) position: Option<serde_json::Value>,
    pub(crate) tables: Vec<Table>,
}

impl Manifest {
    /// What anyone may read of it.
    pub(crate) fn general(&self) -> Self {
        Self {
            position: None,
            tables: Vec::new(),
            ..self.clone()
        }
    }
}

impl From<EngineKind> for Engine {
    fn from(kind: EngineKind) -> Self {
        match kind {
            EngineKind::Sqlite => Self::Sqlite,
            EngineKind::Postgres => Self::Postgres,
            EngineKind::MySql => Self::MySql,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MariaDB or MySQL",
        })
    }
}
