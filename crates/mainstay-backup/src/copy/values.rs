//! Cells as values of their column's type, and as bytes to be hashed.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use mainstay::driver::Row;
use mainstay::validate::parse_json;
use mainstay::value::{Cell, ColumnType, FromCell};
use mainstay::{Error, ErrorKind, Result, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::content::Pieces;

/// Reads a column as a value of its type, whatever form the engine has it in.
pub(super) fn read(row: &Row<'_>, position: usize, ty: &ColumnType) -> Result<Value> {
    Ok(match (row.cell(position)?, ty) {
        (Cell::Null, _) => Value::Null,
        (cell, ColumnType::Bool) => Value::Bool(bool::from_cell(cell, ty)?),
        (cell, ColumnType::I32) => Value::I32(i32::from_cell(cell, ty)?),
        (cell, ColumnType::I64) => Value::I64(i64::from_cell(cell, ty)?),
        (cell, ColumnType::F64) => Value::F64(f64::from_cell(cell, ty)?),
        (cell, ColumnType::Decimal { .. }) => Value::Decimal(FromCell::from_cell(cell, ty)?),
        (cell, ColumnType::Text { .. } | ColumnType::Enum { .. }) => {
            Value::Text(String::from_cell(cell, ty)?)
        }
        (cell, ColumnType::Bytes) => Value::Bytes(Vec::from_cell(cell, ty)?),
        (cell, ColumnType::Uuid) => Value::Uuid(Uuid::from_cell(cell, ty)?),
        (cell, ColumnType::Instant) => Value::Instant(<DateTime<Utc>>::from_cell(cell, ty)?),
        (cell, ColumnType::Date) => Value::Date(NaiveDate::from_cell(cell, ty)?),
        // As text it may have a key twice, which the engines read differently.
        (Cell::Text(text), ColumnType::Json) => Value::Json(
            parse_json(text.as_bytes())
                .map_err(|error| Error::new(ErrorKind::Decode, error.public_message()))?,
        ),
        (cell, ColumnType::Json) => Value::Json(Json::from_cell(cell, ty)?),
        (_, other) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("a column of the type {} cannot be copied", other.name()),
            ));
        }
    })
}

/// About how many bytes a value is.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::I32(_) | Value::Date(_) => 4,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Json(json) => json_weight(json),
        Value::Uuid(_) | Value::Decimal(_) => 16,
        _ => 8,
    }
}

fn json_weight(json: &Json) -> usize {
    match json {
        Json::String(text) => text.len() + 2,
        Json::Array(items) => {
            2 + items
                .iter()
                .map(|item| json_weight(item) + 1)
                .sum::<usize>()
        }
        Json::Object(fields) => {
            let pair = |(name, value): (&String, &Json)| name.len() + json_weight(value) + 4;
            2 + fields.iter().map(pair).sum::<usize>()
        }
        _ => 8,
    }
}

/// Adds a value to a row's hash, in one form for all engines: what is equal hashes equally. A
/// decimal is its digits without trailing zeros, an instant its microseconds, a JSON document its
/// keys in order and its numbers by value.
pub(super) fn hash(value: &Value, into: &mut Pieces) {
    match value {
        Value::Null => {
            into.update(b"0");
        }
        Value::Bool(truth) => {
            into.update(&[b'b', u8::from(*truth)]);
        }
        Value::I32(number) => integer(i64::from(*number), into),
        Value::I64(number) => integer(*number, into),
        Value::F64(number) => double(*number, into),
        Value::Decimal(number) => {
            let number = number.normalize();
            into.update(b"d").update(&number.mantissa().to_le_bytes());
            into.update(&number.scale().to_le_bytes());
        }
        Value::Text(text) => sized(b't', text.as_bytes(), into),
        Value::Bytes(bytes) => sized(b'x', bytes, into),
        Value::Uuid(id) => {
            into.update(b"u").update(id.as_bytes());
        }
        Value::Instant(at) => {
            into.update(b"i")
                .update(&at.timestamp_micros().to_le_bytes());
        }
        Value::Date(day) => {
            into.update(b"y")
                .update(&day.num_days_from_ce().to_le_bytes());
        }
        Value::Json(json) => document(json, into),
        // Reading makes none of these.
        _ => {
            into.update(b"?");
        }
    }
}

fn integer(number: i64, into: &mut Pieces) {
    into.update(b"n").update(&number.to_le_bytes());
}

fn double(number: f64, into: &mut Pieces) {
    // The two zeros are equal, and not every engine keeps them apart.
    let number = if number == 0.0 { 0.0 } else { number };
    into.update(b"f").update(&number.to_bits().to_le_bytes());
}

fn sized(tag: u8, bytes: &[u8], into: &mut Pieces) {
    into.update(&[tag]);
    into.update(&(bytes.len() as u64).to_le_bytes());
    into.update(bytes);
}

fn document(json: &Json, into: &mut Pieces) {
    match json {
        Json::Null => {
            into.update(b"N");
        }
        Json::Bool(truth) => {
            into.update(&[b'B', u8::from(*truth)]);
        }
        // PostgreSQL writes 1e3 as 1000, and 1000.0 stays what it is: all are the same number.
        Json::Number(number) => sized(b'D', plain(&number.to_string()).as_bytes(), into),
        Json::String(text) => sized(b'S', text.as_bytes(), into),
        Json::Array(items) => {
            into.update(b"A")
                .update(&(items.len() as u64).to_le_bytes());
            for item in items {
                document(item, into);
            }
        }
        // Keys are in their order: the map of the library is sorted.
        Json::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            into.update(b"O")
                .update(&(fields.len() as u64).to_le_bytes());
            for (name, value) in fields {
                sized(b'K', name.as_bytes(), into);
                document(value, into);
            }
        }
    }
}

/// A number of JSON in the one form of all that are equal to it: `-12.50e3` as `-125e2`.
fn plain(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0').trim_end_matches('0');
    if digits.is_empty() {
        return "0".to_owned();
    }
    let dropped = all.len() - all.trim_end_matches('0').len();
    // Longer ones than that no number of JSON that was read has.
    let exponent: i64 = exponent.parse().unwrap_or_default();
    let exponent = exponent - fraction.len() as i64 + dropped as i64;
    format!("{sign}{digits}e{exponent}")
}

/// Which row it is, for an operator: its key where that is a number, a UUID or a date. Another text
/// could be anybody's, so that of such a key only the columns are named.
pub(super) fn row_in_words(names: &[&str], key: &[Value]) -> Option<String> {
    let parts: Vec<String> = names
        .iter()
        .zip(key)
        .map(|(name, value)| match value {
            Value::I32(number) => format!("{name} = {number}"),
            Value::I64(number) => format!("{name} = {number}"),
            Value::Uuid(id) => format!("{name} = {id}"),
            Value::Text(text) if is_uuid(text) => format!("{name} = {text}"),
            Value::Date(day) => format!("{name} = {day}"),
            _ => format!("{name} = (a {})", value.type_name()),
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Whether a text is a UUID and nothing else, as SQLite stores one.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests;
