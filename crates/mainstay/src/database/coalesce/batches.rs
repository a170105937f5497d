//! Batches of several callers, sent as one transaction where the engine takes statements without
//! waiting for answers to earlier ones.
//!
//! They share a flight and a commit. What one of them would see of the others is what it would see
//! had they run one after another. When the transaction is refused, nothing of it is kept, and each
//! caller runs its batch by itself and gets its own answer.

use std::time::Duration;

use super::Entered;
use super::call::is_refusal;
use super::plan::Ended;
use super::{Batch, Call, Lane, Work};
use crate::database::{CallOptions, Database};
use crate::driver::row::Ignore;
use crate::driver::{self, Capabilities, Done, RowSink, Statement};
use crate::error::Result;

/// How long joined batches wait for somebody's lock before they are split: short, so that nobody
/// is held up by a lock that is none of its business, and two groups that wait for each other
/// do not do so until the server finds out.
const LOCK_WAIT: Duration = Duration::from_millis(30);

/// The most statements of a batch that is joined with others. A larger one gains little, and its
/// neighbours would wait for it.
const STATEMENTS: usize = 16;

/// The most batches of one transaction.
const BATCHES: usize = 32;

/// Batches that may be joined.
struct Joined;

impl Work for Joined {
    type Input = Vec<Statement>;
    type Output = Vec<Done>;
    const WRITES: bool = true;

    fn most(_: &Capabilities) -> usize {
        BATCHES
    }

    fn take(waiting: usize, most: usize) -> usize {
        waiting.min(most)
    }

    async fn run(lane: &Lane<Self>, db: &Database, mut batch: Batch<Self>) {
        if batch.calls.len() < 2 {
            if let Some(call) = batch.calls.pop() {
                run_one(lane, db, call).await;
            }
            return;
        }
        let options = batch.options();
        let all = batch.calls.iter().flat_map(|call| call.input().iter());
        let group = driver::Batch {
            statements: all.cloned().collect(),
            lock_wait: Some(LOCK_WAIT),
        };
        let deadline = options.deadline(db.statement_timeout());
        match db.run_batch(group, &mut Ignore, deadline, &options).await {
            Ok(done) => {
                lane.note_batch(0, batch.calls.len());
                let mut done = done.into_iter();
                for call in batch.calls {
                    let own = done.by_ref().take(call.input().len()).collect();
                    call.answer(Ok(own));
                }
            }
            Err(error) if is_refusal(&error) => {
                lane.note_batch(1, batch.calls.len());
                batch.send_alone();
            }
            Err(error) => {
                for call in batch.calls {
                    call.answer(Err(error.clone()));
                }
            }
        }
    }
}

async fn run_one(lane: &Lane<Joined>, db: &Database, call: Call<Joined>) {
    let options = call.options();
    let statements = call.input().clone();
    let result = alone(db, statements, &mut Ignore, &options).await;
    lane.note(ended(&result));
    call.answer(result);
}

async fn alone(
    db: &Database,
    statements: Vec<Statement>,
    sink: &mut dyn RowSink,
    options: &CallOptions,
) -> Result<Vec<Done>> {
    let batch = driver::Batch {
        statements,
        lock_wait: None,
    };
    let deadline = options.deadline(db.statement_timeout());
    db.run_batch(batch, sink, deadline, options).await
}

fn ended<T>(result: &Result<T>) -> Ended {
    match result {
        Err(error) if is_refusal(error) => Ended::Refused,
        _ => Ended::Kept,
    }
}

impl Database {
    /// Runs a batch of a caller, joined with those of others where that pays. `sink` is told of
    /// rows and statements only when it runs by itself; a batch that needs its rows says so.
    pub(crate) async fn run_joined(
        &self,
        statements: Vec<Statement>,
        needs_rows: bool,
        sink: &mut dyn RowSink,
        options: &CallOptions,
    ) -> Result<Vec<Done>> {
        // Hand-written SQL could change what its neighbours meet.
        let joins = self.coalesces()
            && options.retry
            && self.capabilities().pipelines
            && !needs_rows
            && statements.len() <= STATEMENTS
            && statements.iter().all(|statement| statement.table.is_some());
        if !joins {
            return alone(self, statements, sink, options).await;
        }
        let deadline = options.deadline(self.statement_timeout());
        let lane = self.lane::<Joined>();
        match lane.enter(statements, deadline, options).await {
            Entered::Done(result) => result,
            Entered::Lost(_, error) => Err(error),
            Entered::Alone(statements, ticket) => {
                let options = CallOptions {
                    until: Some(deadline),
                    ..*options
                };
                let result = alone(self, statements, sink, &options).await;
                ticket.note(ended(&result));
                result
            }
        }
    }
}
