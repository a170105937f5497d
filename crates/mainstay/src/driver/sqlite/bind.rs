//! Values into SQLite, and back.

use rusqlite::Statement;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;
use crate::value::Value;

/// A value as a parameter, borrowed.
struct Bound<'a>(&'a Value);

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

/// An owned copy of a column.
pub(super) fn read(column: ValueRef<'_>) -> Result<Value> {
    Ok(match column {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::I64(number),
        ValueRef::Real(number) => Value::F64(number),
        ValueRef::Text(text) => Value::Text(
            std::str::from_utf8(text)
                .map_err(|_| {
                    Error::new(ErrorKind::Decode, "stored text is not UTF-8").with_hint(
                        "another program wrote it; read the column as CAST(... AS BLOB) to see it",
                    )
                })?
                .to_owned(),
        ),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

/// About how much memory a value takes beyond its slot.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}
