//! One statement from preparing to its last row.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;
use tokio_postgres::RowStream;

use super::classify::Report;
use super::connection::{PostgresConnection, Preparing, nul};
use super::params::Param;
use super::rows::PgRow;
use crate::driver::contract::Done;
use crate::driver::row::RowSink;
use crate::driver::statement::{Access, Statement};
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
        if statement.values.len() > MAX_PARAMETERS {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the statement has {} parameters; PostgreSQL takes {MAX_PARAMETERS}",
                    statement.values.len()
                ),
            )
            .with_prisma_code("P2029"));
        }
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
        let (prepared, kept) = match self.prepare(&statement.sql).await {
            Ok(prepared) => prepared,
            // Preparing changes nothing, whatever the statement would.
            Err(error) => {
                return Attempt::Over(Err(self.fault(error, statement.table, Outcome::NotApplied)));
            }
        };
        let (given, declared) = (statement.values.len(), prepared.params().len());
        if given != declared {
            return Attempt::Over(Err(Error::new(
                ErrorKind::Database,
                format!("the statement has {declared} parameters, and {given} values were given"),
            )
            .with_prisma_code("P1016")));
        }
        let params: Vec<Param<'_>> = statement
            .values
            .iter()
            .zip(1..)
            .map(|(value, position)| Param { value, position })
            .collect();
        let client = Arc::clone(&self.client);
        let lost = if client.is_closed() {
            Outcome::NotApplied
        } else {
            lost
        };
        let rows = match client.query_raw(&prepared, params).await {
            Ok(rows) => rows,
            Err(error) => return self.failed(error, statement, lost, kept),
        };
        let mut rows = pin!(rows);
        loop {
            match rows.next().await {
                None => break,
                Some(Err(error)) => return self.failed(error, statement, lost, kept),
                Some(Ok(row)) => {
                    if let Err(refusal) = give(&row, sink).await {
                        return Attempt::Over(Err(self
                            .after_refusal(rows, refusal, statement)
                            .await));
                    }
                }
            }
        }
        Attempt::Over(Ok(Done {
            rows: rows.rows_affected().unwrap_or(0),
            last_insert_id: None,
        }))
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
        let preparing = self.preparing.insert(Preparing {
            sql: Arc::clone(sql),
            answer: Box::pin(async move { client.prepare(&text).await }),
        });
        let answer = preparing.answer.as_mut().await;
        self.preparing = None;
        let prepared = answer?;
        self.statements.put(Arc::clone(sql), prepared.clone());
        Ok((prepared, false))
    }

    fn failed(
        &mut self,
        error: tokio_postgres::Error,
        statement: &Statement,
        lost: Outcome,
        kept: bool,
    ) -> Attempt {
        let report = error.as_db_error().map(Report::from);
        let gone = report.is_some_and(|report| report.is_stale_statement());
        // Parameters keep the types they had when the statement was prepared. Where the table's
        // types have changed since, the server finds fault with the statement's meaning (class 42)
        // or with a text that it reads as a value of the former type.
        let doubtful = kept
            && report.is_some_and(|report| {
                report.code.starts_with("42") || matches!(report.code, "22P02" | "22007")
            });
        let sent = report.is_some();
        let error = self.fault(error, statement.table, lost);
        if gone || doubtful || kept && !sent && !self.broken {
            self.statements.remove(&statement.sql);
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

/// The client library's channel of rows knows nothing of tokio's budget: while rows come in faster
/// than they are read, this task would never yield, and no time limit around it would be looked at.
async fn yield_now_and_then() {
    tokio::task::coop::consume_budget().await;
}

async fn give(row: &tokio_postgres::Row, sink: &mut dyn RowSink) -> Result<()> {
    yield_now_and_then().await;
    sink.row(&Row::new(&PgRow(row)))?;
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

/// What a transaction gets that met a stale statement: it may be done again as a whole.
fn changed_table(error: &Error) -> Error {
    Error::new(
        ErrorKind::WriteConflict,
        format!("a table changed under a kept statement: {}", error.detail()),
    )
    .with_native_code(error.native_code().unwrap_or_default().to_owned())
}
