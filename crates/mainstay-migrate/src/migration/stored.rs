//! A migration that owns its texts.

use std::sync::Arc;

use mainstay::schema::Dialect;

use super::single::MigrationRef;
use super::text::{Direction, Texts};
use crate::dialect::slot_of;

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

/// A dialect's missing text is empty here; [`MigrationSet::text`](super::MigrationSet::text) tells the two apart.
fn texts(texts: &ByDialect) -> Texts<'_> {
    let [sqlite, postgres, mysql] = texts;
    Texts {
        sqlite: sqlite.as_deref().unwrap_or_default(),
        postgres: postgres.as_deref().unwrap_or_default(),
        mysql: mysql.as_deref().unwrap_or_default(),
    }
}
