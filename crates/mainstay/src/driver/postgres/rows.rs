//! Rows from the binary protocol.

use std::borrow::Cow;
use std::error::Error as StdError;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokio_postgres::types::{FromSql, Kind, Type};
use uuid::Uuid;

use super::numeric;
use crate::error::{Error, ErrorKind, Result};
use crate::value::Cell;
use crate::value::Columns;

/// Microseconds from 1970 to 2000, where PostgreSQL's instants start.
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The day PostgreSQL's dates start.
pub(super) const EPOCH_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2000, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// A row of the client library, or its first columns.
pub(super) struct PgRow<'a> {
    row: &'a tokio_postgres::Row,
    columns: usize,
}

impl<'a> PgRow<'a> {
    pub(super) fn whole(row: &'a tokio_postgres::Row) -> Self {
        let columns = row.len();
        Self { row, columns }
    }

    /// What was asked for besides stands in the last column.
    pub(super) fn without_last(row: &'a tokio_postgres::Row) -> Self {
        let columns = row.len().saturating_sub(1);
        Self { row, columns }
    }
}

impl Columns for PgRow<'_> {
    fn len(&self) -> usize {
        self.columns
    }

    fn name(&self, position: usize) -> Option<&str> {
        let columns = self.row.columns().get(..self.columns)?;
        columns.get(position).map(|column| column.name())
    }

    #[inline]
    fn cell(&self, position: usize) -> Result<Cell<'_>> {
        // Only the bytes are asked for: a cell would be copied through each of the client library's
        // results on its way.
        let Ok(Raw(raw)) = self.row.try_get(position) else {
            return Err(self.unreadable(position));
        };
        match raw {
            None => Ok(Cell::Null),
            Some(raw) => decode(self.row.columns()[position].type_(), raw)
                .map_err(|error| self.named(position, error)),
        }
    }
}

impl PgRow<'_> {
    #[cold]
    fn unreadable(&self, position: usize) -> Error {
        let error = Error::new(ErrorKind::Decode, "a column that cannot be read");
        self.named(position, error)
    }

    #[cold]
    fn named(&self, position: usize, error: Error) -> Error {
        match self.name(position) {
            Some(name) => error.with_columns([name.to_owned()]),
            None => error,
        }
    }
}

/// A value as it came, of whatever type.
struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    #[inline]
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    #[inline]
    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Reads one value that is not NULL.
#[inline]
pub(super) fn decode<'a>(ty: &Type, raw: &'a [u8]) -> Result<Cell<'a>> {
    // What rows are mostly made of.
    Ok(match *ty {
        Type::TEXT | Type::VARCHAR => text(ty, raw)?,
        Type::UUID => Cell::Uuid(Uuid::from_bytes(fixed(ty, raw)?)),
        Type::INT4 => Cell::I64(i32::from_be_bytes(fixed(ty, raw)?).into()),
        Type::INT8 => Cell::I64(i64::from_be_bytes(fixed(ty, raw)?)),
        Type::BOOL => Cell::Bool(fixed::<1>(ty, raw)? != [0]),
        Type::TIMESTAMPTZ | Type::TIMESTAMP => {
            Cell::Instant(instant(ty, i64::from_be_bytes(fixed(ty, raw)?))?)
        }
        _ => return decode_other(ty, raw),
    })
}

/// Apart, so that the above stays small.
#[inline(never)]
fn decode_other<'a>(ty: &Type, raw: &'a [u8]) -> Result<Cell<'a>> {
    Ok(match *ty {
        Type::INT2 => Cell::I64(i16::from_be_bytes(fixed(ty, raw)?).into()),
        Type::OID | Type::XID | Type::CID => Cell::I64(u32::from_be_bytes(fixed(ty, raw)?).into()),
        Type::XID8 => Cell::I64(
            i64::try_from(u64::from_be_bytes(fixed(ty, raw)?))
                .map_err(|_| unfit(ty, "a number beyond 64 bits"))?,
        ),
        Type::FLOAT4 => Cell::F64(f32::from_be_bytes(fixed(ty, raw)?).into()),
        Type::FLOAT8 => Cell::F64(f64::from_be_bytes(fixed(ty, raw)?)),
        Type::NUMERIC => Cell::Decimal(numeric::decode(raw).map_err(|why| unfit(ty, why))?),
        Type::BYTEA => Cell::Bytes(Cow::Borrowed(raw)),
        Type::DATE => Cell::Date(date(ty, i32::from_be_bytes(fixed(ty, raw)?))?),
        Type::JSON => Cell::Json(json(ty, raw)?),
        Type::JSONB => match raw.split_first() {
            Some((1, text)) => Cell::Json(json(ty, text)?),
            _ => return Err(unfit(ty, "an unknown form of JSON")),
        },
        // What a function without a result returns.
        Type::VOID => Cell::Null,
        Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::XML => text(ty, raw)?,
        _ => match ty.kind() {
            Kind::Domain(inner) => decode(inner, raw)?,
            // An enum's binary form is its word.
            Kind::Enum(_) => text(ty, raw)?,
            _ if ty.name() == "citext" => text(ty, raw)?,
            _ => {
                return Err(Error::new(
                    ErrorKind::Decode,
                    format!(
                        "the column's type {} is not one that can be read",
                        ty.name()
                    ),
                )
                .with_hint("select it as text: CAST(x AS text)"));
            }
        },
    })
}

#[cold]
fn unfit(ty: &Type, what: &str) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("the stored {} holds {what}", ty.name()),
    )
}

fn fixed<const N: usize>(ty: &Type, raw: &[u8]) -> Result<[u8; N]> {
    raw.try_into()
        .map_err(|_| unfit(ty, "a value of the wrong length"))
}

fn text<'a>(ty: &Type, raw: &'a [u8]) -> Result<Cell<'a>> {
    std::str::from_utf8(raw)
        .map(|text| Cell::Text(Cow::Borrowed(text)))
        .map_err(|_| unfit(ty, "text that is not UTF-8"))
}

fn json(ty: &Type, raw: &[u8]) -> Result<serde_json::Value> {
    serde_json::from_slice(raw).map_err(|_| unfit(ty, "JSON that cannot be read"))
}

fn instant(ty: &Type, micros: i64) -> Result<DateTime<Utc>> {
    if micros == i64::MAX || micros == i64::MIN {
        return Err(unfit(ty, "infinity"));
    }
    micros
        .checked_add(EPOCH_MICROS)
        .and_then(DateTime::from_timestamp_micros)
        .ok_or_else(|| unfit(ty, "a time that is too far away"))
}

fn date(ty: &Type, days: i32) -> Result<NaiveDate> {
    if days == i32::MAX || days == i32::MIN {
        return Err(unfit(ty, "infinity"));
    }
    TimeDelta::try_days(days.into())
        .and_then(|delta| EPOCH_DAY.checked_add_signed(delta))
        .ok_or_else(|| unfit(ty, "a date that is too far away"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times() {
        assert_eq!(decode(&Type::INT2, &[0xff, 0xff]).unwrap(), Cell::I64(-1));
        assert_eq!(decode(&Type::BOOL, &[1]).unwrap(), Cell::Bool(true));
        assert_eq!(
            decode(&Type::OID, &[0xff; 4]).unwrap(),
            Cell::I64(4_294_967_295)
        );
        assert_eq!(
            decode(&Type::DATE, &0_i32.to_be_bytes()).unwrap(),
            Cell::Date(EPOCH_DAY)
        );
        let Cell::Instant(start) = decode(&Type::TIMESTAMPTZ, &0_i64.to_be_bytes()).unwrap() else {
            panic!("no instant");
        };
        assert_eq!(start.to_rfc3339(), "2000-01-01T00:00:00+00:00");
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for (ty, raw) in [
            (Type::INT4, vec![0; 3]),
            (Type::TEXT, vec![0xff]),
            (Type::JSONB, vec![2, b'1']),
            (Type::JSONB, vec![]),
            (Type::JSON, b"{".to_vec()),
            (Type::XID8, vec![0xff; 8]),
            (Type::TIMESTAMPTZ, i64::MAX.to_be_bytes().to_vec()),
            (Type::TIMESTAMPTZ, (i64::MAX - 1).to_be_bytes().to_vec()),
            (Type::DATE, i32::MIN.to_be_bytes().to_vec()),
            (Type::DATE, (i32::MAX - 1).to_be_bytes().to_vec()),
            (Type::INTERVAL, vec![0; 16]),
            (Type::INT4_ARRAY, vec![0; 12]),
        ] {
            let error = decode(&ty, &raw).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode, "{ty}");
            assert!(error.detail().contains(ty.name()), "{ty}");
        }
    }
}
