//! The straight line every statement takes, whoever issues it:
//! deadline, connection, driver, error completed, observed.
//!
//! Repositories, hand-written SQL and transactions all come through here.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::call::CallOptions;
use super::lease::Lease;
use super::{Database, Shared};
use crate::driver::{Access, Done, RowSink, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::observe;
use crate::pool;
use crate::transaction::current;

impl Database {
    /// Runs a statement as a transaction of its own.
    pub(crate) async fn run(
        &self,
        mut statement: Statement,
        sink: &mut dyn RowSink,
        options: &CallOptions,
    ) -> Result<Done> {
        let deadline = options.deadline(self.shared.timeouts.statement);
        // Hand-written SQL that returns rows may write all the same. From inside a transaction that
        // has the only writer it may not, and the driver is the one to find out.
        let only_reads = statement.access == Access::Unknown && current::is_inside(&self.shared);
        if only_reads {
            statement.access = Access::Read;
        }
        let mut lease = self.lease(statement.access, deadline, options).await?;
        let result = run_on(&self.shared, &mut lease, statement, sink, deadline, options).await;
        match result {
            Err(error) if only_reads && error.kind() == ErrorKind::ReadOnly => {
                Err(write_outside_transaction())
            }
            result => result,
        }
    }

    /// Runs SQL without parameters or rows.
    pub(crate) async fn run_script(&self, text: &str, options: &CallOptions) -> Result<()> {
        let deadline = options.deadline(self.shared.timeouts.statement);
        let mut lease = self.lease(Access::Write, deadline, options).await?;
        script_on(&self.shared, &mut lease, text, deadline, options).await
    }

    /// A connection fit for what the statement does.
    pub(crate) async fn lease(
        &self,
        access: Access,
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
            return Ok(Lease::writer(writer));
        }
        self.shared
            .pool
            .acquire(deadline, options.site)
            .await
            .map(Lease::pooled)
    }

    pub(crate) async fn ping(&self, options: &CallOptions) -> Result<()> {
        let deadline = options.deadline(self.shared.timeouts.statement);
        let mut lease = self.lease(Access::Read, deadline, options).await?;
        let limit = deadline.saturating_duration_since(Instant::now());
        match timeout_at(deadline, lease.ping()).await {
            Ok(result) => result,
            Err(_) => Err(deadline_error(limit, "ping", Access::Read)),
        }
    }
}

/// The part of the line behind the connection: shared by single statements and transactions.
pub(crate) async fn run_on(
    shared: &Shared,
    lease: &mut Lease,
    statement: Statement,
    sink: &mut dyn RowSink,
    deadline: Instant,
    options: &CallOptions,
) -> Result<Done> {
    let (sql, access, table) = (
        std::sync::Arc::clone(&statement.sql),
        statement.access,
        statement.table,
    );
    let started = Instant::now();
    let result = match timeout_at(deadline, lease.run(statement, sink)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(complete(shared, error, table)),
        Err(_) => Err(deadline_error(started.elapsed(), &sql, access)),
    };
    observe::statement(
        shared.log_statements,
        &sql,
        started.elapsed(),
        &result,
        options.site,
    );
    result
}

/// The same for a script.
pub(crate) async fn script_on(
    shared: &Shared,
    lease: &mut Lease,
    text: &str,
    deadline: Instant,
    options: &CallOptions,
) -> Result<()> {
    let started = Instant::now();
    let result = match timeout_at(deadline, lease.run_script(text)).await {
        Ok(Ok(())) => Ok(Done::default()),
        Ok(Err(error)) => Err(complete(shared, error, None)),
        Err(_) => Err(deadline_error(started.elapsed(), text, Access::Write)),
    };
    observe::statement(
        shared.log_statements,
        text,
        started.elapsed(),
        &result,
        options.site,
    );
    result.map(|_| ())
}

/// Adds what the model knows of table, constraint, columns and fields.
pub(crate) fn complete(shared: &Shared, error: Error, table: Option<&'static str>) -> Error {
    let error = shared.schema.explain(error);
    match (error.table(), table) {
        (None, Some(table)) => error.with_table(table),
        _ => error,
    }
}

fn deadline_error(after: Duration, sql: &str, access: Access) -> Error {
    let outcome = match access {
        Access::Read => Outcome::NotApplied,
        // The call was given up, not undone: the server may have finished it.
        Access::Write | Access::Unknown => Outcome::Unknown,
    };
    let shown: String = sql.chars().take(80).collect();
    Error::new(
        ErrorKind::Deadline,
        format!("gave up after {after:.1?}: {shown}"),
    )
    .with_hint("give the call more time, or see why the statement is slow")
    .with_outcome(outcome)
}

fn write_outside_transaction() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "a write through the handle from inside a transaction would wait for itself: \
         this engine has one writer, and the transaction has it",
    )
    .with_hint("write through the transaction instead of the handle")
}
