//! A handle that is opened before its server.

use std::time::Duration;

use mainstay::config::{Config, ConfigLoader};
use mainstay::schema::Dialect;
use mainstay::{Database, ErrorKind};
use mainstay_testkit::servers::{Options, Server, ServerKind, ServerUrl, require};
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

/// Far beyond what is needed, so that a slow machine fails nothing.
const PATIENCE: Duration = Duration::from_secs(60);

fn config(url: &ServerUrl, required: &str) -> Config {
    ConfigLoader::new()
        .set("url", url.as_str())
        .set("tls", "require")
        .set("tls_ca_file", url.ca().unwrap().display().to_string())
        .set("pool.max", "3")
        .set("pool.min", "2")
        .set("startup.require_database", required)
        .load()
        .unwrap()
}

async fn starts_before_its_server(kind: ServerKind, dialect: Dialect) {
    if require(kind).is_none() {
        return;
    }
    let mut server = block_in_place(|| Server::start(kind, Options::default())).unwrap();
    let url = server.url().clone();
    block_in_place(|| server.stop()).unwrap();

    let refused = Database::open(&config(&url, "true")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unreachable);

    let started = Instant::now();
    let db = Database::open(&config(&url, "false")).await.unwrap();
    let status = db.status();
    assert!(status.is_degraded());
    assert!(status.not_reached.is_some());
    let reasons = status.reasons().join("; ");
    assert!(
        reasons.contains("not been reached since the start"),
        "{reasons}"
    );
    assert_eq!(status.to_json()["reached"], false);
    assert_eq!(db.server_info().version, "");
    for _ in 0..20 {
        let failed = db.sql("SELECT 1").scalar::<i64>().await.unwrap_err();
        assert_eq!(failed.http_status(), 503, "{failed:?}");
        assert!(failed.retry_after().is_some());
    }
    // Each call has 30 seconds; none has waited for them.
    assert!(started.elapsed() < Duration::from_secs(25));

    block_in_place(|| server.restart()).unwrap();
    let until = Instant::now() + PATIENCE;
    while let Err(error) = db.sql("SELECT 1").scalar::<i64>().await {
        assert!(Instant::now() < until, "{error}");
        assert_eq!(error.http_status(), 503, "{error:?}");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(db.dialect(), dialect);
    assert_ne!(db.server_info().version, "");
    assert!(db.server_info().max_connections.unwrap() > 0);
    assert!(db.status().not_reached.is_none());
    while db.status().is_degraded() || db.pool().status().open < 2 {
        assert!(Instant::now() < until, "{:?}", db.status().reasons());
        db.health().await.ok();
        sleep(Duration::from_millis(20)).await;
    }
    db.close(PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_comes_later() {
    starts_before_its_server(ServerKind::Postgres, Dialect::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_comes_later() {
    starts_before_its_server(ServerKind::MariaDb, Dialect::MariaDb).await;
}

/// What time does not change is an error in any case.
#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_an_error_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = ConfigLoader::new()
        .set(
            "url",
            format!("sqlite:{}", folder.path().join("none.db").display()),
        )
        .set("startup.require_database", "false")
        .load()
        .unwrap();
    let missing = Database::open(&file).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::DatabaseMissing);
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        let Some(url) = require(kind) else { continue };
        let none = url.with_database("nobody_has_this");
        let missing = Database::open(&config(&none, "false")).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::DatabaseMissing, "{kind}");
    }
}
