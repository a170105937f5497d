//! Cells into Rust types.
//!
//! Each type accepts every form in which an engine stores it; nothing is guessed beyond that. The
//! engines' forms are those of the type table in the documentation.

mod fixed;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Cell, ColumnType, Value};
use crate::error::{Error, ErrorKind, Result};

/// A Rust type that can be read from a column.
pub trait FromCell: Sized {
    /// Reads the cell of a column of type `ty`.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] when the cell does not hold a value of this type.
    fn from_cell(cell: Cell<'_>, ty: &ColumnType) -> Result<Self>;
}

/// The error of a cell that does not fit.
#[cold]
pub fn mismatch(found: &str, expected: &str) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("expected {expected}, found {found}"),
    )
    .with_hint("compare the column's type in the database with the entity")
}

impl FromCell for bool {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        match cell {
            Cell::Bool(v) => Ok(v),
            Cell::I64(0) => Ok(false),
            Cell::I64(1) => Ok(true),
            other => Err(mismatch(other.type_name(), "a truth value")),
        }
    }
}

impl FromCell for i32 {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        match cell {
            Cell::I64(v) => {
                Self::try_from(v).map_err(|_| mismatch("a larger integer", "a 32-bit integer"))
            }
            other => Err(mismatch(other.type_name(), "a 32-bit integer")),
        }
    }
}

impl FromCell for i64 {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        match cell {
            Cell::I64(v) => Ok(v),
            // PostgreSQL and MariaDB sum integers into a decimal.
            Cell::Decimal(v) if v.fract().is_zero() => v
                .try_into()
                .map_err(|_| mismatch("a larger number", "a 64-bit integer")),
            other => Err(mismatch(other.type_name(), "a 64-bit integer")),
        }
    }
}

impl FromCell for f64 {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        match cell {
            Cell::F64(v) => Ok(v),
            // Averages of integers are decimals on PostgreSQL and MariaDB.
            Cell::Decimal(v) => v.try_into().map_err(|_| mismatch("a decimal", "a double")),
            Cell::I64(v) => Ok(v as Self),
            other => Err(mismatch(other.type_name(), "a double")),
        }
    }
}

impl FromCell for Decimal {
    #[inline]
    fn from_cell(cell: Cell<'_>, ty: &ColumnType) -> Result<Self> {
        match (cell, ty) {
            (Cell::Decimal(v), _) => Ok(v),
            // SQLite keeps up to 18 digits as an integer scaled by the column.
            (Cell::I64(v), ColumnType::Decimal { scale, .. }) => {
                Ok(Self::from_i128_with_scale(i128::from(v), u32::from(*scale)))
            }
            (Cell::I64(v), _) => Ok(Self::from(v)),
            (Cell::Text(v), _) => {
                Self::from_str_exact(&v).map_err(|_| mismatch("text", "a decimal"))
            }
            (other, _) => Err(mismatch(other.type_name(), "a decimal")),
        }
    }
}

impl FromCell for String {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        match cell {
            Cell::Text(v) => Ok(v.into_owned()),
            other => Err(mismatch(other.type_name(), "text")),
        }
    }
}

impl FromCell for Vec<u8> {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        match cell {
            Cell::Bytes(v) => Ok(v.into_owned()),
            other => Err(mismatch(other.type_name(), "bytes")),
        }
    }
}

impl FromCell for Uuid {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        match cell {
            Cell::Uuid(v) => Ok(v),
            Cell::Bytes(v) => Self::from_slice(&v).map_err(|_| mismatch("bytes", "a UUID")),
            Cell::Text(v) => Self::try_parse(&v).map_err(|_| mismatch("text", "a UUID")),
            other => Err(mismatch(other.type_name(), "a UUID")),
        }
    }
}

impl FromCell for DateTime<Utc> {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        match cell {
            Cell::Instant(v) => Ok(v),
            Cell::Text(v) => match fixed::instant(&v) {
                Some(at) => Ok(at),
                None => DateTime::parse_from_rfc3339(&v)
                    .map(|v| v.with_timezone(&Utc))
                    .map_err(|_| mismatch("text", "an instant")),
            },
            other => Err(mismatch(other.type_name(), "an instant")),
        }
    }
}

impl FromCell for NaiveDate {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        match cell {
            Cell::Date(v) => Ok(v),
            Cell::Text(v) => match fixed::date(&v) {
                Some(day) => Ok(day),
                None => {
                    Self::parse_from_str(&v, "%Y-%m-%d").map_err(|_| mismatch("text", "a date"))
                }
            },
            other => Err(mismatch(other.type_name(), "a date")),
        }
    }
}

impl FromCell for serde_json::Value {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        match cell {
            Cell::Json(v) => Ok(v),
            Cell::Text(v) => {
                serde_json::from_str(&v).map_err(|_| mismatch("text", "a JSON document"))
            }
            other => Err(mismatch(other.type_name(), "a JSON document")),
        }
    }
}

impl FromCell for Value {
    #[inline]
    fn from_cell(cell: Cell<'_>, _: &ColumnType) -> Result<Self> {
        Ok(cell.into_value())
    }
}

impl<T: FromCell> FromCell for Option<T> {
    #[inline]
    fn from_cell(cell: Cell<'_>, ty: &ColumnType) -> Result<Self> {
        match cell {
            Cell::Null => Ok(None),
            cell => T::from_cell(cell, ty).map(Some),
        }
    }
}

#[cfg(test)]
mod tests;
