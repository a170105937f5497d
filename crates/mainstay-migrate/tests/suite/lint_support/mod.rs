//! What the tests of the lint share: databases to run statements on, and the lint of one statement.

use mainstay::Database;
use mainstay::schema::Dialect;
use mainstay_migrate::lint::{Finding, Options, Source, lint};
use mainstay_testkit::servers::ServerKind;

use crate::support::database;

/// A database of one test on one engine, and a handle on it.
pub(crate) struct Target {
    pub(crate) db: Database,
    _place: database::Target,
}

pub(crate) async fn sqlite() -> Target {
    at(database::Target::sqlite()).await
}

/// An empty database on a server, where there is one.
pub(crate) async fn on_server(kind: ServerKind) -> Option<Target> {
    Some(at(database::Target::on(kind)?).await)
}

async fn at(place: database::Target) -> Target {
    Target {
        db: place.open().await,
        _place: place,
    }
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
        database::close(self.db).await;
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
