//! What a caller is told who has waited in vain, and what its wait was spent on.

use super::*;

fn within(limit: u64) -> Instant {
    Instant::now() + Duration::from_millis(limit)
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_server_that_does_not_answer_is_not_called_a_queue() {
    let (pool, counts) = pool(options(2, 0));
    counts.set(&counts.frozen, true);
    let error = pool.acquire(within(2000), here()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let text = error.detail();
    for part in [
        "waited 2.0s: 2.0s while a connection was being opened",
        "0 of 2 connections are in use",
        "one is being opened for 2.0s (authentication for 2.0s)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let status = pool.status();
    assert_eq!(status.dialling.len(), 1);
    assert_eq!(status.timeouts_total, 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_split_into_what_it_was_spent_on() {
    let (pool, counts) = pool(options(1, 0));
    let mut held = pool.acquire(soon(), here()).await.unwrap();
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire(within(4000), here()).await }
    });
    sleep(Duration::from_secs(3)).await;
    counts.set(&counts.unrecoverable, true);
    held.connection().unwrap();
    drop(held);
    sleep(Duration::from_millis(50)).await;
    assert_eq!(pool.status().recovering, 1);
    counts.set(&counts.frozen, true);
    let error = waiter.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    let text = error.detail();
    for part in [
        "3.0s in the queue",
        "while a connection recovered from a dropped call",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("1 recover from a dropped call"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_tells_of_attempts_that_failed() {
    let (pool, counts) = pool(options(2, 0));
    let _held = pool.acquire(soon(), here()).await.unwrap();
    counts.set(&counts.full, true);
    let error = pool.acquire(soon(), here()).await.unwrap_err();
    let text = error.detail();
    assert!(text.contains("waited 5.0s"), "{text}");
    assert!(
        text.contains("the last attempt to open a connection failed"),
        "{text}"
    );
    assert!(text.contains(": full"), "{text}");
    assert!(text.contains("1 of 2 connections are in use"), "{text}");
    assert!(text.contains("pool/tests/waits.rs"), "{text}");
    let status = pool.status();
    assert!(status.is_failing());
    assert!(status.last_dial_failure.unwrap().in_a_row > 3);
}

#[tokio::test(start_paused = true)]
async fn callers_with_short_limits_get_a_connection_in_the_end() {
    let (pool, counts) = pool(options(1, 0));
    let mut tries = 0;
    let guard = loop {
        tries += 1;
        if let Ok(guard) = pool.acquire(within(3), here()).await {
            break guard;
        }
        assert!(tries < 20);
    };
    drop(guard);
    assert_eq!(counts.dials.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn every_error_of_a_wait_applied_nothing_and_may_be_repeated() {
    let (pool, counts) = pool(options(1, 0));
    counts.set(&counts.refuse, true);
    let refused = pool.acquire(soon(), here()).await.unwrap_err();
    counts.set(&counts.refuse, false);
    let _held = pool.acquire(soon(), here()).await.unwrap();
    let waited = pool.acquire(soon(), here()).await.unwrap_err();
    for error in [refused, waited] {
        assert_eq!(error.outcome(), crate::error::Outcome::NotApplied);
        assert_eq!(error.retry(), crate::error::RetryClass::Safe);
        assert!(error.retry_after().is_some());
    }
}
