//! Which SQL an engine has of its own around migrations.

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
