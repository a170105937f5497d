use futures_util::FutureExt;

use super::{one, open, rows, server, statement, table, write};
use crate::Value;
use crate::driver::contract::{BeginOptions, Connection, Isolation, Recovery};
use crate::driver::postgres::connection::PostgresConnection;
use crate::driver::row::Ignore;
use crate::driver::statement::Access;
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
            alone: false,
            until: None,
            unwitnessed: false,
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
async fn a_commit_after_an_error_that_nobody_took_fails_too() {
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
    // Sent when it is polled first, and dropped before the server's refusal is here.
    let dropped = write(&mut connection, "DELETE FROM tx_missing", vec![]).now_or_never();
    assert!(dropped.is_none());
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
    // As a statement, the driver sees nothing but its success; what follows succeeds as well.
    for end in ["ROLLBACK", "/* no more */ rollback", "COMMIT", "ABORT"] {
        connection.begin_for_test().await;
        assert_eq!(count(&mut connection, "pg_database").await.min(1), 1);
        write(&mut connection, end, vec![]).await.unwrap();
        assert_eq!(count(&mut connection, "pg_database").await.min(1), 1);
        let error = connection.commit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TransactionClosed, "{end}");
        assert_eq!(error.outcome(), Outcome::Unknown, "{end}");
        assert!(!connection.is_broken());
    }
}

/// COMMIT is sent without a question exactly when all answers showed the transaction to stand.
#[tokio::test]
async fn the_commit_asks_where_the_answers_do_not_tell() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "tx_asked", "id integer PRIMARY KEY").await;
    let insert = "INSERT INTO tx_asked VALUES (1)";
    let texts = [
        (insert, false),
        (" select 1", false),
        ("WITH a AS (SELECT 1) SELECT * FROM a", false),
        ("SET LOCAL lock_timeout = 1000", true),
        ("/* UPDATE */ ABORT", true),
        ("SELECT 1 / 0", true),
    ];
    for (sql, asks) in texts {
        connection.begin_for_test().await;
        assert!(!connection.must_ask, "{sql}");
        let _ = write(&mut connection, sql, vec![]).await;
        assert_eq!(connection.must_ask, asks, "{sql}");
        connection.rollback_for_test().await;
    }
    connection.begin_for_test().await;
    connection.savepoint("s").await.unwrap();
    connection.release("s").await.unwrap();
    assert!(!connection.must_ask);
    // Healed, but not worth a thought: the question is cheap.
    connection.savepoint("s").await.unwrap();
    assert!(
        write(&mut connection, "SELECT 1 / 0", vec![])
            .await
            .is_err()
    );
    connection.rollback_to("s").await.unwrap();
    write(&mut connection, insert, vec![]).await.unwrap();
    assert!(connection.must_ask);
    connection.commit().await.unwrap();
    assert_eq!(count(&mut connection, "tx_asked").await, 1);
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
        alone: false,
        until: None,
        unwitnessed: false,
    };
    first.begin(begin).await.unwrap();
    assert_eq!(count(&mut first, "tx_conflict").await, 1);
    let update = "UPDATE tx_conflict SET n = n + 1";
    write(&mut second, update, vec![]).await.unwrap();
    let error = write(&mut first, update, vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteConflict);
    first.rollback_for_test().await;
}

/// BEGIN is not sent before the transaction has something to do; whatever comes first brings it.
#[tokio::test]
async fn whatever_comes_first_is_inside_the_transaction() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let mut other = open(&options).await;
    table(&mut connection, "tx_first", "id integer PRIMARY KEY").await;
    let insert = "INSERT INTO tx_first VALUES (1)";
    for first in ["statement", "savepoint", "script"] {
        connection.begin_for_test().await;
        match first {
            "statement" => drop(write(&mut connection, insert, vec![]).await.unwrap()),
            "savepoint" => {
                connection.savepoint("s").await.unwrap();
                write(&mut connection, insert, vec![]).await.unwrap();
                connection.release("s").await.unwrap();
            }
            _ => connection.script_for_test(insert).await,
        }
        assert_eq!(count(&mut other, "tx_first").await, 0, "{first}");
        connection.rollback_for_test().await;
        assert_eq!(count(&mut other, "tx_first").await, 0, "{first}");
    }
    // A first statement that fails leaves nothing behind it that counts.
    connection.begin_for_test().await;
    let failed = write(
        &mut connection,
        "INSERT INTO tx_first VALUES (1 / 0)",
        vec![],
    )
    .await;
    assert_eq!(failed.unwrap_err().outcome(), Outcome::NotApplied);
    assert!(connection.commit().await.is_err());
    // Transactions without statements end as they began.
    for commit in [true, false] {
        connection.begin_for_test().await;
        if commit {
            connection.commit().await.unwrap();
        } else {
            connection.rollback_for_test().await;
        }
        write(&mut connection, "DELETE FROM tx_first", vec![])
            .await
            .unwrap();
        write(&mut connection, insert, vec![]).await.unwrap();
        assert_eq!(count(&mut other, "tx_first").await, 1);
    }
    connection.begin_for_test().await;
    assert_eq!(connection.recover().await, Recovery::Ready);
    write(&mut connection, "DELETE FROM tx_first", vec![])
        .await
        .unwrap();
    assert_eq!(count(&mut other, "tx_first").await, 0);
}

/// Somebody's cancel request can hit the BEGIN that goes with the first statement, which then runs
/// by itself. Here the server refuses BEGIN because the session is in a failed transaction that the
/// driver knows nothing of.
#[tokio::test]
async fn a_begin_that_is_refused_under_way_leaves_the_outcome_open() {
    let Some(options) = server() else { return };
    let mut other = open(&options).await;
    table(&mut other, "tx_unbegun", "id integer PRIMARY KEY").await;
    let insert = "INSERT INTO tx_unbegun VALUES (1)";
    for (sql, access, outcome) in [
        (insert, Access::Write, Outcome::Unknown),
        ("SELECT 1", Access::Read, Outcome::NotApplied),
    ] {
        let mut connection = open(&options).await;
        // Prepared beforehand: in the failed transaction that would be refused first.
        let run = statement(sql, vec![], access);
        connection.run(run.clone(), &mut Ignore).await.unwrap();
        let failed = connection.client.batch_execute("BEGIN; SELECT 1 / 0").await;
        assert!(failed.is_err());
        connection.begin_for_test().await;
        let error = connection.run(run, &mut Ignore).await.unwrap_err();
        assert_eq!(error.native_code(), Some("25P02"), "{error}");
        assert_eq!(error.outcome(), outcome);
        // Nobody can say in which transaction this session is.
        assert!(connection.is_broken());
        assert_eq!(
            connection.commit().await.unwrap_err().outcome(),
            Outcome::NotApplied
        );
        assert_eq!(connection.recover().await, Recovery::Discard);
    }
    assert_eq!(count(&mut other, "tx_unbegun").await, 1);
}

/// A transaction whose statements never left has told the server nothing.
#[tokio::test]
async fn a_begin_that_is_owed_and_never_sent_is_forgotten() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    for commit in [true, false] {
        connection.begin_for_test().await;
        let refused = write(&mut connection, "SELECT '\0'", vec![]).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidValue);
        let state = "SELECT count(*) FROM pg_stat_activity \
                     WHERE pid = $1 AND state LIKE 'idle in transaction%'";
        let mut other = open(&options).await;
        let session = connection.client.query_one("SELECT pg_backend_pid()", &[]);
        let session: i32 = session.await.unwrap().get(0);
        let open = other.client.query_one(state, &[&session]).await.unwrap();
        assert_eq!(open.get::<_, i64>(0), 0);
        if commit {
            connection.commit().await.unwrap();
        } else {
            connection.rollback_for_test().await;
        }
        assert!(!connection.in_transaction && !connection.owes_begin);
        assert_eq!(count(&mut other, "pg_database").await.min(1), 1);
    }
}
