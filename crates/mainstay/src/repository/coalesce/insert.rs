//! Inserts of one row, sent together: `INSERT ... VALUES (...), (...) RETURNING ...`.
//!
//! Rows come back matched by their keys, so the key must be one that Mainstay or the caller made.
//! A row that is refused, or that waits for somebody's lock, must not harm its neighbours: the
//! batch is all or nothing, does not wait long for locks, and whoever gets no row from it runs by
//! itself and gets its own answer.

use std::marker::PhantomData;
use std::time::Duration;

use super::key::{self, PlainKey};
use crate::database::coalesce::call::is_refusal;
use crate::database::coalesce::plan::{self, Ended};
use crate::database::coalesce::{Batch, Call, Lane, Work};
use crate::database::{CallOptions, Database, Executor};
use crate::driver::{self, Capabilities, Row, RowSink, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::repository::Repository;
use crate::repository::fill::FilledRow;
use crate::schema::Entity;

/// How long a batch waits for somebody's lock before it is split.
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// The inserts of one row of an entity.
pub(super) struct InsertOne<E>(PhantomData<fn() -> E>);

impl<E: Entity> InsertOne<E> {
    /// Whether an insert can be joined with others: it comes back, and is known by its key.
    pub(super) fn serves(capabilities: &Capabilities, (columns, values): &FilledRow) -> bool {
        // Only a key that the database makes is left out of a row.
        let is_whole = columns.len() == E::table().columns.len();
        is_whole
            && capabilities.insert_returning
            && key::column(E::table()).is_some_and(|column| PlainKey::of(&values[column]).is_some())
    }
}

/// How an insert by itself ended, as far as it tells how it would have fared in a batch.
pub(super) fn ended(capabilities: &Capabilities, error: Option<&Error>) -> Option<Ended> {
    match error {
        None => Some(Ended::Kept),
        Some(error) if error.kind() == ErrorKind::Duplicate => {
            Some(if capabilities.insert_skips_duplicates {
                Ended::PassedOver
            } else {
                Ended::Refused
            })
        }
        Some(error) => is_refusal(error).then_some(Ended::Refused),
    }
}

impl<E: Entity> Work for InsertOne<E> {
    type Input = FilledRow;
    type Output = E;
    const WRITES: bool = true;

    fn most(capabilities: &Capabilities) -> usize {
        capabilities.max_parameters / E::table().columns.len().max(1)
    }

    /// A power of two; the others wait for the next statement.
    fn take(waiting: usize, most: usize) -> usize {
        plan::previous_power_of_two(waiting.min(most))
    }

    async fn run(lane: &Lane<Self>, db: &Database, mut batch: Batch<Self>) {
        // Fewer than were taken, when callers have given up meanwhile.
        let size = plan::previous_power_of_two(batch.calls.len());
        for call in batch.calls.drain(size.min(batch.calls.len())..) {
            call.send_alone();
        }
        let executor = Executor::Database(db.clone());
        if batch.calls.len() < 2 {
            for call in batch.calls {
                insert_one(lane, &executor, call).await;
            }
            return;
        }
        let options = batch.options();
        let calls = in_order(batch);
        let mut sink = Made::<E>::default();
        let rows = calls.iter().map(|(_, call)| call.input().1.clone());
        let sent = match Repository::<E>::table(&executor).insert_rows(rows.collect()) {
            Ok(statement) => send(db, statement, &mut sink, &options).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => hand_out(lane, db, calls, sink),
            Err(error) if is_refusal(&error) => {
                lane.note_batch(1, calls.len());
                calls.into_iter().for_each(|(_, call)| call.send_alone());
            }
            Err(error) => {
                for (_, call) in calls {
                    call.fail(error.clone());
                }
            }
        }
    }
}

async fn insert_one<E: Entity>(
    lane: &Lane<InsertOne<E>>,
    executor: &Executor,
    call: Call<InsertOne<E>>,
) {
    let options = call.options();
    let row = call.input().clone();
    let result = Repository::<E>::insert_one(executor, row, &options).await;
    let error = result.as_ref().err().map(|failed| &failed.error);
    if let Some(ended) = ended(executor.capabilities(), error) {
        lane.note(ended);
    }
    match result {
        Ok(row) => call.answer(Ok(row)),
        Err(failed) => call.fail(failed.error),
    }
}

/// Sends a batch, which is not kept waiting by somebody's lock.
async fn send(
    db: &Database,
    statement: Statement,
    sink: &mut dyn RowSink,
    options: &CallOptions,
) -> Result<()> {
    let batch = driver::Batch {
        statements: vec![statement],
        lock_wait: Some(LOCK_WAIT),
    };
    let deadline = options.deadline(db.statement_timeout());
    db.run_batch(batch, sink, deadline, options).await?;
    Ok(())
}

/// The rows that came back.
struct Made<E> {
    rows: Vec<(PlainKey, E)>,
    /// Why a row could not be read.
    unreadable: Option<Error>,
    /// Rows whose key nobody gave.
    strange: bool,
}

impl<E> Default for Made<E> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            unreadable: None,
            strange: false,
        }
    }
}

impl<E: Entity> RowSink for Made<E> {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        match E::from_row(row) {
            Ok(row) => match PlainKey::of_key(&row.key()) {
                Some(key) => self.rows.push((key, row)),
                None => self.strange = true,
            },
            // The row has been made all the same.
            Err(error) => self.unreadable = Some(error),
        }
        Ok(())
    }

    fn restart(&mut self) -> bool {
        *self = Self::default();
        true
    }
}

type Given<E> = (PlainKey, Call<InsertOne<E>>);

/// The calls in the order of their keys, so that two batches meet each other's rows in one order.
fn in_order<E: Entity>(batch: Batch<InsertOne<E>>) -> Vec<Given<E>> {
    let mut calls = Vec::with_capacity(batch.calls.len());
    for call in batch.calls {
        let (_, values) = call.input();
        let key = key::column(E::table()).and_then(|column| PlainKey::of(values.get(column)?));
        match key {
            Some(key) => calls.push((key, call)),
            None => call.send_alone(),
        }
    }
    calls.sort_by(|(a, _), (b, _)| a.cmp(b));
    calls
}

/// Gives each caller its row.
fn hand_out<E: Entity>(
    lane: &Lane<InsertOne<E>>,
    db: &Database,
    calls: Vec<Given<E>>,
    mut made: Made<E>,
) {
    made.rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut rows = made.rows.into_iter().peekable();
    let mut missing = Vec::new();
    let mut kept = 0;
    for (key, call) in calls {
        // Of two callers with one key, the row is the first one's: its values are compared by
        // nobody, but the second is refused by itself.
        while rows.next_if(|(other, _)| *other < key).is_some() {
            made.strange = true;
        }
        match rows.next_if(|(other, _)| *other == key) {
            Some((_, row)) => {
                kept += 1;
                call.answer(Ok(row));
            }
            None => missing.push(call),
        }
    }
    lane.note_batch(0, kept);
    let lost = made.unreadable.or_else(|| {
        let is_whole = !made.strange && rows.next().is_none();
        (!is_whole || !db.capabilities().insert_skips_duplicates).then(unmatched)
    });
    for call in missing {
        match &lost {
            // Passed over for a unique key: by itself it gets the refusal, or succeeds.
            None => {
                lane.note(Ended::PassedOver);
                call.send_alone();
            }
            Some(error) => call.answer(Err(error.clone().with_outcome(Outcome::Unknown))),
        }
    }
}

fn unmatched() -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "the engine did not return the row under the key it was given",
    )
    .with_hint("a trigger that changes keys needs no_coalesce()")
}
