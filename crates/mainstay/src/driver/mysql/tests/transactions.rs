//! What the server does to transactions.

use super::*;
use crate::driver::contract::{BeginOptions, Isolation, Recovery};
use crate::error::{ErrorKind, Outcome, RetryClass};

async fn with_table(name: &str) -> Option<(Db, Box<dyn Connection>)> {
    let db = Db::create(name).await?;
    let mut conn = db.connect().await;
    conn.run_script(
        "CREATE TABLE t (id BIGINT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 0), (2, 0)",
    )
    .await
    .unwrap();
    Some((db, conn))
}

async fn bump(conn: &mut dyn Connection, id: i64) -> Result<Done> {
    let sql = "UPDATE t SET n = n + 1 WHERE id = ?";
    write(conn, sql, vec![Value::I64(id)]).await
}

async fn total(conn: &mut dyn Connection) -> Value {
    one(conn, "SELECT CAST(SUM(n) AS SIGNED) FROM t", vec![])
        .await
        .unwrap()
}

#[tokio::test]
async fn begin_commit_rollback_savepoints() {
    let Some((db, mut conn)) = with_table("tx").await else {
        return;
    };
    let conn = &mut *conn;
    conn.begin(BeginOptions::default()).await.unwrap();
    assert!(conn.begin(BeginOptions::default()).await.is_err());
    bump(conn, 1).await.unwrap();
    conn.savepoint("a").await.unwrap();
    bump(conn, 1).await.unwrap();
    conn.rollback_to("a").await.unwrap();
    assert!(conn.rollback_to("a").await.is_err());
    conn.savepoint("b").await.unwrap();
    bump(conn, 2).await.unwrap();
    conn.release("b").await.unwrap();
    conn.commit().await.unwrap();
    assert_eq!(total(conn).await, Value::I64(2));
    assert!(conn.commit().await.is_err());

    conn.begin(BeginOptions::default()).await.unwrap();
    bump(conn, 1).await.unwrap();
    conn.rollback().await.unwrap();
    conn.begin(BeginOptions::default()).await.unwrap();
    bump(conn, 1).await.unwrap();
    assert_eq!(conn.recover().await, Recovery::Ready);
    assert_eq!(total(conn).await, Value::I64(2));
    db.end().await;
}

#[tokio::test]
async fn options_of_begin_hold() {
    let Some((db, mut conn)) = with_table("options").await else {
        return;
    };
    let mut other = db.connect().await;
    let conn = &mut *conn;
    let read_only = BeginOptions {
        isolation: Isolation::RepeatableRead,
        read_only: true,
        alone: false,
        until: None,
        unwitnessed: false,
    };
    conn.begin(read_only).await.unwrap();
    assert_eq!(total(conn).await, Value::I64(0));
    bump(&mut *other, 1).await.unwrap();
    assert_eq!(total(conn).await, Value::I64(0));
    let error = bump(conn, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    conn.rollback().await.unwrap();

    // Both go back to the session's own.
    conn.begin(BeginOptions::default()).await.unwrap();
    assert_eq!(total(conn).await, Value::I64(1));
    bump(&mut *other, 1).await.unwrap();
    assert_eq!(total(conn).await, Value::I64(2));
    bump(conn, 2).await.unwrap();
    conn.commit().await.unwrap();

    let serializable = BeginOptions {
        isolation: Isolation::Serializable,
        read_only: false,
        alone: false,
        until: None,
        unwitnessed: false,
    };
    conn.begin(serializable).await.unwrap();
    total(conn).await;
    other
        .run_script("SET innodb_lock_wait_timeout = 1")
        .await
        .unwrap();
    let blocked = bump(&mut *other, 1).await.unwrap_err();
    assert_eq!(blocked.kind(), ErrorKind::WriteConflict);
    conn.rollback().await.unwrap();
    db.end().await;
}

#[tokio::test]
async fn a_deadlock_forbids_commit() {
    let Some((db, mut first)) = with_table("deadlock").await else {
        return;
    };
    let mut second = db.connect().await;
    first.begin(BeginOptions::default()).await.unwrap();
    second.begin(BeginOptions::default()).await.unwrap();
    bump(&mut *first, 1).await.unwrap();
    bump(&mut *second, 2).await.unwrap();
    let (a, b) = tokio::join!(bump(&mut *first, 2), bump(&mut *second, 1));
    let (error, mut victim, mut winner) = match (a, b) {
        (Err(error), Ok(_)) => (error, first, second),
        (Ok(_), Err(error)) => (error, second, first),
        other => panic!("exactly one must fail: {other:?}"),
    };
    assert_eq!(error.kind(), ErrorKind::WriteConflict);
    assert_eq!(error.retry(), RetryClass::Safe);
    // Outside of the lost transaction this would take effect at once.
    assert_eq!(
        bump(&mut *victim, 1).await.unwrap_err().kind(),
        ErrorKind::TransactionClosed
    );
    let refused = victim.commit().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::WriteConflict);
    assert_eq!(refused.outcome(), Outcome::NotApplied);
    winner.commit().await.unwrap();
    assert_eq!(total(&mut *victim).await, Value::I64(2));
    // The connection is in order.
    victim.begin(BeginOptions::default()).await.unwrap();
    bump(&mut *victim, 1).await.unwrap();
    victim.commit().await.unwrap();
    db.end().await;
}

#[tokio::test]
async fn a_lock_time_out_forbids_commit_until_undone() {
    let Some((db, mut holder)) = with_table("lock").await else {
        return;
    };
    let mut waiter = db.connect().await;
    let waiter = &mut *waiter;
    waiter
        .run_script("SET innodb_lock_wait_timeout = 1")
        .await
        .unwrap();
    holder.begin(BeginOptions::default()).await.unwrap();
    bump(&mut *holder, 1).await.unwrap();

    waiter.begin(BeginOptions::default()).await.unwrap();
    bump(waiter, 2).await.unwrap();
    assert_eq!(
        bump(waiter, 1).await.unwrap_err().kind(),
        ErrorKind::WriteConflict
    );
    let refused = waiter.commit().await.unwrap_err();
    assert_eq!(refused.outcome(), Outcome::NotApplied);
    assert_eq!(total(waiter).await, Value::I64(0));

    waiter.begin(BeginOptions::default()).await.unwrap();
    bump(waiter, 2).await.unwrap();
    waiter.savepoint("s").await.unwrap();
    bump(waiter, 1).await.unwrap_err();
    waiter.rollback_to("s").await.unwrap();
    waiter.commit().await.unwrap();
    assert_eq!(total(waiter).await, Value::I64(1));
    holder.rollback().await.unwrap();
    db.end().await;
}

#[tokio::test]
async fn ddl_in_a_transaction_is_told() {
    let Some((db, mut conn)) = with_table("ddl").await else {
        return;
    };
    let conn = &mut *conn;
    conn.begin(BeginOptions::default()).await.unwrap();
    bump(conn, 1).await.unwrap();
    let error = conn.run_script("CREATE TABLE u (n INT)").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionClosed);
    assert_eq!(error.outcome(), Outcome::Applied);
    let error = conn.commit().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Applied);

    // DDL that fails has committed all the same.
    conn.begin(BeginOptions::default()).await.unwrap();
    bump(conn, 1).await.unwrap();
    conn.run_script("CREATE TABLE u (n INT)").await.unwrap_err();
    let error = conn.rollback().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Applied);
    assert_eq!(total(conn).await, Value::I64(2));

    // A failed statement of another kind has not.
    conn.begin(BeginOptions::default()).await.unwrap();
    bump(conn, 1).await.unwrap();
    write(conn, "INSERT INTO t VALUES (1, 1)", vec![])
        .await
        .unwrap_err();
    conn.rollback().await.unwrap();
    assert_eq!(total(conn).await, Value::I64(2));
    db.end().await;
}

#[tokio::test]
async fn transactions_behind_our_back_are_refused() {
    let Some((db, mut conn)) = with_table("stray").await else {
        return;
    };
    let conn = &mut *conn;
    let error = write(conn, "START TRANSACTION", vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = conn
        .run_script("BEGIN; UPDATE t SET n = 5")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(total(conn).await, Value::I64(0));
    conn.run_script("BEGIN; UPDATE t SET n = 5; COMMIT")
        .await
        .unwrap();
    assert_eq!(total(conn).await, Value::I64(10));
    conn.begin(BeginOptions::default()).await.unwrap();
    let error = write(conn, "COMMIT", vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionClosed);
    assert!(conn.rollback().await.is_err());
    db.end().await;
}
