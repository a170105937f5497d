//! What is refused before a resource is reached, as problem details (RFC 9457).
//!
//! Errors of the database and of validation are [`mainstay::Error`], which is a response itself;
//! these are the rest.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mainstay::{Entity, FieldError, Problem};

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such route.
    NoRoute,
    /// The route does not take this method; `Allow` says which it takes.
    NoMethod,
    /// The body is larger than [`BODY_LIMIT`](super::BODY_LIMIT).
    TooLarge,
    /// The body is not JSON by its `Content-Type`.
    NotJson,
    /// The body could not be read to its end.
    Incomplete,
    /// The API token is missing or wrong.
    NoToken,
    /// The request took too long.
    TooSlow,
    /// The service has started before its database.
    Starting,
    /// The code that answers it has a mistake.
    Panicked,
}

impl Refusal {
    const fn facts(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Self::NoRoute => (
                StatusCode::NOT_FOUND,
                "NOT_FOUND",
                "No such route",
                "There is nothing at this path; the API is under /api/v1",
            ),
            Self::NoMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "Method not allowed",
                "This path does not take the request's method; see the header Allow",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "PAYLOAD_TOO_LARGE",
                "Request body too large",
                "A request body has at most 64 KiB",
            ),
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                "Unsupported media type",
                "The body must be JSON, with the header Content-Type: application/json",
            ),
            Self::Incomplete => (
                StatusCode::BAD_REQUEST,
                "INCOMPLETE_BODY",
                "Incomplete request body",
                "The request body could not be read to its end",
            ),
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "UNAUTHORIZED",
                "Unauthorized",
                "The header Authorization must be Bearer and the API token",
            ),
            Self::TooSlow => (
                StatusCode::GATEWAY_TIMEOUT,
                "DEADLINE_EXCEEDED",
                "The operation took too long",
                "The request was given up; a change it asked for may or may not have been made",
            ),
            Self::Starting => (
                StatusCode::SERVICE_UNAVAILABLE,
                "STARTING",
                "Not ready",
                "The service waits for its database; nothing was done",
            ),
            Self::Panicked => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "UNEXPECTED_ERROR",
                "Unexpected error",
                "Unexpected error",
            ),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, title, detail) = self.facts();
        let mut response = respond(status, code, title, detail.to_owned(), Vec::new());
        if self == Self::NoToken {
            let scheme = HeaderValue::from_static("Bearer realm=\"questlog\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// Problem details as a response.
pub(super) fn respond(
    status: StatusCode,
    code: &'static str,
    title: &str,
    detail: String,
    errors: Vec<FieldError>,
) -> Response {
    let problem = Problem {
        kind: format!("urn:mainstay:error:{}", code.to_ascii_lowercase()),
        title: title.to_owned(),
        status: status.as_u16(),
        detail,
        code,
        outcome: None,
        errors,
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let kind = HeaderValue::from_static("application/problem+json");
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// What a handler fails with: an error of the database or of validation, or a refusal.
#[derive(Debug)]
pub enum Failure {
    /// An error of the database or of validation.
    Error(mainstay::Error),
    /// A refusal of the request itself.
    Refusal(Refusal),
}

impl From<mainstay::Error> for Failure {
    fn from(error: mainstay::Error) -> Self {
        Self::Error(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Error(error) => error.into_response(),
            Self::Refusal(refusal) => refusal.into_response(),
        }
    }
}

/// The answer to a key that no row has.
pub(super) fn not_found<E: Entity>() -> Failure {
    mainstay::Error::new(mainstay::ErrorKind::NotFound, "no row has this id")
        .with_table(E::table().name)
        .into()
}
