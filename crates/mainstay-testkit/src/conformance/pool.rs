//! Connections on loan: how many, to whom, for how long.

use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::pool::{PoolGuard, PoolOptions};
use mainstay::{Database, ErrorKind};
use tokio::time::Instant;

use super::entities::Item;
use super::spy::{Counts, Spy};
use super::support::{PATIENCE, assert_kind, at_rest, eventually};
use crate::{Engine, Fixture};

async fn borrow(db: &Database) -> PoolGuard {
    let deadline = Instant::now() + PATIENCE;
    db.pool()
        .acquire(deadline, Location::caller())
        .await
        .unwrap()
}

/// A handle whose statements and connections are counted.
async fn watched(fx: &Fixture, options: PoolOptions) -> (Database, Arc<Counts>) {
    let (driver, counts) = Spy::open(&fx.config(&[])).await.unwrap();
    let builder = Database::builder().schema(fx.db().schema().clone());
    let db = builder
        .open_driver(driver, options, Default::default(), false)
        .await;
    (db.unwrap(), counts)
}

/// The minimum is made without anybody asking for a connection.
pub async fn the_minimum_is_kept_warm(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "4"), ("pool.min", "3")])
        .await
        .unwrap();
    // The last one may still be in the making by the pool's keeper when the handle is there.
    at_rest(&db).await;
    let status = db.pool().status();
    assert_eq!((status.open, status.idle, status.in_use()), (3, 3, 0));
    assert_eq!((status.max, status.min), (4, 3));
    assert_eq!(status.opened_total, 3);
}

/// A hundred tasks never open more connections than the pool may have, and all get their turn.
pub async fn the_maximum_is_never_exceeded(fx: &Fixture) {
    let options = PoolOptions {
        max: 3,
        min: 0,
        acquire: PATIENCE,
        ..PoolOptions::default()
    };
    let (db, counts) = watched(fx, options).await;
    let items = db.repository::<Item>();
    let tasks: Vec<_> = (0..100)
        .map(|_| tokio::spawn(items.find_many().into_future()))
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), []);
    }
    assert_eq!(counts.statements(), 100);
    assert!(counts.most_open() <= 3, "{} were open", counts.most_open());
    at_rest(&db).await;
}

/// Who waits longest is served first.
pub async fn the_queue_is_fair(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "1"), ("pool.min", "1")])
        .await
        .unwrap();
    let held = borrow(&db).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for number in 0..10 {
        let (waiter, order) = (db.clone(), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let guard = borrow(&waiter).await;
            order.lock().unwrap().push(number);
            drop(guard);
        }));
        eventually("the task waits", async || {
            db.pool().status().waiting == number + 1
        })
        .await;
    }
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..10).collect::<Vec<_>>());
}

/// A queue that takes too long says who has the connections, where in the code, and counts.
pub async fn a_queue_timeout_names_the_holders(fx: &Fixture) {
    let settings = [
        ("pool.max", "1"),
        ("pool.min", "1"),
        ("timeouts.acquire", "50ms"),
    ];
    let db = fx.open(&settings).await.unwrap();
    let held = borrow(&db).await;
    let error = assert_kind(db.health().await, ErrorKind::PoolTimeout);
    assert_eq!((error.code(), error.http_status()), ("POOL_TIMEOUT", 503));
    assert!(error.retry_after().is_some());
    let text = error.to_string();
    assert!(text.contains("conformance/pool.rs"), "{text}");
    assert!(error.hint().is_some(), "{text}");
    let status = db.pool().status();
    assert_eq!((status.timeouts_total, status.waiting), (1, 0));
    drop(held);
    db.health().await.unwrap();
}

/// Callers that give up leave the queue, and take nothing along.
pub async fn giving_up_leaves_the_queue(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "1"), ("pool.min", "1")])
        .await
        .unwrap();
    let held = borrow(&db).await;
    let tasks: Vec<_> = (0..5)
        .map(|_| tokio::spawn(db.health().into_future()))
        .collect();
    eventually("all wait", async || db.pool().status().waiting == 5).await;
    for task in &tasks {
        task.abort();
    }
    eventually("nobody waits", async || db.pool().status().waiting == 0).await;
    drop(held);
    db.health().await.unwrap();
    at_rest(&db).await;
}

/// The pool grows at once, and shrinks as connections come back.
pub async fn the_size_changes_while_in_use(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "1"), ("pool.min", "1")])
        .await
        .unwrap();
    let first = borrow(&db).await;
    let waiter = db.clone();
    let task = tokio::spawn(async move { borrow(&waiter).await });
    eventually("the task waits", async || db.pool().status().waiting == 1).await;
    db.pool().resize(3, 1);
    let second = task.await.unwrap();
    let third = borrow(&db).await;
    let status = db.pool().status();
    assert_eq!((status.max, status.open, status.in_use()), (3, 3, 3));
    db.pool().resize(1, 1);
    drop((first, second));
    eventually("two are closed", async || db.pool().status().open == 1).await;
    // The one that is left is on loan: nobody else gets one.
    let late = db.health().timeout(Duration::from_millis(20)).await;
    assert!(late.is_err(), "{late:?}");
    drop(third);
    db.health().await.unwrap();
    eventually("one is left", async || {
        let status = db.pool().status();
        (status.open, status.idle) == (1, 1)
    })
    .await;
}

/// Closing refuses new callers, waits for those at work, and says so when it could not.
pub async fn closing_drains(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "2"), ("pool.min", "2")])
        .await
        .unwrap();
    let held = borrow(&db).await;
    let error = assert_kind(
        db.close(Duration::from_millis(30)).await,
        ErrorKind::Deadline,
    );
    assert!(error.to_string().contains("1 connection"), "{error}");
    assert_kind(db.health().await, ErrorKind::Closed);
    let closer = db.clone();
    let task = tokio::spawn(async move { closer.close(PATIENCE).await });
    drop(held);
    task.await.unwrap().unwrap();
    let status = db.pool().status();
    assert_eq!((status.open, status.idle, status.in_use()), (0, 0, 0));
}

/// Callers who wait in the queue when the handle closes are told, not left waiting.
pub async fn closing_tells_those_who_wait(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "1"), ("pool.min", "1")])
        .await
        .unwrap();
    let held = borrow(&db).await;
    let waiting = tokio::spawn(db.health().into_future());
    eventually("the task waits", async || db.pool().status().waiting == 1).await;
    let closer = db.clone();
    let closing = tokio::spawn(async move { closer.close(PATIENCE).await });
    assert_kind(waiting.await.unwrap(), ErrorKind::Closed);
    drop(held);
    closing.await.unwrap().unwrap();
}

/// An idle connection is asked before it is lent.
pub async fn idle_connections_are_checked(fx: &Fixture) {
    let options = PoolOptions {
        max: 1,
        min: 1,
        health_check_after: Duration::ZERO,
        ..PoolOptions::default()
    };
    let (db, counts) = watched(fx, options).await;
    let items = db.repository::<Item>();
    for _ in 0..3 {
        items.find_many().await.unwrap();
    }
    assert_eq!(counts.pings(), 3);
    assert_eq!(db.pool().status().opened_total, 1);
}

/// Connections that the server has ended are replaced before anybody meets them.
pub async fn killed_connections_are_replaced(fx: &Fixture) {
    let (own, kill, end) = match fx.engine() {
        // There is no server that could end a connection.
        Engine::Sqlite => return,
        Engine::Postgres => (
            "SELECT pg_backend_pid()::bigint",
            "SELECT pg_terminate_backend(",
            ")",
        ),
        Engine::MariaDb => ("SELECT connection_id()", "KILL CONNECTION ", ""),
    };
    let settings = [
        ("pool.max", "1"),
        ("pool.min", "1"),
        ("timeouts.health_check", "1ms"),
    ];
    let db = fx.open(&settings).await.unwrap();
    for round in 1..=3 {
        let id = db.sql(own).scalar::<i64>().await.unwrap();
        fx.db().script(format!("{kill}{id}{end}")).await.unwrap();
        // Longer idle than the limit: only then a connection is asked.
        let since = Instant::now();
        eventually("it is idle long enough", async || {
            since.elapsed() > Duration::from_millis(5)
        })
        .await;
        let next = db.sql(own).scalar::<i64>().await.unwrap();
        assert_ne!(id, next, "round {round}");
    }
    at_rest(&db).await;
}

/// Connections are replaced when they have lived long enough, and the minimum stays.
pub async fn old_connections_are_retired(fx: &Fixture) {
    let settings = [
        ("pool.max", "2"),
        ("pool.min", "2"),
        ("timeouts.lifetime", "40ms"),
        ("timeouts.lifetime_jitter", "50%"),
        ("timeouts.idle", "100ms"),
    ];
    let db = fx.open(&settings).await.unwrap();
    eventually("both were replaced, twice", async || {
        db.health().await.unwrap();
        db.pool().status().opened_total >= 6
    })
    .await;
    assert!(db.pool().status().open <= 2);
}

/// Connections beyond the minimum are closed when nobody needs them.
pub async fn idle_connections_beyond_the_minimum_are_closed(fx: &Fixture) {
    let settings = [
        ("pool.max", "4"),
        ("pool.min", "1"),
        ("timeouts.idle", "50ms"),
    ];
    let db = fx.open(&settings).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(borrow(&db).await);
    }
    assert_eq!(db.pool().status().open, 4);
    drop(held);
    eventually("one is left", async || db.pool().status().open == 1).await;
    db.health().await.unwrap();
}

/// A loan that never ends is to be seen, with its place in the code and for how long.
pub async fn a_leak_is_to_be_seen(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "2"), ("pool.min", "1")])
        .await
        .unwrap();
    std::mem::forget(borrow(&db).await);
    let status = db.pool().status();
    assert_eq!(status.in_use(), 1);
    let holder = &status.holders[0];
    assert!(holder.site.file().ends_with("pool.rs"), "{holder}");
    assert!(holder.to_string().contains("held for"), "{holder}");
    // The rest of the pool goes on.
    db.health().await.unwrap();
}

/// What runs now is shown with its holder, without values.
pub async fn the_running_statement_is_shown(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "2"), ("pool.min", "1")])
        .await
        .unwrap();
    let items = db.repository::<Item>();
    let rows = (0..2_000).map(|id| Item::new(id, None, "x"));
    items.create_many(rows).await.unwrap();
    let mut stream = Box::pin(items.find_many().filter(Item::LABEL.eq("x")).stream());
    let first = futures_util::StreamExt::next(&mut stream).await;
    assert!(first.unwrap().is_ok());
    let status = db.pool().status();
    let running = status.holders[0].statement.clone().unwrap();
    assert!(
        running.contains("SELECT") && running.contains("items"),
        "{running}"
    );
    assert!(
        status.holders[0].site.file().ends_with("pool.rs"),
        "{:?}",
        status.holders
    );
    drop(stream);
    at_rest(&db).await;
}
