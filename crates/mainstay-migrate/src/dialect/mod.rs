//! All that differs between the engines, and the one folder that tells them apart.
//!
//! - `slots`: the dialects in file names; `syntax`: what a dialect's text looks like
//! - `sql`: which SQL an engine has of its own; `manner`: how its statements get on with records
//! - `sqlite`, `postgres`, `mysql`: an engine's SQL and its locks

mod manner;
mod mysql;
mod postgres;
mod slots;
mod sql;
mod sqlite;
mod syntax;

use std::time::Duration;

use mainstay::schema::Dialect;

pub(crate) use manner::{Effect, Manner};
pub(crate) use slots::{SLOTS, of_slot, slot_of};
pub(crate) use sql::Sql;
pub(crate) use syntax::Syntax;

use crate::directive::Directives;
use crate::shape::Shape;

/// The table of what has been applied.
pub(crate) const HISTORY: &str = "_mainstay_migrations";

/// The table of what is known of a migration that runs statement by statement.
pub(crate) const JOURNAL: &str = "_mainstay_journal";

/// Why directives cannot stand in a text of a dialect.
pub(crate) fn refused_directive(dialect: Dialect, found: &Directives) -> Option<&'static str> {
    let is_sqlite = dialect == Dialect::Sqlite;
    if is_sqlite && found.no_transaction {
        return Some(
            "no-transaction has no use on SQLite, where every change of a table can run in a \
             transaction; leave it out, or write up.sqlite.sql without it",
        );
    }
    if !is_sqlite && !found.rebuild.is_empty() {
        return Some("rebuild is for SQLite, the other engines change a table as it stands");
    }
    None
}

/// How a statement of a migration without a transaction gets on with its record.
pub(crate) fn manner(dialect: Dialect, shape: &Shape) -> Manner {
    match dialect {
        Dialect::Sqlite => Manner::Shared,
        Dialect::Postgres => postgres::manner(shape),
        _ => mysql::manner(shape),
    }
}

/// The lock that a statement takes, in words.
pub(crate) fn lock(dialect: Dialect, shape: &Shape) -> String {
    match dialect {
        Dialect::Sqlite => sqlite::lock(shape),
        Dialect::Postgres => postgres::lock(shape),
        _ => mysql::lock(shape),
    }
}

/// Why a statement cannot be run in a transaction.
pub(crate) fn refused_in_transaction(dialect: Dialect, shape: &Shape) -> Option<&'static str> {
    match dialect {
        Dialect::Postgres => postgres::refused_in_transaction(shape),
        Dialect::Sqlite => sqlite::refused_in_transaction(shape),
        _ => None,
    }
}

/// Why a statement cannot be resumed after an interruption, and so must be written otherwise.
pub(crate) fn refused_alone(dialect: Dialect, shape: &Shape) -> Option<&'static str> {
    match dialect {
        Dialect::Postgres => postgres::refused_alone(shape),
        _ => None,
    }
}

impl Sql {
    pub(crate) fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => sqlite::SQL,
            Dialect::Postgres => postgres::SQL,
            _ => mysql::SQL,
        }
    }
}

/// The longest a call with one statement may take, when the server is told the limit, too: its own
/// answer says more.
pub(crate) fn call_limit(dialect: Dialect, limit: Duration) -> Duration {
    match dialect {
        Dialect::Postgres | Dialect::MariaDb => limit + Duration::from_secs(5),
        _ => limit,
    }
}

/// A statement about rows with the time-outs of its migration, where they can be part of it.
pub(crate) fn limited(dialect: Dialect, directives: &Directives, text: &str) -> String {
    match dialect {
        Dialect::MariaDb => mysql::limited(directives, text),
        _ => text.to_owned(),
    }
}

/// Statements that set the time-outs of a migration. In a transaction they hold until its end, in
/// a session of its own until that ends.
pub(crate) fn time_outs(dialect: Dialect, directives: &Directives, session: bool) -> Vec<String> {
    match dialect {
        // The one lock of SQLite is taken before the migration begins, and a statement's limit is
        // the call's.
        Dialect::Sqlite => Vec::new(),
        Dialect::Postgres => postgres::time_outs(directives, session),
        // Settings of a session that others use after it would stay.
        _ if !session => Vec::new(),
        Dialect::MariaDb => mysql::time_outs(directives, true),
        _ => mysql::time_outs(directives, false),
    }
}
