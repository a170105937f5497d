//! Changing and deleting rows.
//!
//! Input is put into its normal form and validated before any database work, whoever calls.

use super::Repository;
use super::fill;
use super::foreign_key::{self, Attempt};
use super::render::Table;
use crate::database::{CallOptions, Executor, Request};
use crate::driver::row::Ignore;
use crate::error::{Error, ErrorKind, Result, RetryClass};
use crate::schema::filter::{Comparison, Condition};
use crate::schema::{Assignment, Automatic, Change, Entity, Filter, Key, Patch};
use crate::validate;
use crate::value::Value;

impl<E: Entity> Repository<E> {
    /// Changes the row with a key and returns it as stored.
    ///
    /// `updated_at` and the version follow by themselves. When the patch says which version it
    /// expects and the row has another, nothing changes.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is no such row, `WRITE_CONFLICT` when it has another version, and as
    /// [`create`](Self::create).
    #[track_caller]
    pub fn update(&self, key: E::Key, patch: impl Patch<E> + 'static) -> Request<E> {
        self.request(CallOptions::here(), move |executor, options| async move {
            let expected = patch.expected_version();
            let assignments = Self::prepare_update(&executor, patch)?;
            if assignments.is_empty() {
                return Self::unchanged(&executor, &key, expected, &options).await;
            }
            Self::update_one(&executor, &key, assignments, expected, &options).await
        })
    }

    /// Deletes the row with a key and returns it as it was.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is no such row, `FOREIGN_KEY_ERROR` when other rows refer to it.
    #[track_caller]
    pub fn delete(&self, key: E::Key) -> Request<E> {
        self.request(CallOptions::here(), move |executor, options| async move {
            let condition = Self::table(&executor).key_condition(key.values());
            let result = Self::delete_one(&executor, &key, &condition, &options).await;
            match result {
                Ok(row) => Ok(row),
                Err(error) => {
                    let attempt = Attempt::Delete(&condition);
                    Err(foreign_key::name(&executor, E::table(), error, attempt, &options).await)
                }
            }
        })
    }

    /// Changes all rows that a filter matches and says how many.
    ///
    /// When the patch says which version it expects, rows of another version do not match.
    ///
    /// # Errors
    /// As [`update`](Self::update), without `NOT_FOUND`.
    #[doc(alias = "updateMany")]
    #[track_caller]
    pub fn update_many(&self, filter: Filter<E>, patch: impl Patch<E> + 'static) -> Request<u64> {
        self.request(CallOptions::here(), move |executor, options| async move {
            let condition = with_version::<E>(filter.condition, patch.expected_version());
            let filter = Filter::<E>::new(condition);
            let assignments = Self::prepare_update(&executor, patch)?;
            if assignments.is_empty() {
                return Self::count_rows(&executor, Some(&filter), &options).await;
            }
            let statement =
                Self::table(&executor).update(&assignments, Some(&filter.condition), false)?;
            match executor.run(statement, &mut Ignore, &options).await {
                Ok(done) => Ok(done.rows),
                Err(error) => {
                    let attempt = Attempt::Write(&given(&assignments));
                    Err(foreign_key::name(&executor, E::table(), error, attempt, &options).await)
                }
            }
        })
    }

    /// Deletes all rows that a filter matches and says how many.
    ///
    /// # Errors
    /// As [`delete`](Self::delete), without `NOT_FOUND`.
    #[doc(alias = "deleteMany")]
    #[track_caller]
    pub fn delete_many(&self, filter: Filter<E>) -> Request<u64> {
        self.request(CallOptions::here(), move |executor, options| async move {
            let statement = Self::table(&executor).delete(Some(&filter.condition), false)?;
            match executor.run(statement, &mut Ignore, &options).await {
                Ok(done) => Ok(done.rows),
                Err(error) => {
                    let attempt = Attempt::Delete(&filter.condition);
                    Err(foreign_key::name(&executor, E::table(), error, attempt, &options).await)
                }
            }
        })
    }

    fn prepare_update(executor: &Executor, patch: impl Patch<E>) -> Result<Vec<Assignment>> {
        let now = executor.shared().clock.now();
        let mut assignments = patch.assignments();
        validate::prepare(E::table(), &mut assignments, now)?;
        if !assignments.is_empty() {
            fill::update(E::table(), &mut assignments, now);
        }
        Ok(assignments)
    }

    pub(super) async fn read_one(
        executor: &Executor,
        condition: Condition,
        options: &CallOptions,
    ) -> Result<E> {
        let mut selection = super::render::Selection::whole(E::table());
        selection.condition = Some(condition);
        let statement = Self::table(executor).select(&selection)?;
        let rows = executor
            .fetch(statement, |row| E::from_row(row), options)
            .await?;
        rows.into_iter().next().ok_or_else(not_found::<E>)
    }

    async fn update_one(
        executor: &Executor,
        key: &E::Key,
        assignments: Vec<Assignment>,
        expected: Option<i64>,
        options: &CallOptions,
    ) -> Result<E> {
        let table = Self::table(executor);
        let by_key = table.key_condition(key.values());
        let condition = with_version::<E>(by_key.clone(), expected);
        let result = if executor.capabilities().update_returning {
            Self::update_returning(executor, &table, &assignments, &condition, options).await
        } else {
            let after = key_after::<E>(&table, key, &assignments);
            Self::update_and_read(executor, &assignments, &condition, &after, options).await
        };
        match result {
            Ok(Some(row)) => Ok(row),
            Ok(None) if expected.is_some() => {
                Err(Self::not_found_or_stale(executor, by_key, options).await)
            }
            Ok(None) => Err(not_found::<E>()),
            Err(error) => {
                let pairs = given(&assignments);
                let attempt = Attempt::Write(&pairs);
                Err(foreign_key::name(executor, E::table(), error, attempt, options).await)
            }
        }
    }

    async fn update_returning(
        executor: &Executor,
        table: &Table<'_>,
        assignments: &[Assignment],
        condition: &Condition,
        options: &CallOptions,
    ) -> Result<Option<E>> {
        let statement = table.update(assignments, Some(condition), true)?;
        let rows = executor
            .fetch(statement, |row| E::from_row(row), options)
            .await?;
        Ok(rows.into_iter().next())
    }

    /// For engines whose UPDATE returns nothing: the row is read in the same transaction.
    async fn update_and_read(
        executor: &Executor,
        assignments: &[Assignment],
        condition: &Condition,
        after: &Condition,
        options: &CallOptions,
    ) -> Result<Option<E>> {
        executor
            .atomically(options, |executor| async move {
                let statement =
                    Self::table(&executor).update(assignments, Some(condition), false)?;
                let done = executor.run(statement, &mut Ignore, options).await?;
                if done.rows == 0 {
                    return Ok(None);
                }
                Self::read_one(&executor, after.clone(), options)
                    .await
                    .map(Some)
            })
            .await
    }

    /// The answer to a patch that changes nothing: the row, if it has the version expected.
    async fn unchanged(
        executor: &Executor,
        key: &E::Key,
        expected: Option<i64>,
        options: &CallOptions,
    ) -> Result<E> {
        let by_key = Self::table(executor).key_condition(key.values());
        let condition = with_version::<E>(by_key.clone(), expected);
        match Self::read_one(executor, condition, options).await {
            Err(error) if expected.is_some() && error.kind() == ErrorKind::NotFound => {
                Err(Self::not_found_or_stale(executor, by_key, options).await)
            }
            result => result,
        }
    }

    async fn not_found_or_stale(
        executor: &Executor,
        by_key: Condition,
        options: &CallOptions,
    ) -> Error {
        match Self::read_one(executor, by_key, options).await {
            Ok(_) => Error::new(
                ErrorKind::WriteConflict,
                "the row has been changed since the version that was expected",
            )
            .with_table(E::table().name)
            .with_retry(RetryClass::Never)
            .with_hint("read the row again and decide anew"),
            Err(error) => error,
        }
    }

    async fn delete_one(
        executor: &Executor,
        key: &E::Key,
        condition: &Condition,
        options: &CallOptions,
    ) -> Result<E> {
        if executor.capabilities().delete_returning {
            let statement = Self::table(executor).delete(Some(condition), true)?;
            let rows = executor
                .fetch(statement, |row| E::from_row(row), options)
                .await?;
            return rows.into_iter().next().ok_or_else(not_found::<E>);
        }
        executor
            .atomically(options, |executor| async move {
                let found = Self::select_by_key(&executor, key, true, options).await?;
                let row = found.ok_or_else(not_found::<E>)?;
                let statement = Self::table(&executor).delete(Some(condition), false)?;
                executor.run(statement, &mut Ignore, options).await?;
                Ok(row)
            })
            .await
    }
}

/// A condition narrowed to rows of the version that the caller has seen, if it says which.
fn with_version<E: Entity>(condition: Condition, expected: Option<i64>) -> Condition {
    match (expected, E::table().automatic(Automatic::Version)) {
        (Some(version), Some((column, _))) => Condition::All(vec![
            condition,
            Condition::Compare {
                column,
                comparison: Comparison::Equal,
                value: Value::I64(version),
            },
        ]),
        _ => condition,
    }
}

/// The key of a row after a change, as a condition: a patch may give it another.
fn key_after<E: Entity>(table: &Table<'_>, key: &E::Key, assignments: &[Assignment]) -> Condition {
    let mut values = key.values();
    for (value, column) in values.iter_mut().zip(E::table().primary_key) {
        let set = assignments.iter().find(|a| a.column == *column);
        if let Some(Change::Set(new)) = set.map(|assignment| &assignment.change) {
            *value = new.clone();
        }
    }
    table.key_condition(values)
}

/// The columns that assignments give a known value.
fn given(assignments: &[Assignment]) -> Vec<(usize, Value)> {
    assignments
        .iter()
        .filter_map(|assignment| match &assignment.change {
            Change::Set(value) => Some((assignment.column, value.clone())),
            Change::Add(_) => None,
        })
        .collect()
}

pub(super) fn not_found<E: Entity>() -> Error {
    let key: Vec<_> = E::table().key_columns().map(|column| column.name).collect();
    Error::new(
        ErrorKind::NotFound,
        format!("no row has this {}", key.join(", ")),
    )
    .with_table(E::table().name)
}
