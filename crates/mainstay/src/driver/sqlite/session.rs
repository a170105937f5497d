//! One connection of SQLite and what is open on it. Works on a thread; knows nothing of futures.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator;
use tokio::sync::mpsc;

use super::bind::bind;
use super::caller::{self, Caller, serving};
use super::classify::{self, at_commit, classify};
use super::inline;
use super::load;
use super::rows::{Chunk, Ran, step_through};
use crate::driver::{BeginOptions, Done, Inline, Load, RowSink, Statement};
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
    /// Whether the file system has failed it, or its settings are not known.
    doubtful: bool,
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
            doubtful: false,
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn in_transaction(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    /// Whether SQLite has ended the transaction by itself.
    pub(super) fn has_lost_its_transaction(&self) -> bool {
        matches!(self.state, State::Lost(_))
    }

    /// Whether it is better opened anew: the file system has failed it, or its settings may be
    /// others.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Says that its settings may have been changed.
    pub(super) fn distrust(&mut self) {
        self.doubtful = true;
    }

    /// Rows changed by this connection so far. A statement that failed and kept some of its
    /// changes, as `OR FAIL` does, shows here.
    pub(super) fn total_changes(&self) -> u64 {
        self.connection.total_changes()
    }

    /// Sets or ends a savepoint.
    pub(super) fn savepoint(&mut self, statements: &[String]) -> Result<()> {
        self.refuse_if_lost()?;
        let result = statements.iter().try_for_each(|sql| self.control(sql));
        self.settle(result)
    }

    /// Runs a statement of transaction control that was prepared before.
    pub(super) fn control(&self, sql: &str) -> Result<()> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut prepared| prepared.raw_execute())
            .map(|_| ())
            .map_err(|error| classify(&error))
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

    /// Runs a read at once, on the thread of its caller.
    pub(super) fn run_inline(&mut self, statement: &Statement, sink: &mut dyn RowSink) -> Inline {
        // A transaction that is lost says so on the way that everything can go.
        if matches!(self.state, State::Lost(_)) {
            return Inline::NotTried;
        }
        match inline::run(&self.connection, statement, sink) {
            Inline::Ran { result, work } => {
                let result = classify::on_table(result, statement.table);
                let result = self.settle(result);
                Inline::Ran { result, work }
            }
            not_here => not_here,
        }
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

    /// Adds rows within the open transaction.
    pub(super) fn load(&mut self, load: &Load, caller: &Caller) -> Result<u64> {
        self.refuse_if_lost()?;
        match self.state {
            State::Open { read_only: true } => return Err(refused_write()),
            State::Idle => return Err(load_outside()),
            _ => {}
        }
        let result = serving(caller, self.busy_timeout, || {
            load::add(&self.connection, load, caller)
        });
        let result = classify::on_table(result, Some(load.table().name));
        self.settle(result)
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
        // Outside of a transaction each statement is one: what came before a failure stays.
        let mut applied = false;
        let kept = |error: Error, applied| match applied {
            true => error.with_outcome(Outcome::Unknown),
            false => error,
        };
        loop {
            let prepared = batch
                .next()
                .map_err(|error| kept(classify(&error), applied))?;
            let Some(mut prepared) = prepared else {
                return Ok(Attempt::Ran(()));
            };
            let writes = !prepared.readonly();
            if writes && matches!(self.state, State::Open { read_only: true }) {
                return Err(refused_write());
            }
            let mut rows = prepared.raw_query();
            while rows
                .next()
                .map_err(|error| kept(classify(&error), applied))?
                .is_some()
            {}
            applied |= writes && self.connection.is_autocommit();
        }
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
        match &result {
            Ok(_) => caller::is_unlocked(),
            Err(error) => self.doubtful |= classify::is_of_the_file(error),
        }
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
        let begun = serving(caller, self.busy_timeout, || {
            if read_only {
                // BEGIN alone does not look at the file: the first read fixes what is seen.
                self.connection
                    .execute_batch("BEGIN DEFERRED; SELECT 1 FROM sqlite_schema LIMIT 1")
                    .map_err(|error| classify(&error))
            } else {
                self.control("BEGIN IMMEDIATE")
            }
        });
        if let Err(error) = begun {
            self.restore()?;
            return Err(error);
        }
        caller::is_unlocked();
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
        let committed = serving(&nobody, self.busy_timeout, || self.control("COMMIT"));
        committed.map_err(|error| {
            let error = at_commit(error);
            self.doubtful |= classify::is_of_the_file(&error);
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

/// What a session that writes answers: it never declines to.
pub(super) fn ran<T>(attempt: Attempt<T>) -> Result<T> {
    match attempt {
        Attempt::Ran(value) => Ok(value),
        Attempt::Writes => Err(refused_write()),
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

/// The error of rows to load that no transaction is open for.
pub(super) fn load_outside() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "rows are loaded in bulk within a transaction only",
    )
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
