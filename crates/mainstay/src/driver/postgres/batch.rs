//! Several statements as one transaction, in one flight.
//!
//! The client library hands a request to its connection the first time the request's future is
//! polled, without waiting for answers to earlier ones. So BEGIN, all statements and COMMIT are
//! polled once, in order, and only then are the answers waited for, in the same order. COMMIT is on
//! its way before it is known whether the statements succeed; that is safe, because a failed
//! statement leaves nothing but a failed transaction, and the checked COMMIT of such a one is
//! refused.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{MaybeDone, join_all, maybe_done};
use tokio_postgres::RowStream;

use super::classify::Report;
use super::connection::{PostgresConnection, Preparing, nul};
use super::params::Param;
use super::rows::PgRow;
use super::run::{self, check_count, ends_session, give};
use super::transaction::{CHECKED_COMMIT, commit_unknown};
use crate::driver::contract::{Batch, Connection, Done};
use crate::driver::row::RowSink;
use crate::driver::statement::Statement;
use crate::error::{Error, ErrorKind, Outcome, Result};

/// How one flight went.
enum Flight {
    Over(Result<Vec<Done>>),
    /// A kept statement may no longer fit the database. It is kept no longer, and nothing was
    /// applied.
    Stale(Error),
}

/// A prepared statement, and whether it is one that was kept.
type Prepared = (tokio_postgres::Statement, bool);

/// What the answers said so far.
#[derive(Default)]
struct Answers {
    all: Vec<Done>,
    /// The first refusal of the server.
    refused: Option<Error>,
    /// The refusal may be due to a kept statement.
    stale: bool,
    /// The session broke before an answer.
    lost: Option<Error>,
    /// The sink wants no more rows.
    unwanted: Option<Error>,
    /// Rows have been given to the sink.
    gave: bool,
}

impl PostgresConnection {
    pub(super) async fn fly(&mut self, batch: &Batch, sink: &mut dyn RowSink) -> Result<Vec<Done>> {
        for statement in &batch.statements {
            if statement.sql.contains('\0') {
                return Err(nul());
            }
            check_count(statement)?;
        }
        match self.attempt_batch(batch, sink).await {
            Flight::Over(result) => result,
            Flight::Stale(error) if self.is_broken() => Err(error),
            Flight::Stale(_) => match self.attempt_batch(batch, sink).await {
                Flight::Over(result) => result,
                Flight::Stale(error) => Err(error),
            },
        }
    }

    async fn attempt_batch(&mut self, batch: &Batch, sink: &mut dyn RowSink) -> Flight {
        let prepared = match self.prepare_all(&batch.statements, sink).await {
            Ok(prepared) => prepared,
            Err(error) => return Flight::Over(Err(error)),
        };
        let client = Arc::clone(&self.client);
        // From here on a session that is dropped or given back has something to roll back.
        self.in_transaction = true;
        self.failure = None;
        // Of the transaction before; this one is not asked for its own.
        self.account.forget_id();
        let begin_sql = begin(batch.lock_wait);
        let mut begin = Box::pin(maybe_done(client.batch_execute(&begin_sql)));
        let mut queries = Vec::with_capacity(batch.statements.len());
        for (statement, (prepared, _)) in batch.statements.iter().zip(&prepared) {
            let params: Vec<_> = statement.values.iter().zip(1..).map(Param::new).collect();
            queries.push(Box::pin(maybe_done(client.query_raw(prepared, params))));
        }
        let mut commit = Box::pin(maybe_done(client.batch_execute(CHECKED_COMMIT)));
        let mut rollback = Box::pin(maybe_done(client.batch_execute("ROLLBACK")));
        // No suspension in here: all of it is sent, or none.
        let whole = poll_fn(|context| {
            let _ = begin.as_mut().poll(context);
            for (position, query) in queries.iter_mut().enumerate() {
                let _ = query.as_mut().poll(context);
                // A value that its parameter cannot hold shows here, and nothing of it was sent.
                if matches!(query.as_mut().output_mut(), Some(Err(_))) {
                    let _ = rollback.as_mut().poll(context);
                    return Poll::Ready(Err(position));
                }
            }
            let _ = commit.as_mut().poll(context);
            Poll::Ready(Ok(()))
        })
        .await;

        let begun = answer(begin.as_mut()).await;
        let mut answers = Answers::default();
        if let Err(position) = whole {
            queries.truncate(position + 1);
        }
        for (index, query) in queries.iter_mut().enumerate() {
            if answers.refused.is_none() && answers.lost.is_none() {
                sink.statement(index);
            }
            let statement = &batch.statements[index];
            let rows = answer(query.as_mut()).await;
            let kept = prepared[index].1;
            self.take_answer(rows, statement, kept, sink, &mut answers)
                .await;
        }
        drop(queries);
        if let Err(position) = whole {
            let ended = answer(rollback.as_mut()).await;
            let kept = prepared[position].1;
            let sql = &batch.statements[position].sql;
            return self.called_off(begun, ended, answers, kept.then_some(sql));
        }
        if answers.refused.is_none() && answers.lost.is_none() {
            sink.statement(batch.statements.len());
        }
        let committed = answer(commit.as_mut()).await;
        self.settle_batch(batch, begun, committed, answers, sink)
            .await
    }

    /// The prepared statements of all texts; those not kept are prepared in one flight.
    pub(super) async fn prepare_all(
        &mut self,
        statements: &[Statement],
        sink: &mut dyn RowSink,
    ) -> Result<Vec<Prepared>> {
        let mut found: Vec<Option<Prepared>> = Vec::with_capacity(statements.len());
        for statement in statements {
            let kept = self.statements.get(&statement.sql);
            let known = self.preparing.iter().any(|one| one.sql == statement.sql);
            if kept.is_none() && !known {
                let (client, text) = (Arc::clone(&self.client), Arc::clone(&statement.sql));
                self.preparing.push(Preparing {
                    sql: Arc::clone(&statement.sql),
                    answer: Box::pin(async move { client.prepare(&text).await }),
                });
            }
            found.push(kept.map(|kept| (kept, true)));
        }
        // All at once: an answer nobody takes would hold up those behind it.
        let answers = join_all(self.preparing.iter_mut().map(|one| one.answer.as_mut())).await;
        let asked: Vec<_> = self.preparing.drain(..).map(|one| one.sql).collect();
        let mut made = Vec::with_capacity(asked.len());
        for (sql, answer) in asked.into_iter().zip(answers) {
            let position = statements.iter().position(|one| one.sql == sql);
            match answer {
                Ok(prepared) => {
                    self.statements.put(Arc::clone(&sql), prepared.clone());
                    made.push((sql, prepared));
                }
                // Preparing changes nothing, whatever the statement would.
                Err(error) => {
                    let table = position.and_then(|position| {
                        sink.statement(position);
                        statements[position].table
                    });
                    return Err(self.fault(error, table, Outcome::NotApplied));
                }
            }
        }
        let mut all = Vec::with_capacity(statements.len());
        for (position, (statement, kept)) in statements.iter().zip(found).enumerate() {
            let fresh = || {
                let (_, prepared) = made.iter().find(|(sql, _)| *sql == statement.sql)?;
                Some((prepared.clone(), false))
            };
            // Both lists together have every text.
            let Some(prepared) = kept.or_else(fresh) else {
                continue;
            };
            if let Err(error) = run::check_declared(statement, &prepared.0) {
                sink.statement(position);
                return Err(error);
            }
            all.push(prepared);
        }
        Ok(all)
    }

    /// Takes the answer to one statement.
    async fn take_answer(
        &mut self,
        rows: Result<RowStream, tokio_postgres::Error>,
        statement: &Statement,
        kept: bool,
        sink: &mut dyn RowSink,
        answers: &mut Answers,
    ) {
        let read = match rows {
            Ok(rows) => read(rows, sink, answers).await,
            Err(error) => Err(error),
        };
        let error = match read {
            Ok(done) => {
                answers.all.push(done);
                return;
            }
            // What follows a refusal is refused for its sake.
            Err(_) if answers.refused.is_some() || answers.lost.is_some() => return,
            Err(error) => error,
        };
        match error.as_db_error().map(Report::from) {
            Some(report) => {
                answers.stale = run::is_doubtful(&report, kept);
                if answers.stale {
                    self.statements.remove(&statement.sql);
                }
                let gone = report.is_stale_statement();
                // The server saw the statement and, behind it, no COMMIT.
                let error = self.fault(error, statement.table, Outcome::NotApplied);
                let error = if gone {
                    run::changed_table(&error)
                } else {
                    error
                };
                answers.refused = Some(error);
            }
            None => answers.lost = Some(self.fault(error, statement.table, Outcome::Unknown)),
        }
    }

    /// A value did not fit its parameter, and ROLLBACK was sent instead of COMMIT. `kept` is the
    /// statement's text, if it was prepared earlier: for a type its table no longer has, perhaps.
    fn called_off(
        &mut self,
        begun: Result<(), tokio_postgres::Error>,
        ended: Result<(), tokio_postgres::Error>,
        answers: Answers,
        kept: Option<&Arc<str>>,
    ) -> Flight {
        self.in_transaction = false;
        self.failure = None;
        if let Err(error) = ended {
            // Whatever it is, the session ends with it, and with the session its transaction.
            let _ = self.fault(error, None, Outcome::NotApplied);
            self.broken = true;
        }
        if let Err(error) = begun
            && error.as_db_error().is_some()
        {
            return Flight::Over(Err(ran_alone(&self.fault(error, None, Outcome::Unknown))));
        }
        let why = answers
            .refused
            .or(answers.lost)
            .unwrap_or_else(|| Error::new(ErrorKind::Unexpected, "a statement could not be sent"));
        let why = why.with_outcome(Outcome::NotApplied);
        match kept {
            Some(sql) if !self.broken && !answers.gave => {
                self.statements.remove(sql);
                Flight::Stale(why)
            }
            _ => Flight::Over(Err(why)),
        }
    }

    /// What all the answers together mean.
    async fn settle_batch(
        &mut self,
        batch: &Batch,
        begun: Result<(), tokio_postgres::Error>,
        committed: Result<(), tokio_postgres::Error>,
        answers: Answers,
        sink: &mut dyn RowSink,
    ) -> Flight {
        let not_begun = begun.err().map(|error| {
            let told = error.as_db_error().map(ends_session);
            (self.fault(error, None, Outcome::Unknown), told)
        });
        let committed = committed.map_err(|error| self.fault(error, None, Outcome::Unknown));
        let earlier = self.failure.take();
        let committed = self.after_commit(committed, earlier).await;
        match not_begun {
            // Each statement ran for itself.
            Some((error, Some(false))) => {
                return Flight::Over(Err(ran_alone(&error)));
            }
            // The session ended before anything ran.
            Some((error, Some(true))) => {
                return Flight::Over(Err(error.with_outcome(Outcome::NotApplied)));
            }
            Some((error, None)) => return Flight::Over(Err(commit_unknown(&error))),
            None => {}
        }
        let stays_inside = batch
            .statements
            .iter()
            .all(Statement::is_undone_by_rollback);
        match (answers.refused, answers.lost, committed) {
            (Some(error), _, committed) => {
                // A failed transaction cannot be committed, whatever became of the answer; but
                // hand-written SQL can have ended the transaction before it failed.
                let undone = committed
                    .is_err_and(|answer| stays_inside || answer.outcome() == Outcome::NotApplied);
                if !undone {
                    return Flight::Over(Err(error.with_outcome(Outcome::Unknown)));
                }
                if answers.stale && (!answers.gave || sink.restart()) {
                    return Flight::Stale(error);
                }
                Flight::Over(Err(error))
            }
            (None, Some(lost), _) => Flight::Over(Err(commit_unknown(&lost))),
            (None, None, Err(error)) => Flight::Over(Err(error)),
            (None, None, Ok(())) => Flight::Over(match answers.unwanted {
                None => Ok(answers.all),
                Some(refusal) => Err(refusal.with_outcome(Outcome::Applied)),
            }),
        }
    }
}

/// Starts the transaction; how long its statements wait for locks goes with it in one message.
fn begin(lock_wait: Option<Duration>) -> String {
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
    match lock_wait {
        None => begin.to_owned(),
        Some(limit) => {
            // 0 would mean no limit.
            let limit = limit.as_micros().div_ceil(1000).clamp(1, i32::MAX as u128);
            format!("{begin}; SET LOCAL lock_timeout = {limit}")
        }
    }
}

fn ran_alone(error: &Error) -> Error {
    let told = Error::new(
        error.kind(),
        format!(
            "the server refused to begin a transaction, and each statement ran for itself: {}",
            error.detail()
        ),
    )
    .with_outcome(Outcome::Unknown)
    .with_hint("look which of the changes are there before doing them again");
    match error.native_code() {
        Some(code) => told.with_native_code(code.to_owned()),
        None => told,
    }
}

/// Waits for the answer to what was sent.
async fn answer<F: Future>(mut sent: Pin<&mut MaybeDone<F>>) -> F::Output {
    sent.as_mut().await;
    sent.take_output()
        .expect("a future that has ended has its output, and only this takes it")
}

/// Reads the rows of one statement. When the sink wants no more, the rest is passed over: COMMIT is
/// on its way, so there is nothing left to stop.
async fn read(
    rows: RowStream,
    sink: &mut dyn RowSink,
    answers: &mut Answers,
) -> Result<Done, tokio_postgres::Error> {
    let mut rows = pin!(rows);
    let mut given = 0;
    while let Some(row) = rows.next().await {
        let row = row?;
        if answers.unwanted.is_none() {
            answers.gave = true;
            answers.unwanted = give(&PgRow::whole(&row), given, sink).await.err();
            given += 1;
        }
    }
    Ok(Done {
        rows: rows.rows_affected().unwrap_or(0),
        last_insert_id: None,
    })
}
