//! Batches that are stopped while they run, and sessions that are ended from outside.

use std::sync::atomic::{AtomicBool, Ordering};

use mysql_async::prelude::Queryable;
use tokio::time::Instant;

use super::super::dial::Dialer;
use super::super::kill::kill_session;
use super::super::session;
use super::*;
use crate::driver::contract::Batch;
use crate::error::{ErrorKind, Outcome};
use crate::schema::Dialect;

/// Enough that a stop right after COMMIT is among them many times over.
const ROUNDS: i64 = 4_000;

/// The rounds end after this too, on a slow machine.
const TIME: Duration = Duration::from_secs(30);

fn counting(value: i64) -> Batch {
    let update = |id: i64| {
        let values = vec![Value::I64(value), Value::I64(id)];
        statement("UPDATE t SET n = ? WHERE id = ?", values, Access::Write).on("t")
    };
    Batch {
        statements: vec![update(1), update(2)],
        lock_wait: None,
    }
}

async fn number(conn: &mut dyn Connection) -> i64 {
    match one(conn, "SELECT CONNECTION_ID()", vec![]).await {
        Ok(Value::I64(id)) => id,
        other => panic!("not a number: {other:?}"),
    }
}

/// Whatever a KILL QUERY hits, what callers are told is so, and nothing is run twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_batch_tells_the_truth() {
    let Some(db) = Db::create("stopped_batch").await else {
        return;
    };
    let mut conn = db.connect().await;
    let mut killer = db.connect().await;
    let mut watcher = db.connect().await;
    // The log counts how often each value was written.
    for part in [
        "CREATE TABLE t (id INT PRIMARY KEY, n BIGINT)",
        "CREATE TABLE log (id INT, n BIGINT)",
        "INSERT INTO t VALUES (1, -1), (2, -1)",
        "CREATE TRIGGER logged AFTER UPDATE ON t FOR EACH ROW \
         INSERT INTO log VALUES (NEW.id, NEW.n)",
    ] {
        watcher.run_script(part).await.unwrap();
    }
    let id = number(&mut *conn).await;
    let ended = AtomicBool::new(false);
    let killing = async {
        let kill = format!("KILL QUERY {id}");
        while !ended.load(Ordering::Relaxed) {
            killer.run_script(&kill).await.unwrap();
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
    };
    let working = async {
        let until = Instant::now() + TIME;
        let mut round = 0;
        while round < ROUNDS && Instant::now() < until {
            let result = conn.run_batch(counting(round), &mut Ignore).await;
            let sql = "SELECT COUNT(*) FROM log WHERE n = ?";
            let written = one(&mut *watcher, sql, vec![Value::I64(round)]);
            let Value::I64(written) = written.await.unwrap() else {
                panic!("not a count");
            };
            match result {
                Ok(done) => assert_eq!((done.len(), written), (2, 2), "round {round}"),
                Err(error) => {
                    let most = match error.outcome() {
                        Outcome::Unknown => 2,
                        _ => 0,
                    };
                    assert!(written <= most, "round {round}: {written}, {error:?}");
                    let expected =
                        matches!(error.kind(), ErrorKind::Deadline | ErrorKind::CommitUnknown);
                    assert!(expected, "{error:?}");
                }
            }
            round += 1;
        }
        ended.store(true, Ordering::Relaxed);
        assert!(!conn.is_broken());
        assert!(round > 100, "only {round} rounds");
    };
    tokio::join!(working, killing);
    drop((conn, killer, watcher));
    db.end().await;
}

/// The session of a number is ended only on the server that gave the number, and only before its
/// restart: later the number is somebody else's.
#[tokio::test]
async fn a_session_is_ended_on_its_own_server_only() {
    let Some(db) = Db::create("whose_session").await else {
        return;
    };
    let dialer = Dialer::new(db.options.clone()).await.unwrap();
    let deadline = || Instant::now() + LIMIT;
    let mut found = Vec::new();
    // Over more than a second, so that a time that is not the start's would show.
    for _ in 0..3 {
        let mut conn = dialer.dial(deadline()).await.unwrap();
        let facts = session::set_up(&mut conn, Dialect::MariaDb).await.unwrap();
        found.push((conn, facts));
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let (mut conn, facts) = found.pop().unwrap();
    assert!(found.iter().all(|(_, other)| other.server == facts.server));
    let (same, started) = facts.server.rsplit_once('/').unwrap();
    let before = started.parse::<i64>().unwrap() - 3_600;
    assert!(before > 1_000_000_000, "{started}");
    for other in [format!("{same}/{before}"), format!("other/{started}")] {
        assert!(!kill_session(&dialer, facts.id, &other, deadline()).await);
        conn.ping().await.unwrap();
    }
    assert!(kill_session(&dialer, facts.id, &facts.server, deadline()).await);
    assert!(conn.ping().await.is_err());
    drop(found);
    db.end().await;
}

/// A time limit of the server's stops a batch once, and it is not run again.
#[tokio::test]
async fn a_batch_out_of_time_is_not_repeated() {
    let Some(db) = Db::create("batch_time").await else {
        return;
    };
    let mut conn = db.connect().await;
    let mut watcher = db.connect().await;
    for part in [
        "CREATE TABLE t (id INT PRIMARY KEY, n BIGINT)",
        "CREATE TABLE tries (n INT) ENGINE = Aria",
        "INSERT INTO t VALUES (1, -1), (2, -1)",
        "CREATE TRIGGER slow BEFORE UPDATE ON t FOR EACH ROW \
         BEGIN INSERT INTO tries VALUES (1); SET NEW.n = NEW.n + SLEEP(60); END",
    ] {
        watcher.run_script(part).await.unwrap();
    }
    conn.run_script("SET max_statement_time = 0.2")
        .await
        .unwrap();
    let error = conn.run_batch(counting(1), &mut Ignore).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert_eq!(count(&mut *watcher, "tries").await, 1);
    conn.run_script("SET max_statement_time = 0").await.unwrap();
    watcher.run_script("DROP TRIGGER slow").await.unwrap();
    let done = conn.run_batch(counting(2), &mut Ignore).await.unwrap();
    assert_eq!(done.len(), 2);
    drop((conn, watcher));
    db.end().await;
}
