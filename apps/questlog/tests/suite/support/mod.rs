//! What the suites share: engines, a running service on each, and a client for it.
//!
//! - `mod.rs`: [`Engine`] and the macro that runs each case on every engine
//! - [`service`]: a service of its own for each case, over real HTTP
//! - [`rows`]: rows the cases start from
//! - [`statements`]: which statements a request takes, and how an engine would run them
//!
//! A case is written once, as `async fn case(quest: Service)`. The macro only wraps it in one
//! `#[tokio::test]` per engine, because the test runner finds tests by attribute, not by function:
//! the same case shows as `sqlite::case`, `postgres::case` and `mysql::case`.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each suite is a program of its own and uses a part of this"
)]

pub mod rows;
pub mod service;
pub mod statements;

use mainstay::config::ConfigLoader;
use mainstay_testkit::servers::{ENGINES_VARIABLE, ServerKind, ServerUrl, TestDatabase, require};

pub use service::{Reply, Service, client};

/// An engine to run a case on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own on the server of the test run.
    Server(ServerKind),
}

/// An empty database. Dropping this removes it.
pub struct Place {
    /// The address.
    pub url: String,
    _folder: Option<tempfile::TempDir>,
    _database: Option<TestDatabase>,
}

impl Place {
    /// An empty database, or `None` when this run leaves the engine out (the test kit says why).
    pub async fn on(engine: Engine) -> Option<Self> {
        // The kit waits for processes.
        tokio::task::spawn_blocking(move || Self::make(engine))
            .await
            .unwrap()
    }

    fn make(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Sqlite => {
                let selected = std::env::var(ENGINES_VARIABLE)
                    .map_or(true, |list| list.split(',').any(|e| e.trim() == "sqlite"));
                let folder = tempfile::tempdir().unwrap();
                selected.then(|| Self {
                    url: format!("sqlite:{}", folder.path().join("quest.db").display()),
                    _folder: Some(folder),
                    _database: None,
                })
            }
            Engine::Server(kind) => {
                let database = TestDatabase::create(&require(kind)?).unwrap();
                Some(Self {
                    url: database.url().as_str().to_owned(),
                    _folder: None,
                    _database: Some(database),
                })
            }
        }
    }

    /// The address of a database on a server.
    pub fn server_url(&self) -> ServerUrl {
        let database = self._database.as_ref().expect("it is on a server");
        database.url().clone()
    }

    /// A configuration for it.
    pub fn config(&self, settings: &[(&str, &str)]) -> mainstay::Config {
        let loader = ConfigLoader::new()
            .with_keys(questlog::http::settings::KEYS)
            .set("profile", "test")
            .set("url", &self.url)
            .set("log.statements", "all");
        let set = |loader: ConfigLoader, (key, value): &(&str, &str)| loader.set(*key, *value);
        settings.iter().fold(loader, set).load().unwrap()
    }
}

/// Runs each case on every engine.
macro_rules! on_every_engine {
    ($($case:ident),* $(,)?) => {
        $crate::support::on_every_engine!(@ sqlite, $crate::support::Engine::Sqlite, $($case)*);
        $crate::support::on_every_engine!(@ postgres, $crate::support::Engine::Server(
            mainstay_testkit::servers::ServerKind::Postgres), $($case)*);
        $crate::support::on_every_engine!(@ mysql, $crate::support::Engine::Server(
            mainstay_testkit::servers::ServerKind::MariaDb), $($case)*);
    };
    (@ $module:ident, $engine:expr, $($case:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some(quest) = $crate::support::Service::start($engine).await {
                        super::$case(quest).await;
                    }
                }
            )*
        }
    };
}

pub(crate) use on_every_engine;
