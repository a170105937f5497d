//! What stands around every request: readiness, a time limit, when to come again, panics, tracing.

use std::any::Any;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mainstay::{Error, Outcome};
use mainstay_cli::Readiness;
use tokio::time::{Instant, timeout};
use tower_http::catch_panic::ResponseForPanic;
use tracing::Instrument as _;

use super::refusal::Refusal;

/// Gives a request up when it takes longer than the limit. What it was doing on the database is
/// cleaned up by the handle.
pub async fn limit_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::TooSlow.into_response(),
    }
}

/// Refuses requests until the database has been found set up.
pub async fn require_ready(
    State(ready): State<Readiness>,
    request: Request,
    next: Next,
) -> Response {
    if ready.is_ready() {
        next.run(request).await
    } else {
        Refusal::Starting.into_response()
    }
}

/// Adds when to come again to every refusal that time may change. Most know better themselves.
pub async fn say_when(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let passes = matches!(
        response.status(),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE
    );
    // A write that may have taken effect is not to be sent again.
    let took_none = response
        .extensions()
        .get::<Error>()
        .is_none_or(|error| error.outcome() == Outcome::NotApplied);
    if passes && took_none {
        let headers = response.headers_mut();
        let entry = headers.entry(header::RETRY_AFTER);
        entry.or_insert(HeaderValue::from_static("1"));
    }
    response
}

/// Answers a panic with problem details.
#[derive(Debug, Clone, Copy)]
pub struct Panics;

impl ResponseForPanic for Panics {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send>) -> Response {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        tracing::error!(message, "a request handler panicked");
        Refusal::Panicked.into_response()
    }
}

/// One span per request and one line at its end. The route is logged instead of the path's keys,
/// and no query parameter, header or body ever is.
pub async fn trace(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("(none)", MatchedPath::as_str)
        .to_owned();
    let span = tracing::info_span!("request", %method, route);
    async move {
        let started = Instant::now();
        let response = next.run(request).await;
        let status = response.status().as_u16();
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match response.extensions().get::<mainstay::Error>() {
            Some(error) if status >= 500 => {
                tracing::error!(status, elapsed_ms, %error, "request failed");
            }
            Some(error) => {
                tracing::debug!(status, elapsed_ms, code = error.code(), "request refused");
            }
            None => tracing::debug!(status, elapsed_ms, "request answered"),
        }
        response
    }
    .instrument(span)
    .await
}
