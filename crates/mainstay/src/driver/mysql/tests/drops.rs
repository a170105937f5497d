//! Futures dropped at every await point, sessions killed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, timeout};

use super::*;
use crate::driver::contract::{BeginOptions, BoxFuture, Recovery};
use crate::error::{ErrorKind, Outcome};

/// Polls a future a number of times, then gives it up. `Some` when it ended before.
struct Polls<'a, T> {
    future: BoxFuture<'a, T>,
    left: usize,
}

impl<T> Future for Polls<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.future.as_mut().poll(cx).map(Some)
    }
}

async fn poll_then_drop<T>(future: BoxFuture<'_, T>, polls: usize) -> Option<T> {
    Polls {
        future,
        left: polls,
    }
    .await
}

/// Sessions of others that the server still has.
async fn others(watcher: &mut dyn Connection, database: &str) -> i64 {
    let sessions = one(
        watcher,
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
         WHERE DB = ? AND ID <> CONNECTION_ID()",
        vec![text(database)],
    );
    let Value::I64(sessions) = sessions.await.unwrap() else {
        panic!("not a count");
    };
    sessions
}

/// Whether the session has a transaction open. Asked of the session itself: the server's list of
/// transactions is a cache that goes stale while several tests read it.
async fn is_in_transaction(conn: &mut dyn Connection) -> bool {
    one(conn, "SELECT @@in_transaction", vec![]).await.unwrap() != Value::I64(0)
}

/// Drops one call of a transaction after `polls` polls, recovers, and looks at what is left.
/// Says whether the call ended before.
async fn drop_step(db: &Db, watcher: &mut dyn Connection, step: usize, polls: usize) -> bool {
    let mut conn = db.connect().await;
    let mut ended = true;
    for current in 0..4 {
        let left = if current == step { polls } else { usize::MAX };
        let update = statement("UPDATE t SET n = n + 1", vec![], Access::Write);
        let mut sink = Ignore;
        let call: BoxFuture<'_, Result<()>> = match current {
            0 => conn.begin(BeginOptions::default()),
            1 => Box::pin(async { conn.run(update, &mut sink).await.map(|_| ()) }),
            2 => conn.savepoint("s"),
            _ => conn.commit(),
        };
        match poll_then_drop(call, left).await {
            Some(result) => result.unwrap(),
            None => {
                ended = false;
                break;
            }
        }
    }
    let recovery = conn.recover().await;
    if ended {
        assert_eq!(recovery, Recovery::Ready);
    }
    // No lock is left, at once.
    write(watcher, "UPDATE t SET n = n", vec![]).await.unwrap();
    match recovery {
        Recovery::Ready => {
            wait_for_sessions(db, watcher, 1).await;
            assert!(!conn.is_broken());
            assert!(
                !is_in_transaction(&mut *conn).await,
                "step {step}, {polls} polls"
            );
            conn.begin(BeginOptions::default()).await.unwrap();
            conn.rollback().await.unwrap();
            conn.close().await;
        }
        Recovery::Discard => {
            wait_for_sessions(db, watcher, 0).await;
            assert!(conn.is_broken());
        }
    }
    ended
}

#[tokio::test]
async fn every_await_point_of_a_transaction() {
    let Some(db) = Db::create("drops").await else {
        return;
    };
    let mut watcher = db.connect().await;
    watcher
        .run_script(
            "CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 0), (2, 0); \
             SET innodb_lock_wait_timeout = 1",
        )
        .await
        .unwrap();
    for step in 0..4 {
        let mut polls = 0;
        while !drop_step(&db, &mut *watcher, step, polls).await {
            wait_for_sessions(&db, &mut *watcher, 0).await;
            polls += 1;
            assert!(polls < 50, "step {step} never ends");
        }
        wait_for_sessions(&db, &mut *watcher, 0).await;
        assert!(polls > 0);
    }
    db.end().await;
}

/// A closed connection's session takes a moment to end, the one that kills another's too.
async fn wait_for_sessions(db: &Db, watcher: &mut dyn Connection, expected: i64) {
    let until = Instant::now() + LIMIT;
    while others(watcher, &db.options.database).await != expected {
        assert!(Instant::now() < until, "sessions are left");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn every_await_point_of_connecting() {
    let Some(db) = Db::create("drop_connect").await else {
        return;
    };
    let mut watcher = db.connect().await;
    let mut polls = 0;
    while poll_then_drop(db.driver.connect(LIMIT), polls)
        .await
        .is_none()
    {
        polls += 1;
        assert!(polls < 100, "connecting never ends");
    }
    assert!(polls > 2, "{polls}");
    wait_for_sessions(&db, &mut *watcher, 0).await;
    db.end().await;
}

#[tokio::test]
async fn recovery_itself_can_be_dropped() {
    let Some(db) = Db::create("drop_recover").await else {
        return;
    };
    let mut watcher = db.connect().await;
    for polls in 0..20 {
        let mut conn = db.connect().await;
        conn.begin(BeginOptions::default()).await.unwrap();
        let sleep = rows(&mut *conn, "SELECT SLEEP(60)", vec![]);
        assert!(timeout(Duration::from_millis(20), sleep).await.is_err());
        poll_then_drop(conn.recover(), polls).await;
        assert_eq!(conn.recover().await, Recovery::Discard);
        drop(conn);
        wait_for_sessions(&db, &mut *watcher, 0).await;
    }
    for polls in 0..3 {
        let mut conn = db.connect().await;
        conn.begin(BeginOptions::default()).await.unwrap();
        poll_then_drop(conn.recover(), polls).await;
        let recovery = conn.recover().await;
        assert_eq!(conn.is_broken(), recovery == Recovery::Discard);
        if recovery == Recovery::Ready {
            assert!(!is_in_transaction(&mut *conn).await);
        }
        conn.close().await;
        wait_for_sessions(&db, &mut *watcher, 0).await;
    }
    db.end().await;
}

#[tokio::test]
async fn a_dropped_long_statement_is_stopped() {
    let Some(db) = Db::create("sleep").await else {
        return;
    };
    let mut watcher = db.connect().await;
    let mut conn = db.connect().await;
    watcher
        .run_script("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    conn.begin(BeginOptions::default()).await.unwrap();
    rows(&mut *conn, "SELECT id FROM t FOR UPDATE", vec![])
        .await
        .unwrap();
    let sleep = rows(&mut *conn, "SELECT SLEEP(60)", vec![]);
    assert!(timeout(Duration::from_millis(200), sleep).await.is_err());
    let refused = rows(&mut *conn, "SELECT 1", vec![]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionLost);
    let started = Instant::now();
    assert_eq!(conn.recover().await, Recovery::Discard);
    assert!(started.elapsed() < Duration::from_secs(4));
    let locked = rows(&mut *watcher, "SELECT id FROM t FOR UPDATE NOWAIT", vec![]);
    assert_eq!(locked.await.unwrap().len(), 1);
    wait_for_sessions(&db, &mut *watcher, 0).await;
    db.end().await;
}

#[tokio::test]
async fn a_dropped_stream_is_stopped() {
    let Some(db) = Db::create("stopped").await else {
        return;
    };
    let mut watcher = db.connect().await;
    let mut conn = db.connect().await;
    let endless = "SELECT a.COLUMN_NAME, b.COLUMN_NAME FROM information_schema.COLUMNS AS a, \
                   information_schema.COLUMNS AS b";
    let stream = rows(&mut *conn, endless, vec![]);
    assert!(timeout(Duration::from_millis(500), stream).await.is_err());
    assert_eq!(conn.recover().await, Recovery::Discard);
    drop(conn);
    wait_for_sessions(&db, &mut *watcher, 0).await;
    db.end().await;
}

/// The number of a connection's session.
async fn session(conn: &mut dyn Connection) -> i64 {
    match one(conn, "SELECT CONNECTION_ID()", vec![]).await {
        Ok(Value::I64(id)) => id,
        other => panic!("not a number: {other:?}"),
    }
}

#[tokio::test]
async fn a_session_killed_during_a_call() {
    let Some(db) = Db::create("killed").await else {
        return;
    };
    let mut killer = db.connect().await;
    for (access, outcome) in [
        (Access::Read, Outcome::NotApplied),
        (Access::Write, Outcome::Unknown),
        (Access::Unknown, Outcome::Unknown),
    ] {
        let mut conn = db.connect().await;
        let id = session(&mut *conn).await;
        let kill = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            killer.run_script(&format!("KILL {id}")).await.unwrap();
        };
        let mut sink = Ignore;
        let sleep = statement("SELECT SLEEP(60)", vec![], access);
        let (result, ()) = tokio::join!(conn.run(sleep, &mut sink), kill);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        assert_eq!(error.outcome(), outcome, "{access:?}");
        assert!(conn.is_broken());
        assert_eq!(conn.recover().await, Recovery::Discard);
    }
    db.end().await;
}

#[tokio::test]
async fn a_session_killed_before_commit() {
    let Some(db) = Db::create("killed_commit").await else {
        return;
    };
    let mut killer = db.connect().await;
    let mut conn = db.connect().await;
    killer.run_script("CREATE TABLE t (n INT)").await.unwrap();
    conn.begin(BeginOptions::default()).await.unwrap();
    let id = session(&mut *conn).await;
    write(&mut *conn, "INSERT INTO t VALUES (1)", vec![])
        .await
        .unwrap();
    killer.run_script(&format!("KILL {id}")).await.unwrap();
    let error = conn.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitUnknown, "{error}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    wait_for_sessions(&db, &mut *killer, 0).await;
    assert_eq!(count(&mut *killer, "t").await, 0);
    db.end().await;
}

#[tokio::test]
async fn a_killed_query_leaves_the_connection() {
    let Some(db) = Db::create("killed_query").await else {
        return;
    };
    let mut killer = db.connect().await;
    let mut conn = db.connect().await;
    let id = session(&mut *conn).await;
    let kill = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let sql = format!("KILL QUERY {id}");
        killer.run_script(&sql).await.unwrap();
    };
    let endless = "SELECT COUNT(*) FROM information_schema.COLUMNS a, \
                   information_schema.COLUMNS b, information_schema.COLUMNS c";
    let (result, ()) = tokio::join!(rows(&mut *conn, endless, vec![]), kill);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Deadline);
    assert_eq!(
        one(&mut *conn, "SELECT 1", vec![]).await.unwrap(),
        Value::I64(1)
    );
    db.end().await;
}
