//! The HTTP API.
//!
//! - `mod.rs`: [`router`], all routes and what stands around them
//! - [`users`], [`modules`], [`goals`], [`progress`], [`leaderboard`]: the resources
//! - [`health`]: whether the service lives and is ready
//! - [`known`]: rows from memory
//! - [`json`], [`query`], [`path`]: reading requests; answers
//! - [`refusal`]: what is refused before a resource is reached, as problem details
//! - [`auth`]: the API token
//! - [`guard`]: time limit, panics, tracing
//! - [`server`]: binding, serving and stopping
//! - [`settings`]: the configuration keys of the API

pub mod auth;
pub mod goals;
pub mod guard;
pub mod health;
pub mod json;
pub mod known;
pub mod leaderboard;
pub mod modules;
pub mod path;
pub mod progress;
pub mod query;
pub mod refusal;
pub mod server;
pub mod settings;
pub mod users;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use axum::{Extension, Router};
use mainstay::Database;
use mainstay_cli::Readiness;
use tower_http::catch_panic::CatchPanicLayer;

use crate::service::App;
use auth::ApiToken;
use refusal::Refusal;

/// The largest request body, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

/// How the API behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The token that requests must bring, if any.
    pub token: Option<ApiToken>,
    /// The longest one request may take, its body included.
    pub timeout: Duration,
    /// Whether the database has been found set up.
    pub ready: Readiness,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token: None,
            timeout: Duration::from_secs(30),
            ready: Readiness::default(),
        }
    }
}

/// The API on a database, open to all who can reach it.
pub fn router(db: Database) -> Router {
    router_with(db, Options::default())
}

/// The API on a database.
pub fn router_with(db: Database, options: Options) -> Router {
    routes(App::new(db), options)
}

fn routes(app: App, options: Options) -> Router {
    let api = Router::new()
        .nest("/api/v1", resources())
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn_with_state(
            options.ready.clone(),
            guard::require_ready,
        ))
        .layer(middleware::from_fn_with_state(options.token, auth::require));
    let health = Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .method_not_allowed_fallback(no_method)
        .layer(Extension(Arc::new(health::Checks::new(options.ready))));
    let router = Router::new().merge(health).merge(api).with_state(app);
    enclose(router, options.timeout)
}

/// What stands around all routes. The last layer is the outermost.
fn enclose(router: Router, limit: Duration) -> Router {
    router
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(guard::say_when))
        .layer(middleware::from_fn_with_state(limit, guard::limit_time))
        .layer(CatchPanicLayer::custom(guard::Panics))
        .layer(middleware::from_fn(guard::trace))
}

fn resources() -> Router<App> {
    Router::new()
        .route("/users", get(users::list).post(users::create))
        .route(
            "/users/{id}",
            get(users::read).patch(users::update).delete(users::delete),
        )
        .route("/modules", get(modules::list).post(modules::create))
        .route(
            "/modules/{id}",
            get(modules::read)
                .patch(modules::update)
                .delete(modules::delete),
        )
        .route("/goals", get(goals::list).post(goals::create))
        .route(
            "/goals/{id}",
            get(goals::read).patch(goals::update).delete(goals::delete),
        )
        .route(
            "/goals/{id}/progress",
            get(progress::of_goal).post(progress::record),
        )
        .route("/progress", get(progress::list).post(progress::create))
        .route(
            "/progress/{id}",
            get(progress::read)
                .patch(progress::update)
                .delete(progress::delete),
        )
        .route("/leaderboard", get(leaderboard::list))
}

async fn no_route() -> Refusal {
    Refusal::NoRoute
}

async fn no_method() -> Refusal {
    Refusal::NoMethod
}

#[cfg(test)]
mod tests;
