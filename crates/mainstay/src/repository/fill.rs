//! What Mainstay adds to a write: keys, timestamps, version, defaults. Pure.

use chrono::{DateTime, Utc};
use uuid::Uuid;

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
    let mut columns = Vec::with_capacity(table.columns.len());
    let mut key = || uuid_v7(now, entropy);
    let values = insert_many(table, given, now, &mut key, &mut columns)?;
    Ok((columns, values))
}

/// The same for one of many rows, whose key comes from `key`, and which leaves the positions in
/// `columns`.
pub(super) fn insert_many(
    table: &TableModel,
    given: Vec<Assignment>,
    now: DateTime<Utc>,
    key: &mut dyn FnMut() -> Uuid,
    columns: &mut Vec<usize>,
) -> Result<Vec<Value>> {
    let mut given = Given { given, next: 0 };
    columns.clear();
    let mut values = Vec::with_capacity(table.columns.len());
    for (position, column) in table.columns.iter().enumerate() {
        let value = given.take(position);
        let value = match (value, column.automatic) {
            (Some(value), _) => value,
            (None, Automatic::Identity) => continue,
            (None, Automatic::Uuid) => Value::Uuid(key()),
            (None, Automatic::CreatedAt | Automatic::UpdatedAt) => Value::Instant(now),
            (None, Automatic::Version) => integer(column, 1),
            (None, Automatic::No) => match &column.default {
                Some(default) => default.value(&column.ty)?,
                None => Value::Null,
            },
        };
        columns.push(position);
        values.push(value);
    }
    Ok(values)
}

/// What is given, taken by column. Most often it is in the order of the columns.
struct Given {
    given: Vec<Assignment>,
    next: usize,
}

impl Given {
    fn take(&mut self, column: usize) -> Option<Value> {
        let at = match self.given.get(self.next) {
            Some(next) if next.column == column => self.next,
            _ => self.given.iter().position(|a| a.column == column)?,
        };
        self.next = at + 1;
        match &mut self.given[at].change {
            Change::Set(value) => Some(std::mem::replace(value, Value::Null)),
            Change::Add(_) => None,
        }
    }
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

/// Whether [`insert`] makes the key, all of it: one that is nobody else's.
pub(super) fn makes_key(table: &TableModel, given: &[Assignment]) -> bool {
    let [key] = table.primary_key else {
        return false;
    };
    table.columns[*key].automatic == Automatic::Uuid && !given.iter().any(|a| a.column == *key)
}

fn integer(column: &ColumnModel, number: i64) -> Value {
    match (column.ty, i32::try_from(number)) {
        (ColumnType::I32, Ok(number)) => Value::I32(number),
        _ => Value::I64(number),
    }
}
