//! The pool over a driver that only counts, under paused time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::entropy::SeededEntropy;
use fake::{Counts, FakeDriver};

mod counting;
mod doubt;
mod fake;
mod leaks;
mod overload;
mod reconnect;
mod waits;

fn options(max: usize, min: usize) -> PoolOptions {
    PoolOptions {
        max,
        min,
        ..PoolOptions::default()
    }
}

fn pool(options: PoolOptions) -> (Pool, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let driver = Arc::new(FakeDriver::new(Arc::clone(&counts)));
    (
        Pool::new(driver, options, Arc::new(SeededEntropy::new(1))),
        counts,
    )
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[track_caller]
fn here() -> &'static Location<'static> {
    Location::caller()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_tasks_never_have_more_than_the_maximum() {
    let (pool, counts) = pool(options(5, 0));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let guard = pool.acquire(soon(), here()).await.unwrap();
                sleep(Duration::from_millis(10)).await;
                drop(guard);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(counts.most.load(Ordering::SeqCst), 5);
    assert_eq!(pool.status().in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_longest_is_served_first() {
    let (pool, _) = pool(options(1, 0));
    let held = pool.acquire(soon(), here()).await.unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for number in 0..5 {
        let (pool, order) = (pool.clone(), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let _guard = pool.acquire(soon(), here()).await.unwrap();
            order.lock().unwrap().push(number);
        }));
        sleep(Duration::from_millis(1)).await;
    }
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_timeout_names_the_holder() {
    let (pool, _) = pool(options(1, 0));
    let _held = pool.acquire(soon(), here()).await.unwrap();
    let error = pool.acquire(soon(), here()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    assert!(error.detail().contains("pool/tests.rs"), "{error}");
    assert!(error.detail().contains("waited 5.0s"), "{error}");
    assert_eq!(pool.status().timeouts_total, 1);
    assert_eq!(pool.status().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_waiter_leaves_the_queue() {
    let (pool, _) = pool(options(1, 0));
    let held = pool.acquire(soon(), here()).await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire(soon(), here()).await.map(drop) }
    });
    sleep(Duration::from_millis(5)).await;
    assert_eq!(pool.status().waiting, 1);
    waiter.abort();
    assert!(waiter.await.unwrap_err().is_cancelled());
    assert_eq!(pool.status().waiting, 0);
    drop(held);
    pool.acquire(soon(), here()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_minimum_is_kept_warm_and_comes_back() {
    let (pool, counts) = pool(options(5, 2));
    pool.warm().await.unwrap();
    assert_eq!(counts.live.load(Ordering::SeqCst), 2);
    counts.sick.store(true, Ordering::SeqCst);
    sleep(Duration::from_secs(40)).await;
    // Idle beyond the health check's age and sick: both are replaced when asked for.
    drop(pool.acquire(soon(), here()).await.unwrap());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(counts.live.load(Ordering::SeqCst), 2);
    assert!(counts.made.load(Ordering::SeqCst) >= 4);
}

#[tokio::test(start_paused = true)]
async fn idle_and_old_connections_are_retired() {
    let mut settings = options(5, 1);
    settings.idle = Duration::from_secs(60);
    settings.lifetime = Duration::from_secs(600);
    let (pool, counts) = pool(settings);
    let mut guards = Vec::new();
    for _ in 0..5 {
        guards.push(pool.acquire(soon(), here()).await.unwrap());
    }
    drop(guards);
    assert_eq!(pool.status().idle, 5);
    sleep(Duration::from_secs(90)).await;
    assert_eq!(
        pool.status().open,
        1,
        "beyond the minimum they were idle too long"
    );
    let made = counts.made.load(Ordering::SeqCst);
    sleep(Duration::from_secs(700)).await;
    assert!(
        counts.made.load(Ordering::SeqCst) > made,
        "the last one was too old"
    );
    assert_eq!(counts.live.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_guard_in_doubt_is_recovered_before_it_is_lent_again() {
    let (pool, counts) = pool(options(1, 0));
    let mut guard = pool.acquire(soon(), here()).await.unwrap();
    guard.set_in_doubt(true);
    drop(guard);
    assert_eq!(pool.status().idle, 0);
    drop(pool.acquire(soon(), here()).await.unwrap());
    assert_eq!(counts.recovered.load(Ordering::SeqCst), 1);
    assert_eq!(counts.made.load(Ordering::SeqCst), 1, "the same connection");

    counts.unrecoverable.store(true, Ordering::SeqCst);
    let mut guard = pool.acquire(soon(), here()).await.unwrap();
    guard.set_in_doubt(true);
    drop(guard);
    drop(pool.acquire(soon(), here()).await.unwrap());
    assert_eq!(counts.made.load(Ordering::SeqCst), 2, "a new connection");
    assert_eq!(counts.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_acquire_dropped_while_dialling_leaks_nothing() {
    let (pool, counts) = pool(options(1, 0));
    for _ in 0..3 {
        let acquire = pool.acquire(soon(), here());
        assert!(timeout(Duration::from_millis(2), acquire).await.is_err());
    }
    let status = pool.status();
    assert_eq!((status.open, status.waiting, status.in_use()), (1, 0, 0));
    drop(pool.acquire(soon(), here()).await.unwrap());
    assert_eq!(counts.live.load(Ordering::SeqCst), 1);
    let dials = counts.dials.load(Ordering::SeqCst);
    assert_eq!(dials, 1, "no caller starts anew what another has begun");
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_gives_its_place_back() {
    let (pool, counts) = pool(options(1, 0));
    counts.refuse.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = pool.acquire(soon(), here()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
    }
    counts.refuse.store(false, Ordering::SeqCst);
    drop(pool.acquire(soon(), here()).await.unwrap());
    assert_eq!(pool.status().open, 1);
}

#[tokio::test(start_paused = true)]
async fn the_size_changes_while_in_use() {
    let (pool, _) = pool(options(4, 0));
    let mut guards = Vec::new();
    for _ in 0..4 {
        guards.push(pool.acquire(soon(), here()).await.unwrap());
    }
    pool.resize(2, 0);
    guards.truncate(2);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(pool.status().open, 2);
    let full = pool
        .acquire(Instant::now() + Duration::from_millis(50), here())
        .await;
    assert_eq!(full.unwrap_err().kind(), ErrorKind::PoolTimeout);
    pool.resize(3, 0);
    guards.push(pool.acquire(soon(), here()).await.unwrap());
    drop(guards);
    sleep(Duration::from_millis(1)).await;
    assert_eq!((pool.status().open, pool.status().max), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_loans_and_refuses_new_ones() {
    let (pool, counts) = pool(options(3, 2));
    pool.warm().await.unwrap();
    let guard = pool.acquire(soon(), here()).await.unwrap();
    let closing = tokio::spawn({
        let pool = pool.clone();
        async move { pool.close(Duration::from_secs(5)).await }
    });
    sleep(Duration::from_millis(10)).await;
    let refused = pool.acquire(soon(), here()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Closed);
    assert!(!closing.is_finished());
    drop(guard);
    closing.await.unwrap().unwrap();
    assert_eq!(counts.live.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn closing_gives_up_on_a_loan_that_does_not_come_back() {
    let (pool, counts) = pool(options(1, 0));
    let guard = pool.acquire(soon(), here()).await.unwrap();
    let error = pool.close(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    drop(guard);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(counts.live.load(Ordering::SeqCst), 0);
}
