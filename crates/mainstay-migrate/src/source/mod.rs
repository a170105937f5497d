//! Migrations as files: a folder for each, `20260214093000_add_nickname/`, with `up.sql` and
//! `down.sql`, or one for a dialect alone: `up.sqlite.sql`, `up.postgres.sql`, `up.mysql.sql`
//! (MariaDB and MySQL). A dialect's own file wins over the shared one.
//!
//! - `files`: reads a folder
//! - `create`: makes a new migration
//! - `squash`: puts one in place of many

mod create;
mod files;
mod squash;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind};

pub use create::create;
pub use files::{MOST_BYTES, MOST_BYTES_IN_ALL, MOST_MIGRATIONS, read};
pub use squash::{SquashPlan, SquashText, Squashed, squash, squash_plan};

use crate::dialect::slot_of;
use crate::migration::{Direction, MigrationRef, MigrationSet, Texts};

/// A folder that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Its migrations.
    pub set: MigrationSet,
    /// Files that nothing reads, each in words.
    pub warnings: Vec<String>,
}

/// One way of a migration, by dialect: SQLite, PostgreSQL, MariaDB and MySQL.
pub(crate) type ByDialect = [Option<Arc<str>>; 3];

/// A migration that was read from files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) up: ByDialect,
    pub(crate) down: ByDialect,
}

impl Stored {
    /// A migration of a program, as if it had been read from files.
    pub(crate) fn of(migration: &MigrationRef<'_>) -> Self {
        let stored = |texts: &Texts<'_>| {
            [texts.sqlite, texts.postgres, texts.mysql].map(|text| Some(Arc::from(text)))
        };
        Self {
            version: migration.version.to_owned(),
            name: migration.name.to_owned(),
            up: stored(&migration.up),
            down: migration.down.as_ref().map(stored).unwrap_or_default(),
        }
    }

    pub(crate) fn as_migration(&self) -> MigrationRef<'_> {
        MigrationRef {
            version: &self.version,
            name: &self.name,
            up: texts(&self.up),
            down: self
                .down
                .iter()
                .any(Option::is_some)
                .then(|| texts(&self.down)),
        }
    }

    pub(crate) fn text(&self, direction: Direction, dialect: Dialect) -> Option<&str> {
        let texts = match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        };
        texts[slot_of(dialect)].as_deref()
    }
}

/// A dialect's missing text is empty here; [`MigrationSet::text`] tells the two apart.
fn texts(texts: &ByDialect) -> Texts<'_> {
    let [sqlite, postgres, mysql] = texts;
    Texts {
        sqlite: sqlite.as_deref().unwrap_or_default(),
        postgres: postgres.as_deref().unwrap_or_default(),
        mysql: mysql.as_deref().unwrap_or_default(),
    }
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, what.into())
}

/// The error of a call of the operating system.
fn io(what: &str, path: &Path, source: std::io::Error) -> Error {
    wrong(format!("{what} {}: {source}", path.display())).with_source(source)
}

#[cfg(test)]
#[path = "../tests/source.rs"]
mod tests;
