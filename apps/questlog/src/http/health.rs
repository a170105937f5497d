//! Whether the service lives and is ready. Open to all, so that a load balancer needs no token.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::json::Answer;
use super::refusal::respond;
use crate::service::App;

/// How long the database may take to answer.
const LIMIT: Duration = Duration::from_secs(1);

/// The service runs.
pub async fn live() -> Answer<serde_json::Value> {
    Answer(json!({ "status": "ok" }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    status: &'static str,
    database: &'static str,
    latency_ms: f64,
    pool: Pool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pool {
    max: usize,
    open: usize,
    idle: usize,
    in_use: usize,
    waiting: usize,
}

/// The service can do its work: its database answers.
pub async fn ready(State(app): State<App>) -> Response {
    let checked = tokio::time::timeout(LIMIT, app.db.health().timeout(LIMIT)).await;
    match checked {
        Ok(Ok(health)) => Answer(Ready {
            status: "ok",
            database: app.db.dialect().name(),
            latency_ms: health.latency.as_secs_f64() * 1000.0,
            pool: Pool {
                max: health.pool.max,
                open: health.pool.open,
                idle: health.pool.idle,
                in_use: health.pool.in_use(),
                waiting: health.pool.waiting,
            },
        })
        .into_response(),
        Ok(Err(error)) => {
            // Whatever the reason, what a load balancer has to know is: not now.
            tracing::warn!(%error, "not ready");
            unavailable(error.code(), error.public_message())
        }
        Err(_) => {
            tracing::warn!("not ready: the database did not answer within a second");
            unavailable(
                "DEADLINE_EXCEEDED",
                "The database did not answer within a second".to_owned(),
            )
        }
    }
}

fn unavailable(code: &'static str, detail: String) -> Response {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut response = respond(status, code, "Not ready", detail, Vec::new());
    let seconds = axum::http::HeaderValue::from_static("1");
    response
        .headers_mut()
        .insert(axum::http::header::RETRY_AFTER, seconds);
    response
}
