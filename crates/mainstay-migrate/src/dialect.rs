//! All that differs between the engines, and the one file that tells them apart.

use mainstay::schema::Dialect;

use crate::PerDialect;

/// The table of what has been applied.
pub(crate) const HISTORY: &str = "_mainstay_migrations";

pub(crate) fn text_of(texts: &PerDialect, dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => texts.sqlite,
        Dialect::Postgres => texts.postgres,
        // `Dialect` may grow; what speaks neither of the above is read as MySQL's.
        _ => texts.mysql,
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

/// SQL around the history table and the lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sql {
    /// Creates the history table if it is missing.
    pub(crate) create_history: &'static str,
    /// How many tables there are of the name bound.
    pub(crate) count_tables: &'static str,
    /// Tries to take the lock without waiting: the answer is a number or a truth value. `None`
    /// where a writing transaction excludes all others by itself.
    pub(crate) try_lock: Option<&'static str>,
    /// Asks whether the lock is still held by this session.
    pub(crate) holds_lock: &'static str,
    /// Gives the lock back. Empty where the transaction's end does.
    pub(crate) unlock: &'static str,
}

impl Sql {
    pub(crate) fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self {
                create_history: "\
CREATE TABLE IF NOT EXISTS _mainstay_migrations (
    version TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('started', 'applied')),
    statements_done INTEGER NOT NULL,
    statements_total INTEGER NOT NULL,
    applied_at TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    format INTEGER NOT NULL
) STRICT",
                count_tables: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
                try_lock: None,
                holds_lock: "",
                unlock: "",
            },
            Dialect::Postgres => Self {
                create_history: "\
CREATE TABLE IF NOT EXISTS _mainstay_migrations (
    version varchar(14) NOT NULL PRIMARY KEY,
    name varchar(200) NOT NULL,
    checksum varchar(80) NOT NULL,
    state varchar(10) NOT NULL CHECK (state IN ('started', 'applied')),
    statements_done integer NOT NULL,
    statements_total integer NOT NULL,
    applied_at timestamptz NOT NULL,
    duration_ms bigint NOT NULL,
    format integer NOT NULL
)",
                count_tables: "SELECT count(*) FROM pg_catalog.pg_class c \
                    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                    WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema() \
                    AND c.relname = ?",
                // Tried, not waited for: a session blocked on an advisory lock has a snapshot
                // that CREATE INDEX CONCURRENTLY waits for, and both would wait for ever.
                try_lock: Some(
                    "SELECT CASE WHEN pg_try_advisory_xact_lock(1835100526, \
                     hashtext(coalesce(current_schema(), ''))) THEN 1::bigint ELSE 0::bigint END",
                ),
                holds_lock: "",
                unlock: "",
            },
            // The lock's name holds for the whole server, so the database is part of it; hashed,
            // because a lock's name has at most 64 characters.
            _ => Self {
                create_history: "\
CREATE TABLE IF NOT EXISTS _mainstay_migrations (
    version VARCHAR(14) NOT NULL PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    checksum VARCHAR(80) NOT NULL,
    state VARCHAR(10) NOT NULL CHECK (state IN ('started', 'applied')),
    statements_done INT NOT NULL,
    statements_total INT NOT NULL,
    applied_at DATETIME(6) NOT NULL,
    duration_ms BIGINT NOT NULL,
    format INT NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                count_tables: "SELECT count(*) FROM information_schema.tables \
                    WHERE table_type = 'BASE TABLE' AND table_schema = DATABASE() \
                    AND table_name = ?",
                try_lock: Some("SELECT GET_LOCK(CONCAT('mainstay.migrate.', MD5(DATABASE())), 0)"),
                holds_lock: "SELECT IS_USED_LOCK(CONCAT('mainstay.migrate.', MD5(DATABASE()))) \
                    = CONNECTION_ID()",
                unlock: "SELECT RELEASE_LOCK(CONCAT('mainstay.migrate.', MD5(DATABASE())))",
            },
        }
    }
}
