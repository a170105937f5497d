//! The API token.

use std::fmt;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mainstay::config::Secret;
use subtle::ConstantTimeEq;

use super::refusal::Refusal;

/// The fewest characters of a token.
pub const MIN_LENGTH: usize = 16;

/// The token that requests must bring. Only its hash is kept.
#[derive(Clone)]
pub struct ApiToken(blake3::Hash);

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken([redacted])")
    }
}

impl ApiToken {
    /// A token. `None` when it is shorter than [`MIN_LENGTH`] characters.
    pub fn new(token: &Secret) -> Option<Self> {
        let text = token.expose();
        (text.chars().count() >= MIN_LENGTH).then(|| Self(blake3::hash(text.as_bytes())))
    }

    /// Whether `given` is the token. Hashes are compared in constant time, so that neither the
    /// token's length nor how much of it was right shows in how long the answer takes.
    fn is(&self, given: &[u8]) -> bool {
        let given = blake3::hash(given);
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// Lets a request pass that brings the token, or every request when there is none.
pub async fn require(
    State(token): State<Option<ApiToken>>,
    request: Request,
    next: Next,
) -> Response {
    let header = request.headers().get(header::AUTHORIZATION);
    let admitted = token.is_none_or(|token| {
        let given = header.and_then(bearer);
        given.is_some_and(|given| token.is(given))
    });
    if admitted {
        next.run(request).await
    } else {
        Refusal::NoToken.into_response()
    }
}

/// The token of `Bearer TOKEN`; the scheme's name has no case (RFC 9110, 11.1).
fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_the_token() {
        assert!(ApiToken::new(&Secret::new("fifteen letters")).is_none());
        let token = ApiToken::new(&Secret::new("sixteen letters!")).unwrap();
        assert!(token.is(b"sixteen letters!"));
        assert!(!token.is(b"sixteen letters"));
        assert!(!token.is(b""));
        assert!(!format!("{token:?}").contains("sixteen"));
    }

    #[test]
    fn the_scheme_has_no_case() {
        let header = |text: &'static str| HeaderValue::from_static(text);
        assert_eq!(bearer(&header("Bearer abc")), Some(&b"abc"[..]));
        assert_eq!(bearer(&header("bearer  abc ")), Some(&b"abc"[..]));
        assert_eq!(bearer(&header("Basic abc")), None);
        assert_eq!(bearer(&header("Bearer")), None);
    }
}
