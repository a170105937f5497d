//! More callers than the pool serves.

use std::sync::atomic::AtomicUsize;

use super::*;

/// Has `count` callers come at once, each of whom keeps a connection for `work`, and says how many
/// were served.
async fn herd(pool: &Pool, count: usize, work: Duration) -> usize {
    let served = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let (pool, served) = (pool.clone(), Arc::clone(&served));
            tokio::spawn(async move {
                if let Ok(_guard) = pool.acquire(soon(), here()).await {
                    sleep(work).await;
                    served.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    served.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_herd_with_short_work_is_served() {
    let (pool, counts) = pool(options(5, 0));
    // Four seconds of work in all: longer than the interval, but it comes only once.
    let served = herd(&pool, 1000, Duration::from_millis(20)).await;
    assert_eq!(served, 1000);
    assert_eq!(counts.most.load(Ordering::SeqCst), 5);
    let status = pool.status();
    assert_eq!((status.shed_total, status.timeouts_total), (0, 0));
    assert_eq!((status.waiting, status.in_use(), status.open), (0, 0, 5));
    assert!(!status.shedding);
}

#[tokio::test(start_paused = true)]
async fn a_standing_queue_is_cut() {
    let (pool, _) = pool(options(2, 0));
    // Twice as many as two connections serve, for ten seconds.
    let mut tasks = Vec::new();
    for _ in 0..400 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move {
            let came = Instant::now();
            match pool.acquire(soon(), here()).await {
                Ok(_guard) => {
                    let waited = came.elapsed();
                    sleep(Duration::from_millis(100)).await;
                    Ok(waited)
                }
                Err(error) => Err((error, came.elapsed())),
            }
        }));
        sleep(Duration::from_millis(25)).await;
    }
    assert!(pool.status().shedding);
    let (mut served, mut shed) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => served += 1,
            Err((error, waited)) => {
                assert_eq!(error.kind(), ErrorKind::Overloaded);
                assert_eq!((error.code(), error.http_status()), ("OVERLOADED", 503));
                assert!(error.retry_after().is_some());
                assert!(waited <= Duration::from_millis(1010), "{waited:?}");
                shed += 1;
            }
        }
    }
    // The connections were busy all the time, and nobody but those too many was refused.
    assert!(served >= 195 && shed > 50, "{served} served, {shed} shed");
    let status = pool.status();
    assert_eq!(status.shed_total, shed);
    assert_eq!(status.timeouts_total, 0);
    sleep(Duration::from_secs(1)).await;
    assert!(!pool.status().shedding);
}

#[tokio::test(start_paused = true)]
async fn a_queue_no_longer_than_the_pool_does_not_stand() {
    let (pool, _) = pool(options(1, 0));
    let held = pool.acquire(soon(), here()).await.unwrap();
    let first = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire(soon(), here()).await.map(drop) }
    });
    sleep(Duration::from_millis(4500)).await;
    drop(held);
    first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_is_shed_where_that_is_switched_off() {
    let mut settings = options(1, 0);
    settings.shed_target = Duration::ZERO;
    let (pool, _) = pool(settings);
    let _held = pool.acquire(soon(), here()).await.unwrap();
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(
            async move { pool.acquire(soon(), here()).await },
        ));
        sleep(Duration::from_millis(500)).await;
    }
    for task in tasks {
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once() {
    let mut settings = options(1, 0);
    settings.max_waiting = 3;
    let (pool, _) = pool(settings);
    let held = pool.acquire(soon(), here()).await.unwrap();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.acquire(soon(), here()).await.map(drop) })
        })
        .collect();
    sleep(Duration::from_millis(1)).await;
    let came = Instant::now();
    let error = pool.acquire(soon(), here()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(error.detail().contains("the queue is full"), "{error}");
    assert!(error.detail().contains("3 other callers wait"), "{error}");
    assert_eq!(came.elapsed(), Duration::ZERO);
    assert_eq!(pool.status().shed_total, 1);
    drop(held);
    for task in waiting {
        task.await.unwrap().unwrap();
    }
}
