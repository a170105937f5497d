//! Databases, and what is in them.

use std::time::Duration;

use mainstay::config::ConfigLoader;
use mainstay::{Config, Database, Error, Result};
use mainstay_backup::copy::{Options, Report, copy};
use mainstay_testkit::servers::{ServerKind, TestDatabase, require};

use super::entities;

/// A database that is gone with the value.
pub(crate) struct Place {
    pub(crate) config: Config,
    _server: Option<TestDatabase>,
    _folder: Option<tempfile::TempDir>,
}

pub(crate) fn config(url: &str) -> Config {
    ConfigLoader::new()
        .set("url", url)
        .load()
        .expect("the test's configuration is valid")
}

impl Place {
    /// A file that is not there yet.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self {
            config: config(&url),
            _server: None,
            _folder: Some(folder),
        }
    }

    /// On a server, where there is one.
    pub(crate) fn on(kind: ServerKind) -> Option<Self> {
        let server = require(kind)?;
        let database = TestDatabase::create(&server).expect("a database");
        Some(Self {
            config: config(database.url().as_str()),
            _server: Some(database),
            _folder: None,
        })
    }

    /// One on each engine there is, SQLite first.
    pub(crate) fn all() -> Vec<Self> {
        let servers = [ServerKind::Postgres, ServerKind::MariaDb];
        let servers = servers.into_iter().filter_map(Self::on);
        std::iter::once(Self::sqlite()).chain(servers).collect()
    }

    pub(crate) async fn open(&self) -> Database {
        Database::builder()
            .schema(entities::schema())
            .create_if_missing()
            .open(&self.config)
            .await
            .expect("the test database opens")
    }

    /// Runs statements, and closes.
    pub(crate) async fn run(&self, statements: &[&str]) {
        let db = self.open().await;
        for statement in statements {
            db.script(*statement)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        close(db).await;
    }

    /// One number.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let db = self.open().await;
        let number = db.sql(sql).scalar().await.expect(sql);
        close(db).await;
        number
    }

    /// With the tables of the entities.
    pub(crate) async fn migrated(self) -> Self {
        let db = self.open().await;
        mainstay_migrate::migrate(&db, &entities::migrations())
            .await
            .expect("the migrations are right");
        close(db).await;
        self
    }
}

pub(crate) async fn close(db: Database) {
    db.close(Duration::from_secs(5))
        .await
        .expect("the handle closes");
}

/// With the entities and their migrations.
pub(crate) fn options() -> Options {
    Options {
        schema: entities::schema(),
        migrations: Some(entities::migrations()),
        ..Options::default()
    }
}

pub(crate) async fn copied(from: &Place, to: &Place) -> Report {
    copy(&from.config, &to.config, &options())
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", to.config.url))
}

pub(crate) async fn refused(from: &Place, to: &Place, options: &Options) -> Error {
    let result: Result<Report> = copy(&from.config, &to.config, options).await;
    result.expect_err("it is refused")
}

/// All rows of a table of a SQLite file, each value as SQLite itself writes it.
pub(crate) async fn dump(place: &Place, table: &str) -> Vec<String> {
    let db = place.open().await;
    let columns = db
        .sql("SELECT name FROM pragma_table_info(?) ORDER BY cid")
        .bind(table)
        .fetch_with(|row| row.get::<String>(0))
        .await
        .expect("the table is there");
    assert!(!columns.is_empty(), "{table}");
    let parts: Vec<_> = columns
        .iter()
        .map(|name| format!("typeof(\"{name}\") || quote(\"{name}\")"))
        .collect();
    let sql = format!(
        "SELECT {} AS line FROM \"{}\" ORDER BY line",
        parts.join(" || ', ' || "),
        table.replace('"', "\"\"")
    );
    let lines = db
        .sql(sql)
        .fetch_with(|row| row.get::<String>(0))
        .await
        .expect("the rows can be read");
    close(db).await;
    lines
}
