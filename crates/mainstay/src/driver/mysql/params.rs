//! Values on their way to the server.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use mysql_async::Value as Out;

use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// What a packet needs besides its values, generously.
const PACKET_OVERHEAD: usize = 1024;

/// The values as parameters of a prepared statement.
///
/// The protocol sends text and bytes alike, as character data in the session's character set;
/// stored in a binary column they stay as they are, byte for byte.
///
/// # Errors
/// `OUT_OF_RANGE` for dates beyond the engine's years, `VALUE_TOO_LONG` for what is larger than a
/// packet: sending it would cost the connection.
pub(super) fn encode(values: Vec<Value>, max_packet: usize) -> Result<Vec<Out>> {
    let mut size = 0;
    let mut out = Vec::with_capacity(values.len());
    for (position, value) in values.into_iter().enumerate() {
        let value = encode_one(value).map_err(|()| {
            Error::new(
                ErrorKind::OutOfRange,
                format!("parameter {} is beyond the years 0 to 9999", position + 1),
            )
        })?;
        size += match &value {
            Out::Bytes(bytes) => bytes.len() + 9,
            _ => 13,
        };
        out.push(value);
    }
    check_size(size, max_packet)?;
    Ok(out)
}

/// Refuses what the server does not take at once.
///
/// # Errors
/// `VALUE_TOO_LONG`.
pub(super) fn check_size(bytes: usize, max_packet: usize) -> Result<()> {
    if bytes.saturating_add(PACKET_OVERHEAD) <= max_packet {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ValueTooLong,
        format!("the statement needs {bytes} bytes; the server takes {max_packet} at a time"),
    )
    .with_hint("raise max_allowed_packet of the server or send less at once"))
}

fn encode_one(value: Value) -> Result<Out, ()> {
    Ok(match value {
        Value::Null => Out::NULL,
        Value::Bool(v) => Out::Int(i64::from(v)),
        Value::I32(v) => Out::Int(i64::from(v)),
        Value::I64(v) => Out::Int(v),
        Value::F64(v) => Out::Double(v),
        Value::Decimal(v) => Out::Bytes(v.to_string().into_bytes()),
        Value::Text(v) => Out::Bytes(v.into_bytes()),
        Value::Bytes(v) => Out::Bytes(v),
        Value::Uuid(v) => Out::Bytes(v.as_bytes().to_vec()),
        Value::Instant(v) => instant(v)?,
        Value::Date(v) => date(v)?,
        Value::Json(v) => Out::Bytes(v.to_string().into_bytes()),
    })
}

fn year(year: i32) -> Result<u16, ()> {
    match u16::try_from(year) {
        Ok(year) if year <= 9999 => Ok(year),
        _ => Err(()),
    }
}

/// Months, days, hours, minutes and seconds, which all fit.
fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn date(v: NaiveDate) -> Result<Out, ()> {
    let year = year(v.year())?;
    Ok(Out::Date(
        year,
        small(v.month()),
        small(v.day()),
        0,
        0,
        0,
        0,
    ))
}

fn instant(v: DateTime<Utc>) -> Result<Out, ()> {
    // A leap second counts beyond 999,999 and has no place in the engine.
    let micros = v.timestamp_subsec_micros().min(999_999);
    Ok(Out::Date(
        year(v.year())?,
        small(v.month()),
        small(v.day()),
        small(v.hour()),
        small(v.minute()),
        small(v.second()),
        micros,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: Value) -> Out {
        encode(vec![value], 1 << 20).unwrap().remove(0)
    }

    #[test]
    fn values_take_their_wire_form() {
        assert_eq!(one(Value::Null), Out::NULL);
        assert_eq!(one(Value::Bool(true)), Out::Int(1));
        assert_eq!(one(Value::I64(i64::MIN)), Out::Int(i64::MIN));
        assert_eq!(
            one(Value::Decimal("-1.50".parse().unwrap())),
            Out::Bytes(b"-1.50".to_vec())
        );
        assert_eq!(
            one(Value::Instant(
                "2024-02-29T23:59:59.123456789Z".parse().unwrap()
            )),
            Out::Date(2024, 2, 29, 23, 59, 59, 123_456)
        );
        assert_eq!(
            one(Value::Date(NaiveDate::from_ymd_opt(9999, 12, 31).unwrap())),
            Out::Date(9999, 12, 31, 0, 0, 0, 0)
        );
        assert_eq!(
            one(Value::Uuid(uuid::Uuid::max())),
            Out::Bytes(vec![0xff; 16])
        );
        assert_eq!(
            one(Value::Json(serde_json::json!({"a": 1}))),
            Out::Bytes(br#"{"a":1}"#.to_vec())
        );
    }

    #[test]
    fn years_beyond_the_engine_are_refused() {
        let date = NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap();
        let error = encode(vec![Value::Null, Value::Date(date)], 1 << 20).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
        assert!(error.detail().contains("parameter 2"));
    }

    #[test]
    fn what_no_packet_holds_is_refused_before_sending() {
        let error = encode(vec![Value::Bytes(vec![0; 5000])], 4096).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ValueTooLong);
        assert!(error.hint().unwrap().contains("max_allowed_packet"));
    }
}
