//! Keyset cursors: where a page ended, as an opaque text. Pure.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::render::By;
use crate::error::{Error, FieldErrors, Result};
use crate::schema::TableModel;
use crate::schema::filter::{Comparison, Condition};
use crate::value::{ColumnType, Value, check};

/// The longest cursor accepted, in bytes: far more than any key, far less than an attack.
const LONGEST: usize = 8 * 1024;

/// Where a page ended. Opaque: to be handed back unchanged for the next page.
///
/// It holds the values the last row was ordered by, readable by whoever has it; it grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

#[derive(Serialize, Deserialize)]
struct Content {
    /// The table and order it was made for: `users+0-3`.
    o: String,
    /// The values, each as text.
    v: Vec<Option<String>>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// Takes any text; whether it is a cursor shows when it is used.
    fn from_str(text: &str) -> Result<Self> {
        if text.len() > LONGEST {
            Err(invalid())
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl Cursor {
    pub(super) fn encode(table: &TableModel, order: &[By], values: &[Value]) -> Self {
        let content = Content {
            o: signature(table, order),
            v: values.iter().map(value_to_text).collect(),
        };
        let json = serde_json::to_vec(&content).expect("a struct of texts is always valid JSON");
        Self(URL_SAFE_NO_PAD.encode(json))
    }

    pub(super) fn decode(&self, table: &TableModel, order: &[By]) -> Result<Vec<Value>> {
        // Read by serde, it has not been measured yet.
        if self.0.len() > LONGEST {
            return Err(invalid());
        }
        let json = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| invalid())?;
        let content: Content = serde_json::from_slice(&json).map_err(|_| invalid())?;
        if content.o != signature(table, order) || content.v.len() != order.len() {
            return Err(invalid());
        }
        content
            .v
            .into_iter()
            .zip(order)
            .map(|(text, by)| {
                let column = &table.columns[by.column];
                let value = match text {
                    None if column.nullable => Value::Null,
                    None => return Err(invalid()),
                    Some(text) => text_to_value(text, &column.ty).ok_or_else(invalid)?,
                };
                check::check_parameter(&value).map_err(|_| invalid())?;
                Ok(value)
            })
            .collect()
    }
}

fn invalid() -> Error {
    let mut fields = FieldErrors::new();
    fields.push("cursor", "Invalid cursor");
    Error::validation(fields)
}

/// What a cursor was made for: a table and an order of its columns.
fn signature(table: &TableModel, order: &[By]) -> String {
    let mut signature = table.name.to_owned();
    for by in order {
        signature.push(if by.descending { '-' } else { '+' });
        signature.push_str(&by.column.to_string());
    }
    signature
}

fn value_to_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(v) => v.to_string(),
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        // Rust prints the shortest text that reads back as the same double.
        Value::F64(v) => v.to_string(),
        Value::Decimal(v) => v.to_string(),
        Value::Text(v) => v.clone(),
        Value::Bytes(v) => URL_SAFE_NO_PAD.encode(v),
        Value::Uuid(v) => v.to_string(),
        Value::Instant(v) => v.to_rfc3339_opts(SecondsFormat::Micros, true),
        Value::Date(v) => v.to_string(),
        Value::Json(v) => v.to_string(),
    })
}

fn text_to_value(text: String, ty: &ColumnType) -> Option<Value> {
    Some(match ty {
        ColumnType::Bool => Value::Bool(text.parse().ok()?),
        ColumnType::I32 => Value::I32(text.parse().ok()?),
        ColumnType::I64 => Value::I64(text.parse().ok()?),
        ColumnType::F64 => Value::F64(text.parse().ok()?),
        ColumnType::Decimal { .. } => Value::Decimal(Decimal::from_str_exact(&text).ok()?),
        ColumnType::Text { .. } | ColumnType::Enum { .. } => Value::Text(text),
        ColumnType::Bytes => Value::Bytes(URL_SAFE_NO_PAD.decode(text).ok()?),
        ColumnType::Uuid => Value::Uuid(Uuid::try_parse(&text).ok()?),
        ColumnType::Instant => Value::Instant(
            DateTime::parse_from_rfc3339(&text)
                .ok()?
                .with_timezone(&Utc),
        ),
        ColumnType::Date => Value::Date(NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?),
        ColumnType::Json => return None,
    })
}

/// The condition that a row comes after the one with `values`, in the given order.
///
/// For columns a, b: `a > 1 OR (a = 1 AND b > 2)`. In front stands `a >= 1`, which follows from it
/// but is what lets an index find the place. NULL is smaller than every value.
pub(super) fn after(table: &TableModel, order: &[By], values: &[Value]) -> Condition {
    let mut branches = Vec::new();
    for (length, (by, value)) in order.iter().zip(values).enumerate() {
        let mut parts: Vec<Condition> = order
            .iter()
            .zip(values)
            .take(length)
            .map(|(by, value)| equal(*by, value))
            .collect();
        parts.push(beyond(table, *by, value));
        branches.push(Condition::All(parts));
    }
    let exact = Condition::Any(branches);
    match (order.first(), values.first()) {
        (Some(by), Some(value)) if !table.columns[by.column].nullable => {
            let comparison = if by.descending {
                Comparison::LessOrEqual
            } else {
                Comparison::GreaterOrEqual
            };
            let bound = Condition::Compare {
                column: by.column,
                comparison,
                value: value.clone(),
            };
            Condition::All(vec![bound, exact])
        }
        _ => exact,
    }
}

fn equal(by: By, value: &Value) -> Condition {
    if value.is_null() {
        return Condition::IsNull {
            column: by.column,
            negated: false,
        };
    }
    Condition::Compare {
        column: by.column,
        comparison: Comparison::Equal,
        value: value.clone(),
    }
}

fn beyond(table: &TableModel, by: By, value: &Value) -> Condition {
    let column = by.column;
    match (value.is_null(), by.descending) {
        (true, false) => Condition::IsNull {
            column,
            negated: true,
        },
        (true, true) => Condition::Any(Vec::new()),
        (false, false) => Condition::Compare {
            column,
            comparison: Comparison::Greater,
            value: value.clone(),
        },
        (false, true) => {
            let smaller = Condition::Compare {
                column,
                comparison: Comparison::Less,
                value: value.clone(),
            };
            if table.columns[column].nullable {
                Condition::Any(vec![
                    smaller,
                    Condition::IsNull {
                        column,
                        negated: false,
                    },
                ])
            } else {
                smaller
            }
        }
    }
}
