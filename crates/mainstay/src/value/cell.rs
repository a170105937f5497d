//! A borrowed value as a driver hands it over, before it becomes a Rust type.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::Value;

/// One column of one row, borrowed from the driver.
///
/// Drivers give the closest native form; [`FromCell`](super::FromCell) accepts every form that an
/// engine uses for a type (a UUID arrives as `Uuid`, as `Text` or as 16 `Bytes`).
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// SQL NULL.
    Null,
    /// A native truth value.
    Bool(bool),
    /// Any integer.
    I64(i64),
    /// A double.
    F64(f64),
    /// A native decimal.
    Decimal(Decimal),
    /// Text of any kind, JSON as text included.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// A native UUID.
    Uuid(Uuid),
    /// A native instant.
    Instant(DateTime<Utc>),
    /// A native date.
    Date(NaiveDate),
    /// A native JSON document.
    Json(serde_json::Value),
}

impl Cell<'_> {
    /// The cell's form in words, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::I64(_) => "integer",
            Self::F64(_) => "double",
            Self::Decimal(_) => "decimal",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "uuid",
            Self::Instant(_) => "instant",
            Self::Date(_) => "date",
            Self::Json(_) => "json",
        }
    }

    /// The same as an owned value.
    pub fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(v) => Value::Bool(v),
            Self::I64(v) => Value::I64(v),
            Self::F64(v) => Value::F64(v),
            Self::Decimal(v) => Value::Decimal(v),
            Self::Text(v) => Value::Text(v.into_owned()),
            Self::Bytes(v) => Value::Bytes(v.into_owned()),
            Self::Uuid(v) => Value::Uuid(v),
            Self::Instant(v) => Value::Instant(v),
            Self::Date(v) => Value::Date(v),
            Self::Json(v) => Value::Json(v),
        }
    }
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(v) => Self::Bool(*v),
            Value::I32(v) => Self::I64(i64::from(*v)),
            Value::I64(v) => Self::I64(*v),
            Value::F64(v) => Self::F64(*v),
            Value::Decimal(v) => Self::Decimal(*v),
            Value::Text(v) => Self::Text(Cow::Borrowed(v)),
            Value::Bytes(v) => Self::Bytes(Cow::Borrowed(v)),
            Value::Uuid(v) => Self::Uuid(*v),
            Value::Instant(v) => Self::Instant(*v),
            Value::Date(v) => Self::Date(*v),
            Value::Json(v) => Self::Json(v.clone()),
        }
    }
}
