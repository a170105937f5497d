use super::{one, open, rows, server, table, write};
use crate::Value;
use crate::driver::contract::{BeginOptions, Connection, Isolation};
use crate::driver::postgres::connection::PostgresConnection;
use crate::error::{ErrorKind, Outcome};

impl PostgresConnection {
    pub(super) async fn begin_for_test(&mut self) {
        self.begin(BeginOptions::default()).await.unwrap();
    }

    pub(super) async fn rollback_for_test(&mut self) {
        self.rollback().await.unwrap();
    }

    pub(super) async fn script_for_test(&mut self, sql: &str) {
        self.run_script(sql).await.unwrap();
    }
}

async fn count(connection: &mut PostgresConnection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    match one(connection, &sql, vec![]).await.unwrap() {
        Value::I64(count) => count,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn commits_and_rollbacks() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let mut other = open(&options).await;
    table(&mut connection, "tx_plain", "id integer PRIMARY KEY").await;
    connection.begin_for_test().await;
    assert!(connection.begin(BeginOptions::default()).await.is_err());
    write(&mut connection, "INSERT INTO tx_plain VALUES (1)", vec![])
        .await
        .unwrap();
    assert_eq!(count(&mut other, "tx_plain").await, 0);
    connection.commit().await.unwrap();
    assert_eq!(count(&mut other, "tx_plain").await, 1);
    connection.begin_for_test().await;
    write(&mut connection, "INSERT INTO tx_plain VALUES (2)", vec![])
        .await
        .unwrap();
    connection.rollback_for_test().await;
    assert_eq!(count(&mut other, "tx_plain").await, 1);
}

#[tokio::test]
async fn isolation_and_read_only_are_as_asked() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    for (isolation, shown) in [
        (Isolation::ReadCommitted, "read committed"),
        (Isolation::RepeatableRead, "repeatable read"),
        (Isolation::Serializable, "serializable"),
    ] {
        let begin = BeginOptions {
            isolation,
            read_only: true,
        };
        connection.begin(begin).await.unwrap();
        let seen = one(&mut connection, "SHOW transaction_isolation", vec![]).await;
        assert_eq!(seen.unwrap(), Value::Text(shown.into()));
        let write = "CREATE TABLE never_made (id integer)";
        let error = connection.run_script(write).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly);
        connection.rollback_for_test().await;
    }
}

#[tokio::test]
async fn savepoints_undo_a_part() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "tx_parts", "id integer PRIMARY KEY").await;
    connection.begin_for_test().await;
    write(&mut connection, "INSERT INTO tx_parts VALUES (1)", vec![])
        .await
        .unwrap();
    connection.savepoint("s1").await.unwrap();
    write(&mut connection, "INSERT INTO tx_parts VALUES (2)", vec![])
        .await
        .unwrap();
    let twice = write(&mut connection, "INSERT INTO tx_parts VALUES (2)", vec![]).await;
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::Duplicate);
    connection.rollback_to("s1").await.unwrap();
    connection.savepoint("s2").await.unwrap();
    write(&mut connection, "INSERT INTO tx_parts VALUES (3)", vec![])
        .await
        .unwrap();
    connection.release("s2").await.unwrap();
    connection.commit().await.unwrap();
    let ids = rows(
        &mut connection,
        "SELECT id FROM tx_parts ORDER BY id",
        vec![],
    )
    .await;
    let ids: Vec<Value> = ids
        .unwrap()
        .into_iter()
        .flat_map(|row| row.values)
        .collect();
    assert_eq!(ids, [Value::I64(1), Value::I64(3)]);
}

#[tokio::test]
async fn a_commit_after_an_error_fails_and_tells_the_error() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "tx_failed", "id integer PRIMARY KEY").await;
    connection.begin_for_test().await;
    write(&mut connection, "INSERT INTO tx_failed VALUES (1)", vec![])
        .await
        .unwrap();
    let twice = write(&mut connection, "INSERT INTO tx_failed VALUES (1)", vec![]).await;
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::Duplicate);
    let error = connection.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionClosed);
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert!(error.detail().contains("tx_failed_pkey"), "{error}");
    // The session is in order, with nothing open.
    assert_eq!(count(&mut connection, "tx_failed").await, 0);
    connection.begin_for_test().await;
    connection.commit().await.unwrap();
}

#[tokio::test]
async fn a_commit_after_an_error_the_driver_never_saw_fails_too() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "tx_swallowed", "id integer PRIMARY KEY").await;
    connection.begin_for_test().await;
    write(
        &mut connection,
        "INSERT INTO tx_swallowed VALUES (1)",
        vec![],
    )
    .await
    .unwrap();
    // Past the driver, straight to the client library.
    let swallowed = connection.client.batch_execute("SELECT 1 / 0").await;
    assert!(swallowed.is_err());
    let error = connection.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionClosed);
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert_eq!(count(&mut connection, "tx_swallowed").await, 0);
}

#[tokio::test]
async fn a_commit_of_a_transaction_that_sql_has_ended_is_no_success() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    connection.begin_for_test().await;
    connection.run_script("ROLLBACK").await.unwrap();
    let error = connection.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionClosed);
    assert!(!connection.is_broken());
}

#[tokio::test]
async fn deferred_constraints_fail_the_commit() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "tx_parents", "id integer PRIMARY KEY").await;
    let columns = "parent integer CONSTRAINT tx_kids_parent REFERENCES tx_parents
        DEFERRABLE INITIALLY DEFERRED";
    table(&mut connection, "tx_kids", columns).await;
    connection.begin_for_test().await;
    write(&mut connection, "INSERT INTO tx_kids VALUES (7)", vec![])
        .await
        .unwrap();
    let error = connection.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignKey);
    assert_eq!(error.constraint(), Some("tx_kids_parent"));
    assert_eq!(count(&mut connection, "tx_kids").await, 0);
}

#[tokio::test]
async fn serialization_failures_are_write_conflicts() {
    let Some(options) = server() else { return };
    let mut first = open(&options).await;
    let mut second = open(&options).await;
    table(
        &mut first,
        "tx_conflict",
        "id integer PRIMARY KEY, n integer",
    )
    .await;
    write(&mut first, "INSERT INTO tx_conflict VALUES (1, 0)", vec![])
        .await
        .unwrap();
    let begin = BeginOptions {
        isolation: Isolation::RepeatableRead,
        read_only: false,
    };
    first.begin(begin).await.unwrap();
    assert_eq!(count(&mut first, "tx_conflict").await, 1);
    let update = "UPDATE tx_conflict SET n = n + 1";
    write(&mut second, update, vec![]).await.unwrap();
    let error = write(&mut first, update, vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteConflict);
    first.rollback_for_test().await;
}
