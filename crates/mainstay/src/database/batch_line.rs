//! The straight line for several statements that take effect together or not at all.

use tokio::time::{Instant, timeout_at};

use super::call::CallOptions;
use super::guard::Retries;
use super::lease::Lease;
use super::line::{Ran, complete, observed, run_on};
use super::{Database, Shared};
use crate::driver::{Access, Batch, BoxFuture, Done, Row, RowSink, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::resilience::retry::Cause;

impl Database {
    /// Runs statements as one transaction, and again where nothing took effect, the cause passes
    /// and the sink can forget its rows. Whoever bounds the wait for locks has something better to
    /// do than to try again after a conflict, and is told of that at once.
    pub(crate) async fn run_batch(
        &self,
        batch: Batch,
        sink: &mut dyn RowSink,
        deadline: Instant,
        options: &CallOptions,
    ) -> Result<Vec<Done>> {
        let most = (!options.retry).then_some(1);
        let mut retries = Retries::new(self, Access::Write, most, deadline, options.site);
        let is_patient = batch.lock_wait.is_none();
        // Sent once, it is not kept: it may be large.
        let keeps = options.retry && batch.statements.iter().all(is_undone);
        let is_passing = |error: &Error| match Cause::of(error) {
            Some(Cause::Conflict) => is_patient,
            cause => cause.is_some(),
        };
        let mut batch = Some(batch);
        loop {
            let (admission, mut lease) = match self
                .admitted(Access::Write, Instant::now(), deadline, options)
                .await
            {
                Ok(admitted) => admitted,
                Err(error) if retries.again(self, &error).await => continue,
                Err(error) => return Err(error),
            };
            let this = if keeps { batch.clone() } else { batch.take() };
            let this = this.expect("a batch that is not kept is not sent again");
            let ran = batch_on(&self.shared, &mut lease, this, sink, deadline, options).await;
            admission.ended(ran.ended, ran.took, ran.result.as_ref().err());
            // Before the pause, so that nobody waits for a connection that rests.
            drop(lease);
            match ran.result {
                Err(error)
                    if batch.is_some()
                        && is_passing(&error)
                        && sink.restart()
                        && retries.again(self, &error).await => {}
                result => return result,
            }
        }
    }
}

fn is_undone(statement: &Statement) -> bool {
    statement.is_undone_by_rollback()
}

/// The part of the line behind the connection.
async fn batch_on(
    shared: &Shared,
    lease: &mut Lease,
    mut batch: Batch,
    sink: &mut dyn RowSink,
    deadline: Instant,
    options: &CallOptions,
) -> Ran<Vec<Done>> {
    let count = batch.statements.len();
    if count == 1
        && batch.lock_wait.is_none()
        && let Some(statement) = batch.statements.pop()
    {
        // One statement is a transaction of its own anyway.
        sink.statement(0);
        let ran = run_on(shared, lease, statement, sink, deadline, options).await;
        return Ran {
            result: ran.result.map(|done| vec![done]),
            took: ran.took,
            ended: ran.ended,
        };
    }
    let about: Vec<_> = batch
        .statements
        .iter()
        .map(|statement| (std::sync::Arc::clone(&statement.sql), statement.table))
        .collect();
    let mut placed = Placed { sink, at: None };
    let started = Instant::now();
    let result = match timeout_at(deadline, lease.run_batch(batch, &mut placed)).await {
        Ok(Ok(all)) => Ok(all),
        Ok(Err(error)) => Err(match placed.at.and_then(|at| Some((at, about.get(at)?))) {
            Some((at, (_, table))) => complete(shared, error, *table).at_statement(at, count),
            None => complete(shared, error, None),
        }),
        Err(_) => {
            let took = started.elapsed();
            let outcome = lease.outcome_of_dropped().await;
            Err(Error::new(
                ErrorKind::Deadline,
                format!("gave up a batch of {count} statements after {took:.1?}"),
            )
            .with_hint("give the call more time, or see which statement is slow")
            .with_outcome(outcome))
        }
    };
    let at = placed.at.filter(|at| *at < count).unwrap_or(0);
    let sql = about.get(at).map_or("", |(sql, _)| &**sql);
    let seen = match &result {
        Ok(all) => Ok(Done {
            rows: all.iter().map(|done| done.rows).sum(),
            last_insert_id: None,
        }),
        Err(error) => Err(error.clone()),
    };
    let ran = Ran::new(started, result);
    observed(shared, sql, ran.took, &seen, options);
    ran
}

/// A sink that remembers which statement's turn it is, for errors.
struct Placed<'a> {
    sink: &'a mut dyn RowSink,
    at: Option<usize>,
}

impl RowSink for Placed<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        self.sink.row(row)
    }

    fn statement(&mut self, index: usize) {
        self.at = Some(index);
        self.sink.statement(index);
    }

    fn restart(&mut self) -> bool {
        self.at = None;
        self.sink.restart()
    }

    fn is_full(&self) -> bool {
        self.sink.is_full()
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        self.sink.flush()
    }
}
