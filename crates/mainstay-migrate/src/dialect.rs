//! All that differs between the engines, and the one file that tells them apart.
//!
//! - `sqlite`, `postgres`, `mysql`: an engine's SQL and its locks

mod mysql;
mod postgres;
mod sqlite;

use std::time::Duration;

use mainstay::schema::Dialect;

use crate::directive::Directives;
use crate::migration::Texts;
use crate::shape::Shape;

/// The table of what has been applied.
pub(crate) const HISTORY: &str = "_mainstay_migrations";

/// The table of what is known of a migration that runs statement by statement.
pub(crate) const JOURNAL: &str = "_mainstay_journal";

/// The words that stand for the dialects in file names.
pub(crate) const SLOTS: [&str; 3] = ["sqlite", "postgres", "mysql"];

/// The place of a dialect among [`SLOTS`].
pub(crate) fn slot_of(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Sqlite => 0,
        Dialect::Postgres => 1,
        // `Dialect` may grow; what speaks neither of the above is read as MySQL's.
        _ => 2,
    }
}

/// A dialect of a place among [`SLOTS`].
pub(crate) fn of_slot(slot: usize) -> Dialect {
    match slot {
        0 => Dialect::Sqlite,
        1 => Dialect::Postgres,
        _ => Dialect::MariaDb,
    }
}

pub(crate) fn text_of<'a>(texts: &Texts<'a>, dialect: Dialect) -> &'a str {
    [texts.sqlite, texts.postgres, texts.mysql][slot_of(dialect)]
}

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

/// How a statement gets on with its record in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Both can be one transaction.
    Shared,
    /// It is its own transaction.
    Alone(Effect),
}

/// What can be told of a statement whose record was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes the schema as a whole or not at all: whether it took effect can be seen.
    Visible,
    /// It can be run again without harm.
    Repeatable,
    /// Neither.
    Doubtful,
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

/// What a dialect's text looks like, for the lexer and the splitter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Syntax {
    /// Comments `/* */` nest.
    pub(crate) nested_comments: bool,
    /// `#` starts a comment.
    pub(crate) hash_comments: bool,
    /// `--` starts a comment only before white space.
    pub(crate) dashes_need_space: bool,
    /// `/*! */` is run, `/*+ */` steers the optimiser: they are no comments.
    pub(crate) executable_comments: bool,
    /// A backslash takes the next character of a quoted text as it is.
    pub(crate) backslash_escapes: bool,
    /// So it does in `E'...'`.
    pub(crate) escape_strings: bool,
    /// `$tag$ ... $tag$` is a text.
    pub(crate) dollar_quotes: bool,
    /// `[name]` is a quoted name.
    pub(crate) brackets: bool,
    /// Operators are made of any operator characters, by PostgreSQL's rule.
    pub(crate) free_operators: bool,
    /// A body with statements of its own starts at `BEGIN ATOMIC`, not at every `BEGIN`.
    pub(crate) atomic_bodies: bool,
    /// Names without quotes are read in lower case.
    pub(crate) folds_names: bool,
}

impl Syntax {
    pub(crate) fn of(dialect: Dialect) -> Self {
        let plain = Self {
            nested_comments: false,
            hash_comments: false,
            dashes_need_space: false,
            executable_comments: false,
            backslash_escapes: false,
            escape_strings: false,
            dollar_quotes: false,
            brackets: false,
            free_operators: false,
            atomic_bodies: false,
            folds_names: false,
        };
        match dialect {
            Dialect::Sqlite => Self {
                brackets: true,
                ..plain
            },
            Dialect::Postgres => Self {
                nested_comments: true,
                escape_strings: true,
                dollar_quotes: true,
                free_operators: true,
                atomic_bodies: true,
                folds_names: true,
                ..plain
            },
            _ => Self {
                hash_comments: true,
                dashes_need_space: true,
                executable_comments: true,
                backslash_escapes: true,
                ..plain
            },
        }
    }
}

/// SQL around the history table, the journal and the lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sql {
    /// Creates the history table if it is missing.
    pub(crate) create_history: &'static str,
    /// Creates the journal if it is missing.
    pub(crate) create_journal: &'static str,
    /// How many tables there are of the name bound.
    pub(crate) count_tables: &'static str,
    /// Tries to take the lock for a transaction without waiting: the answer is 1 or 0. Empty where
    /// a writing transaction excludes all others by itself, and where a migration is none.
    pub(crate) try_lock: &'static str,
    /// Tries to take the same lock for a session. Empty where none is needed.
    pub(crate) try_session_lock: &'static str,
    /// Gives that back.
    pub(crate) session_unlock: &'static str,
    /// Queries whose rows together say what the schema is: each row is one text, and they are in
    /// an order of their own.
    pub(crate) fingerprint: &'static [&'static str],
    /// The engine's estimate of the rows of each table, name and number; -1 where it has none.
    pub(crate) estimates: &'static str,
    /// A table of statistics that is there only sometimes, and what reads better numbers from it.
    pub(crate) statistics: Option<(&'static str, &'static str)>,
    /// Whether the index of the name bound cannot be used, because building it was interrupted:
    /// one row with 1 if so, with 0 if it can, none if it is not there. Empty where that does not
    /// happen.
    pub(crate) index_is_invalid: &'static str,
    /// The names of the scratch databases on the server. Empty where there is none.
    pub(crate) scratch_databases: &'static str,
    /// The statements that make the new database `{name}` like this one in what tables are made
    /// by.
    pub(crate) scratch_settings: &'static str,
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
