//! Transactions as closures.
//!
//! - `mod.rs`: [`Tx`], the transaction a closure is given
//! - [`request`]: `db.transaction(...)` and its options
//! - `runner`: begin, closure, commit or rollback, and again where that is safe
//! - `savepoint`: nesting
//! - `current`: which transactions the running task is inside of

pub(crate) mod current;
pub mod request;
mod runner;
mod savepoint;

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

pub use request::TransactionRequest;
pub(crate) use runner::{Settings, run};

use crate::database::lease::Lease;
use crate::database::{CallOptions, Database, line};
use crate::driver::{Done, RowSink, Statement};
use crate::error::{Error, ErrorKind, Result};

/// A transaction, as the closure of [`Database::transaction`] is given it.
///
/// Cloning gives another handle on the same transaction; statements of one transaction run one
/// after another. When the closure has returned, the transaction is over and every handle left
/// refuses work.
///
/// # Errors inside a transaction
/// The first error of a statement poisons the transaction, on every engine: later statements are
/// refused, and a closure that returns `Ok` all the same gets that error. A savepoint confines
/// this: rolling back to it heals. `NOT_FOUND` and refused input come from Mainstay before or after
/// a statement that itself succeeded, and do not poison.
#[derive(Debug, Clone)]
pub struct Tx {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: Database,
    deadline: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` once the transaction is over.
    lease: Option<Lease>,
    /// The first error of a statement.
    poison: Option<Error>,
    /// Open savepoints.
    depth: u32,
}

impl Tx {
    fn new(db: Database, lease: Lease, deadline: Instant) -> Self {
        let state = State {
            lease: Some(lease),
            poison: None,
            depth: 0,
        };
        Self {
            inner: Arc::new(Inner {
                db,
                deadline,
                state: Mutex::new(state),
            }),
        }
    }

    /// The handle the transaction belongs to.
    pub fn database(&self) -> &Database {
        &self.inner.db
    }

    pub(crate) async fn run(
        &self,
        statement: Statement,
        sink: &mut dyn RowSink,
        options: &CallOptions,
    ) -> Result<Done> {
        let mut state = self.inner.state.lock().await;
        let lease = state.usable()?;
        let shared = &self.inner.db.shared;
        let deadline = options
            .deadline(shared.timeouts.statement)
            .min(self.inner.deadline);
        let result = line::run_on(shared, lease, statement, sink, deadline, options).await;
        if let Err(error) = &result {
            state.poison = Some(error.clone());
        }
        result
    }

    pub(crate) async fn run_script(&self, text: &str, options: &CallOptions) -> Result<()> {
        let mut state = self.inner.state.lock().await;
        let lease = state.usable()?;
        let shared = &self.inner.db.shared;
        let deadline = options
            .deadline(shared.timeouts.statement)
            .min(self.inner.deadline);
        let result = line::script_on(shared, lease, text, deadline, options).await;
        if let Err(error) = &result {
            state.poison = Some(error.clone());
        }
        result
    }

    /// Runs a read that finds out more about an error that has just poisoned the transaction, on
    /// engines that allow it. Changes nothing about the transaction's state.
    pub(crate) async fn run_diagnosis(
        &self,
        statement: Statement,
        sink: &mut dyn RowSink,
        options: &CallOptions,
    ) -> Result<Done> {
        let mut state = self.inner.state.lock().await;
        let lease = state.lease.as_mut().ok_or_else(over)?;
        let deadline = options.deadline(self.inner.db.shared.timeouts.statement);
        let shared = &self.inner.db.shared;
        line::run_on(
            shared,
            lease,
            statement,
            sink,
            deadline.min(self.inner.deadline),
            options,
        )
        .await
    }

    async fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().await
    }

    /// Ends the transaction for all handles, and gives its connection back to the runner.
    async fn finish(&self) -> (Option<Lease>, Option<Error>) {
        let mut state = self.lock().await;
        (state.lease.take(), state.poison.clone())
    }

    /// Ends the transaction for all handles at once. The connection cleans up by itself.
    fn abandon(&self) {
        if let Ok(mut state) = self.inner.state.try_lock() {
            state.lease = None;
        }
    }
}

impl State {
    /// The connection, if statements may still run on it.
    fn usable(&mut self) -> Result<&mut Lease> {
        if let Some(cause) = &self.poison {
            return Err(poisoned(cause));
        }
        let lease = self.lease.as_mut().ok_or_else(over)?;
        if lease.was_interrupted() {
            let error = interrupted();
            self.poison = Some(error.clone());
            return Err(error);
        }
        Ok(lease)
    }
}

fn over() -> Error {
    Error::new(ErrorKind::TransactionClosed, "the transaction is over")
        .with_hint("do all work on it before its closure returns")
}

fn poisoned(cause: &Error) -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        format!("refused, because an earlier statement of the transaction failed: {cause}"),
    )
    .with_hint("return the error from the closure, or confine it with a savepoint")
    .with_source(cause.clone())
}

fn interrupted() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "an earlier call on the transaction was dropped before it ended",
    )
    .with_hint("await every call on a transaction; use its timeout() instead of dropping it")
}
