//! One connection of SQLite and what is open on it. Works on a thread; knows nothing of futures.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator;
use tokio::sync::mpsc;

use super::bind::bind;
use super::caller::{Caller, serving};
use super::classify::{self, at_commit, classify};
use super::rows::{Chunk, Ran, step_through};
use crate::driver::{BeginOptions, Done, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// One of many that read.
    Reader,
    /// The one that writes.
    Writer,
}

/// What is open on a connection.
#[derive(Debug)]
enum State {
    /// Each statement is its own transaction.
    Idle,
    /// A transaction.
    Open { read_only: bool },
    /// A transaction that SQLite has ended by itself, with the error it did so at.
    Lost(Option<Error>),
}

/// A connection and its transaction.
#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    role: Role,
    busy_timeout: Duration,
    state: State,
}

/// What came of a statement.
#[derive(Debug)]
pub(super) enum Attempt<T> {
    /// It ran.
    Ran(T),
    /// It writes, and this connection only reads. It did not run.
    Writes,
}

impl Session {
    pub(super) fn new(connection: Connection, role: Role, busy_timeout: Duration) -> Self {
        Self {
            connection,
            role,
            busy_timeout,
            state: State::Idle,
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn in_transaction(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    /// Runs a statement for `caller`. Without `chunks` all rows are in the answer.
    pub(super) fn run(
        &mut self,
        statement: &Statement,
        chunks: Option<&mpsc::Sender<Chunk>>,
        caller: &Caller,
    ) -> Result<Attempt<Ran>> {
        self.refuse_if_lost()?;
        let result = serving(caller, self.busy_timeout, || {
            self.execute(statement, chunks)
        });
        let result = classify::on_table(result, statement.table);
        self.settle(result)
    }

    fn execute(
        &self,
        statement: &Statement,
        chunks: Option<&mpsc::Sender<Chunk>>,
    ) -> Result<Attempt<Ran>> {
        let connection = &self.connection;
        let mut prepared = connection
            .prepare_cached(&statement.sql)
            .map_err(|error| classify(&error))?;
        let reads = prepared.readonly();
        if !reads {
            match self.state {
                State::Open { read_only: true } => return Err(refused_write()),
                State::Idle if self.role == Role::Reader => return Ok(Attempt::Writes),
                _ => {}
            }
        }
        bind(&mut prepared, &statement.values)?;
        let returns = prepared.column_count() > 0;
        let before = connection.total_changes();
        let (count, rest) = step_through(&mut prepared, &statement.sql, chunks).map_err(|e| {
            if reads || self.in_transaction() {
                e
            } else {
                at_commit(e)
            }
        })?;
        // SQLite's count of changes is that of the last statement that made any.
        let changed = match connection.total_changes() - before {
            0 => 0,
            _ => connection.changes(),
        };
        Ok(Attempt::Ran(Ran {
            done: Done {
                rows: if returns { count } else { changed },
                last_insert_id: (changed > 0 && tells_its_key(&statement.sql))
                    .then(|| connection.last_insert_rowid()),
            },
            rest,
        }))
    }

    /// Runs several statements and drops their rows.
    pub(super) fn script(&mut self, sql: &str, caller: &Caller) -> Result<Attempt<()>> {
        self.refuse_if_lost()?;
        let result = serving(caller, self.busy_timeout, || self.execute_script(sql));
        self.settle(result)
    }

    fn execute_script(&self, sql: &str) -> Result<Attempt<()>> {
        if self.role == Role::Reader && matches!(self.state, State::Idle) && self.writes(sql)? {
            return Ok(Attempt::Writes);
        }
        let mut batch = rusqlite::Batch::new(&self.connection, sql);
        while let Some(mut prepared) = batch.next().map_err(|error| classify(&error))? {
            if !prepared.readonly() && matches!(self.state, State::Open { read_only: true }) {
                return Err(refused_write());
            }
            let mut rows = prepared.raw_query();
            while rows.next().map_err(|error| classify(&error))?.is_some() {}
        }
        Ok(Attempt::Ran(()))
    }

    /// Whether any statement of a script writes. Asked before the first one runs: it could be a
    /// BEGIN. What cannot be prepared before the first write has run does not matter.
    fn writes(&self, sql: &str) -> Result<bool> {
        let mut batch = rusqlite::Batch::new(&self.connection, sql);
        while let Some(prepared) = batch.next().map_err(|error| classify(&error))? {
            if !prepared.readonly() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn refuse_if_lost(&self) -> Result<()> {
        match &self.state {
            State::Lost(cause) => Err(lost(cause.as_ref())),
            _ => Ok(()),
        }
    }

    /// Compares what is open with what should be, after a statement.
    fn settle<T>(&mut self, result: Result<T>) -> Result<T> {
        match (&self.state, self.connection.is_autocommit()) {
            (State::Open { .. }, true) => {
                self.state = State::Lost(result.as_ref().err().cloned());
                result.and(Err(Error::new(
                    ErrorKind::TransactionClosed,
                    "the statement ended the transaction it ran in",
                )
                .with_outcome(Outcome::Unknown)
                .with_hint("leave COMMIT and ROLLBACK to the transaction's closure")))
            }
            (State::Idle, false) => {
                self.restore()?;
                result.and(Err(Error::new(
                    ErrorKind::Unsupported,
                    "the statement opened a transaction and was rolled back",
                )
                .with_hint("use the handle's transactions instead of BEGIN")))
            }
            _ => result,
        }
    }

    /// Starts a transaction.
    pub(super) fn begin(&mut self, options: BeginOptions, caller: &Caller) -> Result<()> {
        if self.in_transaction() {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "a transaction is open already",
            ));
        }
        let read_only = options.read_only || self.role == Role::Reader;
        let sql = if read_only {
            // BEGIN alone does not look at the file: the first read fixes what is seen.
            "BEGIN DEFERRED; SELECT 1 FROM sqlite_schema LIMIT 1"
        } else {
            "BEGIN IMMEDIATE"
        };
        let begun = serving(caller, self.busy_timeout, || {
            self.connection.execute_batch(sql)
        });
        if let Err(error) = begun {
            self.restore()?;
            return Err(classify(&error));
        }
        self.state = State::Open { read_only };
        Ok(())
    }

    /// Commits, and makes sure that nothing is open afterwards.
    pub(super) fn commit(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => {
                return Err(Error::new(
                    ErrorKind::TransactionClosed,
                    "there is no transaction to commit",
                ));
            }
            State::Lost(cause) => return Err(lost(cause.as_ref())),
            State::Open { .. } => {}
        }
        // For nobody: once asked for, a commit is not interrupted half way.
        let nobody = Caller::default();
        let committed = serving(&nobody, self.busy_timeout, || {
            self.connection.execute_batch("COMMIT")
        });
        committed.map_err(|error| {
            let error = at_commit(classify(&error));
            match self.restore() {
                Ok(()) => error,
                // What the failed rollback leaves behind is the next recovery's to see to.
                Err(_) => error.with_outcome(Outcome::Unknown),
            }
        })
    }

    /// Rolls back whatever is open.
    pub(super) fn restore(&mut self) -> Result<()> {
        self.state = State::Idle;
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection
            .execute_batch("ROLLBACK")
            .map_err(|error| classify(&error))
    }
}

/// READ_ONLY and not UNSUPPORTED: PostgreSQL and MariaDB have codes of their own for a write in a
/// read-only transaction, and those mean the same.
pub(super) fn refused_write() -> Error {
    Error::new(
        ErrorKind::ReadOnly,
        "a write inside a read-only transaction",
    )
    .with_hint("start the transaction without read_only")
}

/// The error of a transaction that SQLite has rolled back.
fn lost(cause: Option<&Error>) -> Error {
    match cause {
        Some(cause) => cause.clone().with_outcome(Outcome::NotApplied),
        None => Error::new(
            ErrorKind::TransactionClosed,
            "an earlier statement ended the transaction",
        )
        .with_outcome(Outcome::Unknown),
    }
}

/// Whether the row id that SQLite remembers is that of the row this statement made: an INSERT
/// that cannot turn into something else.
fn tells_its_key(sql: &str) -> bool {
    let word = sql.trim_start().get(..7).unwrap_or("");
    (word.eq_ignore_ascii_case("insert ") || word.eq_ignore_ascii_case("replace"))
        && !sql.to_ascii_lowercase().contains("on conflict")
}
