//! Requests that are odd before any rule is asked.

use reqwest::Method;

use crate::support::on_every_engine;
use crate::support::{Reply, Service};

on_every_engine!(
    what_is_no_json_or_has_odd_fields_is_refused,
    query_parameters_are_validated,
    paths_methods_types_and_sizes_are_refused_as_problems,
);

async fn what_is_no_json_or_has_odd_fields_is_refused(quest: Service) {
    let post = async |body: &str| quest.post_text("/users", body).await.refused();
    assert!(post("{").await[0].starts_with("$: Invalid JSON"));
    assert!(post("").await[0].starts_with("$: Invalid JSON"));
    assert!(post("[]").await[0].starts_with("$: "));
    assert_eq!(
        post(r#"{"email": "a@example.com", "email": "b@example.com", "name": "x"}"#).await,
        ["email: Duplicate field: email"]
    );
    assert_eq!(
        post(r#"{"email": 5, "name": true, "nmae": "x"}"#)
            .await
            .len(),
        3,
        "all at once"
    );
    let nul = r#"{"email": "a@example.com", "name": "x\u0000y"}"#;
    assert_eq!(
        post(nul).await,
        ["name: name must not contain a NUL character"]
    );
    assert!(quest.all("/users", 10).await.is_empty());
}

async fn query_parameters_are_validated(quest: Service) {
    let get = async |path: &str| quest.get(path).await.refused();
    for (path, expected) in [
        ("/goals?limit=0", "limit: limit must be between 1 and 100"),
        ("/goals?limit=101", "limit: limit must be between 1 and 100"),
        ("/goals?limit=ten", "limit: limit must be a whole number"),
        ("/goals?cursor=%21%21", "cursor: Invalid cursor"),
        ("/goals?userId=me", "userId: userId must be a UUID"),
        (
            "/goals?status=done",
            "status: status must be one of active, completed, abandoned",
        ),
        ("/goals?titel=x", "titel: Unknown parameter: titel"),
        ("/goals?q=a&q=b", "q: Duplicate parameter: q"),
        ("/goals?q=", "q: q must have 1 to 100 characters"),
        ("/goals?q=a%00b", "q: q must not contain control characters"),
        (
            "/modules?isEnabled=1",
            "isEnabled: isEnabled must be true or false",
        ),
        ("/users?email=%ff", "email: email must be UTF-8"),
        ("/users?email=%FFann%40x", "email: email must be UTF-8"),
        ("/users?x%ff=a", "x\u{FFFD}: Unknown parameter: x\u{FFFD}"),
        ("/leaderboard?q=a", "q: Unknown parameter: q"),
        ("/users?status=active", "status: Unknown parameter: status"),
    ] {
        assert_eq!(get(path).await, [expected], "{path}");
    }
    let all = get("/goals?limit=0&userId=1&difficulty=2&x=3").await;
    assert_eq!(all.len(), 4, "all at once: {all:?}");

    // What is well formed is read as it was before it was escaped.
    let ann = quest.user("ann+1@example.com").await;
    for path in [
        "/users?&email=ann%2B1%40example.com&",
        "/users?q=100%25+%c3%a9",
    ] {
        let expected = usize::from(path.contains("ann"));
        let page = quest.get(path).await.ok(200);
        assert_eq!(page["items"].as_array().unwrap().len(), expected, "{path}");
    }
    quest
        .delete(&format!("/users/{}", ann["id"].as_str().unwrap()))
        .await
        .ok(200);

    // A cursor of another list is no cursor of this one.
    for name in ["a", "b"] {
        quest.user(&format!("{name}@example.com")).await;
    }
    let page = quest.get("/leaderboard?limit=1").await.ok(200);
    let cursor = page["nextCursor"].as_str().unwrap();
    assert_eq!(
        get(&format!("/users?cursor={cursor}")).await,
        ["cursor: Invalid cursor"]
    );
}

async fn paths_methods_types_and_sizes_are_refused_as_problems(quest: Service) {
    for path in [
        "/users/me",
        "/goals/7",
        "/progress/%00",
        "/goals/7/progress",
    ] {
        let refused = quest.get(path).await.refused();
        assert_eq!(refused, ["id: id must be a UUID"], "{path}");
    }
    let reply = quest.get("/modules/a%00b").await;
    assert!(
        [400, 404].contains(&reply.status.as_u16()),
        "no engine sees a NUL: {}",
        reply.body
    );
    let reply = Reply::of(quest.request(Method::PUT, "/users")).await;
    reply.problem(405, "METHOD_NOT_ALLOWED");
    assert!(reply.header("allow").contains("POST"));
    let post = |kind: &'static str, body: String| {
        let request = quest.request(Method::POST, "/users");
        Reply::of(request.header("content-type", kind).body(body))
    };
    let reply = post("text/plain", "{}".to_owned()).await;
    reply.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    let without = quest.request(Method::POST, "/users").body("{}");
    let reply = Reply::of(without).await;
    reply.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    let reply = post("application/json; charset=utf-8", "{}".to_owned()).await;
    reply.refused();

    let padded = |size: usize| format!("{{}}{}", " ".repeat(size - 2));
    let reply = post("application/json", padded(64 * 1024 + 1)).await;
    reply.problem(413, "PAYLOAD_TOO_LARGE");
    let reply = post("application/json", padded(64 * 1024)).await;
    reply.refused();
}
