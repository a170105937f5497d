//! Input that breaks a rule.

use serde_json::{Value, json};

use super::NOBODY;
use crate::support::Service;
use crate::support::on_every_engine;
use crate::support::rows::text;

on_every_engine!(
    users_are_validated_with_all_problems_at_once,
    modules_are_validated,
    goals_are_validated_with_the_documents_messages,
    progress_is_validated,
    changes_are_validated_like_creations,
    a_field_that_cannot_be_read_hides_no_other_problem,
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
        [
            "id: Module ID is required",
            "name: Name is required",
            "version: Version is required",
            "isEnabled: Invalid type for isEnabled: expected a boolean",
        ]
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
            "targetDate: targetDate must be an RFC 3339 date and time",
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
        ("userId", json!("me"), "userId: userId must be a UUID"),
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
    assert_eq!(refused.refused(), ["name: Name is required"]);
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

async fn a_field_that_cannot_be_read_hides_no_other_problem(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let body = json!({
        "title": "",
        "description": "d".repeat(1001),
        "difficulty": "bad",
        "priority": "bad",
        "targetDate": "2020-01-01T00:00:00Z",
        "userId": user["id"],
        "moduleId": "",
    });
    let all_of_goal = [
        "title: Title is required",
        "description: Description too long",
        "difficulty: difficulty must be one of easy, medium, hard, expert",
        "priority: priority must be one of low, medium, high, urgent",
        "targetDate: Target date must be in the future",
        "moduleId: Module ID is required",
    ];
    let refused = quest.post("/goals", body.clone()).await.refused();
    assert_eq!(refused, all_of_goal);
    let mut change = body;
    change.as_object_mut().unwrap().remove("userId");
    let goal_path = format!("/goals/{}", text(&goal, "id"));
    for status in [json!("active"), json!("completed")] {
        change["status"] = status;
        let refused = quest.patch(&goal_path, change.clone()).await.refused();
        assert_eq!(refused, all_of_goal);
    }

    let body = json!({ "email": 5, "name": null, "password": "short", "nmae": "x" });
    let all_of_user = [
        "email: Invalid type for email: expected a string",
        "name: Name is required",
        "nmae: Unknown field: nmae",
        "password: Password must have at least 8 characters",
    ];
    let refused = quest.post("/users", body.clone()).await.refused();
    assert_eq!(refused, all_of_user);
    let path = format!("/users/{}", text(&user, "id"));
    assert_eq!(quest.patch(&path, body).await.refused(), all_of_user);
    let refused = quest.post("/users", json!({ "email": 5, "name": null }));
    assert_eq!(refused.await.refused(), all_of_user[..2]);

    let step = r#"{"value":-1,"maxValue":0,"xpEarned":99999999999999999999}"#;
    let all_of_step = [
        "value: value must be at least 0",
        "maxValue: maxValue must be at least 1",
        "xpEarned: xpEarned is out of range",
    ];
    let steps = format!("{goal_path}/progress");
    assert_eq!(quest.post_text(&steps, step).await.refused(), all_of_step);
    let mut with_goal = all_of_step.to_vec();
    with_goal.push("goalId: goalId is required");
    assert_eq!(
        quest.post_text("/progress", step).await.refused(),
        with_goal
    );
    let step = json!({ "value": 150, "maxValue": "x", "notes": "n".repeat(1001) });
    let refused = quest.post(&steps, step.clone()).await.refused();
    let all_of_step = [
        "maxValue: Invalid type for maxValue: expected a whole number",
        "notes: Notes too long",
    ];
    assert_eq!(refused, all_of_step, "150 is not compared with a default");
    let recorded = quest.post(&steps, json!({ "value": 1 })).await.ok(201);
    let path = format!("/progress/{}", text(&recorded, "id"));
    assert_eq!(quest.patch(&path, step).await.refused(), all_of_step);

    let body = json!({ "id": "", "name": null, "version": 1, "isEnabled": "yes" });
    assert_eq!(
        quest.post("/modules", body).await.refused(),
        [
            "id: Module ID is required",
            "name: Name is required",
            "version: Invalid type for version: expected a string",
            "isEnabled: Invalid type for isEnabled: expected a boolean",
        ]
    );
    let body = json!({ "name": "", "isEnabled": null });
    assert_eq!(
        quest.patch("/modules/fitness", body).await.refused(),
        ["name: Name is required", "isEnabled: isEnabled is required"]
    );
    let refused = quest.patch(&goal_path, json!({ "title": null })).await;
    assert_eq!(refused.refused(), ["title: Title is required"]);

    assert_eq!(quest.all("/users", 10).await.len(), 1, "nothing was stored");
    assert_eq!(quest.all("/goals", 10).await.len(), 1);
    assert_eq!(quest.again("goals", &goal).await, goal, "nothing changed");
}
