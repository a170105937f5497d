//! What a server sees of attempts that take long, and what is said of them meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::*;
use crate::driver::mysql::dial::Dialer;
use crate::driver::progress::{DialProgress, DialStep};
use crate::error::ErrorKind;

/// A server that takes connections, counts them, and passes them on to `target` once `silence` is
/// over; without a target it says nothing.
async fn server(
    target: Option<&MySqlOptions>,
    silence: Duration,
) -> (MySqlOptions, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = match target {
        Some(target) => target.clone(),
        None => MySqlOptions::new("127.0.0.1", "somebody", "nothing"),
    };
    let target = target.map(|target| (target.host.clone(), target.port));
    options.host = "127.0.0.1".to_owned();
    options.port = listener.local_addr().unwrap().port();
    let (seen, open) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counts = (Arc::clone(&seen), Arc::clone(&open));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            seen.fetch_add(1, Ordering::SeqCst);
            open.fetch_add(1, Ordering::SeqCst);
            let (target, open) = (target.clone(), Arc::clone(&open));
            tokio::spawn(async move {
                if let Some(target) = target {
                    sleep(silence).await;
                    let mut server = TcpStream::connect(target).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                } else {
                    // Until the client leaves: what it says is not answered.
                    let _ = tokio::io::copy(&mut client, &mut tokio::io::sink()).await;
                }
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (options, counts.0, counts.1)
}

fn watched() -> Arc<DialProgress> {
    Arc::new(DialProgress::new(Instant::now()))
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < until, "still not so: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn attempts_that_are_slow_together_ask_once() {
    let (options, seen, open) = server(None, Duration::ZERO).await;
    let dialer = Arc::new(Dialer::new(options).await.unwrap());
    let attempts: Vec<_> = (0..8).map(|_| watched()).collect();
    let mut running = JoinSet::new();
    let limit = Duration::from_secs(3);
    let start = Instant::now();
    for progress in attempts.clone() {
        let dialer = Arc::clone(&dialer);
        running.spawn(async move { dialer.dial_watched(start + limit, &progress).await });
    }
    eventually("all connect", || seen.load(Ordering::SeqCst) == 8).await;
    let signs_in = |progress: &Arc<DialProgress>| progress.current().0 == DialStep::Authenticate;
    eventually("all sign in", || attempts.iter().all(signs_in)).await;
    for progress in &attempts {
        // An attempt that signs in within the usual time asks nothing.
        assert!(progress.current().1 >= start + Duration::from_millis(500));
    }
    eventually("the probe is closed", || open.load(Ordering::SeqCst) == 8).await;
    while let Some(ended) = running.join_next().await {
        let error = ended.unwrap().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.detail().contains("logging in failed"), "{error}");
    }
    assert!(start.elapsed() >= limit);
    assert_eq!(seen.load(Ordering::SeqCst), 9);
    eventually("nothing stays open", || open.load(Ordering::SeqCst) == 0).await;

    // A later attempt does not rely on what was true of earlier ones.
    let again = dialer
        .dial(Instant::now() + Duration::from_millis(600))
        .await;
    assert!(again.is_err());
    eventually("it was asked", || seen.load(Ordering::SeqCst) == 11).await;
}

#[tokio::test]
async fn an_attempt_that_is_dropped_lets_the_next_one_ask() {
    let (options, seen, open) = server(None, Duration::ZERO).await;
    let dialer = Dialer::new(options).await.unwrap();
    for round in 1..=3 {
        let progress = watched();
        let dialling = dialer.dial_watched(Instant::now() + LIMIT, &progress);
        tokio::select! {
            _ = dialling => panic!("nobody answers"),
            () = eventually("it signs in", || progress.current().0 == DialStep::Authenticate) => {}
        }
        eventually("all is closed", || open.load(Ordering::SeqCst) == 0).await;
        assert_eq!(seen.load(Ordering::SeqCst), 2 * round);
    }
}

#[tokio::test]
async fn a_slow_server_signs_in_and_a_quick_one_is_not_asked() {
    let Some(db) = Db::create("probes").await else {
        return;
    };
    let (options, seen, open) = server(Some(&db.options), Duration::from_millis(1_200)).await;
    let dialer = Dialer::new(options).await.unwrap();
    let progress = watched();
    let dialling = dialer.dial_watched(Instant::now() + LIMIT, &progress);
    let (conn, ()) = tokio::join!(
        dialling,
        eventually("it signs in", || progress.current().0
            == DialStep::Authenticate)
    );
    assert_eq!(seen.load(Ordering::SeqCst), 2);
    conn.unwrap().disconnect().await.unwrap();
    eventually("all is closed", || open.load(Ordering::SeqCst) == 0).await;

    let (options, seen, _) = server(Some(&db.options), Duration::ZERO).await;
    let dialer = Dialer::new(options).await.unwrap();
    let progress = watched();
    let conn = dialer.dial_watched(Instant::now() + LIMIT, &progress).await;
    conn.unwrap().disconnect().await.unwrap();
    // Longer than an attempt waits before it asks.
    sleep(Duration::from_millis(800)).await;
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    db.end().await;
}
