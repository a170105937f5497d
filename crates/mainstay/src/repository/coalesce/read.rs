//! Reads by key, sent together: `SELECT ... WHERE key IN (...)`.

use std::marker::PhantomData;

use super::key::{self, PlainKey};
use crate::database::coalesce::call::is_refusal;
use crate::database::coalesce::{Batch, Call, Lane, Work, plan};
use crate::database::{Database, Executor};
use crate::driver::{Capabilities, Statement};
use crate::error::Result;
use crate::repository::Repository;
use crate::schema::Entity;
use crate::validate;

/// The reads by key of an entity.
pub(super) struct ReadByKey<E>(PhantomData<fn() -> E>);

impl<E: Entity> ReadByKey<E> {
    /// Whether the entity's reads can be joined.
    pub(super) fn serves() -> bool {
        key::column(E::table()).is_some()
    }
}

impl<E: Entity> Work for ReadByKey<E> {
    type Input = E::Key;
    type Output = Option<E>;
    const WRITES: bool = false;

    fn most(_: &Capabilities) -> usize {
        plan::MOST
    }

    /// Everybody: the list of keys is filled up to the next power of two.
    fn take(waiting: usize, most: usize) -> usize {
        waiting.min(most)
    }

    async fn run(_: &Lane<Self>, db: &Database, batch: Batch<Self>) {
        let options = batch.options();
        let calls = in_order(batch);
        if calls.is_empty() {
            return;
        }
        let executor = Executor::Database(db.clone());
        let read = async {
            let statement = statement::<E>(&executor, &calls)?;
            // A row that cannot be read is one caller's error, not that of all.
            executor
                .fetch(statement, |row| Ok(E::from_row(row).ok()), &options)
                .await
        };
        match read.await {
            Ok(rows) => hand_out(calls, rows),
            Err(error) if is_refusal(&error) => {
                calls.into_iter().for_each(|(_, call)| call.send_alone());
            }
            Err(error) => {
                for (_, call) in calls {
                    call.answer(Err(error.clone()));
                }
            }
        }
    }
}

type Wanted<E> = (PlainKey, Call<ReadByKey<E>>);

/// The calls in the order of their keys. One whose key no engine may be given gets its refusal by
/// itself.
fn in_order<E: Entity>(batch: Batch<ReadByKey<E>>) -> Vec<Wanted<E>> {
    let model = E::table();
    let mut calls = Vec::with_capacity(batch.calls.len());
    for call in batch.calls {
        match (key::column(model), PlainKey::of_key(call.input())) {
            (Some(column), Some(key))
                if validate::filter_value(model, column, &key.value()).is_ok() =>
            {
                calls.push((key, call));
            }
            _ => call.send_alone(),
        }
    }
    calls.sort_by(|(a, _), (b, _)| a.cmp(b));
    calls
}

fn statement<E: Entity>(executor: &Executor, calls: &[Wanted<E>]) -> Result<Statement> {
    let table = Repository::<E>::table(executor);
    let mut keys: Vec<_> = calls.iter().map(|(key, _)| key).collect();
    keys.dedup();
    let mut values: Vec<_> = keys.into_iter().map(PlainKey::value).collect();
    match (values.last().cloned(), key::column(E::table())) {
        (Some(last), Some(column)) if values.len() > 1 => {
            values.resize(values.len().next_power_of_two(), last);
            table.select_by_keys(column, values)
        }
        _ => table.select_by_key(values),
    }
}

/// Gives each caller its row. `None` is a row that could not be read.
fn hand_out<E: Entity>(calls: Vec<Wanted<E>>, rows: Vec<Option<E>>) {
    let mut all_known = true;
    let mut found: Vec<(PlainKey, Option<E>)> = Vec::with_capacity(rows.len());
    for row in rows {
        let key = row.as_ref().and_then(|row| PlainKey::of_key(&row.key()));
        match key {
            Some(key)
                if calls
                    .binary_search_by(|(wanted, _)| wanted.cmp(&key))
                    .is_ok() =>
            {
                found.push((key, row));
            }
            _ => all_known = false,
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut calls = calls.into_iter().peekable();
    while let Some((key, call)) = calls.next() {
        let wanted_again = calls.peek().is_some_and(|(next, _)| *next == key);
        match found.binary_search_by(|(found, _)| found.cmp(&key)) {
            Ok(at) if wanted_again => call.answer(Ok(found[at].1.clone())),
            Ok(at) => call.answer(Ok(found[at].1.take())),
            // A row that is nobody's may be this one's, under another spelling of its key.
            Err(_) if !all_known => call.send_alone(),
            Err(_) => call.answer(Ok(None)),
        }
    }
}
