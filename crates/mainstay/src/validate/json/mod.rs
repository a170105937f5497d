//! JSON from outside.
//!
//! - `mod.rs`: [`parse_json`], [`from_json`] and [`from_json_partial`]
//! - `limits`: how much is read and told
//! - `strict`: reads a document and refuses what engines disagree on
//! - `reader`: reads a struct from a document and says which field does not fit, and why

mod limits;
mod reader;
mod strict;

use serde::de::{DeserializeOwned, DeserializeSeed};
use serde_json::Value;

pub use limits::{DOCUMENT, MAX_DEPTH, MAX_PROBLEMS};

use crate::error::{Error, FieldErrors, Result};
use crate::schema::TableModel;

/// Reads a JSON document.
///
/// Refused beyond what is not JSON: an object that has a key twice, at any depth (readers differ in
/// which one they believe), `\u0000` in a text or key, and nesting deeper than [`MAX_DEPTH`].
///
/// ```
/// use mainstay::validate::parse_json;
/// assert_eq!(parse_json(r#"{"a": 1}"#).unwrap()["a"], 1);
/// let error = parse_json(r#"{"a": {"b": 1, "b": 2}}"#).unwrap_err();
/// assert_eq!(error.public_message(), "Validation error: Duplicate field: a.b");
/// ```
///
/// # Errors
/// `VALIDATION_ERROR`, on the field where known, otherwise on [`DOCUMENT`].
pub fn parse_json(document: impl AsRef<[u8]>) -> Result<Value> {
    let mut state = strict::State::default();
    let mut deserializer = serde_json::Deserializer::from_slice(document.as_ref());
    let value = strict::Strict(&mut state)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| {
        let (field, message) = state
            .into_refusal()
            .unwrap_or_else(|| (DOCUMENT.to_owned(), format!("Invalid JSON: {error}")));
        let mut fields = FieldErrors::new();
        fields.push(field, message);
        Error::validation(fields)
    })
}

/// Reads a JSON document into a struct.
///
/// Fields the struct does not have are refused, also without `deny_unknown_fields`: a typo must not
/// vanish. (A struct with a `flatten`ed field takes any field.) All unknown fields and all fields of
/// a wrong type are reported at once, up to [`MAX_PROBLEMS`]; of what is inside one field, only the
/// first problem; of fields that are missing, only the first. A struct whose fields are all `Option`
/// leaves the missing ones to [`prepare_insert`](super::prepare_insert), which reports all.
///
/// Messages: "Unknown field: xyz", "name is required", "Invalid type for age: expected a whole
/// number", "age is out of range", "difficulty must be one of easy, hard", "id must be a UUID",
/// "Invalid value for code". They hold nothing of the values.
///
/// # Errors
/// `VALIDATION_ERROR` with the fields by their path in the document (`preferences.theme`,
/// `tags[0]`); a problem of the whole document is on [`DOCUMENT`].
#[doc(alias = "validateInput")]
pub fn from_json<T: DeserializeOwned>(document: impl AsRef<[u8]>) -> Result<T> {
    match read(document.as_ref(), None)? {
        (Some(value), problems) if problems.is_empty() => Ok(value),
        (_, problems) => Err(Error::validation(problems)),
    }
}

/// As [`from_json`], for input whose rules are checked next: gives the problems together with what
/// could be read, so that all problems can be reported at once.
///
/// Unknown fields, and fields that do not fit, are left out of the value. There is no value when it
/// cannot be without one of them (so the struct's fields are best `Option`s), or when there are too
/// many problems. A missing value is reported with the message of the column of `table` of that
/// name: a title that is null and an empty one are the same mistake. The value must not be used
/// when there are problems, other than to look for more.
///
/// ```
/// use mainstay::validate::from_json_partial;
/// # use mainstay::schema::TableModel;
/// #[derive(serde::Deserialize)]
/// struct Step { value: Option<i64>, notes: Option<String> }
/// # fn example(table: &TableModel) {
/// let (step, problems) = from_json_partial::<Step>(r#"{"value": 5, "notes": 1}"#, table).unwrap();
/// let step = step.unwrap();
/// assert_eq!((step.value, step.notes), (Some(5), None));
/// assert_eq!(problems.joined(), "Invalid type for notes: expected a string");
/// # }
/// ```
///
/// # Errors
/// `VALIDATION_ERROR` when the document is no JSON, as for [`parse_json`].
pub fn from_json_partial<T: DeserializeOwned>(
    document: impl AsRef<[u8]>,
    table: &TableModel,
) -> Result<(Option<T>, FieldErrors)> {
    read(document.as_ref(), Some(table))
}

fn read<T: DeserializeOwned>(
    document: &[u8],
    table: Option<&TableModel>,
) -> Result<(Option<T>, FieldErrors)> {
    let mut document = parse_json(document)?;
    let mut problems = FieldErrors::new();
    loop {
        let error = match T::deserialize(reader::Reader(&document)) {
            Ok(value) => return Ok((Some(value), problems)),
            Err(error) => error,
        };
        // A field that was taken out below is missing now, which is no news.
        let culprits = error.report(&mut problems, table);
        // Reading stops at the first problem; without its field it comes to the next one.
        let Some(object) = document.as_object_mut() else {
            return Ok((None, problems));
        };
        let removed = culprits
            .iter()
            .filter(|name| object.remove(name.as_str()).is_some())
            .count();
        if removed == 0 || problems.len() >= MAX_PROBLEMS {
            return Ok((None, problems));
        }
    }
}

#[cfg(test)]
mod tests;
