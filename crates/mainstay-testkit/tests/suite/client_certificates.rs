//! Certificates that clients show, on servers that ask for them.

use mainstay::config::ConfigLoader;
use mainstay::{Database, ErrorKind};
use mainstay_testkit::servers::{
    CLIENT_CERTIFICATE, CLIENT_KEY, ServerKind, ServerUrl, TestDatabase, require, run_sql,
};

async fn is_asked_for_and_accepted(kind: ServerKind, create_role: &str) {
    let Some(server) = require(kind) else { return };
    run_sql(&server, create_role).unwrap();
    let home = TestDatabase::create(&server).unwrap();
    let url = signed_in_as_certified(home.url());
    let ca = server.ca().unwrap().to_path_buf();
    let plain = ConfigLoader::new()
        .set("url", url)
        .set("tls", "require")
        .set("tls_ca_file", ca.to_str().unwrap());

    let refused = Database::open(&plain.load().unwrap()).await.unwrap_err();
    let kinds = [ErrorKind::CredentialsRefused, ErrorKind::AccessDenied];
    assert!(kinds.contains(&refused.kind()), "{refused:?}");

    let file = |name| ca.with_file_name(name).to_str().unwrap().to_owned();
    let with_certificate = plain
        .set("tls_client_cert", file(CLIENT_CERTIFICATE))
        .set("tls_client_key", file(CLIENT_KEY));
    let db = Database::open(&with_certificate.load().unwrap())
        .await
        .unwrap();
    let answer: i64 = db.sql("SELECT 7").scalar().await.unwrap();
    assert_eq!(answer, 7);
    db.close(std::time::Duration::from_secs(5)).await.unwrap();
}

fn signed_in_as_certified(url: &ServerUrl) -> String {
    let scheme = url.as_str().split_once("://").unwrap().0;
    let (host, port, database) = (url.host(), url.port(), url.database());
    format!("{scheme}://certified:shown@{host}:{port}/{database}")
}

#[tokio::test]
async fn postgres_takes_a_client_certificate() {
    let role = "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'certified') \
                THEN CREATE ROLE certified LOGIN PASSWORD 'shown'; END IF; END $$";
    is_asked_for_and_accepted(ServerKind::Postgres, role).await;
}

#[tokio::test]
async fn mariadb_takes_a_client_certificate() {
    let role = "CREATE USER IF NOT EXISTS certified@'%' IDENTIFIED BY 'shown' REQUIRE X509; \
                GRANT ALL ON *.* TO certified@'%'";
    is_asked_for_and_accepted(ServerKind::MariaDb, role).await;
}
