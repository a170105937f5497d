use std::future::Future;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{one, open, pid, server, statement, table};
use crate::Value;
use crate::driver::contract::{BeginOptions, Connection, Recovery};
use crate::driver::postgres::PostgresOptions;
use crate::driver::postgres::connection::PostgresConnection;
use crate::driver::row::Ignore;
use crate::driver::statement::Access;

/// Polls a future at most `polls` times, with the runtime running in between, then drops it.
pub(super) async fn dropped_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        // Lets the socket's task move a little, or an answer arrive.
        tokio::task::yield_now().await;
        if polls.is_multiple_of(2) {
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
    }
    None
}

/// What the server says of a session, asked from another one.
async fn state(observer: &mut PostgresConnection, pid: &Value) -> String {
    let sql = "SELECT state FROM pg_stat_activity WHERE pid = ?";
    match one(observer, sql, vec![pid.clone()]).await {
        Ok(Value::Text(state)) => state,
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_dropped_anywhere_leaves_a_clean_session() {
    let Some(options) = server() else { return };
    let mut observer = open(&options).await;
    table(&mut observer, "dropped", "id integer").await;
    let mut finished = 0;
    for polls in 0..60 {
        let mut connection = open(&options).await;
        let session = pid(&mut connection).await;
        let whole = async {
            connection.begin(BeginOptions::default()).await.unwrap();
            for n in 0..3 {
                let sql = format!("INSERT INTO dropped SELECT ? + {n} FROM generate_series(1, 50)");
                let insert = statement(&sql, vec![Value::I64(1)], Access::Write);
                connection.run(insert, &mut Ignore).await.unwrap();
                connection.savepoint("s").await.unwrap();
            }
            connection.rollback_to("s").await.unwrap();
        };
        finished += usize::from(dropped_after(polls, whole).await.is_some());
        assert_eq!(connection.recover().await, Recovery::Ready, "{polls}");
        assert_eq!(state(&mut observer, &session).await, "idle", "{polls}");
        // No answer of the dropped call is taken for that of the next.
        for n in 0..5 {
            let answer = one(&mut connection, &format!("SELECT {n}"), vec![]).await;
            assert_eq!(answer.unwrap(), Value::I64(n), "{polls}");
        }
        assert_eq!(pid(&mut connection).await, session);
        // Nor does a statement stay on the server that nobody knows. One more is the question for
        // the transaction's id.
        let kept = "SELECT count(*) FROM pg_prepared_statements";
        let Value::I64(kept) = one(&mut connection, kept, vec![]).await.unwrap() else {
            panic!("a count is a number");
        };
        assert!(
            usize::try_from(kept).unwrap() <= connection.statements.len() + 1,
            "{polls}"
        );
        Box::new(connection).close().await;
    }
    assert!(finished > 0, "no run was polled to its end");
    let count = one(&mut observer, "SELECT count(*) FROM dropped", vec![]).await;
    assert_eq!(count.unwrap(), Value::I64(0));
}

async fn sleeping(connection: &mut PostgresConnection) {
    let sleep = statement("SELECT pg_sleep(60)", vec![], Access::Read);
    let mut sink = Ignore;
    let call = timeout(Duration::from_millis(200), connection.run(sleep, &mut sink));
    assert!(call.await.is_err());
}

async fn is_cancelled(options: &PostgresOptions) {
    let mut connection = open(options).await;
    let session = pid(&mut connection).await;
    for _ in 0..3 {
        let started = Instant::now();
        sleeping(&mut connection).await;
        assert_eq!(connection.recover().await, Recovery::Ready);
        assert!(started.elapsed() < Duration::from_secs(3));
        // A late cancel would hit one of these.
        for _ in 0..100 {
            assert_eq!(pid(&mut connection).await, session);
        }
    }
}

#[tokio::test]
async fn a_long_statement_is_cancelled_and_its_session_used_on() {
    let Some(options) = server() else { return };
    is_cancelled(&options).await;
}

#[tokio::test]
async fn cancels_go_through_tls_too() {
    let Some(options) = super::connecting::with_tls() else {
        return;
    };
    is_cancelled(&options).await;
}

#[tokio::test]
async fn a_statement_waiting_for_a_lock_is_cancelled_while_it_is_prepared() {
    let Some(options) = server() else { return };
    let mut holder = open(&options).await;
    table(&mut holder, "locked", "id integer").await;
    holder.begin(BeginOptions::default()).await.unwrap();
    holder.run_script("LOCK TABLE locked").await.unwrap();
    let mut connection = open(&options).await;
    let query = statement("SELECT * FROM locked", vec![], Access::Read);
    let mut sink = Ignore;
    let call = timeout(Duration::from_millis(200), connection.run(query, &mut sink));
    assert!(call.await.is_err());
    assert!(!connection.preparing.is_empty());
    assert_eq!(connection.recover().await, Recovery::Ready);
    assert!(connection.preparing.is_empty());
    pid(&mut connection).await;
}

#[tokio::test]
async fn what_a_dropped_call_set_or_locked_is_taken_back() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let mut observer = open(&options).await;
    connection
        .run_script("SET TimeZone = 'Asia/Tokyo'; SELECT pg_advisory_lock(4711)")
        .await
        .unwrap();
    sleeping(&mut connection).await;
    assert_eq!(connection.recover().await, Recovery::Ready);
    let zone = one(&mut connection, "SHOW TimeZone", vec![]).await;
    assert_eq!(zone.unwrap(), Value::Text("UTC".into()));
    let free = one(&mut observer, "SELECT pg_try_advisory_lock(4711)", vec![]).await;
    assert_eq!(free.unwrap(), Value::Bool(true));
}

#[tokio::test]
async fn a_recovery_that_is_dropped_itself_is_never_ready_too_early() {
    let Some(options) = server() else { return };
    for polls in 0..15 {
        let mut connection = open(&options).await;
        let session = pid(&mut connection).await;
        sleeping(&mut connection).await;
        // Past the first knock, so that the drop falls into the cancel request.
        let half = timeout(
            Duration::from_micros(29_000 + 400 * polls),
            connection.recover(),
        );
        if half.await.is_err() && connection.recover().await == Recovery::Discard {
            assert!(connection.is_broken());
            continue;
        }
        for _ in 0..20 {
            assert_eq!(pid(&mut connection).await, session, "{polls}");
        }
    }
}

#[tokio::test]
async fn an_abandoned_transaction_is_rolled_back() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let mut observer = open(&options).await;
    let session = pid(&mut connection).await;
    connection.begin(BeginOptions::default()).await.unwrap();
    // BEGIN goes with the first statement.
    one(&mut connection, "SELECT 1", vec![]).await.unwrap();
    assert_eq!(state(&mut observer, &session).await, "idle in transaction");
    assert_eq!(connection.recover().await, Recovery::Ready);
    assert_eq!(state(&mut observer, &session).await, "idle");
    connection.begin(BeginOptions::default()).await.unwrap();
    connection.commit().await.unwrap();
}

#[tokio::test]
async fn a_dropped_session_ends_on_the_server() {
    let Some(options) = server() else { return };
    let mut observer = open(&options).await;
    let mut idle = open(&options).await;
    let mut busy = open(&options).await;
    let (first, second) = (pid(&mut idle).await, pid(&mut busy).await);
    sleeping(&mut busy).await;
    drop((idle, busy));
    let started = Instant::now();
    loop {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid IN (?, ?)";
        let left = one(&mut observer, sql, vec![first.clone(), second.clone()]).await;
        if left.unwrap() == Value::I64(0) {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
