//! Reading input: what is checked before any database work, and what tells "not given" from "set
//! to nothing" in JSON.

use chrono::{DateTime, Utc};
use mainstay::FieldErrors;
use mainstay::schema::TableModel;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// A request's body.
///
/// Its fields are all optional, so that a field which cannot be read does not keep the rules from
/// being asked about the others.
pub trait Input: DeserializeOwned {
    /// The table whose columns the fields become.
    fn table() -> &'static TableModel;

    /// Adds the rules that are broken to `problems`, for fields that have no problem yet. A field
    /// with a problem counts as not given.
    ///
    /// # Errors
    /// What is no problem of the input.
    fn check(&self, now: DateTime<Utc>, problems: &mut FieldErrors) -> mainstay::Result<()>;

    /// Refuses input that breaks rules, with all problems at once.
    ///
    /// # Errors
    /// `VALIDATION_ERROR`.
    fn checked(&self, now: DateTime<Utc>) -> mainstay::Result<()> {
        let mut problems = FieldErrors::new();
        self.check(now, &mut problems)?;
        problems.into_result()
    }
}

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
