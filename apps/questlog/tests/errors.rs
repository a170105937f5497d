//! What is refused, with which code, status, field and message, on every engine.

mod support;

use mainstay::repository::Repository;
use questlog::entities::Goal;
use reqwest::Method;
use serde_json::{Value, json};
use support::rows::text;
use support::{Reply, Service};

const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

on_every_engine!(
    users_are_validated_with_all_problems_at_once,
    modules_are_validated,
    goals_are_validated_with_the_documents_messages,
    progress_is_validated,
    changes_are_validated_like_creations,
    a_duplicate_is_reported_on_its_field,
    references_are_reported_on_their_field,
    a_goal_that_is_over_takes_no_progress,
    what_is_not_there_is_not_found,
    what_is_no_json_or_has_odd_fields_is_refused,
    query_parameters_are_validated,
    paths_methods_types_and_sizes_are_refused_as_problems,
    writes_through_a_repository_are_validated_too,
    an_unset_database_says_so_without_details,
);

async fn users_are_validated_with_all_problems_at_once(quest: Service) {
    let post = async |body: Value| quest.post("/users", body).await.refused();
    assert_eq!(
        post(json!({})).await,
        ["email: email is required", "name: Name is required"]
    );
    let body = json!({
        "email": "not-an-email",
        "name": "  ",
        "preferences": [1],
        "password": "short",
    });
    let reply = quest.post("/users", body).await;
    assert_eq!(
        reply.refused(),
        [
            "email: Invalid email format",
            "name: Name is required",
            "preferences: preferences must be a JSON object",
            "password: Password must have at least 8 characters",
        ]
    );
    assert_eq!(
        reply.body["detail"],
        "Validation error: Invalid email format, Name is required, preferences must be a JSON \
         object, Password must have at least 8 characters"
    );
    let with = |name: &str, value: Value| {
        let mut body = json!({ "email": "a@example.com", "name": "Ann" });
        body[name] = value;
        body
    };
    assert_eq!(
        post(with("email", json!(""))).await,
        ["email: Invalid email format"]
    );
    let long = format!("{}@example.com", "a".repeat(250));
    assert_eq!(
        post(with("email", json!(long))).await,
        ["email: Invalid email format"]
    );
    assert_eq!(
        post(with("name", json!("é".repeat(101)))).await,
        ["name: Name too long"]
    );
    assert_eq!(
        post(with("name", json!("a\u{7}b"))).await,
        ["name: name must not contain control characters"]
    );
    assert_eq!(
        post(with("password", json!("x".repeat(73)))).await,
        ["password: Password must have at most 72 bytes"]
    );
    assert_eq!(
        post(with("totalXp", json!(5))).await,
        ["totalXp: Unknown field: totalXp"],
        "XP is earned"
    );
    assert_eq!(
        post(with("passwordHash", json!("x"))).await,
        ["passwordHash: Unknown field: passwordHash"]
    );
    assert!(
        quest.all("/users", 10).await.is_empty(),
        "nothing was stored"
    );
    quest
        .post("/users", with("name", json!("é".repeat(100))))
        .await
        .ok(201);
}

async fn modules_are_validated(quest: Service) {
    let refused = quest.post("/modules", json!({ "isEnabled": "yes" })).await;
    assert_eq!(
        refused.refused(),
        ["isEnabled: Invalid type for isEnabled: expected a boolean"]
    );
    let refused = quest.post("/modules", json!({ "id": " " })).await.refused();
    assert_eq!(
        refused,
        [
            "id: Module ID is required",
            "name: Name is required",
            "version: Version is required",
        ]
    );
}

async fn goals_are_validated_with_the_documents_messages(quest: Service) {
    let (user, _) = quest.user_with_goal("a@example.com").await;
    let post = async |body: Value| quest.post("/goals", body).await.refused();
    assert_eq!(
        post(json!({})).await,
        [
            "title: Title is required",
            "difficulty: difficulty is required",
            "priority: priority is required",
            "userId: userId is required",
            "moduleId: Module ID is required",
        ]
    );
    let with = |name: &str, value: Value| {
        let mut body = json!({
            "title": "A goal",
            "difficulty": "easy",
            "priority": "low",
            "userId": user["id"],
            "moduleId": "fitness",
        });
        body[name] = value;
        body
    };
    for (name, value, expected) in [
        ("title", json!(""), "title: Title is required"),
        ("title", json!("t".repeat(201)), "title: Title too long"),
        (
            "description",
            json!("d".repeat(1001)),
            "description: Description too long",
        ),
        (
            "targetDate",
            json!("2026-03-01T12:00:00Z"),
            "targetDate: Target date must be in the future",
        ),
        (
            "targetDate",
            json!("tomorrow"),
            "targetDate: Invalid value for targetDate",
        ),
        (
            "difficulty",
            json!("Easy"),
            "difficulty: difficulty must be one of easy, medium, hard, expert",
        ),
        (
            "priority",
            json!("asap"),
            "priority: priority must be one of low, medium, high, urgent",
        ),
        ("moduleId", json!(""), "moduleId: Module ID is required"),
        ("userId", json!("me"), "userId: Invalid value for userId"),
        ("titel", json!("x"), "titel: Unknown field: titel"),
    ] {
        assert_eq!(post(with(name, value)).await, [expected]);
    }
    let longest = json!("d".repeat(1000));
    quest
        .post("/goals", with("description", longest))
        .await
        .ok(201);
    let soon = json!("2026-03-01T12:00:00.000001Z");
    quest.post("/goals", with("targetDate", soon)).await.ok(201);
}

async fn progress_is_validated(quest: Service) {
    let (_, goal) = quest.user_with_goal("a@example.com").await;
    let path = format!("/goals/{}/progress", text(&goal, "id"));
    let post = async |body: Value| quest.post(&path, body).await.refused();
    assert_eq!(post(json!({})).await, ["value: value is required"]);
    for (body, expected) in [
        (json!({ "value": -1 }), "value: value must be at least 0"),
        (
            json!({ "value": 101 }),
            "value: value must be between 0 and maxValue (100)",
        ),
        (
            json!({ "value": 3, "maxValue": 2 }),
            "value: value must be between 0 and maxValue (2)",
        ),
        (
            json!({ "value": 0, "maxValue": 0 }),
            "maxValue: maxValue must be at least 1",
        ),
        (
            json!({ "value": 1, "xpEarned": -1 }),
            "xpEarned: xpEarned must be at least 0",
        ),
        (
            json!({ "value": 1, "xpEarned": 1001 }),
            "xpEarned: xpEarned must be between 0 and 1000",
        ),
        (
            json!({ "value": 1, "notes": "n".repeat(1001) }),
            "notes: Notes too long",
        ),
        (
            json!({ "value": 1, "userId": NOBODY }),
            "userId: The goal belongs to another user",
        ),
    ] {
        assert_eq!(post(body).await, [expected]);
    }
    let refused = quest.post("/progress", json!({ "value": 1 })).await;
    assert_eq!(refused.refused(), ["goalId: goalId is required"]);
    assert!(quest.all("/progress", 10).await.is_empty());
    let user = quest.all("/users", 10).await.remove(0);
    assert_eq!(user["totalXp"], 0, "nothing was earned");
}

async fn changes_are_validated_like_creations(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let path = format!("/users/{}", text(&user, "id"));
    let body = json!({ "email": "x", "name": "", "password": "short", "preferences": 1 });
    assert_eq!(
        quest.patch(&path, body).await.refused(),
        [
            "email: Invalid email format",
            "name: Name is required",
            "preferences: preferences must be a JSON object",
            "password: Password must have at least 8 characters",
        ]
    );
    let refused = quest.patch(&path, json!({ "name": null })).await;
    assert_eq!(refused.refused(), ["name: name is required"]);
    let refused = quest.patch(&path, json!({ "streakCount": 9 })).await;
    assert_eq!(
        refused.refused(),
        ["streakCount: Unknown field: streakCount"]
    );
    let path = format!("/goals/{}", text(&goal, "id"));
    for status in [json!("active"), json!("abandoned")] {
        let body = json!({ "title": "", "targetDate": "2020-01-01T00:00:00Z", "status": status });
        assert_eq!(
            quest.patch(&path, body).await.refused(),
            [
                "title: Title is required",
                "targetDate: Target date must be in the future",
            ]
        );
    }
    let refused = quest.patch(&path, json!({ "userId": user["id"] })).await;
    assert_eq!(refused.refused(), ["userId: Unknown field: userId"]);
    assert_eq!(quest.again("goals", &goal).await, goal, "nothing changed");
    let path = "/modules/fitness";
    let refused = quest.patch(path, json!({ "id": "other" })).await;
    assert_eq!(refused.refused(), ["id: Unknown field: id"]);
}

async fn a_duplicate_is_reported_on_its_field(quest: Service) {
    let user = quest.user("a@example.com").await;
    let body = json!({ "email": " A@EXAMPLE.com", "name": "Other" });
    let duplicate = ["email: Unique constraint violation"];
    let reply = quest.post("/users", body).await;
    assert_eq!(reply.problem(409, "DUPLICATE_ENTRY"), duplicate);
    let other = quest.user("b@example.com").await;
    let path = format!("/users/{}", text(&other, "id"));
    let change = json!({ "email": "a@example.com" });
    let reply = quest.patch(&path, change).await;
    assert_eq!(reply.problem(409, "DUPLICATE_ENTRY"), duplicate);
    let same = json!({ "email": "b@example.com" });
    quest.patch(&path, same).await.ok(200);
    assert_eq!(quest.again("users", &user).await, user);

    quest.module("fitness").await;
    let body = json!({ "id": "fitness", "name": "Again", "version": "2" });
    let reply = quest.post("/modules", body).await;
    assert_eq!(
        reply.problem(409, "DUPLICATE_ENTRY"),
        ["id: Unique constraint violation"]
    );
}

async fn references_are_reported_on_their_field(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let body = |user: &Value, module: &str| {
        json!({
            "title": "A goal", "difficulty": "easy", "priority": "low",
            "userId": user, "moduleId": module,
        })
    };
    let on_module = ["moduleId: Foreign key constraint violation"];
    let reply = quest.post("/goals", body(&user["id"], "none")).await;
    assert_eq!(reply.problem(400, "FOREIGN_KEY_ERROR"), on_module);
    let reply = quest.post("/goals", body(&json!(NOBODY), "fitness")).await;
    assert_eq!(
        reply.problem(400, "FOREIGN_KEY_ERROR"),
        ["userId: Foreign key constraint violation"]
    );
    let path = format!("/goals/{}", text(&goal, "id"));
    let reply = quest.patch(&path, json!({ "moduleId": "none" })).await;
    assert_eq!(reply.problem(400, "FOREIGN_KEY_ERROR"), on_module);
    let change = json!({ "moduleId": "none", "status": "completed" });
    let reply = quest.patch(&path, change).await;
    assert_eq!(reply.problem(400, "FOREIGN_KEY_ERROR"), on_module);
    assert_eq!(quest.again("goals", &goal).await, goal);
}

async fn a_goal_that_is_over_takes_no_progress(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let path = format!("/goals/{}", text(&goal, "id"));
    for status in ["completed", "abandoned"] {
        quest
            .patch(&path, json!({ "status": status }))
            .await
            .ok(200);
        let steps = format!("{path}/progress");
        let reply = quest.post(&steps, json!({ "value": 1 })).await;
        assert_eq!(reply.refused(), ["goalId: The goal is not active"]);
    }
    assert_eq!(quest.again("users", &user).await["totalXp"], 0);
}

async fn what_is_not_there_is_not_found(quest: Service) {
    for table in ["users", "goals", "progress"] {
        let path = format!("/{table}/{NOBODY}");
        quest.get(&path).await.problem(404, "NOT_FOUND");
        quest.delete(&path).await.problem(404, "NOT_FOUND");
        let reply = quest.patch(&path, json!({})).await;
        reply.problem(404, "NOT_FOUND");
    }
    let steps = format!("/goals/{NOBODY}/progress");
    quest.get(&steps).await.problem(404, "NOT_FOUND");
    let reply = quest.post(&steps, json!({ "value": 1 })).await;
    reply.problem(404, "NOT_FOUND");
    let status = json!({ "status": "completed" });
    let reply = quest.patch(&format!("/goals/{NOBODY}"), status).await;
    reply.problem(404, "NOT_FOUND");
    quest.get("/modules/none").await.problem(404, "NOT_FOUND");
    quest
        .delete("/modules/none")
        .await
        .problem(404, "NOT_FOUND");
    quest.get("/nothing").await.problem(404, "NOT_FOUND");
    quest.get("//").await.problem(404, "NOT_FOUND");
}

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
        ("/leaderboard?q=a", "q: Unknown parameter: q"),
        ("/users?status=active", "status: Unknown parameter: status"),
    ] {
        assert_eq!(get(path).await, [expected], "{path}");
    }
    let all = get("/goals?limit=0&userId=1&difficulty=2&x=3").await;
    assert_eq!(all.len(), 4, "all at once: {all:?}");

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

async fn writes_through_a_repository_are_validated_too(quest: Service) {
    let (_, goal) = quest.user_with_goal("a@example.com").await;
    let goals: Repository<Goal> = quest.db.repository();
    let id = text(&goal, "id").parse().unwrap();
    let error = goals
        .update(id, [Goal::TITLE.set("  ".to_owned())])
        .await
        .unwrap_err();
    assert_eq!(error.code(), "VALIDATION_ERROR");
    assert_eq!(
        error.public_message(),
        "Validation error: Title is required"
    );
    // What only the database's check can know: the two columns disagree.
    let error = goals
        .update(
            id,
            [Goal::STATUS.set(questlog::entities::Status::Completed)],
        )
        .await
        .unwrap_err();
    assert_eq!(error.code(), "CHECK_ERROR");
    assert_eq!(error.table(), Some("goals"));
    assert_eq!(error.constraint(), Some("goals_completed_when_check"));
    let columns: Vec<_> = error.columns().collect();
    assert_eq!(columns, ["status", "completed_at"]);
}

async fn an_unset_database_says_so_without_details(quest: Service) {
    let drop_all = questlog::migrations::MIGRATIONS.migrations()[0]
        .down
        .unwrap();
    for statement in drop_all.of(quest.db.dialect()).split(';') {
        let sql: String = statement
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect();
        if !sql.trim().is_empty() {
            quest.db.sql(sql).execute().await.unwrap();
        }
    }
    let reply = quest.get("/users").await;
    reply.problem(500, "TABLE_MISSING");
    assert_eq!(reply.body["detail"], "The database is not set up");
    assert!(!reply.body.to_string().contains("SELECT"));
}
