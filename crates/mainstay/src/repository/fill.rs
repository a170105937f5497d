//! What Mainstay adds to a write: keys, timestamps, version, defaults. Pure.

use chrono::{DateTime, Utc};

use crate::entropy::{Entropy, uuid_v7};
use crate::error::Result;
use crate::schema::{Assignment, Automatic, Change, ColumnModel, TableModel};
use crate::value::{ColumnType, Value};

/// A row ready to be inserted: positions of columns and their values, in column order.
pub(super) type FilledRow = (Vec<usize>, Vec<Value>);

/// Completes an insert that has been validated. A key made by the database stays out.
///
/// # Errors
/// `CONFIGURATION_ERROR` for a default that does not fit its column.
pub(super) fn insert(
    table: &TableModel,
    given: Vec<Assignment>,
    now: DateTime<Utc>,
    entropy: &dyn Entropy,
) -> Result<FilledRow> {
    let mut values: Vec<Option<Value>> = vec![None; table.columns.len()];
    for assignment in given {
        if let Change::Set(value) = assignment.change {
            values[assignment.column] = Some(value);
        }
    }
    let mut row = FilledRow::default();
    for (position, (column, value)) in table.columns.iter().zip(values).enumerate() {
        let value = match (value, column.automatic) {
            (Some(value), _) => value,
            (None, Automatic::Identity) => continue,
            (None, Automatic::Uuid) => Value::Uuid(uuid_v7(now, entropy)),
            (None, Automatic::CreatedAt | Automatic::UpdatedAt) => Value::Instant(now),
            (None, Automatic::Version) => integer(column, 1),
            (None, Automatic::No) => match &column.default {
                Some(default) => default.value(&column.ty)?,
                None => Value::Null,
            },
        };
        row.0.push(position);
        row.1.push(value);
    }
    Ok(row)
}

/// Completes an update that has been validated: the instant of the change and the next version,
/// unless they are given.
pub(super) fn update(table: &TableModel, given: &mut Vec<Assignment>, now: DateTime<Utc>) {
    let is_given =
        |given: &[Assignment], position| given.iter().any(|a: &Assignment| a.column == position);
    if let Some((position, _)) = table.automatic(Automatic::UpdatedAt)
        && !is_given(given, position)
    {
        given.push(Assignment::set(position, Value::Instant(now)));
    }
    if let Some((position, column)) = table.automatic(Automatic::Version) {
        given.retain(|assignment| assignment.column != position);
        given.push(Assignment {
            column: position,
            change: Change::Add(integer(column, 1)),
        });
    }
}

fn integer(column: &ColumnModel, number: i64) -> Value {
    match (column.ty, i32::try_from(number)) {
        (ColumnType::I32, Ok(number)) => Value::I32(number),
        _ => Value::I64(number),
    }
}
