//! JSON from outside.
//!
//! - `mod.rs`: [`parse_json`] and [`from_json`]
//! - `strict`: reads a document and refuses what engines disagree on
//! - `reader`: reads a struct from a document and says which field does not fit, and why

mod reader;
mod strict;

use serde::de::{DeserializeOwned, DeserializeSeed};
use serde_json::Value;

use crate::error::{Error, FieldErrors, Result};

/// The field under which a problem of the whole document is reported.
pub const DOCUMENT: &str = "$";

/// The deepest nesting that is read. A document for a JSON column may be less deep still: see
/// [`JSON_DEPTH`](crate::value::check::JSON_DEPTH).
pub const MAX_DEPTH: usize = 64;

/// No more problems than this are looked for in a document, so that a hostile one costs little.
pub const MAX_PROBLEMS: usize = 32;

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
/// Messages: "Unknown field: xyz", "name is required", "Invalid type for age: expected i32",
/// "difficulty must be one of easy, hard", "Invalid value for id". They hold nothing of the values.
///
/// # Errors
/// `VALIDATION_ERROR` with the fields by their path in the document (`preferences.theme`,
/// `tags[0]`); a problem of the whole document is on [`DOCUMENT`].
#[doc(alias = "validateInput")]
pub fn from_json<T: DeserializeOwned>(document: impl AsRef<[u8]>) -> Result<T> {
    let mut document = parse_json(document)?;
    let mut problems = FieldErrors::new();
    loop {
        let error = match T::deserialize(reader::Reader(&document)) {
            Ok(value) if problems.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(error) => error,
        };
        // A field that was taken out below is missing now, which is no news.
        let culprits = error.report(&mut problems);
        // Reading stops at the first problem; without its field it comes to the next one.
        let Some(object) = document.as_object_mut() else {
            break;
        };
        let removed = culprits
            .iter()
            .filter(|name| object.remove(name.as_str()).is_some())
            .count();
        if removed == 0 || problems.len() >= MAX_PROBLEMS {
            break;
        }
    }
    Err(Error::validation(problems))
}

/// A name from the input, fit for messages: on one line and not long.
fn printable(name: &str) -> String {
    const LONGEST: usize = 64;
    let mut out: String = name
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    if name.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests;
