//! What is answered while the database is down or takes no writes.

use std::time::Duration;

use mainstay_testkit::proxy::{Ending, Mode};
use mainstay_testkit::servers::ServerKind;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::support::rows::text;
use crate::support::{Engine, Reply, Service};

/// Far longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < until, "still not so: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A 503 says when to come again.
#[track_caller]
fn says_when(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.body);
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds));
}

async fn an_outage(kind: ServerKind) {
    let settings = [("stale.patience", "300ms"), ("resilience.patience", "0s")];
    let Some((proxy, quest)) = Service::behind_a_proxy(kind, &settings).await else {
        return;
    };
    let (user, goal) = quest.user_with_goal("ann@example.com").await;
    let other = quest.user("ben@example.com").await;
    let path = |table: &str, row| format!("/{table}/{}", text(row, "id"));
    let (user_path, goal_path) = (path("users", &user), path("goals", &goal));
    for known in [&user_path, &goal_path] {
        let fresh = quest.get(known).await;
        assert!(!fresh.headers.contains_key("cache-status"));
        assert!(!fresh.headers.contains_key("age"));
        fresh.ok(200);
    }

    proxy.set_mode(Mode::Refuse).await;
    proxy.cut(Ending::Reset);
    eventually("the circuit breaker is open", async || {
        let module = json!({ "id": "m", "name": "M", "version": "1.0.0" });
        let refused = quest.post("/modules", module).await;
        refused.status == 503 && refused.body["code"] == "CIRCUIT_OPEN"
    })
    .await;
    for (known, row) in [(&user_path, &user), (&goal_path, &goal)] {
        let stale = quest.get(known).await;
        assert_eq!(stale.status, 200, "{}", stale.body);
        assert_eq!(&stale.body["id"], &row["id"]);
        let status = stale.header("cache-status");
        assert!(status.starts_with("questlog; hit; ttl=-"), "{status}");
        assert!(stale.header("age").parse::<u64>().is_ok());
        assert_eq!(stale.header("cache-control"), "no-store");
    }
    says_when(&quest.get(&path("users", &other)).await);
    says_when(&quest.get("/users").await);
    says_when(&quest.patch(&goal_path, json!({ "title": "Walk" })).await);

    let down = quest.get("/health/ready").await;
    says_when(&down);
    assert_eq!(down.body["state"], "down");
    let reasons = down.body["reasons"].as_array().unwrap();
    assert!(!reasons.is_empty());
    // Nothing of the server is said to those who need no token.
    assert!(
        !down.body.to_string().contains("127.0.0.1"),
        "{}",
        down.body
    );
    assert_eq!(quest.get("/health/live").await.status, 200);

    proxy.set_mode(Mode::Forward).await;
    eventually("all is well again", async || {
        let ready = quest.get("/health/ready").await;
        ready.status == 200 && ready.body["state"] == "ok"
    })
    .await;
    let fresh = quest.patch(&user_path, json!({ "name": "Anna" })).await;
    assert_eq!(fresh.ok(200)["name"], "Anna");
    let fresh = quest.get(&user_path).await;
    assert!(!fresh.headers.contains_key("cache-status"));
    assert_eq!(fresh.ok(200)["name"], "Anna");
}

#[tokio::test]
async fn an_outage_of_postgres() {
    an_outage(ServerKind::Postgres).await;
}

#[tokio::test]
async fn an_outage_of_mariadb() {
    an_outage(ServerKind::MariaDb).await;
}

/// A server that hangs keeps no check waiting for long, and many checks do not pile up on it.
#[tokio::test]
async fn checks_do_not_wait_for_a_server_that_hangs() {
    let Some((proxy, quest)) = Service::behind_a_proxy(ServerKind::Postgres, &[]).await else {
        return;
    };
    quest.get("/health/ready").await.ok(200);
    proxy.set_mode(Mode::Hang).await;
    eventually("a check says so", async || {
        quest.get("/health/ready").await.status == 503
    })
    .await;
    let started = Instant::now();
    let checks = (0..50).map(|_| quest.get("/health/ready"));
    let replies = futures_util::future::join_all(checks).await;
    for reply in &replies {
        says_when(reply);
    }
    // One after another they would take 25 seconds.
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(quest.db.pool().status().waiting < 5);
    assert_eq!(quest.get("/health/live").await.status, 200);
}

/// A database that takes no writes is worth asking for what it has.
#[tokio::test]
async fn a_database_without_writes_is_degraded() {
    let Some(quest) = Service::start(Engine::Sqlite).await else {
        return;
    };
    let user = quest.user("ann@example.com").await;
    quest.db.script("PRAGMA query_only = ON").await.unwrap();
    let path = format!("/users/{}", text(&user, "id"));
    let mut seen = false;
    for _ in 0..100 {
        let refused = quest.patch(&path, json!({ "name": "Anna" })).await;
        refused.problem(503, "READ_ONLY");
        says_when(&refused);
        let ready = quest.get("/health/ready").await.ok(200);
        if ready["state"] == "degraded" {
            assert_eq!(ready["reasons"][0]["code"], "READ_ONLY");
            seen = true;
            break;
        }
    }
    assert!(seen, "never seen as degraded");
    quest.get(&path).await.ok(200);
}
