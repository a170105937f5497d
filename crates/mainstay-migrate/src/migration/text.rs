//! The texts of a migration: one for each way, in each dialect.

use mainstay::schema::Dialect;
use serde::Serialize;

use crate::dialect::slot_of;

/// Which way a migration is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It is applied.
    Up,
    /// It is undone.
    Down,
}

impl Direction {
    /// The word in file names and in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A text in each dialect. MariaDB and MySQL share theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texts<'a> {
    /// For SQLite.
    pub sqlite: &'a str,
    /// For PostgreSQL.
    pub postgres: &'a str,
    /// For MariaDB and MySQL.
    pub mysql: &'a str,
}

/// A text in each dialect, as part of a program.
pub type PerDialect = Texts<'static>;

impl<'a> Texts<'a> {
    /// One text that all dialects read.
    pub const fn same(sql: &'a str) -> Self {
        Self {
            sqlite: sql,
            postgres: sql,
            mysql: sql,
        }
    }

    /// The text of a dialect.
    pub fn of(&self, dialect: Dialect) -> &'a str {
        [self.sqlite, self.postgres, self.mysql][slot_of(dialect)]
    }
}
