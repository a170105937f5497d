//! Checks for input that is not a column of an entity: query parameters, passwords.
//!
//! Each adds a problem to `errors` and says whether all is well;
//! [`FieldErrors::into_result`] turns what has gathered into one `VALIDATION_ERROR`.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::error::FieldErrors;

/// What to say about text of the wrong length. Standard messages stand in for what is not given.
#[derive(Debug, Clone, Copy, Default)]
pub struct LengthMessages {
    /// For text that is too short.
    pub too_short: Option<&'static str>,
    /// For text that is too long.
    pub too_long: Option<&'static str>,
}

/// Requires text of a length within `range`, in Unicode scalar values.
///
/// ```
/// use mainstay::FieldErrors;
/// use mainstay::validate::{LengthMessages, require_length};
/// let mut errors = FieldErrors::new();
/// assert!(!require_length(&mut errors, "password", "abc", 8..=72, LengthMessages::default()));
/// assert_eq!(errors.joined(), "password must have at least 8 characters");
/// ```
pub fn require_length(
    errors: &mut FieldErrors,
    field: &'static str,
    text: &str,
    range: RangeInclusive<usize>,
    messages: LengthMessages,
) -> bool {
    let length = text.chars().count();
    let (message, standard) = if length < *range.start() {
        let standard = match range.start() {
            1 => format!("{field} is required"),
            min => format!("{field} must have at least {min} characters"),
        };
        (messages.too_short, standard)
    } else if length > *range.end() {
        let max = range.end();
        (
            messages.too_long,
            format!("{field} must have at most {max} characters"),
        )
    } else {
        return true;
    };
    match message {
        Some(message) => errors.push(field, message),
        None => errors.push(field, standard),
    }
    false
}

/// Requires one of a fixed set of words.
pub fn require_one_of(
    errors: &mut FieldErrors,
    field: &'static str,
    word: &str,
    allowed: &[&str],
) -> bool {
    let found = allowed.contains(&word);
    if !found {
        errors.push(
            field,
            format!("{field} must be one of {}", allowed.join(", ")),
        );
    }
    found
}

/// Requires a value within `range`.
pub fn require_range<T: PartialOrd + Display>(
    errors: &mut FieldErrors,
    field: &'static str,
    value: &T,
    range: RangeInclusive<T>,
) -> bool {
    let found = range.contains(value);
    if !found {
        let (low, high) = range.into_inner();
        errors.push(field, format!("{field} must be between {low} and {high}"));
    }
    found
}
