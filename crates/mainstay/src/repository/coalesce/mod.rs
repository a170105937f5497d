//! Concurrent reads by key, and inserts of one row, of one entity, sent as one statement.
//!
//! Who may wait for whom is the business of the [lanes](crate::database::coalesce); here is what a
//! batch is in SQL and how each caller gets its own answer from it.
//!
//! - `mod.rs`: which calls are joined; everything else goes its usual way
//! - `read`: reads by key
//! - `insert`: inserts of one row
//! - `key`: keys that rows are matched to callers by

mod insert;
mod key;
mod read;

use insert::InsertOne;
use read::ReadByKey;

use super::fill::FilledRow;
use super::handle::Repository;
use super::resolve::Failed;
use crate::database::coalesce::{Entered, Work};
use crate::database::{CallOptions, Database, Executor};
use crate::error::Result;
use crate::schema::Entity;

/// The row with a key, or `None`.
pub(super) async fn find_by_key<E: Entity>(
    executor: &Executor,
    key: E::Key,
    options: &CallOptions,
) -> Result<Option<E>> {
    let Some(db) = joining(executor, options).filter(|_| ReadByKey::<E>::serves()) else {
        return Repository::<E>::select_by_key(executor, &key, false, options).await;
    };
    let options = with_one_deadline(db, options);
    match enter::<ReadByKey<E>>(db, key, &options).await {
        Entered::Done(result) => result,
        Entered::Lost(_, error) => Err(error),
        Entered::Alone(key, _ticket) => {
            Repository::<E>::select_by_key(executor, &key, false, &options).await
        }
    }
}

/// Makes a row.
pub(super) async fn insert<E: Entity>(
    executor: &Executor,
    row: FilledRow,
    options: &CallOptions,
) -> std::result::Result<E, Failed> {
    let joining = joining(executor, options);
    let Some(db) = joining.filter(|db| InsertOne::<E>::serves(db.capabilities(), &row)) else {
        return Repository::<E>::insert_one(executor, row, options).await;
    };
    let options = with_one_deadline(db, options);
    match enter::<InsertOne<E>>(db, row, &options).await {
        Entered::Done(result) => result.map_err(|error| Failed { error, row: None }),
        Entered::Lost(row, error) => {
            let row = Some(row);
            Err(Failed { error, row })
        }
        Entered::Alone(row, ticket) => {
            let result = Repository::<E>::insert_one(executor, row, &options).await;
            let error = result.as_ref().err().map(|failed| &failed.error);
            if let Some(ended) = insert::ended(db.capabilities(), error) {
                ticket.note(ended);
            }
            result
        }
    }
}

/// The handle, if the call may be joined with others. Those of a transaction never are, nor is one
/// that may not be tried again: what becomes of a statement that several share is one for all.
fn joining<'a>(executor: &'a Executor, options: &CallOptions) -> Option<&'a Database> {
    match executor {
        Executor::Database(db) if options.coalesce && options.retry && db.coalesces() => Some(db),
        _ => None,
    }
}

/// The call's own limit, counted from now: waiting for others is part of it.
fn with_one_deadline(db: &Database, options: &CallOptions) -> CallOptions {
    CallOptions {
        until: Some(options.deadline(db.statement_timeout())),
        ..*options
    }
}

async fn enter<W: Work>(db: &Database, input: W::Input, options: &CallOptions) -> Entered<W> {
    let deadline = options.deadline(db.statement_timeout());
    db.lane::<W>().enter(input, deadline, options).await
}
