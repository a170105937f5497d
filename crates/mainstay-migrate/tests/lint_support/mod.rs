//! What the tests of the lint share: databases to run statements on, and the lint of one statement.

use std::time::Duration;

use mainstay::Database;
use mainstay::config::ConfigLoader;
use mainstay::schema::Dialect;
use mainstay_migrate::lint::{Finding, Options, Source, lint};
use mainstay_testkit::servers::{ServerKind, TestDatabase, require};

/// A database of one test on one engine.
pub(crate) struct Target {
    pub(crate) db: Database,
    _file: Option<tempfile::TempDir>,
    _database: Option<TestDatabase>,
}

async fn open(url: &str) -> Database {
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

pub(crate) async fn sqlite() -> Target {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    Target {
        db: open(&url).await,
        _file: Some(folder),
        _database: None,
    }
}

/// An empty database on a server, where there is one.
pub(crate) async fn on_server(kind: ServerKind) -> Option<Target> {
    let server = require(kind)?;
    let database = TestDatabase::create(&server).expect("a database");
    Some(Target {
        db: open(database.url().as_str()).await,
        _file: None,
        _database: Some(database),
    })
}

impl Target {
    pub(crate) async fn run(&self, sql: &str) {
        if let Err(error) = self.db.script(sql.to_owned()).await {
            panic!("{error}: {sql}");
        }
    }

    pub(crate) async fn runs(&self, sql: &str) -> bool {
        self.db.script(sql.to_owned()).await.is_ok()
    }

    pub(crate) async fn close(self) {
        self.db
            .close(Duration::from_secs(5))
            .await
            .expect("the handle closes");
    }
}

/// What is found in a statement that follows on an earlier migration.
pub(crate) fn found_in(dialect: Dialect, before: &str, statement: &str) -> Vec<Finding> {
    let source = |version: &str, up: &str| Source {
        dialect,
        version: version.to_owned(),
        name: "step".to_owned(),
        path: "up.sql".to_owned(),
        up: up.to_owned(),
        down: None,
    };
    let options = Options {
        after: Some("1"),
        ..Options::default()
    };
    lint(&[source("1", before), source("2", statement)], &options).findings
}

/// The rules that find something in it.
pub(crate) fn rules_of(dialect: Dialect, before: &str, statement: &str) -> Vec<&'static str> {
    let found = found_in(dialect, before, statement);
    found.iter().map(|finding| finding.rule).collect()
}
