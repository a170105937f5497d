//! Keys that rows are matched to callers by: those of one column whose values are equal exactly
//! when the engine says so, on every engine.

use uuid::Uuid;

use crate::schema::{Key, TableModel};
use crate::value::{ColumnType, Value};

/// A key of one column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PlainKey {
    I32(i32),
    I64(i64),
    Uuid(Uuid),
    /// Compared by code point, as on every engine.
    Text(String),
}

impl PlainKey {
    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::I32(number) => Self::I32(*number),
            Value::I64(number) => Self::I64(*number),
            Value::Uuid(id) => Self::Uuid(*id),
            Value::Text(text) => Self::Text(text.clone()),
            _ => return None,
        })
    }

    /// The plain key of a key type's value.
    pub(super) fn of_key(key: &impl Key) -> Option<Self> {
        match key.values().as_slice() {
            [value] => Self::of(value),
            _ => None,
        }
    }

    pub(super) fn value(&self) -> Value {
        match self {
            Self::I32(number) => Value::I32(*number),
            Self::I64(number) => Value::I64(*number),
            Self::Uuid(id) => Value::Uuid(*id),
            Self::Text(text) => Value::Text(text.clone()),
        }
    }
}

/// The position of a table's key column, if its keys are plain.
pub(super) fn column(model: &TableModel) -> Option<usize> {
    let &[position] = model.primary_key else {
        return None;
    };
    matches!(
        model.columns[position].ty,
        ColumnType::I32 | ColumnType::I64 | ColumnType::Uuid | ColumnType::Text { .. }
    )
    .then_some(position)
}
