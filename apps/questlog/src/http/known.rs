//! A row that may be from memory, and the headers that say so.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use mainstay::Entity;
use mainstay::repository::Known;
use serde::Serialize;

use super::json::Answer;
use super::refusal::{Failure, not_found};

/// Says that an answer is from memory, and how old it is (RFC 9211).
const CACHE_STATUS: &str = "cache-status";

/// A row, fresh or as it was last known while the database does not answer.
#[derive(Debug)]
pub struct KnownRow<E>(Known<E>);

impl<E: Entity> KnownRow<E> {
    /// The answer to a read by key.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is no row.
    pub fn of(found: Known<Option<E>>) -> Result<Self, Failure> {
        let value = found.value.ok_or_else(not_found::<E>)?;
        let stale = found.stale;
        Ok(Self(Known { value, stale }))
    }
}

impl<E: Serialize> IntoResponse for KnownRow<E> {
    /// The row; from memory with `Age`, `Cache-Status` with a time to live that has passed, and
    /// `Cache-Control: no-store`, so that nobody keeps it as if it were fresh.
    fn into_response(self) -> Response {
        let Known { value, stale } = self.0;
        let mut response = Answer(value).into_response();
        let Some(stale) = stale else { return response };
        let age = stale.age.as_secs();
        let headers = response.headers_mut();
        headers.insert(header::AGE, HeaderValue::from(age));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let status = format!("questlog; hit; ttl=-{age}; detail={}", stale.why.code());
        if let Ok(status) = HeaderValue::from_str(&status) {
            headers.insert(CACHE_STATUS, status);
        }
        response
    }
}
