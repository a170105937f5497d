//! A server that goes away and comes back.

use super::*;

/// A pool with all of its connections open and idle.
async fn warm(max: usize) -> (Pool, Arc<Counts>) {
    let (pool, counts) = pool(options(max, max));
    pool.warm().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    (pool, counts)
}

/// Uses a connection, as a call would, and says whether it worked.
async fn call(pool: &Pool) -> Result<()> {
    let mut guard = pool.acquire(soon(), here()).await?;
    let answer = guard.connection()?.run_script("").await;
    guard.set_in_doubt(false);
    answer
}

#[tokio::test(start_paused = true)]
async fn one_lost_connection_has_all_others_checked_at_once() {
    let (pool, counts) = warm(8).await;
    counts.restart();
    assert!(call(&pool).await.is_err());
    // Nobody else meets a dead one.
    for _ in 0..8 {
        call(&pool).await.unwrap();
    }
    sleep(Duration::from_millis(100)).await;
    let status = pool.status();
    assert_eq!((status.open, status.idle), (8, 8));
    assert_eq!(status.broken_total, 8);
    assert_eq!(counts.live.load(Ordering::SeqCst), 8);
}

#[tokio::test(start_paused = true)]
async fn the_check_is_parallel_and_harms_no_healthy_connection() {
    let (pool, counts) = warm(8).await;
    let mut first = pool.acquire(soon(), here()).await.unwrap();
    counts.set(&counts.slow, true);
    counts.restart();
    assert!(first.connection().unwrap().run_script("").await.is_err());
    // The restart hit this one only: the others are as young as the server.
    counts.restarts.store(0, Ordering::SeqCst);
    drop(first);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(pool.status().checking, 7);
    let started = Instant::now();
    call(&pool).await.unwrap();
    assert!(started.elapsed() <= Duration::from_millis(1100));
    sleep(Duration::from_secs(2)).await;
    let status = pool.status();
    assert_eq!((status.open, status.idle, status.checking), (8, 8, 0));
    assert_eq!(counts.made.load(Ordering::SeqCst), 9);
}

#[tokio::test(start_paused = true)]
async fn failing_attempts_are_shared_and_few() {
    let (pool, counts) = pool(options(10, 0));
    counts.set(&counts.refuse, true);
    let mut tasks = Vec::new();
    for _ in 0..1000 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move {
            let came = Instant::now();
            let error = pool.acquire(soon(), here()).await.unwrap_err();
            (error, came.elapsed())
        }));
        sleep(Duration::from_millis(10)).await;
    }
    let mut told = 0;
    for task in tasks {
        let (error, waited) = task.await.unwrap();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(waited < Duration::from_millis(1500), "{waited:?}");
        told += usize::from(error.detail().contains("in a row have failed"));
    }
    assert!(told > 900, "{told}");
    let dials = counts.dials.load(Ordering::SeqCst);
    assert!(dials < 40, "{dials} attempts in ten seconds");
    let status = pool.status();
    assert!(status.is_failing());
    assert_eq!((status.open, status.waiting), (0, 0));
    assert_eq!(status.dial_failures_total as usize, dials);
}

#[tokio::test(start_paused = true)]
async fn full_service_returns_soon_after_the_server() {
    let (pool, counts) = warm(10).await;
    counts.set(&counts.refuse, true);
    counts.restart();
    let _ = call(&pool).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(pool.status().open, 0);
    counts.set(&counts.refuse, false);
    counts.most_dialling.store(0, Ordering::SeqCst);
    sleep(Duration::from_millis(1200)).await;
    let status = pool.status();
    assert_eq!((status.open, status.idle), (10, 10));
    assert!(!status.is_failing());
    let most = counts.most_dialling.load(Ordering::SeqCst);
    assert!(most <= 8, "{most} at once");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_waits_out_an_outage_is_served() {
    let (pool, counts) = pool(options(2, 0));
    counts.set(&counts.full, true);
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { call(&pool).await }
    });
    sleep(Duration::from_millis(40)).await;
    counts.set(&counts.full, false);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_works_goes_on_when_no_more_can_be_opened() {
    let (pool, counts) = pool(options(4, 0));
    drop(pool.acquire(soon(), here()).await.unwrap());
    counts.set(&counts.full, true);
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let _guard = pool.acquire(soon(), here()).await?;
                sleep(Duration::from_millis(10)).await;
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(counts.made.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_server_keeps_no_place_for_long() {
    let (pool, counts) = warm(2).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut guard = pool.acquire(soon(), here()).await.unwrap();
        guard.connection().unwrap();
        held.push(guard);
    }
    counts.set(&counts.frozen, true);
    drop(held);
    sleep(Duration::from_millis(900)).await;
    assert_eq!(pool.status().recovering, 2);
    sleep(Duration::from_millis(200)).await;
    let status = pool.status();
    assert_eq!((status.recovering, status.closing), (0, 2));
    assert_eq!(status.dialling.len(), 2);
    counts.set(&counts.frozen, false);
    sleep(Duration::from_millis(200)).await;
    let status = pool.status();
    assert_eq!((status.open, status.idle, status.closing), (2, 2, 0));
    assert_eq!(counts.live.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn closing_the_pool_does_not_wait_for_a_frozen_server() {
    let (pool, counts) = warm(4).await;
    counts.set(&counts.frozen, true);
    pool.resize(5, 5);
    sleep(Duration::from_millis(20)).await;
    assert_eq!(pool.status().dialling.len(), 1);
    let started = Instant::now();
    pool.close(Duration::from_secs(1)).await.unwrap();
    assert!(started.elapsed() <= Duration::from_millis(1100));
    assert_eq!(pool.status().open, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_panics_is_a_failure_like_others() {
    let (pool, counts) = pool(options(2, 0));
    counts.set(&counts.dial_panics, true);
    let error = pool.acquire(soon(), here()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected);
    counts.set(&counts.dial_panics, false);
    drop(pool.acquire(soon(), here()).await.unwrap());
    assert_eq!(pool.status().open, 1);
}

#[test]
fn a_dial_whose_runtime_ends_is_begun_again_by_who_waits() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let (pool, counts) = first.block_on(async { pool(options(1, 0)) });
    counts.set(&counts.frozen, true);
    first.block_on(async {
        let soon = Instant::now() + Duration::from_millis(20);
        pool.acquire(soon, here()).await.unwrap_err();
    });
    assert_eq!(pool.status().dialling.len(), 1);
    second.block_on(async {
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.acquire(soon(), here()).await.map(drop) }
        });
        while pool.status().waiting == 0 {
            tokio::task::yield_now().await;
        }
        first.shutdown_background();
        counts.set(&counts.frozen, false);
        waiting.await.unwrap().unwrap();
    });
    assert_eq!(pool.status().open, 1);
}
