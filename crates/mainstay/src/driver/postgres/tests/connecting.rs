use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::relay::Relay;
use super::{LIMIT, one, open, server, statement};
use crate::Value;
use crate::config::{Tls, TlsMode};
use crate::driver::contract::Connection;
use crate::driver::postgres::admin::{create_database_if_missing, drop_database, exists};
use crate::driver::postgres::dial::Dialer;
use crate::driver::postgres::{PostgresDriver, PostgresOptions};
use crate::driver::row::Ignore;
use crate::driver::statement::Access;
use crate::error::{Error, ErrorKind};
use mainstay_testkit::servers::{ServerKind, require};

/// Options that reach nobody unless changed.
fn nowhere() -> PostgresOptions {
    PostgresOptions {
        host: "127.0.0.1".into(),
        port: 1,
        user: "someone".into(),
        password: Some("hunter2".into()),
        database: "some_database".into(),
        tls: Tls::disabled(),
        application_name: "mainstay-test".into(),
        statement_cache: 1,
    }
}

async fn refusal(options: PostgresOptions, limit: Duration) -> Error {
    let error = PostgresDriver::open(options, limit, true)
        .await
        .unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    error
}

/// The test server with its certificate checked; needs `MAINSTAY_TEST_POSTGRES_CA`.
pub(super) fn with_tls() -> Option<PostgresOptions> {
    let mut options = server()?;
    let ca = require(ServerKind::Postgres)?.ca()?.to_owned();
    options.tls = Tls {
        mode: TlsMode::Require,
        ca_file: Some(ca),
        ..Tls::disabled()
    };
    Some(options)
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = refusal(PostgresOptions { port, ..nowhere() }, LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(
        error.detail().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
    assert!(error.detail().contains("dialing"), "{error}");
}

#[tokio::test]
async fn the_host_is_unknown() {
    let host = "no-such-host.invalid".to_owned();
    let error = refusal(PostgresOptions { host, ..nowhere() }, LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.detail().contains("no-such-host.invalid:1"), "{error}");
    let host = "/no/such/folder".to_owned();
    let error = refusal(PostgresOptions { host, ..nowhere() }, LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
}

/// A server that answers the first message with `answer`, then waits or closes.
async fn fake(answer: &'static [u8], close: bool) -> PostgresOptions {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut message = [0; 64];
            let _ = socket.read(&mut message).await;
            let _ = socket.write_all(answer).await;
            if !close {
                held.push(socket);
            }
        }
    });
    PostgresOptions { port, ..nowhere() }
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_the_step_named() {
    let limit = Duration::from_millis(200);
    let started = Instant::now();
    let error = refusal(fake(b"", false).await, limit).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.detail().contains("logging in"), "{error}");
    let mut options = fake(b"", false).await;
    options.tls.mode = TlsMode::Require;
    let error = refusal(options, limit).await;
    assert!(error.detail().contains("asking for TLS"), "{error}");
    let mut options = fake(b"S", false).await;
    options.tls.mode = TlsMode::Require;
    let error = refusal(options, limit).await;
    assert!(error.detail().contains("TLS handshake"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn servers_that_speak_otherwise() {
    let mut options = fake(b"N", false).await;
    options.tls.mode = TlsMode::Require;
    let error = refusal(options, LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(error.detail().contains("does not offer TLS"), "{error}");
    let mut options = fake(b"SHTTP/1.1 400 Bad Request\r\n\r\n", true).await;
    options.tls.mode = TlsMode::RequireUnverified;
    assert_eq!(refusal(options, LIMIT).await.kind(), ErrorKind::Tls);
    let error = refusal(fake(b"", true).await, LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let error = refusal(fake(b"HTTP/1.1 400 Bad Request\r\n\r\n", true).await, LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
}

#[tokio::test]
async fn credentials_and_databases_are_told_apart() {
    let Some(options) = server() else { return };
    let wrong = PostgresOptions {
        password: Some("hunter2".into()),
        ..options.clone()
    };
    let error = refusal(wrong, LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::CredentialsRefused, "{error}");
    assert_eq!(error.native_code(), Some("28P01"));
    assert!(error.detail().contains(&options.user), "{error}");
    let none = PostgresOptions {
        password: None,
        ..options.clone()
    };
    let error = refusal(none, LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::CredentialsRefused, "{error}");
    let missing = options.with_database("no_such_database");
    let error = refusal(missing, LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::DatabaseMissing, "{error}");
    assert!(error.hint().unwrap().contains("setup"));
}

#[tokio::test]
async fn databases_are_made_and_dropped() {
    let Some(options) = server() else { return };
    let options = options.with_database("Odd \"name\" ;--");
    drop_database(&options, LIMIT).await.unwrap();
    assert!(!exists(&options, LIMIT).await.unwrap());
    assert!(create_database_if_missing(&options, LIMIT).await.unwrap());
    assert!(!create_database_if_missing(&options, LIMIT).await.unwrap());
    assert!(exists(&options, LIMIT).await.unwrap());
    let mut connection = open(&options).await;
    let encoding = one(&mut connection, "SHOW server_encoding", vec![]).await;
    assert_eq!(encoding.unwrap(), Value::Text("UTF8".into()));
    // Although somebody is connected.
    assert!(drop_database(&options, LIMIT).await.unwrap());
    assert!(!drop_database(&options, LIMIT).await.unwrap());
    assert!(!exists(&options, LIMIT).await.unwrap());
}

#[tokio::test]
async fn tls_checks_chain_and_host_name() {
    let Some(options) = with_tls() else { return };
    let is_encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let mut connection = open(&options).await;
    let seen = one(&mut connection, is_encrypted, vec![]).await;
    assert_eq!(seen.unwrap(), Value::Bool(true));
    Box::new(connection).close().await;

    // The public authorities did not sign it.
    let mut public = options.clone();
    public.tls.ca_file = None;
    let error = refusal(public.clone(), LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(error.detail().contains("trusted authority"), "{error}");
    // It names this machine, but not by this address.
    let relay = Relay::at("127.0.0.2", &options).await;
    let other = relay.options.clone();
    let error = refusal(other.clone(), LIMIT).await;
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(error.detail().contains("another host name"), "{error}");

    for mut unverified in [public, other] {
        unverified.tls.mode = TlsMode::RequireUnverified;
        let mut connection = open(&unverified).await;
        let seen = one(&mut connection, is_encrypted, vec![]).await;
        assert_eq!(seen.unwrap(), Value::Bool(true));
    }
}

#[tokio::test]
async fn a_full_server_says_so() {
    let Some(mut options) = server() else { return };
    let mut admin = open(&options).await;
    let role = "DROP ROLE IF EXISTS mainstay_narrow;
        CREATE ROLE mainstay_narrow LOGIN PASSWORD 'pw' CONNECTION LIMIT 1";
    admin.run_script(role).await.unwrap();
    options.user = "mainstay_narrow".into();
    options.password = Some("pw".into());
    let mut only = open(&options).await;
    let error = Dialer::new(options)
        .unwrap()
        .connect(LIMIT)
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::TooManyConnections);
    let denied = statement("SELECT * FROM pg_authid", vec![], Access::Read);
    let error = only.run(denied, &mut Ignore).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    Box::new(only).close().await;
    admin.run_script("DROP ROLE mainstay_narrow").await.unwrap();
}
