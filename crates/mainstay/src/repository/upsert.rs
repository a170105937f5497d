//! Insert or update.

use super::create::nothing_returned;
use super::fill::FilledRow;
use super::foreign_key::{self, Attempt};
use super::handle::Repository;
use super::render::Table;
use crate::database::stale::{Touched, key_text};
use crate::database::{CallOptions, Executor, Request};
use crate::driver::row::Ignore;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::column::AnyColumn;
use crate::schema::filter::{Comparison, Condition};
use crate::schema::{Automatic, Entity, Insert, Key, TableModel};

impl<E: Entity> Repository<E> {
    /// Makes a row, or changes the row that has the same values in the unique columns `on` (the
    /// primary key when empty), and returns it as stored.
    ///
    /// A row that is changed keeps its key, its creation time, and every column that `row` does not
    /// give; its version goes up. A NULL in the unique columns, or a key that the database makes,
    /// is like no other: then a row is made.
    ///
    /// # Errors
    /// `UNSUPPORTED` when `on` is no unique key of the table, or when the engine cannot be told
    /// which unique key is meant (MariaDB, MySQL) and the table has another one the row might
    /// collide with; otherwise as [`create`](Self::create).
    #[track_caller]
    pub fn upsert<C>(&self, row: impl Insert<E> + 'static, on: C) -> Request<E>
    where
        C: IntoIterator<Item = AnyColumn<E>>,
    {
        let on: Vec<usize> = on.into_iter().map(|column| column.position()).collect();
        self.request(CallOptions::here(), move |executor, options| async move {
            let model = E::table();
            let target = if on.is_empty() {
                model.primary_key.to_vec()
            } else {
                on
            };
            let assignments = row.assignments();
            let key_given = model
                .primary_key
                .iter()
                .all(|k| assignments.iter().any(|a| a.column == *k));
            check_target(
                model,
                &target,
                key_given,
                executor.capabilities().upsert_target,
            )?;
            let given: Vec<usize> = assignments.iter().map(|a| a.column).collect();
            let row = Self::fill_insert(&executor, assignments)?;
            let mut touching = executor.touching(|| Touched::Table(model.name));
            if !is_whole(&row, &target) {
                let made = Self::insert_one(&executor, row, &options).await;
                return made.map_err(|failed| failed.error);
            }
            let updates = updated_columns(model, &given, &target);
            let row = Self::upsert_row(&executor, row, target, updates, &options).await?;
            touching.no_more_than(|| Touched::Row(model.name, key_text(&row.key().values())));
            Ok(row)
        })
    }

    async fn upsert_row(
        executor: &Executor,
        (columns, values): FilledRow,
        target: Vec<usize>,
        updates: Vec<usize>,
        options: &CallOptions,
    ) -> Result<E> {
        let pairs: Vec<_> = columns
            .iter()
            .copied()
            .zip(values.iter().cloned())
            .collect();
        let parts = pairs
            .iter()
            .filter(|(column, _)| target.contains(column))
            .map(|(column, value)| Condition::Compare {
                column: *column,
                comparison: Comparison::Equal,
                value: value.clone(),
            });
        let by_target = Condition::All(parts.collect());
        let table: Table<'_> = Self::table(executor);
        let result = if executor.capabilities().upsert_target {
            let statement = table.upsert(&columns, values, &target, &updates)?;
            executor
                .fetch(statement, |row| E::from_row(row), options)
                .await
                .and_then(|rows| rows.into_iter().next().ok_or_else(nothing_returned))
        } else {
            let (columns, values, target, updates) = (&columns, &values, &target, &updates);
            let by_target = &by_target;
            executor
                .atomically(options, |executor| async move {
                    let table = Self::table(&executor);
                    let statement = table.upsert(columns, values.clone(), target, updates)?;
                    executor.run(statement, &mut Ignore, options).await?;
                    Self::read_one(&executor, by_target.clone(), options).await
                })
                .await
        };
        match result {
            Ok(row) => Ok(row),
            Err(error) => {
                let attempt = Attempt::Write(&pairs);
                Err(foreign_key::name(executor, E::table(), error, attempt, options).await)
            }
        }
    }
}

/// Whether a row has a value in all target columns, without which it cannot be like another.
fn is_whole((columns, values): &FilledRow, target: &[usize]) -> bool {
    target.iter().all(|wanted| {
        let at = columns.iter().position(|column| column == wanted);
        at.is_some_and(|at| !values[at].is_null())
    })
}

/// The columns that an existing row takes over: those given, and the time of the change. A default
/// belongs to a new row and must not undo what an old one has. When there would be none, the target
/// itself, so that the statement still finds and returns the row.
fn updated_columns(model: &TableModel, given: &[usize], target: &[usize]) -> Vec<usize> {
    let taken_over = |column: usize| match model.columns[column].automatic {
        Automatic::UpdatedAt => true,
        Automatic::No => {
            given.contains(&column)
                && !target.contains(&column)
                && !model.primary_key.contains(&column)
        }
        Automatic::CreatedAt | Automatic::Version | Automatic::Uuid | Automatic::Identity => false,
    };
    let updates: Vec<_> = (0..model.columns.len())
        .filter(|column| taken_over(*column))
        .collect();
    if updates.is_empty() {
        target.to_vec()
    } else {
        updates
    }
}

fn check_target(
    model: &'static TableModel,
    target: &[usize],
    key_given: bool,
    engine_takes_target: bool,
) -> Result<()> {
    let names: Vec<_> = target
        .iter()
        .map(|column| model.columns[*column].name)
        .collect();
    let is_key = target == model.primary_key;
    if !is_key && !model.uniques.iter().any(|unique| unique.columns == names) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "({}) is no unique key, so an upsert cannot go by it",
                names.join(", ")
            ),
        )
        .with_table(model.name));
    }
    let other_keys = model.uniques.iter().filter(|unique| unique.columns != names).count()
        // A key that Mainstay makes anew collides with nothing.
        + usize::from(!is_key && key_given);
    if !engine_takes_target && other_keys > 0 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the engine cannot be told which unique key an upsert goes by, and the table has \
             another one",
        )
        .with_table(model.name)
        .with_hint("find the row for update in a transaction, then create or update it"));
    }
    Ok(())
}
