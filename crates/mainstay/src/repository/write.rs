//! Changing and deleting rows.
//!
//! Input is put into its normal form and validated before any database work, whoever calls.

use super::fill;
use super::foreign_key::{self, Attempt};
use super::handle::Repository;
use crate::database::stale::{Touched, key_text};
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
            let _touching =
                executor.touching(|| Touched::Row(E::table().name, key_text(&key.values())));
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
            let _touching =
                executor.touching(|| Touched::Deleted(E::table().name, key_text(&key.values())));
            let result = Self::delete_one(&executor, &key, &options).await;
            match result {
                Ok(row) => Ok(row),
                Err(error) => {
                    let condition = Self::table(&executor).key_condition(key.values());
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
            let statement = Self::table(&executor).update_where(&assignments, &filter.condition)?;
            let _touching = executor.touching(|| Touched::Table(E::table().name));
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
            let statement = Self::table(&executor).delete_where(&filter.condition)?;
            let _touching = executor.touching(|| Touched::DeletedFrom(E::table().name));
            match executor.run(statement, &mut Ignore, &options).await {
                Ok(done) => Ok(done.rows),
                Err(error) => {
                    let attempt = Attempt::Delete(&filter.condition);
                    Err(foreign_key::name(&executor, E::table(), error, attempt, &options).await)
                }
            }
        })
    }

    pub(super) fn prepare_update(
        executor: &Executor,
        patch: impl Patch<E>,
    ) -> Result<Vec<Assignment>> {
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
        let result = if executor.capabilities().update_returning {
            let statement = table.update_by_key(&assignments, key.values(), expected, true)?;
            let rows = executor.fetch(statement, |row| E::from_row(row), options);
            rows.await.map(|rows| rows.into_iter().next())
        } else {
            Self::update_and_read(executor, key, &assignments, expected, options).await
        };
        match result {
            Ok(Some(row)) => Ok(row),
            Ok(None) if expected.is_some() => {
                let by_key = table.key_condition(key.values());
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

    /// For engines whose UPDATE returns nothing: the row is read in the same transaction.
    async fn update_and_read(
        executor: &Executor,
        key: &E::Key,
        assignments: &[Assignment],
        expected: Option<i64>,
        options: &CallOptions,
    ) -> Result<Option<E>> {
        executor
            .atomically(options, |executor| async move {
                let table = Self::table(&executor);
                let statement = table.update_by_key(assignments, key.values(), expected, false)?;
                let done = executor.run(statement, &mut Ignore, options).await?;
                if done.rows == 0 {
                    return Ok(None);
                }
                let statement = table.select_by_key(key_after::<E>(key, assignments))?;
                let rows = executor.fetch(statement, |row| E::from_row(row), options);
                Ok(rows.await?.into_iter().next())
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

    async fn delete_one(executor: &Executor, key: &E::Key, options: &CallOptions) -> Result<E> {
        if executor.capabilities().delete_returning {
            let statement = Self::table(executor).delete_by_key(key.values(), true)?;
            let rows = executor
                .fetch(statement, |row| E::from_row(row), options)
                .await?;
            return rows.into_iter().next().ok_or_else(not_found::<E>);
        }
        executor
            .atomically(options, |executor| async move {
                let found = Self::select_by_key(&executor, key, true, options).await?;
                let row = found.ok_or_else(not_found::<E>)?;
                let statement = Self::table(&executor).delete_by_key(key.values(), false)?;
                executor.run(statement, &mut Ignore, options).await?;
                Ok(row)
            })
            .await
    }
}

/// A condition narrowed to rows of the version that the caller has seen, if it says which.
pub(super) fn with_version<E: Entity>(condition: Condition, expected: Option<i64>) -> Condition {
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

/// The key of a row after a change: a patch may give it another.
fn key_after<E: Entity>(key: &E::Key, assignments: &[Assignment]) -> Vec<Value> {
    let mut values = key.values();
    for (value, column) in values.iter_mut().zip(E::table().primary_key) {
        let set = assignments.iter().find(|a| a.column == *column);
        if let Some(Change::Set(new)) = set.map(|assignment| &assignment.change) {
            *value = new.clone();
        }
    }
    values
}

/// The columns that assignments give a known value.
pub(super) fn given(assignments: &[Assignment]) -> Vec<(usize, Value)> {
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
