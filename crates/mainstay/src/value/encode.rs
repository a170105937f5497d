//! Rust types into values.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::Value;

/// A Rust type that can be a column's value or a statement's parameter.
pub trait ToValue {
    /// The value.
    fn to_value(&self) -> Value;
}

/// An enum stored as a word. Implemented by `#[derive(TextEnum)]`.
pub trait TextEnum: Sized + Copy + 'static {
    /// All words, in declaration order.
    const VARIANTS: &'static [&'static str];

    /// The word of this variant.
    fn as_str(self) -> &'static str;

    /// The variant of a word, or `None` when there is none.
    fn from_str_opt(word: &str) -> Option<Self>;
}

macro_rules! to_value {
    ($($ty:ty => $variant:ident),* $(,)?) => {
        $(impl ToValue for $ty {
            fn to_value(&self) -> Value {
                Value::$variant(self.clone())
            }
        })*
    };
}

to_value! {
    bool => Bool,
    i32 => I32,
    i64 => I64,
    f64 => F64,
    Decimal => Decimal,
    String => Text,
    Vec<u8> => Bytes,
    Uuid => Uuid,
    DateTime<Utc> => Instant,
    NaiveDate => Date,
    serde_json::Value => Json,
}

impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl ToValue for &str {
    fn to_value(&self) -> Value {
        Value::Text((*self).to_owned())
    }
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}
