//! Values into the binary protocol, by the type the server declares for each parameter.
//!
//! A value is converted only where nothing can be lost; anything else is refused before it is
//! sent. Text for a type that is not a number goes as text, which the server parses as it parses
//! literals: so hand-written SQL can give a UUID, a date or an interval as text.

use std::error::Error as StdError;
use std::fmt;

use bytes::{BufMut, BytesMut};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type};

use super::numeric;
use super::rows::{EPOCH_DAY, EPOCH_MICROS};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// One value on its way to the server.
pub(super) struct Param<'a> {
    pub(super) value: &'a Value,
    /// From 1, as in `$1`.
    pub(super) position: usize,
}

impl<'a> Param<'a> {
    /// A value and its position, from 1.
    pub(super) fn new((value, position): (&'a Value, usize)) -> Self {
        Self { value, position }
    }
}

// The client library logs parameters with Debug.
impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}: {}", self.position, self.value.type_name())
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        if self.value.is_null() {
            return Ok(IsNull::Yes);
        }
        encode(self.value, ty, out).map_err(|refusal| refusal.into_error(self, ty))?;
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(ty, out)
    }

    fn encode_format(&self, ty: &Type) -> Format {
        if goes_as_text(self.value, ty) {
            Format::Text
        } else {
            Format::Binary
        }
    }
}

/// Why a value cannot be sent.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Mismatch,
    OutOfRange,
}

impl Refusal {
    fn into_error(self, param: &Param<'_>, ty: &Type) -> Error {
        let (given, position) = (param.value.type_name(), param.position);
        match self {
            Self::Mismatch => Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "parameter {position} is of type {} in the statement, and the value given is of type {given}",
                    ty.name()
                ),
            )
            .with_hint("give a value of that type, or write CAST(? AS type) in the statement"),
            Self::OutOfRange => Error::new(
                ErrorKind::OutOfRange,
                format!(
                    "parameter {position}: the {given} given does not fit the type {}",
                    ty.name()
                ),
            ),
        }
    }
}

/// Whether a value goes as text for the server to parse: it has no binary form of that type.
pub(super) fn goes_as_text(value: &Value, ty: &Type) -> bool {
    matches!(value, Value::Text(_)) && !is_binary_text(base(ty))
}

/// A domain's own type.
fn base(ty: &Type) -> &Type {
    match ty.kind() {
        Kind::Domain(inner) => base(inner),
        _ => ty,
    }
}

/// Types whose binary form is their text.
fn is_binary_text(ty: &Type) -> bool {
    matches!(
        *ty,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON
    ) || matches!(ty.kind(), Kind::Enum(_))
        || ty.name() == "citext"
}

fn encode(value: &Value, ty: &Type, out: &mut BytesMut) -> Result<(), Refusal> {
    let ty = base(ty);
    match value {
        // Handled by the caller: NULL has no bytes.
        Value::Null => return Ok(()),
        Value::Bool(v) if *ty == Type::BOOL => out.put_u8(u8::from(*v)),
        Value::I32(v) => return integer((*v).into(), ty, out),
        Value::I64(v) => return integer(*v, ty, out),
        Value::F64(v) => return float(*v, ty, out),
        Value::Decimal(v) => return decimal(*v, ty, out),
        Value::Text(v) => match *ty {
            // Numbers given as text are a mistake that other engines would swallow.
            Type::BOOL | Type::INT2 | Type::INT4 | Type::INT8 | Type::FLOAT4 | Type::FLOAT8
            // Bytes as text would be read as an escaped form.
            | Type::BYTEA => return Err(Refusal::Mismatch),
            _ => out.extend_from_slice(v.as_bytes()),
        },
        Value::Bytes(v) if *ty == Type::BYTEA => out.extend_from_slice(v),
        Value::Uuid(v) if *ty == Type::UUID => out.extend_from_slice(v.as_bytes()),
        Value::Instant(v) if *ty == Type::TIMESTAMPTZ || *ty == Type::TIMESTAMP => {
            let micros = v.timestamp_micros().checked_sub(EPOCH_MICROS);
            let micros = micros.ok_or(Refusal::OutOfRange)?;
            out.extend_from_slice(&micros.to_be_bytes());
        }
        Value::Date(v) if *ty == Type::DATE => {
            let days = v.signed_duration_since(EPOCH_DAY).num_days();
            let days = i32::try_from(days).map_err(|_| Refusal::OutOfRange)?;
            out.extend_from_slice(&days.to_be_bytes());
        }
        Value::Json(v) if *ty == Type::JSON || *ty == Type::JSONB => {
            if *ty == Type::JSONB {
                // The version of the binary form; the rest is text.
                out.put_u8(1);
            }
            serde_json::to_writer(out.writer(), v).map_err(|_| Refusal::Mismatch)?;
        }
        _ => return Err(Refusal::Mismatch),
    }
    Ok(())
}

fn integer(v: i64, ty: &Type, out: &mut BytesMut) -> Result<(), Refusal> {
    let beyond = |_| Refusal::OutOfRange;
    match *ty {
        Type::INT2 => out.extend_from_slice(&i16::try_from(v).map_err(beyond)?.to_be_bytes()),
        Type::INT4 => out.extend_from_slice(&i32::try_from(v).map_err(beyond)?.to_be_bytes()),
        Type::INT8 => out.extend_from_slice(&v.to_be_bytes()),
        Type::OID | Type::XID => {
            out.extend_from_slice(&u32::try_from(v).map_err(beyond)?.to_be_bytes());
        }
        Type::XID8 => out.extend_from_slice(&u64::try_from(v).map_err(beyond)?.to_be_bytes()),
        Type::NUMERIC => numeric::encode(Decimal::from(v), out),
        Type::FLOAT8 | Type::FLOAT4 => return decimal(Decimal::from(v), ty, out),
        _ => return Err(Refusal::Mismatch),
    }
    Ok(())
}

fn float(v: f64, ty: &Type, out: &mut BytesMut) -> Result<(), Refusal> {
    match *ty {
        Type::FLOAT8 => out.extend_from_slice(&v.to_be_bytes()),
        Type::FLOAT4 => {
            let narrow = v as f32;
            if f64::from(narrow) != v && !v.is_nan() {
                return Err(Refusal::OutOfRange);
            }
            out.extend_from_slice(&narrow.to_be_bytes());
        }
        // The shortest text that means this double, as PostgreSQL's own cast does.
        Type::NUMERIC => numeric::encode(
            Decimal::from_str_exact(&v.to_string()).map_err(|_| Refusal::OutOfRange)?,
            out,
        ),
        _ => return Err(Refusal::Mismatch),
    }
    Ok(())
}

fn decimal(v: Decimal, ty: &Type, out: &mut BytesMut) -> Result<(), Refusal> {
    match *ty {
        Type::NUMERIC => numeric::encode(v, out),
        Type::FLOAT8 | Type::FLOAT4 => {
            // As many digits as every number of the type keeps, also when PostgreSQL casts it on.
            let digits = if *ty == Type::FLOAT8 { 15 } else { 6 };
            if v.normalize().mantissa().unsigned_abs() >= 10_u128.pow(digits) {
                return Err(Refusal::OutOfRange);
            }
            let double = v.to_string().parse::<f64>();
            let double = double.map_err(|_| Refusal::OutOfRange)?;
            if *ty == Type::FLOAT4 {
                out.extend_from_slice(&(double as f32).to_be_bytes());
            } else {
                out.extend_from_slice(&double.to_be_bytes());
            }
        }
        Type::INT2 | Type::INT4 | Type::INT8 if v.fract().is_zero() => {
            return integer(v.to_i64().ok_or(Refusal::OutOfRange)?, ty, out);
        }
        _ => return Err(Refusal::Mismatch),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn bytes(value: Value, ty: &Type) -> Result<Vec<u8>, Refusal> {
        let mut out = BytesMut::new();
        encode(&value, ty, &mut out).map(|()| out.to_vec())
    }

    #[test]
    fn integers_take_the_declared_width_or_are_refused() {
        assert_eq!(bytes(Value::I32(-2), &Type::INT2), Ok(vec![0xff, 0xfe]));
        assert_eq!(bytes(Value::I64(1), &Type::INT4), Ok(vec![0, 0, 0, 1]));
        assert_eq!(
            bytes(Value::I64(3_000_000_000), &Type::INT4),
            Err(Refusal::OutOfRange)
        );
        assert_eq!(bytes(Value::I64(-1), &Type::OID), Err(Refusal::OutOfRange));
        assert_eq!(
            bytes(Value::I64(1_000_000_000_000_001), &Type::FLOAT8),
            Err(Refusal::OutOfRange)
        );
        assert_eq!(
            bytes(Value::I64(-3), &Type::FLOAT8),
            Ok((-3.0_f64).to_be_bytes().to_vec())
        );
        assert_eq!(
            bytes(Value::Decimal(Decimal::MAX), &Type::FLOAT8),
            Err(Refusal::OutOfRange)
        );
        assert_eq!(
            bytes(Value::Decimal(Decimal::new(1, 1)), &Type::FLOAT4),
            Ok(0.1_f32.to_be_bytes().to_vec())
        );
        assert_eq!(
            bytes(Value::Decimal(Decimal::new(70, 1)), &Type::INT2),
            Ok(vec![0, 7])
        );
        assert_eq!(
            bytes(Value::Decimal(Decimal::new(75, 1)), &Type::INT2),
            Err(Refusal::Mismatch)
        );
        assert_eq!(
            bytes(Value::F64(0.1), &Type::FLOAT4),
            Err(Refusal::OutOfRange)
        );
        assert_eq!(
            bytes(Value::F64(1e300), &Type::FLOAT4),
            Err(Refusal::OutOfRange)
        );
        assert_eq!(
            bytes(Value::F64(1e300), &Type::NUMERIC),
            Err(Refusal::OutOfRange)
        );
        assert_eq!(
            bytes(Value::F64(0.1), &Type::NUMERIC),
            bytes(Value::Decimal(Decimal::new(1, 1)), &Type::NUMERIC)
        );
    }

    #[test]
    fn mismatches_are_refused_for_every_pair() {
        let values = [
            Value::Bool(true),
            Value::I64(1),
            Value::F64(1.0),
            Value::Bytes(vec![1]),
            Value::Uuid(uuid::Uuid::nil()),
            Value::Instant(DateTime::UNIX_EPOCH),
            Value::Date(EPOCH_DAY),
            Value::Json(serde_json::json!(1)),
        ];
        for value in values {
            for ty in [Type::TEXT, Type::INTERVAL, Type::INT4_ARRAY, Type::INET] {
                assert_eq!(bytes(value.clone(), &ty), Err(Refusal::Mismatch), "{ty}");
            }
        }
        for ty in [Type::INT4, Type::BOOL, Type::FLOAT8, Type::BYTEA] {
            assert_eq!(bytes(Value::Text("1".into()), &ty), Err(Refusal::Mismatch));
        }
    }

    #[test]
    fn text_goes_as_text_to_other_types() {
        let param = Param {
            value: &Value::Text("x".into()),
            position: 1,
        };
        assert!(matches!(param.encode_format(&Type::UUID), Format::Text));
        assert!(matches!(param.encode_format(&Type::JSONB), Format::Text));
        assert!(matches!(param.encode_format(&Type::TEXT), Format::Binary));
        let named = |name: &str, kind| Type::new(name.into(), 70_000, kind, "public".into());
        let mood = named("mood", Kind::Enum(vec!["x".into()]));
        for ty in [
            named("citext", Kind::Simple),
            named("state", Kind::Domain(mood.clone())),
            mood,
        ] {
            assert!(matches!(param.encode_format(&ty), Format::Binary), "{ty}");
            assert_eq!(bytes(param.value.clone(), &ty), Ok(b"x".to_vec()));
        }
        assert!(!goes_as_text(&Value::Null, &Type::UUID));
    }

    #[test]
    fn errors_name_position_and_types_but_no_value() {
        let value = Value::I64(3_000_000_000);
        let param = Param {
            value: &value,
            position: 2,
        };
        let error = Refusal::OutOfRange.into_error(&param, &Type::INT4);
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
        assert!(error.detail().contains("parameter 2") && error.detail().contains("int4"));
        assert!(!format!("{error}{param:?}").contains("3000000000"));
        let error = Refusal::Mismatch.into_error(&param, &Type::UUID);
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        assert!(error.detail().contains("uuid") && error.detail().contains("i64"));
    }
}
