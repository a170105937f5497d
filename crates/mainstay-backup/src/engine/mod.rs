//! Taking and restoring on each engine. The one folder of this crate where engines are told apart, but
//! for that of copies.
//!
//! - `claim`: who follows a log into a target: one at a time
//! - `dispatch`: the engine of a configuration, and what it does
//! - `follow`: the same for the log behind a base, and for recovery with it
//! - `sqlite`, `postgres`, `mysql`: each of them
//! - `folder`: where a server is recovered; nothing half is left there
//! - `hold`: a lock on a server, held for as long as a place is used
//! - `users`: who uses a database, in words; pure
//! - `tools`: finding and running the engines' own programs

mod claim;
mod dispatch;
mod folder;
pub(crate) mod follow;
mod hold;
mod mysql;
mod postgres;
mod sqlite;
mod tools;
mod users;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mainstay::Config;

use crate::archive::{SchemaVersion, Table, Tool};

pub(crate) use claim::Claim;
pub(crate) use dispatch::Driver;

use self::hold::Hold;

/// What is known when a backup has been taken.
#[derive(Debug, Clone)]
pub(crate) struct Captured {
    pub(crate) engine_version: String,
    /// The one that took the backup first.
    pub(crate) tools: Vec<Tool>,
    /// The moment whose state was taken.
    pub(crate) taken_at: DateTime<Utc>,
    /// Where in the engine's log that is, if changes that follow can be put on top of it.
    pub(crate) position: Option<serde_json::Value>,
    /// Which migrations had been applied at that moment, where the capture itself could tell.
    pub(crate) schema: Option<SchemaVersion>,
    pub(crate) tables: Vec<Table>,
}

/// Where a backup is restored to and looked at, before it takes anything's place: a new file beside
/// the database's, or a new database on its server.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The database's own configuration, but for where it is.
    pub(crate) config: Config,
    /// As an operator would call it: the file's path, or the database's name.
    pub(crate) name: String,
    /// What says that it is in use, where the place itself does not say so.
    hold: Option<Arc<Hold>>,
}

impl Place {
    /// Makes sure that it is still nobody else's.
    async fn check(&self) -> mainstay::Result<()> {
        match &self.hold {
            Some(hold) => hold.check().await,
            None => Ok(()),
        }
    }

    /// Says that it is not in use any more.
    async fn release(mut self) {
        if let Some(hold) = self.hold.take().and_then(Arc::into_inner) {
            hold.release().await;
        }
    }
}

/// What became of the database whose place was taken.
#[derive(Debug, Clone)]
pub(crate) struct Swapped {
    /// Where it is kept: a file's path, or a database's name. `None` if there was none.
    pub(crate) kept: Option<String>,
    /// How that is removed when nobody needs it any more: a statement, or a command.
    pub(crate) removal: Option<String>,
}
