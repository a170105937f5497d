//! Reading changes: what tells "not given" from "set to nothing" in JSON.

use serde::{Deserialize, Deserializer};

/// For a field that may be left out but not be null: null would say "remove the value", and there
/// must be one.
///
/// # Errors
/// The value's own; null is of the wrong type.
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// For a field that may be left out (`None`), be null (`Some(None)`) or have a value.
///
/// # Errors
/// The value's own.
#[allow(
    clippy::option_option,
    reason = "the three cases of a field in a change"
)]
pub fn nullable<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}
