//! An empty database on an engine, for one test.

use std::time::Duration;

use mainstay::Database;
use mainstay::config::ConfigLoader;
use mainstay_testkit::servers::{ServerKind, ServerUrl, TestDatabase, require};

/// A database of one test on one engine, gone with the value.
pub(crate) struct Target {
    pub(crate) url: String,
    /// The engine's word in file names.
    pub(crate) slug: &'static str,
    pub(crate) server: Option<(ServerUrl, TestDatabase)>,
    _file: Option<tempfile::TempDir>,
}

impl Target {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            url: format!("sqlite:{}", folder.path().join("test.db").display()),
            slug: "sqlite",
            server: None,
            _file: Some(folder),
        }
    }

    /// On a server, where there is one.
    pub(crate) fn on(kind: ServerKind) -> Option<Self> {
        let server = require(kind)?;
        let database = TestDatabase::create(&server).expect("a database");
        Some(Self {
            url: database.url().as_str().to_owned(),
            slug: match kind {
                ServerKind::Postgres => "postgres",
                ServerKind::MariaDb => "mysql",
            },
            server: Some((server, database)),
            _file: None,
        })
    }

    /// Another one on the same engine.
    pub(crate) fn another(&self) -> Self {
        match self.slug {
            "sqlite" => Self::sqlite(),
            "postgres" => Self::on(ServerKind::Postgres).expect("it was there"),
            _ => Self::on(ServerKind::MariaDb).expect("it was there"),
        }
    }

    pub(crate) async fn open(&self) -> Database {
        open(&self.url).await
    }
}

/// One on each engine there is.
pub(crate) fn targets() -> Vec<Target> {
    let servers = [ServerKind::Postgres, ServerKind::MariaDb];
    let servers = servers.into_iter().filter_map(Target::on);
    std::iter::once(Target::sqlite()).chain(servers).collect()
}

pub(crate) async fn open(url: &str) -> Database {
    let config = ConfigLoader::new()
        .set("url", url)
        .load()
        .expect("the test's configuration is valid");
    Database::builder()
        .create_if_missing()
        .open(&config)
        .await
        .expect("the test database opens")
}

pub(crate) async fn close(db: Database) {
    db.close(Duration::from_secs(5))
        .await
        .expect("the handle closes");
}
