//! One statement from preparing to its last row.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join;
use tokio::time::timeout;
use tokio_postgres::RowStream;
use tokio_postgres::error::{DbError, Severity};

use super::account::followed;
use super::classify::Report;
use super::connection::{PostgresConnection, Preparing, nul};
use super::params::Param;
use super::rows::PgRow;
use super::transaction::BEGIN;
use crate::driver::contract::Done;
use crate::driver::row::RowSink;
use crate::driver::statement::{Access, Statement, Tail, begins_with};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::value::Row;

/// The most parameters the protocol can count.
const MAX_PARAMETERS: usize = 65_535;

/// How long a result that nobody wants may take to run dry before the server is asked to stop.
const RUN_DRY: Duration = Duration::from_millis(50);

/// How one attempt went.
enum Attempt {
    Over(Result<Done>),
    /// The kept statement may no longer fit the database: it was prepared for a table that has
    /// changed since. It is kept no longer, and nothing was applied.
    Stale {
        error: Error,
        sent: bool,
    },
}

impl PostgresConnection {
    pub(super) async fn run_statement(
        &mut self,
        statement: &Statement,
        sink: &mut dyn RowSink,
    ) -> Result<Done> {
        if statement.sql.contains('\0') {
            return Err(nul());
        }
        check_count(statement)?;
        let error = match self.attempt(statement, sink).await {
            Attempt::Over(result) => return result,
            // An engine's error ends a transaction, so there is no second attempt inside one.
            Attempt::Stale { error, sent } if sent && self.in_transaction => error,
            Attempt::Stale { .. } => match self.attempt(statement, sink).await {
                Attempt::Over(result) => return result,
                Attempt::Stale { error, .. } => error,
            },
        };
        Err(error)
    }

    async fn attempt(&mut self, statement: &Statement, sink: &mut dyn RowSink) -> Attempt {
        let lost = self.outcome_if_lost(statement.access);
        let telling = self.telling(statement).await;
        let sql = telling.as_ref().unwrap_or(&statement.sql);
        let (prepared, kept) = match self.prepare(sql).await {
            Ok(prepared) => prepared,
            // Nothing of the transaction was sent yet, so it can be tried without the column.
            Err(error) if telling.is_some() && self.owes_begin && error.as_db_error().is_some() => {
                self.account.is_unfit(&statement.sql);
                let error = self.fault(error, statement.table, Outcome::NotApplied);
                self.failure = None;
                return Attempt::Stale { error, sent: false };
            }
            // Preparing changes nothing, whatever the statement would.
            Err(error) => {
                return Attempt::Over(Err(self.fault(error, statement.table, Outcome::NotApplied)));
            }
        };
        if let Err(error) = check_declared(statement, &prepared) {
            return Attempt::Over(Err(error));
        }
        // Also of one that succeeds: it may have ended the transaction.
        if !keeps_transaction(&statement.sql) {
            self.must_ask = true;
            self.account.forget_id();
        }
        let mut asking = match telling {
            Some(_) => None,
            None => self.question_behind(statement.access).await,
        };
        let params: Vec<Param<'_>> = statement.values.iter().zip(1..).map(Param::new).collect();
        let client = Arc::clone(&self.client);
        let lost = if client.is_closed() {
            Outcome::NotApplied
        } else {
            lost
        };
        let sent = followed(client.query_raw(&prepared, params), asking.as_mut());
        let sent = if std::mem::take(&mut self.owes_begin) {
            // In this order: each is sent when it is polled first.
            let (begun, sent) = join(client.batch_execute(BEGIN), sent).await;
            match begun {
                Ok(()) => sent,
                Err(error) => return Attempt::Over(Err(self.not_begun(error, statement))),
            }
        } else {
            sent.await
        };
        let rows = match sent {
            Ok(rows) => rows,
            Err(error) => return self.failed(error, sql, statement.table, lost, kept),
        };
        let mut rows = pin!(rows);
        let mut given = 0;
        loop {
            match rows.next().await {
                None => break,
                Some(Err(error)) => {
                    return self.failed(error, sql, statement.table, lost, kept);
                }
                Some(Ok(row)) => {
                    let row = if telling.is_some() {
                        self.account.told_by(&row)
                    } else {
                        PgRow::whole(&row)
                    };
                    // A statement that returns nothing but the id has nothing to give.
                    let is_wanted = telling.is_none() || statement.tail == Tail::Returning;
                    if is_wanted && let Err(refusal) = give(&row, given, sink).await {
                        return Attempt::Over(Err(self
                            .after_refusal(rows, refusal, statement)
                            .await));
                    }
                    given += 1;
                }
            }
        }
        let done = Done {
            rows: rows.rows_affected().unwrap_or(0),
            last_insert_id: None,
        };
        Attempt::Over(self.take_id(asking).await.map(|()| done))
    }

    /// The error of a transaction whose BEGIN failed while its first statement was under way.
    ///
    /// The server refuses it only when somebody cancels just this moment. The statement may then
    /// have taken effect by itself. A session that ended with BEGIN ran nothing after it.
    fn not_begun(&mut self, error: tokio_postgres::Error, statement: &Statement) -> Error {
        let refused = error
            .as_db_error()
            .is_some_and(|report| !ends_session(report));
        let error = self.fault(error, statement.table, Outcome::NotApplied);
        self.in_transaction = false;
        self.broken = true;
        if !refused || statement.access == Access::Read {
            return error;
        }
        let detail = format!(
            "BEGIN was refused, and the statement sent with it may have taken effect by itself: {}",
            error.detail()
        );
        let told = Error::new(error.kind(), detail)
            .with_outcome(Outcome::Unknown)
            .with_hint("look whether the change is there before doing it again");
        match error.native_code() {
            Some(code) => told.with_native_code(code.to_owned()),
            None => told,
        }
    }

    /// The prepared statement of a text, and whether it is one that was kept.
    async fn prepare(
        &mut self,
        sql: &Arc<str>,
    ) -> Result<(tokio_postgres::Statement, bool), tokio_postgres::Error> {
        if let Some(kept) = self.statements.get(sql) {
            return Ok((kept, true));
        }
        let (client, text) = (Arc::clone(&self.client), Arc::clone(sql));
        self.preparing = vec![Preparing {
            sql: Arc::clone(sql),
            answer: Box::pin(async move { client.prepare(&text).await }),
        }];
        let answer = self.preparing[0].answer.as_mut().await;
        self.preparing.clear();
        let prepared = answer?;
        self.statements.put(Arc::clone(sql), prepared.clone());
        Ok((prepared, false))
    }

    fn failed(
        &mut self,
        error: tokio_postgres::Error,
        sql: &str,
        table: Option<&'static str>,
        lost: Outcome,
        kept: bool,
    ) -> Attempt {
        let report = error.as_db_error().map(Report::from);
        let gone = report.is_some_and(|report| report.is_stale_statement());
        let doubtful = report
            .as_ref()
            .is_some_and(|report| is_doubtful(report, kept));
        let sent = report.is_some();
        let error = self.fault(error, table, lost);
        if doubtful || kept && !sent && !self.broken {
            self.statements.remove(sql);
            let error = if gone { changed_table(&error) } else { error };
            Attempt::Stale { error, sent }
        } else {
            Attempt::Over(Err(error))
        }
    }

    /// Ends a statement whose sink wants no more: what is left is read if it is little, and
    /// cancelled if it is much. What the server says last tells whether a write took effect.
    async fn after_refusal(
        &mut self,
        mut rows: Pin<&mut RowStream>,
        refusal: Error,
        statement: &Statement,
    ) -> Error {
        self.must_ask = true;
        let ended = match timeout(RUN_DRY, run_dry(rows.as_mut())).await {
            Ok(ended) => Some(ended),
            Err(_) if self.cancel().await => Some(run_dry(rows).await),
            // The session is given up, and nobody waits for its answer.
            Err(_) => None,
        };
        let outcome = match ended {
            _ if self.in_transaction || statement.access == Access::Read => Outcome::NotApplied,
            None => Outcome::Unknown,
            Some(Ok(())) => Outcome::Applied,
            Some(Err(error)) => {
                let error = self.fault(error, statement.table, Outcome::Unknown);
                error.outcome()
            }
        };
        refusal.with_outcome(outcome)
    }
}

/// Whether a statement that succeeds leaves the transaction around it open for certain. The protocol
/// takes one statement only, so its first word tells; functions that it calls cannot end the
/// transaction. A text that begins otherwise counts as one that may.
fn keeps_transaction(sql: &str) -> bool {
    begins_with(sql, &["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"])
}

/// Refuses more parameters than the protocol can count.
pub(super) fn check_count(statement: &Statement) -> Result<()> {
    if statement.values.len() <= MAX_PARAMETERS {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!(
            "the statement has {} parameters; PostgreSQL takes {MAX_PARAMETERS}",
            statement.values.len()
        ),
    )
    .with_prisma_code("P2029"))
}

/// Refuses another number of values than the statement has parameters.
pub(super) fn check_declared(
    statement: &Statement,
    prepared: &tokio_postgres::Statement,
) -> Result<()> {
    let (given, declared) = (statement.values.len(), prepared.params().len());
    if given == declared {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Database,
        format!("the statement has {declared} parameters, and {given} values were given"),
    )
    .with_prisma_code("P1016"))
}

/// Whether a refusal may be due to a kept statement that no longer fits the database.
///
/// Parameters keep the types they had when the statement was prepared. Where the table's types have
/// changed since, the server finds fault with the statement's meaning (class 42) or with a text
/// that it reads as a value of the former type.
pub(super) fn is_doubtful(report: &Report<'_>, kept: bool) -> bool {
    report.is_stale_statement()
        || kept && (report.code.starts_with("42") || matches!(report.code, "22P02" | "22007"))
}

/// The client library's channel of rows knows nothing of tokio's budget: while rows come in faster
/// than they are read, this task would never yield, and no time limit around it would be looked at.
pub(super) async fn yield_now_and_then() {
    tokio::task::coop::consume_budget().await;
}

/// How many rows count as one step of a task. Reading one takes a microsecond, and a task that
/// counted each would give up its thread in the middle of every page of a hundred.
const ROWS_PER_STEP: u64 = 16;

/// Gives the sink a row; `before` is how many it was given before.
pub(super) async fn give(row: &PgRow<'_>, before: u64, sink: &mut dyn RowSink) -> Result<()> {
    if before.is_multiple_of(ROWS_PER_STEP) {
        yield_now_and_then().await;
    }
    sink.row(&Row::new(row))?;
    if sink.is_full() {
        sink.flush().await?;
    }
    Ok(())
}

async fn run_dry(mut rows: Pin<&mut RowStream>) -> Result<(), tokio_postgres::Error> {
    while let Some(row) = rows.next().await {
        row?;
        yield_now_and_then().await;
    }
    Ok(())
}

/// Whether the server ended the session with this report, and so looked at nothing that was sent
/// after what it answers.
pub(super) fn ends_session(report: &DbError) -> bool {
    matches!(
        report.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    )
}

/// What a transaction gets that met a stale statement: it may be done again as a whole.
pub(super) fn changed_table(error: &Error) -> Error {
    Error::new(
        ErrorKind::WriteConflict,
        format!("a table changed under a kept statement: {}", error.detail()),
    )
    .with_native_code(error.native_code().unwrap_or_default().to_owned())
}
