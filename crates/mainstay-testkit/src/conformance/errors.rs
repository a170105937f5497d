//! Errors that are no constraint's: SQL that is wrong, and databases that cannot be opened.

use std::time::Duration;

use mainstay::{Database, ErrorKind, Outcome, RetryClass};

use super::entities::Author;
use super::support::assert_kind;
use crate::{Engine, Fixture};

/// A missing table, a missing column and a mistake in the grammar are told apart.
pub async fn wrong_sql(fx: &Fixture) {
    let db = fx.db();
    let fetch = |sql: &str| db.sql(sql).fetch_rows();
    let error = assert_kind(
        fetch("SELECT 1 FROM nowhere").await,
        ErrorKind::TableMissing,
    );
    assert_eq!(error.code(), "TABLE_MISSING");
    assert_eq!(error.http_status(), 500);
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert!(!error.public_message().contains("nowhere"));
    let error = assert_kind(
        fetch("SELECT colour FROM authors").await,
        ErrorKind::ColumnMissing,
    );
    assert!(error.to_string().contains("colour"), "{error}");
    let error = assert_kind(fetch("SELEC 1").await, ErrorKind::Database);
    assert_eq!(error.public_message(), "Database error");
    assert!(error.native_code().is_some());
    assert_eq!(error.retry(), RetryClass::Never);
    let write = db.sql("INSERT INTO nowhere VALUES (1)").execute().await;
    let error = assert_kind(write, ErrorKind::TableMissing);
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert_kind(
        db.script("DROP TABLE nowhere").await,
        ErrorKind::TableMissing,
    );
}

/// Too few and too many parameters are refused, and the connection goes on.
pub async fn wrong_number_of_parameters(fx: &Fixture) {
    let db = fx.db();
    let sql = "SELECT count(*) FROM authors WHERE name = ? AND email = ?";
    let few = db.sql(sql).bind("a").scalar::<i64>().await;
    let few = few.expect_err("one parameter of two");
    let many = db
        .sql(sql)
        .bind("a")
        .bind("b")
        .bind("c")
        .scalar::<i64>()
        .await;
    let many = many.expect_err("three parameters of two");
    for error in [few, many] {
        assert_eq!(error.kind(), ErrorKind::Database, "{error:?}");
        assert_eq!(error.code(), "P1016", "{error:?}");
    }
    let right = db.sql(sql).bind("a").bind("b").scalar::<i64>().await;
    assert_eq!(right.unwrap(), 0);
}

/// Values of parameters are in no error: they are other people's data.
pub async fn errors_hold_no_values(fx: &Fixture) {
    let secret = "hunter2-sesame";
    let errors = [
        fx.db()
            .sql("SELECT colour FROM authors WHERE name = ?")
            .bind(secret)
            .execute()
            .await
            .unwrap_err(),
        fx.db()
            .sql("INSERT INTO authors (id) VALUES (?)")
            .bind(secret)
            .execute()
            .await
            .unwrap_err(),
    ];
    for error in errors {
        let shown = format!("{error:?} {error} {}", error.public_message());
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// A closed handle refuses reads, writes and transactions alike.
pub async fn a_closed_handle_refuses(fx: &Fixture) {
    let db = fx.open(&[]).await.unwrap();
    db.close(Duration::from_secs(10)).await.unwrap();
    let authors = db.repository::<Author>();
    let error = assert_kind(authors.find_many().await, ErrorKind::Closed);
    assert_eq!(
        (error.code(), error.http_status()),
        ("DATABASE_CLOSED", 503)
    );
    assert_kind(db.health().await, ErrorKind::Closed);
    let write = db.sql("DELETE FROM authors").execute().await;
    assert_kind(write, ErrorKind::Closed);
    let transaction = db
        .transaction(|tx| async move { tx.repository::<Author>().find_many().await })
        .await;
    assert_kind(transaction, ErrorKind::Closed);
    // Closing twice is no mistake, and other handles on the database go on.
    db.close(Duration::from_secs(10)).await.unwrap();
    fx.db().health().await.unwrap();
}

/// A statement that takes too long ends with the deadline's error, and leaves the handle usable.
pub async fn a_slow_statement_meets_its_deadline(fx: &Fixture) {
    let db = fx.db();
    let slow = match fx.engine() {
        Engine::Sqlite => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        }
        Engine::Postgres => "SELECT pg_sleep(600)::text",
        Engine::MariaDb => "SELECT sleep(600)",
    };
    let result = db
        .sql(slow)
        .timeout(Duration::from_millis(50))
        .fetch_rows()
        .await;
    let error = assert_kind(result, ErrorKind::Deadline);
    assert_eq!(
        (error.code(), error.http_status()),
        ("DEADLINE_EXCEEDED", 504)
    );
    super::support::at_rest(db).await;
    db.health().await.unwrap();
}

async fn refused_url(fx: &Fixture, url: &str, settings: &[(&str, &str)]) -> mainstay::Error {
    let config = fx.loader(settings).set("url", url).load().unwrap();
    let opened = Database::open(&config).await;
    opened.expect_err("a handle that cannot be opened")
}

/// A wrong password, a missing database and a server that is not there are told apart.
pub async fn what_cannot_be_opened(fx: &Fixture) {
    let Some(server) = fx.server_url() else {
        let error = refused_url(fx, "sqlite:/nowhere/at/all/x.db", &[]).await;
        assert_eq!(error.kind(), ErrorKind::DatabaseMissing, "{error:?}");
        assert!(error.hint().is_some(), "{error}");
        return;
    };
    let secret = server.password().to_owned();
    let wrong = server.as_str().replace(&secret, "open-sesame");
    let error = refused_url(fx, &wrong, &[]).await;
    assert_eq!(error.kind(), ErrorKind::CredentialsRefused, "{error:?}");
    assert!(!format!("{error:?}").contains("open-sesame"));
    let missing = server.with_database("not_there");
    let error = refused_url(fx, missing.as_str(), &[]).await;
    assert_eq!(error.kind(), ErrorKind::DatabaseMissing, "{error:?}");
    assert!(error.to_string().contains("not_there"), "{error}");
    assert!(!format!("{error:?}").contains(&secret));
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    std::mem::drop(free);
    let error = refused_url(fx, server.through_port(port).as_str(), &[]).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    assert_eq!(error.retry(), RetryClass::Safe);
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

/// A certificate that nobody trusts is refused, and said to be the reason.
pub async fn an_untrusted_certificate(fx: &Fixture) {
    let Some(server) = fx.server_url() else {
        return;
    };
    assert!(server.ca().is_some(), "test servers speak TLS");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other-ca.pem");
    let names = vec!["other.example".to_owned()];
    let other = rcgen::generate_simple_self_signed(names).unwrap();
    std::fs::write(&path, other.cert.pem()).unwrap();
    let file = path.display().to_string();
    let error = refused_url(fx, server.as_str(), &[("tls_ca_file", &file)]).await;
    assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
}

/// The handle speaks TLS to the server it was given a certificate authority for.
pub async fn the_connection_is_encrypted(fx: &Fixture) {
    let sql = match fx.engine() {
        Engine::Sqlite => return,
        Engine::Postgres => "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        Engine::MariaDb => {
            "SELECT variable_value FROM information_schema.session_status \
             WHERE variable_name = 'Ssl_cipher'"
        }
    };
    let answer = fx.db().sql(sql).scalar::<String>().await.unwrap();
    assert!(!answer.is_empty() && answer != "false", "{answer}");
}
