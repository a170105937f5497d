//! Health and the API token.

use serde_json::json;

use crate::support::on_every_engine;
use crate::support::{Engine, Reply, Service};

on_every_engine!(health_tells_whether_the_database_answers,);

async fn health_tells_whether_the_database_answers(quest: Service) {
    let live = quest.get("/health/live").await.ok(200);
    assert_eq!(live, json!({ "status": "ok" }));
    let ready = quest.get("/health/ready").await.ok(200);
    assert_eq!(ready["state"], "ok");
    assert_eq!(ready["reasons"], json!([]));
    assert!(ready["latencyMs"].as_f64().unwrap() >= 0.0);
    assert!(ready["pool"]["max"].as_u64().unwrap() >= 1);

    quest
        .db
        .close(std::time::Duration::from_secs(5))
        .await
        .unwrap();
    let reply: Reply = quest.get("/health/ready").await;
    reply.problem(503, "DATABASE_CLOSED");
    assert_eq!(reply.body["state"], "down");
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(quest.get("/health/live").await.status, 200);
    quest.get("/users").await.problem(503, "DATABASE_CLOSED");
}

/// The token is the API's, not the database's: one engine is enough.
#[tokio::test]
async fn a_token_guards_everything_but_health() {
    let Some(quest) = Service::with_token(Engine::Sqlite, "0123456789abcdef").await else {
        return;
    };
    let with = async |header: &str| {
        let request = quest.request(reqwest::Method::GET, "/users");
        Reply::of(request.header("authorization", header)).await
    };
    let without = quest.get("/users").await;
    without.problem(401, "UNAUTHORIZED");
    assert!(without.header("www-authenticate").starts_with("Bearer"));
    for wrong in [
        "Bearer 0123456789abcdeF",
        "Bearer 0123456789abcde",
        "Bearer 0123456789abcdef0",
        "Bearer ",
        "Basic 0123456789abcdef",
        "0123456789abcdef",
    ] {
        with(wrong).await.problem(401, "UNAUTHORIZED");
    }
    with("Bearer 0123456789abcdef").await.ok(200);
    quest.get("/nothing").await.problem(401, "UNAUTHORIZED");
    quest.get("/health/live").await.ok(200);
    quest.get("/health/ready").await.ok(200);
}
