//! A service of its own for each case, over real HTTP.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeZone as _, Utc};
use mainstay::config::Secret;
use mainstay::database::Builder;
use mainstay::{Database, Entropy, ManualClock};
use mainstay_testkit::proxy::FaultProxy;
use mainstay_testkit::servers::ServerKind;
use questlog::http::auth::ApiToken;
use questlog::http::{Options, router_with};
use questlog::migrations::MIGRATIONS;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tokio::net::{TcpListener, lookup_host};
use tokio::task::JoinHandle;

use super::{Engine, Place};

/// A running service with an empty, migrated database, and a client for it.
pub struct Service {
    /// The database, to look behind the API.
    pub db: Database,
    /// The service's clock, which stands still until it is moved.
    pub clock: ManualClock,
    /// Which engine it is.
    pub engine: Engine,
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    client: Client,
    server: JoinHandle<()>,
    // Last, so that the database goes after everything that uses it.
    _place: Place,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Counts up instead of drawing lots. The clock stands still, so keys made of time and lots would
/// be in any order; these are in the order in which rows are made.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.fill(0);
        for (to, from) in bytes.iter_mut().rev().zip(count.into_iter().rev()) {
            *to = from;
        }
    }
}

/// The day the tests live in.
pub fn start_of_time() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

impl Service {
    /// A configuration for its database.
    pub fn config(&self) -> mainstay::Config {
        self._place.config(&[])
    }

    /// Starts a service without a token.
    pub async fn start(engine: Engine) -> Option<Self> {
        Self::start_with(engine, Options::default()).await
    }

    /// Starts a service that asks for a token.
    pub async fn with_token(engine: Engine, token: &str) -> Option<Self> {
        let options = Options {
            token: Some(ApiToken::new(&Secret::new(token)).unwrap()),
            ..Options::default()
        };
        Self::start_with(engine, options).await
    }

    async fn start_with(engine: Engine, options: Options) -> Option<Self> {
        let place = Place::on(engine).await?;
        Some(Self::start_at(engine, place, options, &[]).await)
    }

    /// Starts a service on a server that is reached through a proxy, which can cut it off.
    pub async fn behind_a_proxy(
        kind: ServerKind,
        settings: &[(&str, &str)],
    ) -> Option<(FaultProxy, Self)> {
        let engine = Engine::Server(kind);
        let mut place = Place::on(engine).await?;
        let url = place.server_url();
        let mut address = lookup_host((url.host(), url.port())).await.unwrap();
        let proxy = FaultProxy::start(address.next().unwrap()).await.unwrap();
        place.url = url.through_port(proxy.address().port()).as_str().to_owned();
        let mut settings = settings.to_vec();
        settings.push(("tls", "disable"));
        let quest = Self::start_at(engine, place, Options::default(), &settings).await;
        Some((proxy, quest))
    }

    async fn start_at(
        engine: Engine,
        place: Place,
        options: Options,
        settings: &[(&str, &str)],
    ) -> Self {
        let clock = ManualClock::new(start_of_time());
        let db = Builder::default()
            .schema(questlog::schema())
            .clock(clock.clone())
            .entropy(Counting::default())
            .create_if_missing()
            .open(&place.config(settings))
            .await
            .unwrap();
        mainstay_migrate::migrate(&db, &MIGRATIONS).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = router_with(db.clone(), options);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            db,
            clock,
            engine,
            base,
            client: client(),
            server,
            _place: place,
        }
    }

    /// Sends a request. A path without a leading `/health` or `/` root is under `/api/v1`.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("/health") || path.starts_with("//") {
            format!("{}{}", self.base, path.replacen("//", "/", 1))
        } else {
            format!("{}/api/v1{path}", self.base)
        };
        self.client.request(method, url)
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.request(Method::PATCH, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::DELETE, path)).await
    }

    /// Posts a body as it is.
    pub async fn post_text(&self, path: &str, body: impl Into<String>) -> Reply {
        let request = self
            .request(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.into());
        Reply::of(request).await
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON; null when it is empty or something else.
    pub body: Value,
}

impl Reply {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let status = response.status();
        let headers = response.headers().clone();
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self {
            status,
            headers,
            body,
        }
    }

    /// The body, after checking the status.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// Checks that this is the problem of a code and status, and gives the problems of its fields
    /// as `field: message`.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Vec<String> {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["code"], code, "{}", self.body);
        assert_eq!(self.body["status"], status);
        for field in ["type", "title", "detail"] {
            assert!(self.body[field].is_string(), "{field} in {}", self.body);
        }
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| {
                let text = |name: &str| error[name].as_str().unwrap().to_owned();
                format!("{}: {}", text("field"), text("message"))
            })
            .collect()
    }

    /// Checks that input was refused, and gives the problems.
    #[track_caller]
    pub fn refused(&self) -> Vec<String> {
        self.problem(400, "VALIDATION_ERROR")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A client for HTTP. The library's needs to be told whose cryptography it would use for TLS, even
/// where it uses none.
pub fn client() -> Client {
    // Somebody may have said it already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}
