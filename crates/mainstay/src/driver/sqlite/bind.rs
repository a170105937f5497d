//! Values into SQLite, and back.

use std::borrow::Cow;

use rusqlite::Statement;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;
use crate::value::{Cell, Value};

/// A value as a parameter, borrowed.
pub(super) struct Bound<'a>(pub(super) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::I32(number) => ValueRef::Integer(i64::from(*number)),
            Value::I64(number) => ValueRef::Integer(*number),
            Value::F64(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            // Statements carry lowered values; what is not lowered is stored the same way.
            other => {
                return Ok(ToSqlOutput::Owned(
                    match Dialect::Sqlite.lower_parameter(other.clone()) {
                        Value::I64(number) => Stored::Integer(number),
                        Value::Text(text) => Stored::Text(text),
                        Value::Bytes(bytes) => Stored::Blob(bytes),
                        kept => {
                            return Err(rusqlite::Error::ToSqlConversionFailure(
                                format!("{} has no stored form", kept.type_name()).into(),
                            ));
                        }
                    },
                ));
            }
        }))
    }
}

/// Binds all values. The counts must agree: SQLite would take a missing one for NULL.
pub(super) fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<()> {
    let expected = statement.parameter_count();
    if expected != values.len() {
        return Err(Error::new(
            ErrorKind::Database,
            format!(
                "the statement has {expected} placeholders and {} values",
                values.len()
            ),
        )
        .with_prisma_code("P1016")
        .with_hint("give one value for each placeholder"));
    }
    for (index, value) in values.iter().enumerate() {
        statement
            .raw_bind_parameter(index + 1, Bound(value))
            .map_err(|error| super::classify::classify(&error))?;
    }
    Ok(())
}

/// A column where SQLite has it.
pub(super) fn borrow(column: ValueRef<'_>) -> Result<Cell<'_>> {
    Ok(match column {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::I64(number),
        ValueRef::Real(number) => Cell::F64(number),
        ValueRef::Text(text) => Cell::Text(Cow::Borrowed(match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => return Err(not_utf8()),
        })),
        ValueRef::Blob(bytes) => Cell::Bytes(Cow::Borrowed(bytes)),
    })
}

/// An owned copy of a column.
pub(super) fn read(column: ValueRef<'_>) -> Result<Value> {
    borrow(column).map(Cell::into_value)
}

#[cold]
fn not_utf8() -> Error {
    Error::new(ErrorKind::Decode, "stored text is not UTF-8")
        .with_hint("another program wrote it; read the column as CAST(... AS BLOB) to see it")
}

/// About how much memory a value takes beyond its slot.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}
