//! Input that does not go with the rows there are.

use mainstay::repository::Repository;
use questlog::entities::Goal;
use serde_json::{Value, json};

use super::NOBODY;
use crate::support::Service;
use crate::support::on_every_engine;
use crate::support::rows::text;

on_every_engine!(
    a_duplicate_is_reported_on_its_field,
    references_are_reported_on_their_field,
    a_goal_that_is_over_takes_no_progress,
    what_is_not_there_is_not_found,
    writes_through_a_repository_are_validated_too,
    an_unset_database_says_so_without_details,
);

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
