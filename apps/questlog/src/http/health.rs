//! Whether the service lives and is ready. Open to all, so that a load balancer needs no token, and
//! what is said of the database is fit for all: codes and the public words for them.
//!
//! - `ok`, 200: everything works.
//! - `degraded`, 200: the database answers, but not to everything: it takes no writes, or the
//!   circuit breaker lets only some calls through. Reads are worth sending.
//! - `down`, 503: the database does not answer. Rows that were read before may still be had.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mainstay::database::{Health, Status};
use mainstay::resilience::breaker;
use mainstay::{Error, ErrorKind};
use mainstay_cli::Readiness;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::json::Answer;
use crate::service::App;

/// How long the database may take to answer. An overloaded one that does not is down for others,
/// too.
const LIMIT: Duration = Duration::from_millis(500);

/// For how long the answer of one check serves others that come while the next is under way.
const FRESH: Duration = Duration::from_secs(5);

/// The service runs, whatever its database does.
pub async fn live() -> Answer<serde_json::Value> {
    Answer(json!({ "status": "ok" }))
}

/// The checks of readiness: one at a time asks the database.
#[derive(Debug)]
pub struct Checks {
    ready: Readiness,
    /// Held by the check that asks.
    asks: tokio::sync::Mutex<()>,
    /// What the newest one was told, and when.
    last: Mutex<Option<(Instant, Result<Health, Error>)>>,
}

impl Checks {
    /// None has been made yet.
    pub fn new(ready: Readiness) -> Self {
        Self {
            ready,
            asks: tokio::sync::Mutex::new(()),
            last: Mutex::new(None),
        }
    }

    /// What the newest one was told, unless that is long ago.
    fn last(&self) -> Option<Result<Health, Error>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, answer) = last.as_ref()?;
        (at.elapsed() < FRESH).then(|| answer.clone())
    }

    /// Asks the database, or takes the answer of a check that is under way or, while that one
    /// waits, of the one before: checks do not pile up on a server that hangs.
    async fn ask(&self, app: &App) -> Result<Health, Error> {
        let Ok(_turn) = self.asks.try_lock() else {
            if let Some(last) = self.last() {
                return last;
            }
            // The first one for a while is under way.
            let _ended = timeout(LIMIT, self.asks.lock()).await;
            return self.last().unwrap_or_else(|| Err(no_answer()));
        };
        let asked = timeout(LIMIT, app.db.health().timeout(LIMIT)).await;
        let answer = asked.unwrap_or_else(|_| Err(no_answer()));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

fn no_answer() -> Error {
    let detail = format!("the database did not answer a ping within {LIMIT:?}");
    Error::new(ErrorKind::Deadline, detail)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    state: &'static str,
    /// Why it is not "ok".
    reasons: Vec<Reason>,
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

/// Why the service is not whole, fit for all.
#[derive(Debug, Serialize)]
struct Reason {
    code: &'static str,
    detail: String,
}

impl Reason {
    fn of(error: &Error) -> Self {
        Self {
            code: error.code(),
            detail: error.public_message(),
        }
    }
}

/// The service can do its work: its database answers.
pub async fn ready(State(app): State<App>, Extension(checks): Extension<Arc<Checks>>) -> Response {
    if !checks.ready.is_ready() {
        let reason = Reason {
            code: "STARTING",
            detail: "The service waits for its database".to_owned(),
        };
        return down(SECOND, vec![reason]);
    }
    let health = match checks.ask(&app).await {
        Ok(health) => health,
        Err(error) => {
            // Whatever the reason, what a load balancer has to know is: not now.
            tracing::warn!(%error, "not ready");
            let mut reasons = vec![Reason::of(&error)];
            for reason in reasons_of(&app.db.status()) {
                if reasons.iter().all(|known| known.code != reason.code) {
                    reasons.push(reason);
                }
            }
            return down(error.retry_after().unwrap_or(SECOND), reasons);
        }
    };
    let reasons = reasons_of(&app.db.status());
    Answer(Ready {
        state: if reasons.is_empty() { "ok" } else { "degraded" },
        reasons,
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
    .into_response()
}

const SECOND: Duration = Duration::from_secs(1);

/// Problem details, with the state and all reasons besides. The first of them is the problem.
fn down(again: Duration, reasons: Vec<Reason>) -> Response {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let first = reasons.first();
    let code = first.map_or("UNEXPECTED_ERROR", |reason| reason.code);
    let body = json!({
        "type": format!("urn:mainstay:error:{}", code.to_ascii_lowercase()),
        "title": "Not ready",
        "status": status.as_u16(),
        "detail": first.map(|reason| &reason.detail),
        "code": code,
        "state": "down",
        "reasons": reasons,
    });
    let seconds = again.as_secs() + u64::from(again.subsec_nanos() > 0);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        ),
        (header::RETRY_AFTER, HeaderValue::from(seconds.max(1))),
    ];
    (status, headers, body.to_string()).into_response()
}

/// What the handle knows of its troubles.
fn reasons_of(status: &Status) -> Vec<Reason> {
    let breakers = status.breakers.iter();
    let not_closed = breakers.filter(|one| one.state != breaker::State::Closed);
    let mut reasons: Vec<_> = not_closed
        .map(|one| Reason {
            code: "CIRCUIT_OPEN",
            detail: format!(
                "The circuit breaker (role: {}) is {}",
                one.role.as_str(),
                one.state.as_str()
            ),
        })
        .collect();
    let stopped = status.writes_stopped.iter();
    reasons.extend(stopped.map(|stopped| Reason::of(&stopped.why)));
    reasons
}
