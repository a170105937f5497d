//! Connections whose state nobody knows, and sizes and limits at their ends.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_acquire_dropped_during_the_health_check_leaks_nothing() {
    let (pool, counts) = pool(options(1, 0));
    drop(pool.acquire(soon(), here()).await.unwrap());
    sleep(Duration::from_secs(40)).await;
    counts.slow.store(true, Ordering::SeqCst);
    let acquire = pool.acquire(soon(), here());
    assert!(
        timeout(Duration::from_millis(20), acquire).await.is_err(),
        "the ping takes longer"
    );
    let status = pool.status();
    assert_eq!((status.checking, status.waiting), (1, 0));
    sleep(Duration::from_secs(2)).await;
    let status = pool.status();
    assert_eq!((status.open, status.idle, status.checking), (1, 1, 0));
    pool.close(Duration::from_secs(1)).await.unwrap();
    assert_eq!(counts.live.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_health_check_ends_with_the_callers_deadline() {
    let (pool, counts) = pool(options(1, 0));
    drop(pool.acquire(soon(), here()).await.unwrap());
    sleep(Duration::from_secs(40)).await;
    counts.slow.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let _ = pool
        .acquire(started + Duration::from_millis(20), here())
        .await;
    assert!(started.elapsed() < Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn a_retired_connection_is_closed_after_its_recovery_whoever_waits() {
    let (pool, counts) = pool(options(1, 0));
    let mut guard = pool.acquire(soon(), here()).await.unwrap();
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire(soon(), here()).await.map(drop) }
    });
    sleep(Duration::from_millis(1)).await;
    assert_eq!(pool.status().waiting, 1);
    guard.retire();
    guard.set_in_doubt(true);
    drop(guard);
    waiting.await.unwrap().unwrap();
    assert_eq!(counts.recovered.load(Ordering::SeqCst), 1);
    assert_eq!(counts.made.load(Ordering::SeqCst), 2, "a new connection");
}

#[tokio::test(start_paused = true)]
async fn closing_a_pool_ends_its_warming() {
    let (pool, counts) = pool(options(2, 1));
    counts.frozen.store(true, Ordering::SeqCst);
    // The pool's own task has the dial, and whoever warms waits for it.
    sleep(Duration::from_millis(50)).await;
    let warming = tokio::spawn({
        let pool = pool.clone();
        async move { pool.warm().await }
    });
    sleep(Duration::from_millis(50)).await;
    assert_eq!(pool.status().dialling.len(), 1);
    pool.close(Duration::from_secs(1)).await.unwrap();
    let ended = timeout(Duration::from_secs(60), warming).await;
    ended.expect("it waits for nobody").unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_recovery_panics_is_not_lent_again() {
    let (pool, counts) = pool(options(1, 0));
    let mut guard = pool.acquire(soon(), here()).await.unwrap();
    guard.set_in_doubt(true);
    counts.panics.store(true, Ordering::SeqCst);
    drop(guard);
    drop(pool.acquire(soon(), here()).await.unwrap());
    assert_eq!(counts.made.load(Ordering::SeqCst), 2, "a new connection");
    assert_eq!(pool.status().open, 1);
}

#[test]
fn a_recovery_cut_short_by_its_runtime_gives_nothing_back() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let (pool, counts) = first.block_on(async { pool(options(1, 0)) });
    first.block_on(async {
        let mut guard = pool.acquire(soon(), here()).await.unwrap();
        guard.set_in_doubt(true);
    });
    drop(first);
    second.block_on(async { drop(pool.acquire(soon(), here()).await.unwrap()) });
    assert_eq!(counts.made.load(Ordering::SeqCst), 2, "a new connection");
}

#[tokio::test(start_paused = true)]
async fn a_smaller_pool_closes_what_is_idle_beyond_its_size() {
    let (pool, counts) = pool(options(5, 0));
    let mut guards = Vec::new();
    for _ in 0..5 {
        guards.push(pool.acquire(soon(), here()).await.unwrap());
    }
    guards.truncate(1);
    pool.resize(2, 0);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(pool.status().open, 2);
    assert_eq!(counts.live.load(Ordering::SeqCst), 2);
    drop(guards);
    assert_eq!(pool.status().open, 2);
}

#[tokio::test(start_paused = true)]
async fn limits_without_end_are_no_panic() {
    let mut settings = options(1, 0);
    settings.acquire = Duration::MAX;
    settings.connect = Duration::MAX;
    settings.lifetime = Duration::MAX;
    let (pool, _) = pool(settings);
    drop(pool.acquire(soon(), here()).await.unwrap());
    pool.resize(usize::MAX, 0);
    pool.close(Duration::MAX).await.unwrap();
}
