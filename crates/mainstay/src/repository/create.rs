//! Making rows, one or many.
//!
//! Input is put into its normal form and validated before any database work, whoever calls.

use super::Repository;
use super::fill::{self, FilledRow};
use super::foreign_key::{self, Attempt};
use crate::database::{CallOptions, Executor, Request};
use crate::driver::row::Ignore;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Assignment, Entity, Insert};
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
    #[track_caller]
    pub fn create(&self, row: impl Insert<E> + 'static) -> Request<E> {
        self.request(CallOptions::here(), move |executor, options| async move {
            let row = Self::fill_insert(&executor, row.assignments())?;
            Self::insert_one(&executor, row, &options).await
        })
    }

    /// Makes many rows in one transaction, all or none, and says how many.
    ///
    /// Statements carry as many rows as the engine's parameter limit allows.
    ///
    /// # Errors
    /// As [`create`](Self::create); the first refused row ends the call and nothing is kept.
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
            let rows = rows
                .into_iter()
                .map(|row| Self::fill_insert(&executor, row))
                .collect::<Result<Vec<_>>>()?;
            Self::insert_all(&executor, rows, &options).await
        })
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
    ) -> Result<E> {
        let pairs: Vec<_> = columns
            .iter()
            .copied()
            .zip(values.iter().cloned())
            .collect();
        let table = Self::table(executor);
        let result = if executor.capabilities().insert_returning {
            let statement = table.insert(&columns, vec![values], true)?;
            executor
                .fetch(statement, |row| E::from_row(row), options)
                .await
                .and_then(|rows| rows.into_iter().next().ok_or_else(nothing_returned))
        } else {
            Self::insert_and_read(executor, &columns, values, options).await
        };
        match result {
            Ok(row) => Ok(row),
            Err(error) => {
                let attempt = Attempt::Write(&pairs);
                Err(foreign_key::name(executor, E::table(), error, attempt, options).await)
            }
        }
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
                    let statement = table.insert(columns, vec![values], false)?;
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

    async fn insert_all(
        executor: &Executor,
        rows: Vec<FilledRow>,
        options: &CallOptions,
    ) -> Result<u64> {
        let most = executor.capabilities().max_parameters / E::table().columns.len().max(1);
        let chunks = chunks_of_equal_columns(rows, most.clamp(1, 1000));
        if chunks.is_empty() {
            return Ok(0);
        }
        let chunks = &chunks;
        executor
            .atomically(options, |executor| async move {
                let mut total = 0;
                for (columns, rows) in chunks {
                    let statement = Self::table(&executor).insert(columns, rows.clone(), false)?;
                    match executor.run(statement, &mut Ignore, options).await {
                        Ok(done) => total += done.rows,
                        Err(error) => {
                            let chunk = (columns.as_slice(), rows.as_slice());
                            return Err(foreign_key::name_among(
                                &executor,
                                E::table(),
                                error,
                                chunk,
                                options,
                            )
                            .await);
                        }
                    }
                }
                Ok(total)
            })
            .await
    }
}

/// Rows that give the same columns, up to `most` at a time, in their order.
fn chunks_of_equal_columns(
    rows: Vec<FilledRow>,
    most: usize,
) -> Vec<(Vec<usize>, Vec<Vec<Value>>)> {
    let mut chunks: Vec<(Vec<usize>, Vec<Vec<Value>>)> = Vec::new();
    for (columns, values) in rows {
        match chunks.last_mut() {
            Some((same, chunk)) if *same == columns && chunk.len() < most => chunk.push(values),
            _ => chunks.push((columns, vec![values])),
        }
    }
    chunks
}

pub(super) fn nothing_returned() -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "the engine did not return the row it was asked for",
    )
}
