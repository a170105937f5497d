//! Values as they travel between an application and an engine.
//!
//! - `mod.rs`: [`Value`], one owned value of any supported type
//! - [`cell`]: [`Cell`], a borrowed value as a driver hands it over
//! - [`encode`]: Rust types into values ([`ToValue`])
//! - [`decode`]: cells into Rust types ([`FromCell`])
//! - [`check`]: what no engine may be given, refused the same on all of them
//! - [`row`]: [`Row`], the cells of one row
//! - [`types`]: [`ColumnType`], the types a column can have

pub mod cell;
pub mod check;
pub mod decode;
pub mod encode;
pub mod row;
pub mod types;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

pub use cell::Cell;
pub use decode::FromCell;
pub use encode::{TextEnum, ToValue};
pub use row::{Columns, OwnedRow, Row};
pub use types::ColumnType;

/// One value of any type Mainstay supports.
///
/// A value does not know its column. What depends on the column (a decimal's scale in SQLite) is
/// settled by [`Dialect::lower`](crate::schema::Dialect::lower) before a statement is sent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// SQL NULL, of any type.
    Null,
    /// A truth value.
    Bool(bool),
    /// A 32-bit signed integer.
    I32(i32),
    /// A 64-bit signed integer.
    I64(i64),
    /// A finite double.
    F64(f64),
    /// A decimal number of up to 28 digits.
    Decimal(Decimal),
    /// Text without NUL.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A UUID.
    Uuid(Uuid),
    /// An instant in UTC, to the microsecond.
    Instant(DateTime<Utc>),
    /// A calendar date.
    Date(NaiveDate),
    /// A JSON document.
    Json(serde_json::Value),
}

impl Value {
    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value's type in words, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::I32(_) => "i32",
            Self::I64(_) => "i64",
            Self::F64(_) => "f64",
            Self::Decimal(_) => "decimal",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "uuid",
            Self::Instant(_) => "instant",
            Self::Date(_) => "date",
            Self::Json(_) => "json",
        }
    }
}
