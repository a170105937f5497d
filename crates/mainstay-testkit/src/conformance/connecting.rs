//! Waits for a server that does not let anybody in, and what is said of them.

use std::panic::Location;
use std::time::Duration;

use mainstay::driver::DialStep;
use mainstay::{Database, Error, ErrorKind};
use tokio::net::lookup_host;
use tokio::time::{Instant, sleep};

use super::support::{at_rest, eventually};
use crate::Fixture;
use crate::proxy::{FaultProxy, Mode};

/// A handle with one connection, which goes through a proxy and is not made before it is needed.
/// `None` for an engine without a wire.
async fn behind_a_proxy(fx: &Fixture, settings: &[(&str, &str)]) -> Option<(FaultProxy, Database)> {
    let url = fx.server_url()?;
    let address = lookup_host((url.host(), url.port())).await.unwrap().next();
    let proxy = FaultProxy::start(address.unwrap()).await.unwrap();
    let through = url.through_port(proxy.address().port());
    let mut all = vec![
        ("url", through.as_str()),
        ("pool.max", "1"),
        ("pool.min", "0"),
        ("tls", "disable"),
    ];
    all.extend(settings);
    let db = fx.open(&all).await.unwrap();
    Some((proxy, db))
}

/// The error of a caller who waits this long in vain.
async fn waits_in_vain(db: &Database, limit: Duration) -> Error {
    let until = Instant::now() + limit;
    let guard = db.pool().acquire(until, Location::caller()).await;
    guard.map(drop).expect_err("nobody is let in")
}

async fn works_again(db: &Database) {
    eventually("the server is back", async || {
        db.sql("SELECT 1").scalar::<i64>().await.is_ok()
    })
    .await;
    at_rest(db).await;
}

/// Whoever waits in vain is told whether it was for a holder of a connection, for the network, for the
/// server that took the connection and lets nobody in, or for an idle connection's answer.
pub async fn a_wait_says_what_it_was_spent_on(fx: &Fixture) {
    let limit = Duration::from_millis(1_500);
    for (mode, step, words) in [
        (Mode::Ignore, DialStep::Connect, "(connecting for "),
        (Mode::Hang, DialStep::Authenticate, "(authentication for "),
    ] {
        let settings = [
            ("timeouts.connect", "30s"),
            // Each use is preceded by a check.
            ("timeouts.health_check", "1ms"),
        ];
        let Some((proxy, db)) = behind_a_proxy(fx, &settings).await else {
            // Without a wire there is nothing to wait for but the queue.
            return;
        };
        proxy.set_mode(mode).await;
        let error = waits_in_vain(&db, limit).await;
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        let detail = error.detail();
        let said = ["while a connection was being opened", words];
        assert!(said.iter().all(|part| detail.contains(part)), "{detail}");
        let dialling = db.pool().status().dialling;
        assert_eq!(dialling.len(), 1);
        assert_eq!(dialling[0].step, step);
        assert!(dialling[0].elapsed >= dialling[0].in_step);

        proxy.set_mode(Mode::Forward).await;
        works_again(&db).await;

        let held = db
            .pool()
            .acquire(Instant::now() + limit, Location::caller());
        let held = held.await.unwrap();
        let error = waits_in_vain(&db, Duration::from_millis(300)).await;
        assert_eq!(error.kind(), ErrorKind::PoolTimeout, "{error}");
        assert!(
            error.detail().contains("in the queue; all 1 conn"),
            "{error}"
        );
        drop(held);
        at_rest(&db).await;

        // Long enough unused to be asked first.
        sleep(Duration::from_millis(20)).await;
        proxy.set_mode(Mode::Hang).await;
        let error = waits_in_vain(&db, Duration::from_millis(300)).await;
        let asked = "while an idle connection was being checked";
        assert!(error.detail().contains(asked), "{error}");
        proxy.set_mode(Mode::Forward).await;
        works_again(&db).await;
    }
}

/// An attempt to open a connection that took too long says at which step, on every server in the
/// same words.
pub async fn an_attempt_that_takes_too_long_names_its_step(fx: &Fixture) {
    for (mode, words) in [
        (Mode::Refuse, "dialing failed: Connection refused"),
        (Mode::Ignore, "dialing failed: no answer within "),
        (Mode::Hang, "logging in failed: no answer within "),
    ] {
        let settings = [("timeouts.connect", "800ms")];
        let Some((proxy, db)) = behind_a_proxy(fx, &settings).await else {
            return;
        };
        proxy.set_mode(mode).await;
        let error = waits_in_vain(&db, Duration::from_secs(20)).await;
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        let at = format!("127.0.0.1:{}: {words}", proxy.address().port());
        let name = at.replace("127.0.0.1", fx.server_url().unwrap().host());
        let detail = error.detail();
        assert!(detail.contains(&at) || detail.contains(&name), "{detail}");
        let failures = db.pool().status().last_dial_failure.unwrap();
        assert!(failures.to_string().contains(words), "{failures}");
        proxy.set_mode(Mode::Forward).await;
        works_again(&db).await;
    }
}
