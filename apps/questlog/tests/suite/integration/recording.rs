//! Progress: XP, levels, streaks, the end of goals, the leaderboard.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::Service;
use crate::support::on_every_engine;

on_every_engine!(
    progress_earns_xp_levels_and_a_streak,
    reaching_the_maximum_completes_the_goal,
    progress_can_be_recorded_and_corrected_under_its_own_path,
    the_leaderboard_orders_by_xp,
);

async fn progress_earns_xp_levels_and_a_streak(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let step = quest.step(&goal, json!({ "value": 10 })).await;
    assert_eq!(step["maxValue"], 100);
    assert_eq!(step["xpEarned"], 10, "medium difficulty");
    assert_eq!(step["userId"], user["id"]);
    assert_eq!(
        step["user"],
        json!({ "totalXp": 10, "currentLevel": 1, "streakCount": 1 })
    );
    assert_eq!(step["goal"], json!({ "status": "active" }));

    // Another day, by the calendar in UTC: from 12:00 to 00:30.
    quest.clock.advance(TimeDelta::minutes(12 * 60 + 30));
    let body = json!({ "value": 20, "xpEarned": 140, "notes": " Far \n today " });
    let step = quest.step(&goal, body).await;
    assert_eq!(step["notes"], "Far \n today");
    assert_eq!(
        step["user"],
        json!({ "totalXp": 150, "currentLevel": 2, "streakCount": 2 })
    );
    let step = quest
        .step(&goal, json!({ "value": 20, "xpEarned": 0 }))
        .await;
    assert_eq!(step["user"]["streakCount"], 2, "the same day");
    quest.clock.advance(TimeDelta::days(2));
    let step = quest.step(&goal, json!({ "value": 21 })).await;
    assert_eq!(step["user"]["streakCount"], 1, "a day was left out");

    let user = quest.again("users", &user).await;
    assert_eq!(user["totalXp"], 160);
    assert_eq!(user["currentLevel"], 2);
    assert_eq!(user["lastActiveOn"], "2026-03-04");
}

async fn reaching_the_maximum_completes_the_goal(quest: Service) {
    let (_, goal) = quest.user_with_goal("a@example.com").await;
    let step = quest
        .step(&goal, json!({ "value": 7, "maxValue": 7 }))
        .await;
    assert_eq!(step["goal"]["status"], "completed");
    let goal = quest.again("goals", &goal).await;
    assert_eq!(goal["status"], "completed");
    assert_eq!(goal["completedAt"], "2026-03-01T12:00:00Z");
}

async fn progress_can_be_recorded_and_corrected_under_its_own_path(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let body = json!({ "goalId": goal["id"], "userId": user["id"], "value": 5, "notes": "x" });
    let reply = quest.post("/progress", body).await;
    let path = reply.header("location").replace("/api/v1", "");
    let step = reply.ok(201);
    let stored = quest.get(&path).await.ok(200);
    assert_eq!(stored["id"], step["id"]);
    assert_eq!(stored["goalId"], goal["id"]);

    let corrected = quest
        .patch(&path, json!({ "value": 50, "notes": null }))
        .await
        .ok(200);
    assert_eq!(corrected["value"], 50);
    assert_eq!(corrected["notes"], Value::Null);
    let refused = quest.patch(&path, json!({ "maxValue": 49 })).await;
    assert_eq!(
        refused.refused(),
        ["value: value must be between 0 and maxValue (49)"]
    );
    quest.patch(&path, json!({ "maxValue": 50 })).await.ok(200);
    let goal = quest.again("goals", &goal).await;
    assert_eq!(goal["status"], "completed");
    let user = quest.again("users", &user).await;
    assert_eq!(user["totalXp"], 10, "earned once, when it was recorded");
    quest.delete(&path).await.ok(200);
    quest.get(&path).await.problem(404, "NOT_FOUND");
}

async fn the_leaderboard_orders_by_xp(quest: Service) {
    for (name, xp) in [("ann", 30), ("bea", 1000), ("cid", 0), ("dan", 30)] {
        let (_, goal) = quest.user_with_goal(&format!("{name}@example.com")).await;
        quest
            .step(&goal, json!({ "value": 1, "xpEarned": xp }))
            .await;
    }
    let rows = quest.all("/leaderboard", 2).await;
    let xp: Vec<_> = rows.iter().map(|row| row["totalXp"].clone()).collect();
    assert_eq!(xp, [1000, 30, 30, 0]);
    assert_eq!(rows[0]["currentLevel"], 11);
    let names: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["currentLevel", "id", "name", "streakCount", "totalXp"],
        "no more columns than it shows"
    );
}
