//! Too many callers, and loans without an end.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use mainstay::driver::BeginOptions;
use mainstay::pool::PoolGuard;
use mainstay::{Database, ErrorKind, Outcome};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::entities::Item;
use super::support::{assert_kind, at_rest, eventually};
use crate::{Engine, Fixture};

/// A connection for a call whose own limit is over at once.
async fn borrow(db: &Database) -> PoolGuard {
    let limit = Instant::now() + Duration::from_secs(20);
    let guard = db.pool().acquire(limit, Location::caller());
    guard.await.unwrap()
}

/// The same, once the call's own limit has passed: what counts from then on is the threshold.
async fn borrow_beyond_its_limit(db: &Database) -> PoolGuard {
    db.health().await.unwrap();
    // There is an idle connection, and a limit of nothing is enough to take it.
    let guard = db.pool().acquire(Instant::now(), Location::caller());
    guard.await.unwrap()
}

/// A thousand callers at once on a pool of five are served, by five connections.
pub async fn a_herd_is_served(fx: &Fixture) {
    let settings = [
        ("pool.max", "5"),
        ("pool.min", "1"),
        ("timeouts.acquire", "60s"),
        ("timeouts.statement", "60s"),
    ];
    let db = fx.open(&settings).await.unwrap();
    let tasks: Vec<_> = (0..1000)
        .map(|_| tokio::spawn(db.health().into_future()))
        .collect();
    let mut refused = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => assert!(db.pool().status().open <= 5),
            Err(error) => refused.push(error),
        }
    }
    // They all come before the queue can count as standing, unless this machine is very slow.
    assert!(refused.len() < 100, "{}: {:?}", refused.len(), refused[0]);
    at_rest(&db).await;
    let status = db.pool().status();
    assert_eq!(status.timeouts_total, 0);
    assert_eq!(status.shed_total, refused.len() as u64);
}

/// A queue that is full says so at once, and serves those who are in it.
pub async fn a_full_queue_refuses_at_once(fx: &Fixture) {
    let settings = [
        ("pool.max", "1"),
        ("pool.min", "1"),
        ("pool.max_waiting", "2"),
        ("timeouts.acquire", "60s"),
    ];
    let db = fx.open(&settings).await.unwrap();
    let held = borrow(&db).await;
    let waiting: Vec<_> = (0..2)
        .map(|_| tokio::spawn(db.health().into_future()))
        .collect();
    eventually("both wait", async || db.pool().status().waiting == 2).await;
    let error = assert_kind(db.health().await, ErrorKind::Overloaded);
    assert_eq!((error.code(), error.http_status()), ("OVERLOADED", 503));
    assert!(error.retry_after().is_some());
    assert!(error.to_string().contains("overload.rs"), "{error}");
    assert_eq!(db.pool().status().shed_total, 1);
    drop(held);
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    at_rest(&db).await;
}

/// Writers beyond the bound are refused at once, with nothing done, and those who wait are served:
/// also where one writer serves all, whose queue is not the pool's.
pub async fn writers_beyond_the_bound_are_refused(fx: &Fixture) {
    let settings = [
        ("pool.max", "1"),
        ("pool.min", "1"),
        ("pool.max_waiting", "2"),
        ("timeouts.acquire", "60s"),
    ];
    let db = fx.open(&settings).await.unwrap();
    let items = db.repository::<Item>();
    let begun = Arc::new(Notify::new());
    let (writing, go) = (Arc::clone(&begun), Arc::new(Notify::new()));
    let ends = Arc::clone(&go);
    let held = db.exclusive(move |_| async move {
        writing.notify_one();
        ends.notified().await;
        Ok(())
    });
    let held = tokio::spawn(held.into_future());
    begun.notified().await;
    let make = |id| items.create(Item::new(id, None, "x")).no_coalesce();
    let waiting: Vec<_> = (1..3)
        .map(|id| tokio::spawn(make(id).into_future()))
        .collect();
    eventually("both wait for it", async || {
        let status = db.status();
        let waiting = status.writer.map(|writer| writer.here.saturating_sub(1));
        waiting.unwrap_or(status.pool.waiting) == 2
    })
    .await;
    let error = assert_kind(make(3).no_retry().await, ErrorKind::Overloaded);
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert!(error.retry_after().is_some());
    let status = db.status();
    let shed = status
        .writer
        .map_or(status.pool.shed_total, |writer| writer.shed_total);
    assert_eq!(shed, 1);
    go.notify_one();
    held.await.unwrap().unwrap();
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    let ids: Vec<_> = items.find_many().by_key().await.unwrap();
    let ids: Vec<_> = ids.iter().map(|item| item.id).collect();
    assert_eq!(ids, [1, 2]);
    at_rest(&db).await;
}

/// A loan that takes too long is counted, once, and goes on.
pub async fn a_leak_is_counted_and_left_alone(fx: &Fixture) {
    let settings = [
        ("pool.max", "2"),
        ("pool.min", "1"),
        ("pool.leak_after", "100ms"),
    ];
    let db = fx.open(&settings).await.unwrap();
    let mut held = borrow_beyond_its_limit(&db).await;
    eventually("it is counted", async || {
        db.pool().status().leaks_total == 1
    })
    .await;
    held.connection().unwrap().ping().await.unwrap();
    held.set_in_doubt(false);
    db.health().await.unwrap();
    let status = db.pool().status();
    assert_eq!((status.leaks_total, status.reclaimed_total), (1, 0));
    assert_eq!(status.in_use(), 1);
    drop(held);
    at_rest(&db).await;
}

/// Where that is configured, a leaked connection is closed, what it has locked is free, and its
/// place is given to others.
pub async fn a_leaked_connection_is_taken_back(fx: &Fixture) {
    let settings = [
        ("pool.max", "1"),
        ("pool.min", "1"),
        ("pool.leak_after", "200ms"),
        ("pool.reclaim_leaks", "true"),
    ];
    let db = fx.open(&settings).await.unwrap();
    let items = db.repository::<Item>();
    items.create(Item::new(1, None, "x")).await.unwrap();
    let mut held = borrow_beyond_its_limit(&db).await;
    // Readers of an engine with one writer lock nothing.
    if fx.engine() != Engine::Sqlite {
        let connection = held.connection().unwrap();
        connection.begin(BeginOptions::default()).await.unwrap();
        let delete = connection.run_script("DELETE FROM items WHERE id = 1");
        delete.await.unwrap();
    }
    eventually("it is taken back", async || {
        db.pool().status().reclaimed_total == 1
    })
    .await;
    // The only place is there for others, and the row is not locked any more.
    db.script("UPDATE items SET label = 'y' WHERE id = 1")
        .timeout(Duration::from_secs(30))
        .await
        .unwrap();
    let found = items.find_many().filter(Item::LABEL.eq("y")).await.unwrap();
    assert_eq!(found.len(), 1, "the leak's work was rolled back");
    let error = held.connection().map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    drop(held);
    eventually("it is closed", async || db.pool().status().closing == 0).await;
    at_rest(&db).await;
    assert_eq!(db.pool().status().open, 1);
}
