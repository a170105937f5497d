//! The straight line every statement takes, whoever issues it: connection, driver, error completed,
//! observed. Before it, the circuit breaker, and around it, retries: see `attempt`.
//!
//! Repositories, hand-written SQL and transactions all come through here.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::call::CallOptions;
use super::guard::Counts;
use super::lease::Lease;
use super::scans::Scans;
use super::{Database, Shared};
use crate::driver::{Access, Done, Inline, Load, RowSink, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::observe;
use crate::pool;
use crate::transaction::current;

impl Database {
    /// A connection fit for what the statement does.
    pub(super) async fn lease(
        &self,
        access: Access,
        now: Instant,
        deadline: Instant,
        options: &CallOptions,
    ) -> Result<Lease> {
        // Another handle on the same file can keep the writer alive after this one is closed.
        if access == Access::Write && self.shared.pool.is_closed() {
            return Err(pool::closed());
        }
        if access == Access::Write
            && let Some(writer) = self.shared.driver.writer()
        {
            if current::is_inside(&self.shared) {
                return Err(write_outside_transaction());
            }
            let place = self.shared.writer_queue.enter(now)?;
            return Ok(Lease::writer(writer, place));
        }
        self.shared
            .pool
            .acquire_at(now, deadline, options.site)
            .await
            .map(Lease::pooled)
    }
}

/// Work on a connection that has ended.
pub(crate) struct Ran<T> {
    pub(crate) result: Result<T>,
    pub(crate) took: Duration,
    pub(crate) ended: Instant,
}

impl<T> Ran<T> {
    pub(super) fn new(started: Instant, result: Result<T>) -> Self {
        let ended = Instant::now();
        Self {
            result,
            took: ended - started,
            ended,
        }
    }
}

/// A read that ran on this thread.
pub(crate) struct RanInline {
    pub(crate) result: Result<Done>,
    pub(crate) started: Instant,
    work: u32,
}

impl RanInline {
    /// The result, once others had the thread in proportion: a task whose reads are always ready
    /// would keep timers and other tasks from running.
    pub(crate) async fn after_others(self) -> Result<Done> {
        for _ in 0..self.work {
            tokio::task::consume_budget().await;
        }
        self.result
    }
}

/// How much work a task may do before it lets others have the thread.
const TURN: u32 = 128;

/// Tries a short read on this thread. `None`: it goes the long way.
pub(crate) fn try_inline(
    shared: &Shared,
    scans: &Scans,
    lease: &mut Lease,
    statement: &Statement,
    sink: &mut dyn RowSink,
    deadline: Instant,
    options: &CallOptions,
) -> Option<RanInline> {
    let started = lease.now();
    // Nothing in it waits, so that a call of many statements would never notice.
    if started >= deadline {
        return Some(RanInline {
            result: Err(Error::new(
                ErrorKind::Deadline,
                format!("no time was left for {}", start_of(&statement.sql)),
            )
            .with_hint("give the call more time, or let it do less")),
            started,
            work: 1,
        });
    }
    match lease.run_inline(statement, sink) {
        Inline::Ran { result, work } => {
            if work >= TURN {
                scans.was_long(statement);
            }
            let result = result.map_err(|error| complete(shared, error, statement.table));
            if result.is_err() || shared.log_statements {
                observed(shared, &statement.sql, started.elapsed(), &result, options);
            }
            Some(RanInline {
                result,
                started,
                work,
            })
        }
        Inline::GivenUp => {
            scans.was_long(statement);
            None
        }
        Inline::NotTried => None,
    }
}

/// The part of the line behind the connection: shared by single statements and transactions.
///
/// Not an `async fn`, whose future would have the statement a second time.
#[allow(clippy::manual_async_fn, reason = "see above")]
pub(crate) fn run_on<'a>(
    shared: &'a Shared,
    lease: &'a mut Lease,
    statement: Statement,
    sink: &'a mut dyn RowSink,
    deadline: Instant,
    options: &'a CallOptions,
) -> impl Future<Output = Ran<Done>> + Send + 'a {
    async move {
        let (sql, access, table) = (
            std::sync::Arc::clone(&statement.sql),
            statement.access,
            statement.table,
        );
        let started = lease.now();
        let result = match timeout_at(deadline, lease.run(statement, sink)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(complete(shared, error, table)),
            Err(_) => Err(given_up(started, &sql, access, lease).await),
        };
        let ran = Ran::new(started, result);
        observed(shared, &sql, ran.took, &ran.result, options);
        ran
    }
}

/// The same for a script.
pub(crate) async fn script_on(
    shared: &Shared,
    lease: &mut Lease,
    text: &str,
    deadline: Instant,
    options: &CallOptions,
) -> Ran<Done> {
    let started = Instant::now();
    let result = match timeout_at(deadline, lease.run_script(text)).await {
        Ok(Ok(())) => Ok(Done::default()),
        Ok(Err(error)) => Err(complete(shared, error, None)),
        Err(_) => Err(given_up(started, text, Access::Write, lease).await),
    };
    let ran = Ran::new(started, result);
    observed(shared, text, ran.took, &ran.result, options);
    ran
}

/// The same for a ping, which nobody needs to hear of.
pub(super) async fn ping_on(lease: &mut Lease, deadline: Instant) -> Result<()> {
    let limit = deadline.saturating_duration_since(Instant::now());
    match timeout_at(deadline, lease.ping()).await {
        Ok(result) => result,
        Err(_) => Err(deadline_error(limit, "ping", Access::Read)),
    }
}

/// The same for a bulk load, which is part of a transaction.
pub(crate) async fn load_on(
    shared: &Shared,
    lease: &mut Lease,
    load: Load,
    deadline: Instant,
    options: &CallOptions,
) -> Ran<Done> {
    let table = load.table().name;
    let text = format!("load {} rows into {table}", load.rows().len());
    let started = Instant::now();
    let result = match timeout_at(deadline, lease.load(load)).await {
        Ok(Ok(rows)) => Ok(Done {
            rows,
            last_insert_id: None,
        }),
        Ok(Err(error)) => Err(complete(shared, error, Some(table))),
        // Given up, and so is the transaction: it is never committed.
        Err(_) => Err(deadline_error(started.elapsed(), &text, Access::Write)
            .with_outcome(Outcome::NotApplied)),
    };
    let ran = Ran::new(started, result);
    observed(shared, &text, ran.took, &ran.result, options);
    ran
}

/// Tells of a statement that has ended.
pub(super) fn observed(
    shared: &Shared,
    sql: &str,
    took: Duration,
    result: &Result<Done>,
    options: &CallOptions,
) {
    let guards = &shared.guards;
    if let Err(error) = result
        && error.kind() == ErrorKind::Deadline
    {
        Counts::add(&guards.counts.deadlines);
    }
    if took >= guards.options.slow_after {
        Counts::add(&guards.counts.slow);
        observe::slow(sql, took, guards.options.slow_after, options.site);
    }
    observe::statement(shared.log_statements, sql, took, result, options.site);
}

/// Adds what the model knows of table, constraint, columns and fields.
pub(crate) fn complete(shared: &Shared, error: Error, table: Option<&'static str>) -> Error {
    let error = shared.schema.explain(error);
    match (error.table(), table) {
        (None, Some(table)) => error.with_table(table),
        _ => error,
    }
}

/// The error of a call that was given up just now, with what is certain of its outcome.
async fn given_up(started: Instant, sql: &str, access: Access, lease: &mut Lease) -> Error {
    let error = deadline_error(started.elapsed(), sql, access);
    match error.outcome() {
        Outcome::Unknown => error.with_outcome(lease.outcome_of_dropped().await),
        _ => error,
    }
}

fn deadline_error(after: Duration, sql: &str, access: Access) -> Error {
    let outcome = match access {
        Access::Read => Outcome::NotApplied,
        // The call was given up, not undone: the server may have finished it.
        Access::Write | Access::Unknown => Outcome::Unknown,
    };
    Error::new(
        ErrorKind::Deadline,
        format!("gave up after {after:.1?}: {}", start_of(sql)),
    )
    .with_hint("give the call more time, or see why the statement is slow")
    .with_outcome(outcome)
}

/// As much of a statement as an error shows.
fn start_of(sql: &str) -> String {
    sql.chars().take(80).collect()
}

pub(super) fn write_outside_transaction() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "a write through the handle from inside a transaction would wait for itself: \
         this engine has one writer, and the transaction has it",
    )
    .with_hint("write through the transaction instead of the handle")
}
