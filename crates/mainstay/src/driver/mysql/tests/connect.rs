//! Signing in, and each way it fails.

use std::path::Path;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::config::{Tls, TlsMode};
use crate::error::{Error, ErrorKind};
use crate::schema::Dialect;

async fn refusal(options: MySqlOptions) -> Error {
    let error = MySqlDriver::open(options, Duration::from_secs(5), true)
        .await
        .unwrap_err();
    assert!(
        !format!("{error} {error:?}").contains("p@ss"),
        "the password shows: {error:?}"
    );
    error
}

#[tokio::test]
async fn a_driver_knows_its_server() {
    let Some(db) = Db::create("knows").await else {
        return;
    };
    let info = db.driver.server_info();
    assert!(info.max_connections.unwrap() > 0);
    assert_eq!(
        db.driver.dialect() == Dialect::MariaDb,
        info.version.contains("MariaDB")
    );
    assert!(!format!("{:?}", db.driver).contains("p@ss"));
    let mut conn = db.connect().await;
    assert!(!format!("{conn:?}").contains("p@ss"));
    conn.ping().await.unwrap();
    let settings = rows(
        &mut *conn,
        "SELECT @@time_zone, @@autocommit, @@collation_connection, @@foreign_key_checks, \
         @@default_storage_engine, @@sql_mode",
        vec![],
    )
    .await
    .unwrap();
    let collation = match db.driver.dialect() {
        Dialect::MySql => "utf8mb4_0900_bin",
        _ => "utf8mb4_nopad_bin",
    };
    let values = &settings[0].values;
    assert_eq!(values[0], text("+00:00"));
    assert_eq!(values[1], Value::I64(1));
    assert_eq!(values[2], text(collation));
    assert_eq!(values[3], Value::I64(1));
    assert_eq!(values[4], text("InnoDB"));
    let Value::Text(mode) = &values[5] else {
        panic!("sql_mode is {:?}", values[5]);
    };
    assert!(mode.contains("STRICT_ALL_TABLES") && !mode.contains("ANSI_QUOTES"));
    conn.close().await;
    db.end().await;
}

#[tokio::test]
async fn databases_are_created_once_and_dropped_once() {
    let Some(options) = options("admin`q") else {
        return;
    };
    admin::drop_database(&options, LIMIT).await.unwrap();
    assert!(!admin::exists(&options, LIMIT).await.unwrap());
    assert!(
        admin::create_database_if_missing(&options, LIMIT)
            .await
            .unwrap()
    );
    assert!(
        !admin::create_database_if_missing(&options, LIMIT)
            .await
            .unwrap()
    );
    assert!(admin::exists(&options, LIMIT).await.unwrap());
    assert!(admin::drop_database(&options, LIMIT).await.unwrap());
    assert!(!admin::drop_database(&options, LIMIT).await.unwrap());
}

#[tokio::test]
async fn refusals_of_the_server_are_told_apart() {
    let Some(options) = options("refused") else {
        return;
    };
    admin::drop_database(&options, LIMIT).await.unwrap();
    let missing = refusal(options.clone()).await;
    assert_eq!(missing.kind(), ErrorKind::DatabaseMissing);
    assert!(missing.hint().unwrap().contains("setup"));

    let mut wrong = options.clone();
    wrong.password = Some("p@ss wrong".to_owned());
    let error = refusal(wrong).await;
    assert_eq!(error.kind(), ErrorKind::CredentialsRefused);
    assert!(error.native_code().unwrap().starts_with("1045"));
    assert!(error.detail().contains(&options.user), "{error}");

    let db = Db::create("refused_rights").await.unwrap();
    let mut conn = db.connect().await;
    conn.run_script(
        "CREATE OR REPLACE USER mainstay_nobody@'%' IDENTIFIED BY 'p@ss'; \
         CREATE OR REPLACE USER mainstay_nobody@localhost IDENTIFIED BY 'p@ss'",
    )
    .await
    .unwrap();
    let mut nobody = db.options.clone();
    nobody.user = "mainstay_nobody".to_owned();
    nobody.password = Some("p@ss".to_owned());
    let error = refusal(nobody).await;
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
    conn.run_script("DROP USER mainstay_nobody@'%', mainstay_nobody@localhost")
        .await
        .unwrap();
    db.end().await;
}

#[tokio::test]
async fn too_many_connections_are_told() {
    let Some(db) = Db::create("too_many").await else {
        return;
    };
    let mut conn = db.connect().await;
    conn.run_script(
        "CREATE OR REPLACE USER mainstay_single@'%' IDENTIFIED BY 'p@ss' \
         WITH MAX_USER_CONNECTIONS 1; \
         CREATE OR REPLACE USER mainstay_single@localhost IDENTIFIED BY 'p@ss' \
         WITH MAX_USER_CONNECTIONS 1; \
         GRANT ALL ON *.* TO mainstay_single@'%'; GRANT ALL ON *.* TO mainstay_single@localhost",
    )
    .await
    .unwrap();
    let mut single = db.options.clone();
    single.user = "mainstay_single".to_owned();
    single.password = Some("p@ss".to_owned());
    let driver = MySqlDriver::open(single, LIMIT, true).await.unwrap();
    let mut first = driver.connect(LIMIT).await;
    while first.is_err() {
        // The session of `open` may take a moment to end.
        first = driver.connect(LIMIT).await;
    }
    let error = driver.connect(LIMIT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyConnections, "{error}");
    drop(first);
    conn.run_script("DROP USER mainstay_single@'%', mainstay_single@localhost")
        .await
        .unwrap();
    db.end().await;
}

#[tokio::test]
async fn unreachable_servers_are_told_apart() {
    let mut options = MySqlOptions::new("127.0.0.1", "somebody", "nothing");
    options.password = Some("p@ss".to_owned());

    let mut unknown = options.clone();
    unknown.host = "no-such-host.invalid".to_owned();
    let error = refusal(unknown).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.detail().contains("no-such-host.invalid:3306"));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    options.port = listener.local_addr().unwrap().port();
    // Nobody accepts: the system does, and nothing is said.
    let error = MySqlDriver::open(options.clone(), Duration::from_millis(200), true)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let silent = format!("127.0.0.1:{}: logging in failed: no answer", options.port);
    assert!(error.detail().contains(&silent), "{error}");
    drop(listener);

    let error = refusal(options.clone()).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let nobody = format!("127.0.0.1:{}: dialing failed", options.port);
    assert!(error.detail().contains(&nobody), "{error}");
}

/// The greeting of a server that offers no TLS.
fn greeting() -> Vec<u8> {
    let mut body = vec![10];
    body.extend(b"5.5.5-10.11.0-MariaDB\0");
    body.extend(7_u32.to_le_bytes());
    body.extend(b"abcdefgh\0");
    let capabilities: u32 = 0x81ff_f7ff & !0x0800;
    body.extend(&capabilities.to_le_bytes()[..2]);
    body.push(45);
    body.extend(2_u16.to_le_bytes());
    body.extend(&capabilities.to_le_bytes()[2..]);
    body.push(21);
    body.extend([0; 10]);
    body.extend(b"abcdefghijkl\0mysql_native_password\0");
    let mut packet = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
    packet[3] = 0;
    packet.extend(body);
    packet
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = MySqlOptions::new("127.0.0.1", "somebody", "nothing");
    options.port = listener.local_addr().unwrap().port();
    options.tls.mode = TlsMode::Require;
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(&greeting()).await.unwrap();
        socket
    });
    let error = refusal(options).await;
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(error.detail().contains("offers no TLS"));
    drop(server.await.unwrap());
}

#[tokio::test]
async fn tls_files_are_told_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = MySqlOptions::new("localhost", "somebody", "nothing");
    let missing = folder.path().join("missing.pem");
    options.tls = Tls {
        mode: TlsMode::Require,
        ca_file: Some(missing.clone()),
        ..Tls::disabled()
    };
    let error = refusal(options.clone()).await;
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.detail().contains(&missing.display().to_string()));

    let nonsense = folder.path().join("nonsense.pem");
    std::fs::write(&nonsense, "not a certificate").unwrap();
    options.tls.ca_file = Some(nonsense.clone());
    let error = refusal(options.clone()).await;
    assert!(error.detail().contains(&nonsense.display().to_string()));

    options.tls.ca_file = None;
    options.tls.client_cert = Some(nonsense);
    let error = refusal(options).await;
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn certificates_are_checked() {
    let Some(mut options) = options("tls") else {
        return;
    };
    let ca = require(ServerKind::MariaDb).and_then(|server| server.ca().map(Path::to_path_buf));
    assert!(ca.is_some(), "the test server has an authority");
    admin::create_database_if_missing(&options, LIMIT)
        .await
        .unwrap();
    options.tls.mode = TlsMode::Require;
    let untrusted = refusal(options.clone()).await;
    assert_eq!(untrusted.kind(), ErrorKind::Tls, "{untrusted}");
    assert!(untrusted.detail().contains("not signed by a public"));

    options.tls.ca_file = ca;
    let driver = MySqlDriver::open(options.clone(), LIMIT, true)
        .await
        .unwrap();
    let mut conn = driver.connect(LIMIT).await.unwrap();
    let cipher = rows(&mut *conn, "SHOW STATUS LIKE 'Ssl_cipher'", vec![])
        .await
        .unwrap();
    assert_ne!(cipher[0].values[1], text(""));
    conn.close().await;

    options.tls.mode = TlsMode::RequireUnverified;
    options.tls.ca_file = None;
    MySqlDriver::open(options.clone(), LIMIT, true)
        .await
        .unwrap();
    admin::drop_database(&options, LIMIT).await.unwrap();
}
