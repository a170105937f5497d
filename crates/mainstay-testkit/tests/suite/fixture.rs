//! The fixture leaves nothing behind, whatever happens to the test that uses it.
#![cfg(unix)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use mainstay::Schema;
use mainstay_testkit::servers::{ServerUrl, run_sql};
use mainstay_testkit::{Engine, Fixture, FixtureOptions, conformance};

/// How many databases of a name the server has.
fn databases(url: &ServerUrl) -> String {
    let name = url.database();
    let (server, sql) = match url.kind() {
        mainstay_testkit::servers::ServerKind::Postgres => (
            url.with_database("postgres"),
            format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'"),
        ),
        mainstay_testkit::servers::ServerKind::MariaDb => (
            url.with_database("information_schema"),
            format!("SELECT count(*) FROM schemata WHERE schema_name = '{name}'"),
        ),
    };
    run_sql(&server, &sql).unwrap().trim().to_owned()
}

fn a_panic_drops_the_database(engine: Engine) {
    let url = Mutex::new(None);
    let ran = Mutex::new(false);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        conformance::run(engine, async |fixture: &Fixture| {
            fixture.db().health().await.unwrap();
            *url.lock().unwrap() = fixture.server_url().cloned();
            *ran.lock().unwrap() = true;
            panic!("as the test wants it");
        });
    }));
    if !*ran.lock().unwrap() {
        assert!(panicked.is_ok(), "without an engine nothing runs");
        return;
    }
    assert!(panicked.is_err());
    let url = url.lock().unwrap().take();
    assert_eq!(url.as_ref().map(databases), url.map(|_| "0".to_owned()));
}

#[test]
fn a_panic_drops_the_database_on_postgres() {
    a_panic_drops_the_database(Engine::Postgres);
}

#[test]
fn a_panic_drops_the_database_on_mariadb() {
    a_panic_drops_the_database(Engine::MariaDb);
}

#[tokio::test]
async fn settings_and_further_handles_are_the_tests_own() {
    let options = FixtureOptions::default().set("pool.max", "3");
    let Some(fixture) = Fixture::create(Engine::Sqlite, Schema::new(), options).await else {
        return;
    };
    assert_eq!(fixture.db().pool().status().max, 3);
    let other = fixture.open(&[("pool.max", "2")]).await.unwrap();
    assert_eq!(other.pool().status().max, 2);
    fixture
        .db()
        .script("CREATE TABLE t (n INTEGER) STRICT")
        .await
        .unwrap();
    let rows = other.sql("SELECT count(*) FROM t").scalar::<i64>().await;
    assert_eq!(rows.unwrap(), 0);
    let refused = fixture.open(&[("pool.maxx", "2")]).await.unwrap_err();
    assert!(refused.to_string().contains("pool.max"), "{refused}");
}
