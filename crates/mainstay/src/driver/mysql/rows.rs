//! Rows on their way back.

use std::borrow::Cow;

use chrono::{NaiveDate, NaiveDateTime};
use mysql_async::consts::ColumnType as Native;
use mysql_async::{Column, Row, Value as In};
use rust_decimal::Decimal;

use crate::error::{Error, ErrorKind, Result};
use crate::value::Cell;
use crate::value::Columns;

/// The character set of what is not text.
const BINARY: u16 = 63;

/// A row with its columns' types.
#[derive(Debug)]
pub(super) struct MySqlRow(pub(super) Row);

impl Columns for MySqlRow {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, position: usize) -> Option<&str> {
        let column = self.0.columns_ref().get(position)?;
        std::str::from_utf8(column.name_ref()).ok()
    }

    #[inline]
    fn cell(&self, position: usize) -> Result<Cell<'_>> {
        let (Some(column), Some(value)) =
            (self.0.columns_ref().get(position), self.0.as_ref(position))
        else {
            return Ok(Cell::Null);
        };
        // As it comes: turned into another result it would be copied.
        decode(value, column)
    }
}

/// What is wrong with a column. The value itself is not told.
#[cold]
fn unfit(column: &Column, problem: &str) -> Error {
    let name = column.name_str().into_owned();
    let detail = format!("column {name}: {problem}");
    Error::new(ErrorKind::Decode, detail).with_columns([name])
}

/// The cell of a value.
#[inline]
fn decode<'a>(value: &'a In, column: &Column) -> Result<Cell<'a>> {
    match value {
        In::Bytes(bytes) => decode_bytes(bytes, column),
        In::NULL => Ok(Cell::Null),
        In::Int(v) => Ok(Cell::I64(*v)),
        In::Date(year, month, day, hour, minute, second, micros) => {
            let date =
                NaiveDate::from_ymd_opt(i32::from(*year), u32::from(*month), u32::from(*day))
                    .ok_or_else(|| unfit(column, NO_DATE))?;
            if column.column_type() == Native::MYSQL_TYPE_DATE {
                return Ok(Cell::Date(date));
            }
            date.and_hms_micro_opt(
                u32::from(*hour),
                u32::from(*minute),
                u32::from(*second),
                *micros,
            )
            .map(|at| Cell::Instant(at.and_utc()))
            .ok_or_else(|| unfit(column, "not a time of day"))
        }
        In::UInt(v) => i64::try_from(*v)
            .map(Cell::I64)
            .map_err(|_| unfit(column, "an unsigned integer beyond 64-bit signed integers")),
        // The shortest decimal form, so that 0.1 stays 0.1 in the wider type.
        In::Float(v) => Ok(Cell::F64(v.to_string().parse().unwrap_or(f64::from(*v)))),
        In::Double(v) => Ok(Cell::F64(*v)),
        In::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if *negative { "-" } else { "" };
            let hours = days * 24 + u32::from(*hours);
            let mut text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}");
            if *micros > 0 {
                text.push_str(&format!(".{micros:06}"));
            }
            Ok(Cell::Text(text.into()))
        }
    }
}

const NO_DATE: &str = "a zero or partial date, which is no date";

/// Strings of all kinds, and everything in the text protocol.
fn decode_bytes<'a>(bytes: &'a [u8], column: &Column) -> Result<Cell<'a>> {
    use Native::*;
    let text = || std::str::from_utf8(bytes).map_err(|_| unfit(column, "text that is not UTF-8"));
    match column.column_type() {
        MYSQL_TYPE_BIT => bit(bytes, column),
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => decimal(text()?, column),
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG
        | MYSQL_TYPE_LONGLONG | MYSQL_TYPE_YEAR => text()?
            .parse()
            .map(Cell::I64)
            .map_err(|_| unfit(column, "not a 64-bit signed integer")),
        MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => text()?
            .parse()
            .map(Cell::F64)
            .map_err(|_| unfit(column, "not a double")),
        MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => NaiveDate::parse_from_str(text()?, "%Y-%m-%d")
            .map(Cell::Date)
            .map_err(|_| unfit(column, NO_DATE)),
        MYSQL_TYPE_DATETIME | MYSQL_TYPE_TIMESTAMP => {
            NaiveDateTime::parse_from_str(text()?, "%Y-%m-%d %H:%M:%S%.f")
                .map(|at| Cell::Instant(at.and_utc()))
                .map_err(|_| unfit(column, "a zero or partial date, which is no instant"))
        }
        MYSQL_TYPE_JSON | MYSQL_TYPE_TIME => Ok(Cell::Text(Cow::Borrowed(text()?))),
        _ if column.character_set() == BINARY => Ok(Cell::Bytes(Cow::Borrowed(bytes))),
        _ => Ok(Cell::Text(Cow::Borrowed(text()?))),
    }
}

fn bit(bytes: &[u8], column: &Column) -> Result<Cell<'static>> {
    let number = bytes
        .iter()
        .fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    i64::try_from(number)
        .map(Cell::I64)
        .map_err(|_| unfit(column, "bits beyond 64-bit signed integers"))
}

fn decimal(text: &str, column: &Column) -> Result<Cell<'static>> {
    let parsed = Decimal::from_str_exact(text).or_else(|error| {
        // Sums and quotients come with more places than they need.
        if text.contains('.') {
            Decimal::from_str_exact(text.trim_end_matches('0').trim_end_matches('.'))
        } else {
            Err(error)
        }
    });
    parsed
        .map(Cell::Decimal)
        .map_err(|_| unfit(column, "a decimal of more than 28 digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(ty: Native, charset: u16) -> Column {
        Column::new(ty).with_name(b"c").with_character_set(charset)
    }

    fn bytes(text: &str) -> In {
        In::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn strings_are_told_apart_by_character_set() {
        let text = bytes("a");
        assert_eq!(
            decode(&text, &column(Native::MYSQL_TYPE_VAR_STRING, 255)).unwrap(),
            Cell::Text("a".into())
        );
        assert_eq!(
            decode(&text, &column(Native::MYSQL_TYPE_BLOB, BINARY)).unwrap(),
            Cell::Bytes(b"a"[..].into())
        );
        // MySQL calls JSON binary.
        assert_eq!(
            decode(&text, &column(Native::MYSQL_TYPE_JSON, BINARY)).unwrap(),
            Cell::Text("a".into())
        );
        let broken = In::Bytes(vec![0xff]);
        assert!(decode(&broken, &column(Native::MYSQL_TYPE_VAR_STRING, 255)).is_err());
    }

    #[test]
    fn numbers_keep_their_digits() {
        let decimal = column(Native::MYSQL_TYPE_NEWDECIMAL, BINARY);
        assert_eq!(
            decode(&bytes("1.50"), &decimal).unwrap(),
            Cell::Decimal(Decimal::new(150, 2))
        );
        let long = format!("2.{}", "0".repeat(30));
        assert_eq!(
            decode(&bytes(&long), &decimal).unwrap(),
            Cell::Decimal(Decimal::TWO)
        );
        assert!(decode(&bytes(&"9".repeat(40)), &decimal).is_err());
        let big = column(Native::MYSQL_TYPE_LONGLONG, BINARY);
        assert!(decode(&In::UInt(u64::MAX), &big).is_err());
        assert_eq!(decode(&bytes("-7"), &big).unwrap(), Cell::I64(-7));
        let bits = column(Native::MYSQL_TYPE_BIT, BINARY);
        assert_eq!(
            decode(&In::Bytes(vec![1, 2]), &bits).unwrap(),
            Cell::I64(258)
        );
        assert!(decode(&In::Bytes(vec![0xff; 8]), &bits).is_err());
        let float = column(Native::MYSQL_TYPE_FLOAT, BINARY);
        assert_eq!(decode(&In::Float(0.1), &float).unwrap(), Cell::F64(0.1));
    }

    #[test]
    fn zero_dates_are_no_dates() {
        let zero = In::Date(0, 0, 0, 0, 0, 0, 0);
        assert!(decode(&zero, &column(Native::MYSQL_TYPE_DATE, BINARY)).is_err());
        assert!(decode(&zero, &column(Native::MYSQL_TYPE_DATETIME, BINARY)).is_err());
        let text = bytes("0000-00-00 00:00:00");
        assert!(decode(&text, &column(Native::MYSQL_TYPE_DATETIME, BINARY)).is_err());
    }

    #[test]
    fn both_protocols_give_the_same_instant() {
        let column = column(Native::MYSQL_TYPE_DATETIME, BINARY);
        let binary = In::Date(2024, 2, 29, 1, 2, 3, 45);
        let text = bytes("2024-02-29 01:02:03.000045");
        assert_eq!(
            decode(&binary, &column).unwrap(),
            decode(&text, &column).unwrap()
        );
    }

    #[test]
    fn times_become_text() {
        let column = column(Native::MYSQL_TYPE_TIME, BINARY);
        assert_eq!(
            decode(&In::Time(true, 1, 2, 3, 4, 5), &column).unwrap(),
            Cell::Text("-26:03:04.000005".into())
        );
    }
}
