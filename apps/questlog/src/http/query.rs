//! Query parameters, as strict as bodies: unknown, repeated and malformed ones are refused, all at
//! once.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use mainstay::repository::Cursor;
use mainstay::validate::{require_one_of, require_range};
use mainstay::{Error, FieldErrors, TextEnum};
use uuid::Uuid;

/// The rows of a page unless the request says otherwise.
const DEFAULT_LIMIT: u64 = 20;

/// The most rows of a page.
pub const MAX_LIMIT: u64 = 100;

/// The longest text to search for, in characters.
const MAX_SEARCH: usize = 100;

/// The query parameters that have not been read yet, and the problems found so far.
#[derive(Debug, Default)]
pub struct Params {
    given: Vec<(String, String)>,
    errors: FieldErrors,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::new(parts.uri.query().unwrap_or_default()))
    }
}

impl Params {
    fn new(query: &str) -> Self {
        let mut params = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = String::from_utf8_lossy(&decoded(name)).into_owned();
            // Read with replacement characters, it would be compared with what nobody asked for.
            let Ok(value) = String::from_utf8(decoded(value)) else {
                let name = printable(&name);
                let message = format!("{name} must be UTF-8");
                params.errors.push(name, message);
                continue;
            };
            if params.given.iter().any(|(known, _)| *known == name) {
                let message = format!("Duplicate parameter: {}", printable(&name));
                params.errors.push(printable(&name), message);
            } else {
                params.given.push((name, value));
            }
        }
        params
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.given.iter().position(|(known, _)| known == name)?;
        Some(self.given.swap_remove(at).1)
    }

    fn parsed<T: FromStr>(&mut self, name: &'static str, what: &str) -> Option<T> {
        let text = self.take(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.errors.push(name, format!("{name} must be {what}"));
        }
        value
    }

    /// A UUID.
    pub fn uuid(&mut self, name: &'static str) -> Option<Uuid> {
        self.parsed(name, "a UUID")
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.parsed(name, "true or false")
    }

    /// A word of an enum.
    pub fn word<T: TextEnum>(&mut self, name: &'static str) -> Option<T> {
        let text = self.take(name)?;
        require_one_of(&mut self.errors, name, &text, T::VARIANTS);
        T::from_str_opt(&text)
    }

    /// A text to compare with or to search for.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let text = self.take(name)?;
        if text.is_empty() || text.chars().count() > MAX_SEARCH {
            let message = format!("{name} must have 1 to {MAX_SEARCH} characters");
            self.errors.push(name, message);
            return None;
        }
        if text.chars().any(char::is_control) {
            let message = format!("{name} must not contain control characters");
            self.errors.push(name, message);
            return None;
        }
        Some(text)
    }

    /// The page asked for, once all other parameters have been read.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with all problems, parameters nobody has read among them.
    pub fn page(mut self) -> Result<Page, Error> {
        let limit = self
            .parsed("limit", "a whole number")
            .unwrap_or(DEFAULT_LIMIT);
        require_range(&mut self.errors, "limit", &limit, 1..=MAX_LIMIT);
        let cursor = self.take("cursor").and_then(|text| {
            let cursor = text.parse::<Cursor>().ok();
            if cursor.is_none() {
                self.errors.push("cursor", "Invalid cursor");
            }
            cursor
        });
        for (name, _) in &self.given {
            let message = format!("Unknown parameter: {}", printable(name));
            self.errors.push(printable(name), message);
        }
        self.errors.into_result()?;
        Ok(Page { cursor, limit })
    }
}

/// Which page of a list.
#[derive(Debug)]
pub struct Page {
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
    /// The most rows.
    pub limit: u64,
}

/// The bytes of a part of a query: `+` is a blank, `%41` is a byte, and a `%` without two digits
/// behind it stands for itself (WHATWG URL, 5.1).
fn decoded(part: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = match behind {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        rest = behind;
        match (escaped, first) {
            (Some((high, low)), _) => {
                out.push(high * 16 + low);
                rest = &behind[2..];
            }
            (None, b'+') => out.push(b' '),
            (None, byte) => out.push(*byte),
        }
    }
    out
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

/// A parameter's name from outside, fit for a message.
fn printable(name: &str) -> String {
    name.chars().take(40).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_decoded_as_browsers_do() {
        assert_eq!(decoded("a+b%20%C3%a9"), "a b é".as_bytes());
        assert_eq!(decoded("%2B%25"), b"+%");
        assert_eq!(decoded("100%"), b"100%");
        assert_eq!(decoded("%4%zz%é"), "%4%zz%é".as_bytes());
        assert_eq!(decoded("%ff"), [0xff]);
    }

    #[test]
    fn what_is_not_utf_8_is_refused_with_all_else() {
        let mut params = Params::new("q=%ff&&email=a%40b&email=c&limit=0");
        assert_eq!(params.text("email").as_deref(), Some("a@b"));
        assert_eq!(params.text("q"), None);
        let error = params.page().unwrap_err();
        assert_eq!(
            error.fields().joined(),
            "q must be UTF-8, Duplicate parameter: email, limit must be between 1 and 100"
        );
    }
}
