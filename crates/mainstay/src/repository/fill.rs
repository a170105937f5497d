//! What Mainstay adds to a write: keys, timestamps, version, defaults. Pure.

use chrono::{DateTime, Utc};

use crate::entropy::{Entropy, uuid_v7};
use crate::schema::{Assignment, Automatic, Change, ColumnModel, DefaultValue, TableModel};
use crate::value::{ColumnType, Value};

/// A row ready to be inserted: positions of columns and their values, in column order.
pub(super) type FilledRow = (Vec<usize>, Vec<Value>);

/// Completes an insert that has been validated. A key made by the database stays out.
pub(super) fn insert(
    table: &TableModel,
    given: Vec<Assignment>,
    now: DateTime<Utc>,
    entropy: &dyn Entropy,
) -> FilledRow {
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
            (None, Automatic::No) => default(column),
        };
        row.0.push(position);
        row.1.push(value);
    }
    row
}

/// Completes an update that has been validated: the instant of the change and the next version,
/// unless they are given.
pub(super) fn update(table: &TableModel, given: &mut Vec<Assignment>, now: DateTime<Utc>) {
    let is_given =
        |given: &[Assignment], position| given.iter().any(|a: &Assignment| a.column == position);
    if let Some((position, _)) = table.automatic(Automatic::UpdatedAt) {
        if !is_given(given, position) {
            given.push(Assignment::set(position, Value::Instant(now)));
        }
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

fn default(column: &ColumnModel) -> Value {
    match column.default {
        None | Some(DefaultValue::Null) => Value::Null,
        Some(DefaultValue::Bool(value)) => Value::Bool(value),
        Some(DefaultValue::Int(value)) => match column.ty {
            ColumnType::Decimal { .. } => Value::Decimal(value.into()),
            ColumnType::F64 => Value::F64(value as f64),
            _ => integer(column, value),
        },
        Some(DefaultValue::Float(value)) => Value::F64(value),
        Some(DefaultValue::Text(value)) => Value::Text(value.to_owned()),
        // The derive has parsed the text; were it wrong, the column's own check would refuse it.
        Some(DefaultValue::Json(text)) => {
            serde_json::from_str(text).map_or_else(|_| Value::Text(text.to_owned()), Value::Json)
        }
    }
}
