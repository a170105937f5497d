//! Making rows, one or many.
//!
//! Input is put into its normal form and validated before any database work, whoever calls.

use super::bulk::{self, Group};
use super::coalesce;
use super::fill::{self, FilledRow};
use super::foreign_key::{self, Attempt};
use super::handle::Repository;
use super::many;
use super::resolve::{self, Failed};
use crate::database::stale::{Touched, key_text};
use crate::database::{CallOptions, Executor, Request};
use crate::driver::row::Ignore;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Assignment, Entity, Insert, Key};
use crate::validate;
use crate::value::Value;

impl<E: Entity> Repository<E> {
    /// Makes a row and returns it as stored.
    ///
    /// The key, timestamps, version and defaults that are not given are filled in.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with all problems per field, `DUPLICATE_ENTRY` and `FOREIGN_KEY_ERROR`
    /// naming constraint and columns, and those of any statement.
    ///
    /// When the reply is lost and the key is one that Mainstay made, it is found out whether the
    /// row is there, and the call goes on as if the reply had come. Only where the database does
    /// not answer again within the call's time limit is the outcome unknown.
    #[track_caller]
    pub fn create(&self, row: impl Insert<E> + 'static) -> Request<E> {
        self.request(CallOptions::here(), move |executor, options| async move {
            let given = row.assignments();
            let makes_key = fill::makes_key(E::table(), &given);
            let row = Self::fill_insert(&executor, given)?;
            let options = executor.with_one_deadline(&options);
            let row = match coalesce::insert::<E>(&executor, row, &options).await {
                Ok(row) => row,
                Err(Failed {
                    error,
                    row: Some(row),
                }) if makes_key && resolve::is_lost(&executor, &error) => {
                    Self::settle_create(&executor, error, &row, &options).await?
                }
                Err(failed) => return Err(failed.error),
            };
            if executor.shared().stale.is_used() {
                // Another process may have deleted a row with this key.
                let key = key_text(&row.key().values());
                drop(executor.touching(|| Touched::Row(E::table().name, key)));
            }
            Ok(row)
        })
    }

    /// Makes many rows in one transaction, all or none, and says how many.
    ///
    /// Many rows go by the engine's own way to load them in bulk, where it has one
    /// ([`Capabilities::bulk_load`](crate::driver::Capabilities::bulk_load)); elsewhere by
    /// statements of many rows each. The UUID keys that are filled in go up in the order of the rows.
    ///
    /// # Errors
    /// As [`create`](Self::create); the first refused row ends the call and nothing is kept. When
    /// the reply is lost it is found out what became of the rows as long as the key of the first is
    /// one that Mainstay made.
    #[doc(alias = "createMany")]
    #[track_caller]
    pub fn create_many<I>(&self, rows: I) -> Request<u64>
    where
        I: IntoIterator,
        I::Item: Insert<E>,
    {
        // Collected here, so that the iterator need not be sent to another thread.
        let rows: Vec<_> = rows.into_iter().map(Insert::assignments).collect();
        self.request(CallOptions::here(), move |executor, options| async move {
            let makes_key = rows
                .first()
                .is_some_and(|row| fill::makes_key(E::table(), row));
            let deadline = options.deadline(executor.shared().timeouts.transaction);
            let (groups, made) = many::create::<E>(&executor, rows, &options).await;
            let made = match made {
                Err(error) if makes_key && resolve::is_lost(&executor, &error) => {
                    let options = CallOptions {
                        until: Some(deadline),
                        ..options
                    };
                    Self::settle_many(&executor, error, &groups, &options).await
                }
                result => result,
            };
            bulk::free(groups);
            made
        })
    }

    async fn settle_create(
        executor: &Executor,
        lost: Error,
        row: &FilledRow,
        options: &CallOptions,
    ) -> Result<E> {
        let again = |options| async move {
            let made = Self::insert_one(executor, row.clone(), &options).await;
            made.map_err(|failed| failed.error)
        };
        let read = |options| async move { Self::read_inserted(executor, row, &options).await };
        resolve::settle(executor, lost, options, again, read).await
    }

    /// All of the rows are there when the first is.
    async fn settle_many(
        executor: &Executor,
        lost: Error,
        groups: &[Group],
        options: &CallOptions,
    ) -> Result<u64> {
        let again = |options| async move { bulk::insert::<E>(executor, groups, &options).await };
        let read = |options| async move {
            let Some(row) = groups.first().and_then(Group::first) else {
                return Ok(None);
            };
            let found = Self::read_inserted(executor, &row, &options).await?;
            Ok(found.map(|_| bulk::count(groups)))
        };
        resolve::settle(executor, lost, options, again, read).await
    }

    pub(super) fn fill_insert(
        executor: &Executor,
        mut given: Vec<Assignment>,
    ) -> Result<FilledRow> {
        let shared = executor.shared();
        let now = shared.clock.now();
        validate::prepare_insert(E::table(), &mut given, now)?;
        fill::insert(E::table(), given, now, &*shared.entropy)
    }

    pub(super) async fn insert_one(
        executor: &Executor,
        (columns, values): FilledRow,
        options: &CallOptions,
    ) -> std::result::Result<E, Failed> {
        let pairs: Vec<_> = columns
            .iter()
            .copied()
            .zip(values.iter().cloned())
            .collect();
        let table = Self::table(executor);
        let result = if executor.capabilities().insert_returning {
            match table.insert_row(&columns, values, true) {
                Ok(statement) => executor
                    .fetch(statement, |row| E::from_row(row), options)
                    .await
                    .and_then(|rows| rows.into_iter().next().ok_or_else(nothing_returned)),
                Err(error) => Err(error),
            }
        } else {
            Self::insert_and_read(executor, &columns, values, options).await
        };
        match result {
            Ok(row) => Ok(row),
            Err(error) => {
                let attempt = Attempt::Write(&pairs);
                let error = foreign_key::name(executor, E::table(), error, attempt, options).await;
                let row = Some(pairs.into_iter().unzip());
                Err(Failed { error, row })
            }
        }
    }

    /// The row with the key of an insert.
    pub(super) async fn read_inserted(
        executor: &Executor,
        (columns, values): &FilledRow,
        options: &CallOptions,
    ) -> Result<Option<E>> {
        let at = |wanted: &usize| columns.iter().position(|column| column == wanted);
        let key = E::table().primary_key.iter();
        let key: Option<Vec<_>> = key.map(|c| at(c).map(|at| values[at].clone())).collect();
        let statement = Self::table(executor).select_by_key(key.ok_or_else(nothing_returned)?)?;
        let rows = executor.fetch(statement, |row| E::from_row(row), options);
        Ok(rows.await?.into_iter().next())
    }

    /// For engines whose INSERT returns nothing: the row is read in the same transaction.
    async fn insert_and_read(
        executor: &Executor,
        columns: &[usize],
        values: Vec<Value>,
        options: &CallOptions,
    ) -> Result<E> {
        executor
            .atomically(options, |executor| {
                let values = values.clone();
                async move {
                    let table = Self::table(&executor);
                    let mut key: Vec<Option<Value>> = E::table()
                        .primary_key
                        .iter()
                        .map(|wanted| {
                            let at = columns.iter().position(|column| column == wanted)?;
                            Some(values[at].clone())
                        })
                        .collect();
                    let statement = table.insert_row(columns, values, false)?;
                    let done = executor.run(statement, &mut Ignore, options).await?;
                    for part in &mut key {
                        if part.is_none() {
                            *part = done.last_insert_id.map(Value::I64);
                        }
                    }
                    let key = key.into_iter().collect::<Option<Vec<_>>>();
                    let condition = table.key_condition(key.ok_or_else(nothing_returned)?);
                    Self::read_one(&executor, condition, options).await
                }
            })
            .await
    }
}

pub(super) fn nothing_returned() -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "the engine did not return the row it was asked for",
    )
}
