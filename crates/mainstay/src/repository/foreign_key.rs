//! Names the foreign key that refused a write, where the engine does not (SQLite).
//!
//! The model knows the foreign keys and the write knows its values, so a few reads find the one
//! that does not hold. They run after the fact: were the parent made in the meantime, no
//! constraint is named, which is true as well.

use super::handle::table;
use super::render::Selection;
use crate::database::{CallOptions, Executor};
use crate::driver::Row;
use crate::driver::Statement;
use crate::driver::row::Collect;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::filter::{Comparison, Condition};
use crate::schema::{ForeignKeyModel, OnDelete, TableModel};
use crate::value::Value;

/// What was refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attempt<'a> {
    /// An insert or update with these values.
    Write(&'a [(usize, Value)]),
    /// A delete of the rows that match.
    Delete(&'a Condition),
}

/// The error with its constraint named, if it is a foreign key's and lacks the name.
pub(super) async fn name(
    executor: &Executor,
    model: &'static TableModel,
    error: Error,
    attempt: Attempt<'_>,
    options: &CallOptions,
) -> Error {
    if !lacks_name(executor, &error) {
        return error;
    }
    let found = match attempt {
        Attempt::Write(values) => violated_by_write(executor, model, values, options).await,
        Attempt::Delete(condition) => violated_by_delete(executor, model, condition, options).await,
    };
    match found {
        Ok(Some((table, key))) => {
            let named = error.with_table(table.name).with_constraint(key.name);
            executor.shared().schema.explain(named)
        }
        // The first error is the one that matters.
        Ok(None) | Err(_) => error,
    }
}

/// The same for an insert of many rows: the first row that refers to nothing names the key.
pub(super) async fn name_among(
    executor: &Executor,
    model: &'static TableModel,
    mut error: Error,
    (columns, rows): (&[usize], &[Vec<Value>]),
    options: &CallOptions,
) -> Error {
    for row in rows {
        if !lacks_name(executor, &error) {
            break;
        }
        let pairs: Vec<_> = columns.iter().copied().zip(row.iter().cloned()).collect();
        error = name(executor, model, error, Attempt::Write(&pairs), options).await;
    }
    error
}

fn lacks_name(executor: &Executor, error: &Error) -> bool {
    error.kind() == ErrorKind::ForeignKey
        && error.constraint().is_none()
        && !executor.capabilities().names_foreign_keys
}

type Found = Option<(&'static TableModel, &'static ForeignKeyModel)>;

async fn violated_by_write(
    executor: &Executor,
    model: &'static TableModel,
    values: &[(usize, Value)],
    options: &CallOptions,
) -> Result<Found> {
    for key in model.foreign_keys {
        let given: Option<Vec<&Value>> = key
            .columns
            .iter()
            .map(|name| {
                let (position, _) = model.column(name)?;
                let (_, value) = values.iter().find(|(column, _)| *column == position)?;
                (!value.is_null()).then_some(value)
            })
            .collect();
        // A key with a NULL refers to nothing; one that was not written was not violated.
        let Some(given) = given else { continue };
        let Some(parent) = executor.shared().schema.table(key.references) else {
            continue;
        };
        let Some(condition) = matching(parent, key.referenced_columns, &given) else {
            continue;
        };
        if !any(
            executor,
            table(executor, parent).exists(Some(&condition))?,
            options,
        )
        .await?
        {
            return Ok(Some((model, key)));
        }
    }
    Ok(None)
}

async fn violated_by_delete(
    executor: &Executor,
    model: &'static TableModel,
    condition: &Condition,
    options: &CallOptions,
) -> Result<Found> {
    let schema = executor.shared().schema.clone();
    for (child, key) in schema.referring_to(model.name) {
        if key.on_delete != OnDelete::Restrict {
            continue;
        }
        let columns: Option<Vec<usize>> = key
            .referenced_columns
            .iter()
            .map(|name| Some(model.column(name)?.0))
            .collect();
        let Some(columns) = columns else { continue };
        let mut selection = Selection::whole(model);
        selection.columns = columns;
        selection.condition = Some(condition.clone());
        selection.take = Some(100);
        let statement = table(executor, model).select(&selection)?;
        for row in read(executor, statement, |row| row.to_owned(), options).await? {
            let given: Vec<&Value> = row.values.iter().collect();
            let Some(referring) = matching_stored(child, key.columns, &given) else {
                continue;
            };
            if any(
                executor,
                table(executor, child).exists(Some(&referring))?,
                options,
            )
            .await?
            {
                return Ok(Some((child, key)));
            }
        }
    }
    Ok(None)
}

fn matching(model: &TableModel, columns: &[&str], values: &[&Value]) -> Option<Condition> {
    let parts = columns.iter().zip(values).map(|(name, value)| {
        Some(Condition::Compare {
            column: model.column(name)?.0,
            comparison: Comparison::Equal,
            value: (*value).clone(),
        })
    });
    Some(Condition::All(parts.collect::<Option<Vec<_>>>()?))
}

/// As [`matching`], for values as they are stored.
fn matching_stored(model: &TableModel, columns: &[&str], values: &[&Value]) -> Option<Condition> {
    let parts = columns.iter().zip(values).map(|(name, value)| {
        Some(Condition::Stored {
            column: model.column(name)?.0,
            value: (*value).clone(),
        })
    });
    Some(Condition::All(parts.collect::<Option<Vec<_>>>()?))
}

async fn any(executor: &Executor, statement: Statement, options: &CallOptions) -> Result<bool> {
    Ok(!read(executor, statement, |_| Ok(()), options)
        .await?
        .is_empty())
}

/// Reads within the transaction if there is one, although the error has poisoned it.
async fn read<T: Send>(
    executor: &Executor,
    statement: Statement,
    with: impl FnMut(&Row<'_>) -> Result<T> + Send,
    options: &CallOptions,
) -> Result<Vec<T>> {
    let mut sink = Collect::new(with);
    match executor {
        Executor::Database(db) => db.run(statement, &mut sink, options).await?,
        Executor::Transaction(tx) => tx.run_diagnosis(statement, &mut sink, options).await?,
        Executor::Exclusive(held) => held.run(statement, &mut sink, options).await?,
    };
    Ok(sink.items)
}
