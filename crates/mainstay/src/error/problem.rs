//! The error as problem details (RFC 9457), fit for the public.

use serde::Serialize;

use super::{Error, FieldError, Outcome};

/// Problem details of an error: what an HTTP API answers with as `application/problem+json`.
///
/// Holds nothing but what the public may see: neither engine text nor values.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// A URI reference that names the kind; `about:blank` semantics with our code behind it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence in words.
    pub detail: String,
    /// The stable code.
    pub code: &'static str,
    /// Whether a write took effect all the same: `unknown` or `applied`. Absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// Problems per field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self {
            kind: format!("urn:mainstay:error:{}", error.code().to_ascii_lowercase()),
            title: error.kind().facts().public.to_owned(),
            status: error.http_status(),
            detail: error.public_message(),
            code: error.code(),
            outcome: match error.outcome() {
                Outcome::NotApplied => None,
                Outcome::Applied => Some("applied"),
                Outcome::Unknown => Some("unknown"),
            },
            errors: error.fields().iter().cloned().collect(),
        }
    }
}
