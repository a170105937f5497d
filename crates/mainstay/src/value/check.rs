//! What no engine may be given. Engines differ in what they take (SQLite stores a NUL byte,
//! PostgreSQL refuses it), so such values are refused here, with the same error everywhere.

use chrono::{DateTime, Datelike, Utc};
use rust_decimal::Decimal;

use super::{ColumnType, Value};
use crate::clock::truncate_to_micros;
use crate::error::{ErrorKind, FieldErrors};

/// The deepest nesting of a stored JSON document: MariaDB's JSON functions, and with them the check
/// of its JSON columns, give up beyond this.
pub const JSON_DEPTH: usize = 31;

/// The years that all engines store.
const YEARS: std::ops::RangeInclusive<i32> = 1000..=9999;

/// Why a value cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The error's kind.
    pub kind: ErrorKind,
    /// What is wrong, fit for the public.
    pub message: String,
}

impl Refusal {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The refusal as the error of one field of one table.
    pub fn into_error(self, table: &'static str, column: &'static str) -> crate::Error {
        let mut fields = FieldErrors::new();
        fields.push(column, self.message.clone());
        crate::Error::new(self.kind, self.message)
            .with_table(table)
            .with_columns([column])
            .with_fields(fields)
    }
}

/// Checks a value that has no column: a parameter of raw SQL.
///
/// # Errors
/// A [`Refusal`] for what no engine may be given.
pub fn check_parameter(value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Text(text) => check_text(text),
        Value::F64(number) if !number.is_finite() => Err(Refusal::new(
            ErrorKind::OutOfRange,
            "must be a finite number",
        )),
        Value::Instant(at) => check_instant(*at),
        Value::Date(date) => check_year(date.year()),
        Value::Json(json) => check_json(json, 0),
        _ => Ok(()),
    }
}

/// Checks a value against the type of its column. NULL is not judged here.
///
/// # Errors
/// A [`Refusal`] when the value is not of the type, beyond its range or longer than allowed.
pub fn check_value(value: &Value, ty: &ColumnType) -> Result<(), Refusal> {
    check_parameter(value)?;
    match (value, ty) {
        (Value::Null, _)
        | (Value::Bool(_), ColumnType::Bool)
        | (Value::I32(_), ColumnType::I32 | ColumnType::I64)
        | (Value::I64(_), ColumnType::I64)
        | (Value::F64(_), ColumnType::F64)
        | (Value::Bytes(_), ColumnType::Bytes)
        | (Value::Uuid(_), ColumnType::Uuid)
        | (Value::Instant(_), ColumnType::Instant)
        | (Value::Date(_), ColumnType::Date)
        | (Value::Json(_), ColumnType::Json) => Ok(()),
        (Value::I64(number), ColumnType::I32) => i32::try_from(*number).map(|_| ()).map_err(|_| {
            Refusal::new(
                ErrorKind::OutOfRange,
                "must be between -2147483648 and 2147483647",
            )
        }),
        (Value::Decimal(number), ColumnType::Decimal { precision, scale }) => {
            check_decimal(*number, *precision, *scale)
        }
        (Value::Text(text), ColumnType::Text { max }) => match max {
            Some(max) if text.chars().count() > *max as usize => Err(Refusal::new(
                ErrorKind::ValueTooLong,
                format!("must have at most {max} characters"),
            )),
            _ => Ok(()),
        },
        (Value::Text(text), ColumnType::Enum { variants }) => {
            if variants.contains(&text.as_str()) {
                Ok(())
            } else {
                Err(Refusal::new(
                    ErrorKind::InvalidValue,
                    format!("must be one of {}", variants.join(", ")),
                ))
            }
        }
        (value, ty) => Err(Refusal::new(
            ErrorKind::InvalidValue,
            format!("must be of type {}, not {}", ty.name(), value.type_name()),
        )),
    }
}

fn check_text(text: &str) -> Result<(), Refusal> {
    if text.contains('\0') {
        Err(Refusal::new(
            ErrorKind::InvalidValue,
            "must not contain a NUL character",
        ))
    } else {
        Ok(())
    }
}

/// Judges the instant as it is stored: a leap second at the end of a year counts to the next.
fn check_instant(at: DateTime<Utc>) -> Result<(), Refusal> {
    check_year(truncate_to_micros(at).year())
}

fn check_year(year: i32) -> Result<(), Refusal> {
    if YEARS.contains(&year) {
        Ok(())
    } else {
        Err(Refusal::new(
            ErrorKind::OutOfRange,
            "must be in the years 1000 to 9999",
        ))
    }
}

fn check_decimal(number: Decimal, precision: u8, scale: u8) -> Result<(), Refusal> {
    let number = number.normalize();
    let whole_digits = u32::from(precision) - u32::from(scale.min(precision));
    if number.scale() > u32::from(scale) {
        return Err(Refusal::new(
            ErrorKind::OutOfRange,
            format!("must have at most {scale} digits after the point"),
        ));
    }
    // 28 digits are the most a Decimal holds, so the power cannot overflow an i128.
    let limit = 10_i128.pow(whole_digits.min(28));
    if number.trunc().mantissa().abs() >= limit {
        return Err(Refusal::new(
            ErrorKind::OutOfRange,
            format!("must have at most {whole_digits} digits before the point"),
        ));
    }
    Ok(())
}

fn check_json(json: &serde_json::Value, depth: usize) -> Result<(), Refusal> {
    let deeper = || {
        if depth < JSON_DEPTH {
            Ok(depth + 1)
        } else {
            Err(Refusal::new(
                ErrorKind::InvalidValue,
                format!("must not be nested deeper than {JSON_DEPTH} levels"),
            ))
        }
    };
    match json {
        serde_json::Value::String(text) => check_text(text),
        serde_json::Value::Array(items) => {
            let depth = deeper()?;
            items.iter().try_for_each(|item| check_json(item, depth))
        }
        serde_json::Value::Object(fields) => {
            let depth = deeper()?;
            fields.iter().try_for_each(|(name, value)| {
                check_text(name)?;
                check_json(value, depth)
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
