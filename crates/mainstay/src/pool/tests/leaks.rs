//! Loans that take too long.

use super::*;

fn watching(reclaim: bool) -> PoolOptions {
    PoolOptions {
        leak_after: Duration::from_secs(10),
        reclaim_leaks: reclaim,
        ..options(1, 0)
    }
}

/// The limit of a call that is over long before the threshold.
fn short() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

#[tokio::test(start_paused = true)]
async fn a_leak_is_counted_once_and_left_alone() {
    let (pool, counts) = pool(watching(false));
    let mut held = pool.acquire(short(), here()).await.unwrap();
    sleep(Duration::from_secs(9)).await;
    assert_eq!(pool.status().leaks_total, 0);
    sleep(Duration::from_secs(60)).await;
    let status = pool.status();
    assert_eq!((status.leaks_total, status.reclaimed_total), (1, 0));
    assert_eq!(status.in_use(), 1);
    held.connection().unwrap().ping().await.unwrap();
    held.set_in_doubt(false);
    drop(held);
    assert_eq!(pool.status().idle, 1);
    assert_eq!(counts.killed.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_loan_within_its_own_limit_is_no_leak() {
    let (pool, _) = pool(watching(true));
    let limit = Instant::now() + Duration::from_secs(100);
    let mut held = pool.acquire(limit, here()).await.unwrap();
    sleep(Duration::from_secs(99)).await;
    assert_eq!(pool.status().leaks_total, 0);
    held.connection().unwrap();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(pool.status().reclaimed_total, 1);
}

#[tokio::test(start_paused = true)]
async fn no_threshold_looks_for_no_leaks() {
    let mut settings = watching(true);
    settings.leak_after = Duration::ZERO;
    let (pool, _) = pool(settings);
    let _held = pool.acquire(short(), here()).await.unwrap();
    sleep(Duration::from_secs(3600)).await;
    let status = pool.status();
    assert_eq!((status.leaks_total, status.in_use()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reclaimed_connection_is_closed_and_its_place_given_to_others() {
    let (pool, counts) = pool(watching(true));
    let mut held = pool.acquire(short(), here()).await.unwrap();
    held.connection().unwrap();
    // Its place is all there is, so the next caller gets it only when it is taken back.
    sleep(Duration::from_secs(9)).await;
    let next = pool.acquire(soon(), here()).await.unwrap();
    assert_eq!(counts.made.load(Ordering::SeqCst), 2);
    assert_eq!(counts.killed.load(Ordering::SeqCst), 1);
    let status = pool.status();
    assert_eq!((status.open, status.in_use(), status.closing), (1, 1, 1));
    assert_eq!((status.leaks_total, status.reclaimed_total), (1, 1));

    let error = held.connection().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.detail().contains("pool.leak_after"), "{error}");
    // The number of its loan may belong to somebody else by now.
    drop(held);
    sleep(Duration::from_millis(1)).await;
    let status = pool.status();
    assert_eq!((status.open, status.in_use(), status.closing), (1, 1, 0));
    assert_eq!(counts.live.load(Ordering::SeqCst), 1);
    drop(next);
    let status = pool.status();
    assert_eq!((status.open, status.idle, status.in_use()), (1, 1, 0));
    pool.close(Duration::from_secs(1)).await.unwrap();
    assert_eq!(counts.live.load(Ordering::SeqCst), 0);
}
