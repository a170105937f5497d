//! Modules, goals and lists.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::Service;
use crate::support::on_every_engine;
use crate::support::rows::text;

on_every_engine!(
    modules_live_too,
    goals_live_too,
    lists_are_filtered,
    pages_show_each_row_once_while_others_insert,
);

async fn modules_live_too(quest: Service) {
    let body = json!({ "id": "a b/ü", "name": "Odd", "version": "0.1" });
    let reply = quest.post("/modules", body).await;
    let location = reply.header("location").to_owned();
    assert_eq!(location, "/api/v1/modules/a%20b%2F%C3%BC");
    let module = reply.ok(201);
    assert_eq!(
        module,
        json!({
            "id": "a b/ü",
            "name": "Odd",
            "version": "0.1",
            "isEnabled": true,
            "isInstalled": false,
        })
    );
    let path = location.replace("/api/v1", "");
    assert_eq!(quest.get(&path).await.ok(200), module);
    let change = json!({ "isInstalled": true, "version": "0.2" });
    let changed = quest.patch(&path, change).await.ok(200);
    assert_eq!(changed["isInstalled"], true);
    assert_eq!(changed["version"], "0.2");
    assert_eq!(quest.delete(&path).await.ok(200), changed);
    quest.get(&path).await.problem(404, "NOT_FOUND");
}

async fn goals_live_too(quest: Service) {
    let (user, _) = quest.user_with_goal("a@example.com").await;
    let body = json!({
        "title": "Read",
        "description": "Two\r\nlines\tand a tab",
        "difficulty": "expert",
        "priority": "urgent",
        "targetDate": "2026-03-02T00:00:00.123456+01:00",
        "userId": user["id"],
        "moduleId": "fitness",
    });
    let goal = quest.post("/goals", body).await.ok(201);
    assert_eq!(goal["description"], "Two\nlines\tand a tab");
    assert_eq!(goal["targetDate"], "2026-03-01T23:00:00.123456Z");
    assert_eq!(goal["status"], "active");
    assert_eq!(goal["completedAt"], Value::Null);
    assert_eq!(quest.again("goals", &goal).await, goal);

    let path = format!("/goals/{}", text(&goal, "id"));
    let change = json!({ "status": "completed", "description": null, "targetDate": null });
    let done = quest.patch(&path, change).await.ok(200);
    assert_eq!(done["status"], "completed");
    assert_eq!(done["completedAt"], "2026-03-01T12:00:00Z");
    assert_eq!(done["description"], Value::Null);
    quest.clock.advance(TimeDelta::hours(1));
    let change = json!({ "status": "completed", "priority": "low" });
    let still = quest.patch(&path, change).await.ok(200);
    assert_eq!(still["completedAt"], "2026-03-01T12:00:00Z");
    assert_eq!(still["priority"], "low");
    let open = quest.patch(&path, json!({ "status": "active" })).await;
    let open = open.ok(200);
    assert_eq!(open["completedAt"], Value::Null);
    assert_eq!(quest.delete(&path).await.ok(200), open);
}

async fn lists_are_filtered(quest: Service) {
    let (ann, first) = quest.user_with_goal("ann@example.com").await;
    let (bea, second) = quest.user_with_goal("bea@example.com").await;
    quest.module("learning").await;
    let third = quest.goal(&bea, "learning", "100% _sure").await;
    let change = json!({ "status": "abandoned", "difficulty": "hard", "priority": "low" });
    let path = format!("/goals/{}", text(&third, "id"));
    quest.patch(&path, change).await.ok(200);
    quest.step(&first, json!({ "value": 1 })).await;
    quest.step(&second, json!({ "value": 2 })).await;

    let ids = async |path: String| -> Vec<Value> {
        let rows = quest.all(&path, 100).await;
        rows.into_iter().map(|row| row["id"].clone()).collect()
    };
    let id = |row: &Value| row["id"].clone();
    let of = |row: &Value| text(row, "id");
    let goals = async |query: &str| ids(format!("/goals?{query}")).await;
    assert_eq!(goals(&format!("userId={}", of(&ann))).await, [id(&first)]);
    assert_eq!(goals("moduleId=learning").await, [id(&third)]);
    assert_eq!(goals("status=abandoned").await, [id(&third)]);
    assert_eq!(goals("difficulty=hard").await, [id(&third)]);
    assert_eq!(goals("priority=high").await, [id(&first), id(&second)]);
    // Wildcards are ordinary characters, and case counts.
    assert_eq!(goals("q=0%25%20_s").await, [id(&third)]);
    assert!(goals("q=run").await.is_empty());
    let both = format!("userId={}&moduleId=fitness", of(&bea));
    assert_eq!(goals(&both).await, [id(&second)]);

    assert_eq!(ids("/users?email=BEA@example.com".into()).await, [id(&bea)]);
    assert_eq!(ids("/users?q=An".into()).await.len(), 2);
    assert_eq!(ids("/modules?isEnabled=true".into()).await.len(), 2);
    assert!(ids("/modules?isInstalled=true".into()).await.is_empty());
    let by_user = format!("/progress?userId={}", of(&ann));
    assert_eq!(ids(by_user).await.len(), 1);
    let by_goal = format!("/progress?goalId={}", of(&second));
    assert_eq!(ids(by_goal).await.len(), 1);
    let below = format!("/goals/{}/progress", of(&second));
    assert_eq!(ids(below).await.len(), 1);
}

async fn pages_show_each_row_once_while_others_insert(quest: Service) {
    let (user, _) = quest.user_with_goal("a@example.com").await;
    for number in 0..24 {
        quest
            .goal(&user, "fitness", &format!("before {number}"))
            .await;
    }
    let mut seen: Vec<String> = Vec::new();
    let mut path = "/goals?limit=4".to_owned();
    loop {
        let page = quest.get(&path).await.ok(200);
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|row| text(row, "id")));
        if seen.len() < 25 {
            quest.goal(&user, "fitness", "meanwhile").await;
        }
        match page["nextCursor"].as_str() {
            Some(cursor) => path = format!("/goals?limit=4&cursor={cursor}"),
            None => break,
        }
    }
    let all = quest.all("/goals", 100).await;
    let all: Vec<_> = all.iter().map(|row| text(row, "id")).collect();
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "no row twice");
    assert!(all[..25].iter().all(|id| seen.contains(id)), "none missed");
}
