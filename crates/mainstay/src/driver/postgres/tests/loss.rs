use std::time::Duration;

use super::relay::Relay;
use super::{one, open, pid, rows, server, statement, table, write};
use crate::Value;
use crate::driver::contract::{Connection, Recovery};
use crate::driver::postgres::PostgresOptions;
use crate::driver::row::Ignore;
use crate::driver::statement::Access;
use crate::error::{Error, ErrorKind, Outcome, RetryClass};

async fn kill(options: &PostgresOptions, pid: Value) {
    let mut killer = open(options).await;
    let killed = one(&mut killer, "SELECT pg_terminate_backend(?)", vec![pid]).await;
    assert_eq!(killed.unwrap(), Value::Bool(true));
}

/// The error of a long statement whose session is killed.
async fn killed_during(sql: &str, access: Access, in_transaction: bool) -> Option<Error> {
    let options = server()?;
    let mut connection = open(&options).await;
    let session = pid(&mut connection).await;
    if in_transaction {
        connection.begin_for_test().await;
    }
    let mut sink = Ignore;
    let call = connection.run(statement(sql, vec![], access), &mut sink);
    let (result, ()) = tokio::join!(call, async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        kill(&options, session).await;
    });
    assert!(connection.is_broken());
    assert_eq!(connection.recover().await, Recovery::Discard);
    Some(result.unwrap_err())
}

#[tokio::test]
async fn a_session_killed_under_a_call() {
    for (access, in_transaction, outcome) in [
        (Access::Read, false, Outcome::NotApplied),
        (Access::Write, false, Outcome::Unknown),
        (Access::Unknown, false, Outcome::Unknown),
        (Access::Write, true, Outcome::NotApplied),
    ] {
        let sql = "SELECT pg_sleep(60)";
        let Some(error) = killed_during(sql, access, in_transaction).await else {
            return;
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        assert_eq!(error.native_code(), Some("57P01"));
        assert_eq!(error.outcome(), outcome, "{access:?} {in_transaction}");
    }
}

/// BEGIN goes with the first statement, and the session may end with either of them.
#[tokio::test]
async fn a_session_killed_while_its_transaction_begins_has_written_nothing() {
    let Some(options) = server() else { return };
    for _ in 0..20 {
        let mut connection = open(&options).await;
        let session = pid(&mut connection).await;
        connection.begin_for_test().await;
        let mut sink = Ignore;
        let call = connection.run(statement("SELECT 1", vec![], Access::Write), &mut sink);
        let (result, ()) = tokio::join!(call, kill(&options, session));
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
            assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
        }
    }
}

#[tokio::test]
async fn a_session_killed_while_idle_is_known_to_be_dead() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let session = pid(&mut connection).await;
    kill(&options, session).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(connection.is_broken());
    let error = write(&mut connection, "SELECT 1", vec![])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert_eq!(error.retry(), RetryClass::Safe);
    assert!(error.detail().contains("57P01"), "{error}");
}

#[tokio::test]
async fn a_session_killed_during_commit_leaves_the_outcome_open() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let session = pid(&mut connection).await;
    table(&mut connection, "lost_commit", "id integer").await;
    // A deferred trigger keeps COMMIT busy long enough to be killed.
    let slow = "CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON lost_commit
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()";
    connection.run_script(slow).await.unwrap();
    connection.begin_for_test().await;
    write(
        &mut connection,
        "INSERT INTO lost_commit VALUES (1)",
        vec![],
    )
    .await
    .unwrap();
    let (result, ()) = tokio::join!(connection.commit(), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        kill(&options, session).await;
    });
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitUnknown, "{error}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(connection.is_broken());
}

#[tokio::test]
async fn a_rollback_on_a_dead_session_says_so() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let session = pid(&mut connection).await;
    connection.begin_for_test().await;
    kill(&options, session).await;
    let error = rows(&mut connection, "SELECT 1", vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    let error = connection.rollback().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied);
    Box::new(connection).close().await;
}

#[tokio::test]
async fn a_connection_cut_under_a_call() {
    let Some(options) = server() else { return };
    for (access, in_transaction, outcome) in [
        (Access::Read, false, Outcome::NotApplied),
        (Access::Write, false, Outcome::Unknown),
        (Access::Write, true, Outcome::NotApplied),
    ] {
        let relay = Relay::to(&options).await;
        let mut connection = open(&relay.options).await;
        if in_transaction {
            connection.begin_for_test().await;
        }
        let mut sink = Ignore;
        let sleep = statement("SELECT pg_sleep(2)", vec![], access);
        let (result, ()) = tokio::join!(connection.run(sleep, &mut sink), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            relay.cut();
        });
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        assert_eq!(error.outcome(), outcome, "{access:?} {in_transaction}");
        assert!(connection.is_broken());
        let error = connection.run_script("SELECT 1").await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotApplied);
    }
}

#[tokio::test]
async fn a_silent_server_costs_a_recovery_seconds_at_most() {
    let Some(options) = server() else { return };
    let relay = Relay::to(&options).await;
    let mut connection = open(&relay.options).await;
    pid(&mut connection).await;
    relay.fall_silent();
    let ping = tokio::time::timeout(Duration::from_millis(50), connection.ping()).await;
    assert!(ping.is_err());
    let started = tokio::time::Instant::now();
    assert_eq!(connection.recover().await, Recovery::Discard);
    assert!(connection.is_broken());
    Box::new(connection).close().await;
    assert!(started.elapsed() < Duration::from_secs(10));
}
