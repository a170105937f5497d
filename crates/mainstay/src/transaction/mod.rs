//! Transactions as closures.
//!
//! - `mod.rs`: [`Tx`], the transaction a closure is given
//! - [`request`]: `db.transaction(...)` and its options
//! - `runner`: begin, closure, commit or rollback, and again where that is safe
//! - `batch`: statements known beforehand, within a transaction
//! - `commit`: COMMIT, and who is asked when its answer does not come
//! - `ledger`: finding out about a COMMIT whose answer was lost
//! - `savepoint`: nesting
//! - `current`: which transactions the running task is inside of

mod batch;
mod commit;
pub(crate) mod current;
pub(crate) mod ledger;
pub mod request;
mod runner;
mod savepoint;

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

pub use request::TransactionRequest;
pub(crate) use runner::{Settings, run};

use crate::database::lease::Lease;
use crate::database::line::{self, Ran};
use crate::database::stale::Touched;
use crate::database::{CallOptions, Database};
use crate::driver::{Access, Done, RowSink, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// A transaction, as the closure of [`Database::transaction`] is given it.
///
/// Cloning gives another handle on the same transaction; statements of one transaction run one
/// after another. When the closure has returned, the transaction is over and every handle left
/// refuses work.
///
/// # Errors inside a transaction
/// The first error of a statement poisons the transaction, on every engine: later statements are
/// refused, and a closure that returns `Ok` all the same gets that error. A savepoint confines
/// this: rolling back to it heals. Savepoints nest; two at once, side by side, do not work and are
/// refused where that shows. `NOT_FOUND` and refused input come from Mainstay before or after
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
    /// The transaction is over, although a statement may hold the state at this moment. Who holds
    /// it gives the connection up when it lets go.
    over: AtomicBool,
    /// A savepoint's closure was dropped half way.
    torn: AtomicBool,
    /// What its writes may have changed of what is remembered.
    touched: StdMutex<Vec<Touched>>,
    /// It wrote before anything was remembered.
    touched_early: AtomicBool,
    /// A statement that writes has succeeded.
    has_written: AtomicBool,
    /// How long the statement took that was given up, in microseconds.
    gave_up_after: AtomicU64,
}

#[derive(Debug)]
struct State {
    /// `None` once the transaction is over.
    lease: Option<Lease>,
    /// The first error of a statement.
    poison: Option<Error>,
    /// The numbers of open savepoints, innermost last.
    savepoints: Vec<u32>,
    /// How many savepoints there have been: their names are used once.
    named: u32,
}

/// The state, for as long as one call needs it.
struct Hold<'a> {
    inner: &'a Inner,
    state: Option<MutexGuard<'a, State>>,
}

impl Deref for Hold<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state.as_ref().expect("taken only when dropped")
    }
}

impl DerefMut for Hold<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.state.as_mut().expect("taken only when dropped")
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        // Let go before looking: whoever ends the transaction sets the mark before it tries the
        // lock, so that one of the two sees the other.
        self.state = None;
        self.inner.clear_if_over();
    }
}

impl Inner {
    fn clear_if_over(&self) {
        if self.over.load(Ordering::SeqCst)
            && let Ok(mut state) = self.state.try_lock()
        {
            state.lease = None;
        }
    }
}

impl Tx {
    fn new(db: Database, lease: Lease, deadline: Instant) -> Self {
        let state = State {
            lease: Some(lease),
            poison: None,
            savepoints: Vec::new(),
            named: 0,
        };
        Self {
            inner: Arc::new(Inner {
                db,
                deadline,
                state: Mutex::new(state),
                over: AtomicBool::new(false),
                torn: AtomicBool::new(false),
                touched: StdMutex::default(),
                touched_early: AtomicBool::new(false),
                has_written: AtomicBool::new(false),
                gave_up_after: AtomicU64::new(0),
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
        let deadline = self.deadline(options);
        let undone = statement.is_undone_by_rollback();
        let writes = statement.access == Access::Write;
        let mut state = self.turn(deadline).await?;
        let lease = state.usable(&self.inner)?;
        let shared = &self.inner.db.shared;
        let ran = match &shared.scans {
            Some(scans) if scans.is_short(&statement) && sink.restart() => {
                line::try_inline(shared, scans, lease, &statement, sink, deadline, options)
            }
            _ => None,
        };
        let result = match ran {
            Some(ran) => ran.after_others().await,
            None => {
                let ran = line::run_on(shared, lease, statement, sink, deadline, options).await;
                self.note(&ran, writes);
                ran.result
            }
        };
        let result = result.map_err(|error| match error.kind() {
            // Given up, and so is the transaction: it is never committed.
            ErrorKind::Deadline if undone => error.with_outcome(Outcome::NotApplied),
            _ => error,
        });
        if let Err(error) = &result {
            state.poison = Some(error.clone());
        }
        result
    }

    pub(crate) async fn run_script(&self, text: &str, options: &CallOptions) -> Result<()> {
        let deadline = self.deadline(options);
        let mut state = self.turn(deadline).await?;
        let lease = state.usable(&self.inner)?;
        let shared = &self.inner.db.shared;
        let ran = line::script_on(shared, lease, text, deadline, options).await;
        self.note(&ran, true);
        if let Err(error) = &ran.result {
            state.poison = Some(error.clone());
        }
        ran.result.map(|_| ())
    }

    /// Runs a read that finds out more about an error that has just poisoned the transaction, on
    /// engines that allow it. Changes nothing about the transaction's state.
    pub(crate) async fn run_diagnosis(
        &self,
        statement: Statement,
        sink: &mut dyn RowSink,
        options: &CallOptions,
    ) -> Result<Done> {
        let deadline = self.deadline(options);
        let mut state = self.turn(deadline).await?;
        let lease = state.lease.as_mut().ok_or_else(over)?;
        if lease.was_interrupted() {
            return Err(interrupted());
        }
        let shared = &self.inner.db.shared;
        let ran = line::run_on(shared, lease, statement, sink, deadline, options).await;
        ran.result
    }

    /// Keeps what the end of a statement says of the database.
    fn note<T>(&self, ran: &Ran<T>, writes: bool) {
        match &ran.result {
            Ok(_) if writes => self.inner.has_written.store(true, Ordering::Relaxed),
            Err(error) if error.kind() == ErrorKind::Deadline => {
                let took = u64::try_from(ran.took.as_micros()).unwrap_or(u64::MAX);
                self.inner.gave_up_after.store(took, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Whether a statement that writes has succeeded.
    fn has_written(&self) -> bool {
        self.inner.has_written.load(Ordering::Relaxed)
    }

    /// How long the statement took that was given up; zero when none was. Waiting for a turn is no
    /// part of it.
    fn gave_up_after(&self) -> Duration {
        Duration::from_micros(self.inner.gave_up_after.load(Ordering::Relaxed))
    }

    fn deadline(&self, options: &CallOptions) -> Instant {
        options
            .deadline(self.inner.db.shared.timeouts.statement)
            .min(self.inner.deadline)
    }

    /// Waits for the statement that runs now. It may be a stream that nobody reads on, so the wait
    /// ends with the call's deadline.
    async fn turn(&self, deadline: Instant) -> Result<Hold<'_>> {
        match timeout_at(deadline, self.lock()).await {
            Ok(state) => Ok(state),
            Err(_) => Err(Error::new(
                ErrorKind::Deadline,
                "another statement of the transaction was still running",
            )
            .with_hint(
                "statements of one transaction run one after another: read a stream to its end \
                 before the next statement",
            )),
        }
    }

    async fn lock(&self) -> Hold<'_> {
        let state = self.inner.state.lock().await;
        Hold {
            inner: &self.inner,
            state: Some(state),
        }
    }

    /// Ends the transaction for all handles, and gives its connection back to the runner, with the
    /// reason why it must not be committed, if there is one.
    async fn finish(&self) -> (Option<Lease>, Option<Error>) {
        let mut state = self.lock().await;
        let poison = state.poison(&self.inner).or_else(|| {
            // Another task is inside: what it did so far is half of something.
            (!state.savepoints.is_empty()).then(torn)
        });
        (state.lease.take(), poison)
    }

    /// A write of the transaction may have changed something.
    pub(crate) fn touched(&self, what: Touched) {
        let shared = &self.inner.db.shared;
        if !shared.stale.is_used() {
            self.inner.touched_early.store(true, Ordering::Release);
        } else if self.inner.over.load(Ordering::SeqCst) {
            shared.stale.forget(&shared.schema, &what);
        } else {
            self.inner
                .touched
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(what);
        }
    }

    /// The transaction has ended: what it may have changed is no longer known.
    fn forget_touched(&self) {
        let shared = &self.inner.db.shared;
        if !shared.stale.is_used() {
            return;
        }
        let mut touched = self
            .inner
            .touched
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.inner.touched_early.load(Ordering::Acquire) {
            touched.push(Touched::All);
        }
        for what in touched.drain(..) {
            shared.stale.forget(&shared.schema, &what);
        }
    }

    /// Ends the transaction for all handles at once. The connection cleans up by itself.
    fn abandon(&self) {
        self.inner.over.store(true, Ordering::SeqCst);
        self.inner.clear_if_over();
    }
}

impl State {
    /// Why the transaction must not go on.
    fn poison(&mut self, inner: &Inner) -> Option<Error> {
        if inner.torn.swap(false, Ordering::SeqCst) {
            self.poison.get_or_insert_with(torn);
        }
        self.poison.clone()
    }

    /// The connection, if statements may still run on it.
    fn usable(&mut self, inner: &Inner) -> Result<&mut Lease> {
        if inner.over.load(Ordering::SeqCst) {
            return Err(over());
        }
        if let Some(cause) = self.poison(inner) {
            return Err(poisoned(&cause));
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

fn torn() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "a savepoint of the transaction was dropped before it ended",
    )
    .with_hint("await savepoint() to its end, before the transaction's closure returns")
}

#[cfg(test)]
mod sharing_tests;
#[cfg(test)]
mod tests;
