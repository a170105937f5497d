//! The seed document's data.

use chrono::TimeDelta;
use questlog::entities::User;
use serde_json::{Value, json};

use crate::support::Service;
use crate::support::on_every_engine;

on_every_engine!(the_seed_is_the_documents_and_repeats_without_change,);

async fn the_seed_is_the_documents_and_repeats_without_change(quest: Service) {
    let app = questlog::service::App::new(quest.db.clone());
    let report = questlog::seed::seed(&app).await.unwrap();
    let expected = [("users", 1), ("modules", 2), ("goals", 2), ("progress", 2)];
    assert_eq!(report.inserted, expected);
    let before = everything(&quest).await;
    quest.clock.advance(TimeDelta::days(40));
    let again = questlog::seed::seed(&app).await.unwrap();
    assert_eq!((again.total(), again.existing), (0, 7));
    assert_eq!(everything(&quest).await, before);

    let [users, modules, goals, progress] = before;
    let user = &users[0];
    let shown = |name: &str| user[name].clone();
    assert_eq!(shown("email"), "test@example.com");
    assert_eq!(shown("name"), "Test User");
    assert_eq!(shown("totalXp"), 150);
    assert_eq!(shown("currentLevel"), 2);
    assert_eq!(questlog::rules::level_of(150), 2, "the rule agrees");
    assert_eq!(shown("streakCount"), 5);
    assert_eq!(
        shown("preferences"),
        json!({ "theme": "light", "notifications": true })
    );
    let module = |id: &str, name: &str| {
        json!({
            "id": id, "name": name, "version": "1.0.0", "isEnabled": true, "isInstalled": true,
        })
    };
    assert_eq!(
        modules,
        [
            module("fitness", "Fitness Tracking"),
            module("learning", "Learning Goals")
        ]
    );
    let part = |goal: &Value| {
        [
            "title",
            "description",
            "difficulty",
            "priority",
            "targetDate",
            "moduleId",
            "status",
        ]
        .map(|name| goal[name].as_str().map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        part(&goals[0]),
        [
            some("Run 5K daily"),
            some("Build running endurance"),
            some("medium"),
            some("high"),
            // Thirty days after the clock at the first seed.
            some("2026-03-31T12:00:00Z"),
            some("fitness"),
            some("active")
        ]
    );
    assert_eq!(
        part(&goals[1]),
        [
            some("Learn TypeScript"),
            some("Complete TypeScript fundamentals course"),
            some("hard"),
            some("medium"),
            None,
            some("learning"),
            some("active")
        ]
    );
    for (step, goal) in progress.iter().zip(&goals) {
        assert_eq!(step["value"], 25);
        assert_eq!(step["maxValue"], 100);
        assert_eq!(step["xpEarned"], 10);
        assert_eq!(step["notes"], "Initial progress");
        assert_eq!(step["goalId"], goal["id"]);
        assert_eq!(step["userId"], user["id"]);
    }
    let users = quest.db.repository::<User>();
    let stored = users.find_one(User::EMAIL.eq("test@example.com")).await;
    let hash = stored.unwrap().unwrap().password_hash.unwrap();
    assert!(hash.starts_with("$2b$12$"), "bcrypt at cost 12");
    assert!(bcrypt::verify("password123", &hash).unwrap());
}

async fn everything(quest: &Service) -> [Vec<Value>; 4] {
    [
        quest.all("/users", 100).await,
        quest.all("/modules", 100).await,
        quest.all("/goals", 100).await,
        quest.all("/progress", 100).await,
    ]
}
