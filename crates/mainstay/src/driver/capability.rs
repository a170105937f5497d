//! What an engine can and cannot do. Where engines differ, the layers above ask here instead of
//! asking which engine it is.

use crate::schema::Dialect;

/// What an engine can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// INSERT can return the row it made.
    pub insert_returning: bool,
    /// UPDATE can return the rows it changed.
    pub update_returning: bool,
    /// DELETE can return the rows it removed.
    pub delete_returning: bool,
    /// Several connections can write at the same time. Without it, writing through the handle
    /// from inside a transaction would wait for itself and is refused.
    pub concurrent_writers: bool,
    /// DDL takes part in transactions.
    pub transactional_ddl: bool,
    /// Rows can be locked by a SELECT. Without it a transaction that writes excludes all others,
    /// so that the lock is implied.
    pub row_locks: bool,
    /// An upsert can name the unique key it means. Without it, upserts are refused on tables where
    /// a second unique key makes them ambiguous.
    pub upsert_target: bool,
    /// Foreign-key errors name the constraint.
    pub names_foreign_keys: bool,
    /// The engine runs in this process, on its cores. Short reads are tried
    /// [inline](super::Connection::run_inline), and long ones take turns.
    pub in_process: bool,
    /// Every statement is a round trip to a server, so that concurrent calls gain from being sent
    /// as one.
    pub round_trips: bool,
    /// Statements can be sent without waiting for answers to earlier ones, so that a transaction
    /// of many takes one round trip.
    pub pipelines: bool,
    /// An INSERT can pass over the rows that a unique key refuses, whatever key that is, and
    /// return the others.
    pub insert_skips_duplicates: bool,
    /// Rows can be loaded in bulk by another way than INSERT; see
    /// [`Connection::load`](super::Connection::load).
    pub bulk_load: bool,
    /// The engine keeps account of how transactions ended, so that a COMMIT whose answer was lost
    /// is found out about without the ledger; see
    /// [`Connection::witness`](super::Connection::witness).
    pub transaction_status: bool,
    /// The most parameters one statement may have.
    pub max_parameters: usize,
}

impl Capabilities {
    /// What the engine of a dialect can do.
    pub fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self {
                insert_returning: true,
                update_returning: true,
                delete_returning: true,
                concurrent_writers: false,
                transactional_ddl: true,
                row_locks: false,
                upsert_target: true,
                names_foreign_keys: false,
                in_process: true,
                round_trips: false,
                pipelines: false,
                insert_skips_duplicates: true,
                bulk_load: true,
                transaction_status: false,
                max_parameters: 32_766,
            },
            Dialect::Postgres => Self {
                insert_returning: true,
                update_returning: true,
                delete_returning: true,
                concurrent_writers: true,
                transactional_ddl: true,
                row_locks: true,
                upsert_target: true,
                names_foreign_keys: true,
                in_process: false,
                round_trips: true,
                pipelines: true,
                insert_skips_duplicates: true,
                bulk_load: true,
                transaction_status: true,
                max_parameters: 65_535,
            },
            Dialect::MariaDb => Self {
                insert_returning: true,
                update_returning: false,
                delete_returning: true,
                concurrent_writers: true,
                transactional_ddl: false,
                row_locks: true,
                upsert_target: false,
                names_foreign_keys: true,
                in_process: false,
                round_trips: true,
                pipelines: false,
                insert_skips_duplicates: false,
                bulk_load: false,
                transaction_status: false,
                max_parameters: 65_535,
            },
            Dialect::MySql => Self {
                insert_returning: false,
                update_returning: false,
                delete_returning: false,
                concurrent_writers: true,
                transactional_ddl: false,
                row_locks: true,
                upsert_target: false,
                names_foreign_keys: true,
                in_process: false,
                round_trips: true,
                pipelines: false,
                insert_skips_duplicates: false,
                bulk_load: false,
                transaction_status: false,
                max_parameters: 65_535,
            },
        }
    }
}
