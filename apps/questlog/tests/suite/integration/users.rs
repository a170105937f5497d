//! People, from creation to deletion.

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::repository::Repository;
use questlog::entities::User;
use questlog::entities::user::NewUser;
use serde_json::{Value, json};

use crate::support::Service;
use crate::support::on_every_engine;
use crate::support::rows::text;
use crate::support::service::start_of_time;

on_every_engine!(
    should_create_a_user,
    a_user_lives_from_post_to_delete,
    a_user_can_change_and_lose_preferences_and_password,
);

/// The seed document's own example test: "should create a user".
async fn should_create_a_user(quest: Service) {
    let users: Repository<User> = quest.db.repository();
    let user = users
        .create(NewUser {
            email: Some("test@example.com".to_owned()),
            name: Some("Test User".to_owned()),
            ..NewUser::default()
        })
        .await
        .unwrap();
    assert!(!user.id.is_nil(), "id is defined");
    assert_eq!(user.email, "test@example.com");
    let created_at: DateTime<Utc> = user.created_at;
    assert_eq!(created_at, start_of_time());
    assert_eq!(users.find_by_id(user.id).await.unwrap(), Some(user));
}

async fn a_user_lives_from_post_to_delete(quest: Service) {
    let body = json!({
        "email": "  Ann@Example.com ",
        "name": " Ann ",
        "preferences": { "theme": "dark", "depth": { "list": [1, 2.5, null] } },
        "password": "correct horse",
    });
    let reply = quest.post("/users", body).await;
    let location = reply.header("location").to_owned();
    let user = reply.ok(201);
    assert_eq!(location, format!("/api/v1/users/{}", text(&user, "id")));
    let mut expected = json!({
        "email": "ann@example.com",
        "name": "Ann",
        "totalXp": 0,
        "currentLevel": 1,
        "streakCount": 0,
        "lastActiveOn": null,
        "preferences": { "theme": "dark", "depth": { "list": [1, 2.5, null] } },
        "createdAt": "2026-03-01T12:00:00Z",
        "updatedAt": "2026-03-01T12:00:00Z",
    });
    expected["id"] = user["id"].clone();
    assert_eq!(user, expected, "the password is not in it");
    assert_eq!(quest.again("users", &user).await, expected);

    quest.clock.advance(TimeDelta::minutes(5));
    let path = format!("/users/{}", text(&user, "id"));
    let changed = quest.patch(&path, json!({ "name": "Bea" })).await.ok(200);
    assert_eq!(changed["name"], "Bea");
    assert_eq!(changed["email"], "ann@example.com");
    assert_eq!(changed["createdAt"], "2026-03-01T12:00:00Z");
    assert_eq!(changed["updatedAt"], "2026-03-01T12:05:00Z");
    let unchanged = quest.patch(&path, json!({})).await.ok(200);
    assert_eq!(unchanged, changed, "an empty change changes nothing");

    assert_eq!(quest.delete(&path).await.ok(200), changed);
    quest.get(&path).await.problem(404, "NOT_FOUND");
    quest.delete(&path).await.problem(404, "NOT_FOUND");
    let again = quest.patch(&path, json!({ "name": "C" })).await;
    again.problem(404, "NOT_FOUND");
}

async fn a_user_can_change_and_lose_preferences_and_password(quest: Service) {
    let user = quest.user("a@example.com").await;
    let path = format!("/users/{}", text(&user, "id"));
    let hash = async || {
        let users = quest.db.repository::<User>();
        let found = users.find_one(User::EMAIL.eq("a@example.com")).await;
        found.unwrap().unwrap().password_hash
    };
    assert_eq!(hash().await, None);

    let change = json!({ "preferences": { "a": 1 }, "password": "  spaces stay  " });
    let changed = quest.patch(&path, change).await.ok(200);
    assert_eq!(changed["preferences"], json!({ "a": 1 }));
    let stored = hash().await.unwrap();
    assert!(bcrypt::verify("  spaces stay  ", &stored).unwrap());
    assert!(!bcrypt::verify("spaces stay", &stored).unwrap());

    let change = json!({ "preferences": null, "password": null });
    let changed = quest.patch(&path, change).await.ok(200);
    assert_eq!(changed["preferences"], Value::Null);
    assert_eq!(hash().await, None);
}
