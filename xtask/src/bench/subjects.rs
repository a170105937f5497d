//! Who and what is measured, and on which engines.

use clap::ValueEnum;

/// What it is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// SQLite, which is compiled in
    Sqlite,
    /// PostgreSQL
    Postgres,
    /// MariaDB
    Mariadb,
}

impl Engine {
    pub(super) const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mariadb];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        }
    }
}

/// The workloads of all candidates, in the order of measuring.
pub(super) const COMPARED: [&str; 7] = [
    "point-read",
    "list-100",
    "keyset-page",
    "insert",
    "transaction",
    "batch",
    "bulk-insert",
];

/// Questions about Mainstay alone.
pub(super) const EXTRA: [&str; 6] = [
    "duplicates",
    "locked-row",
    "slow-queries",
    "rows",
    "tasks",
    LINE,
];

/// The one that is counted by us instead of the measuring program.
pub(super) const LINE: &str = "line";

/// Who is measured, in the order of tables and charts.
pub(super) const CANDIDATES: [&str; 5] = ["mainstay", "raw", "sqlx", "seaorm", "diesel"];
