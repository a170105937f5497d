//! Whole flows through the API, on every engine.

mod support;

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::repository::Repository;
use questlog::entities::User;
use questlog::entities::user::NewUser;
use serde_json::{Value, json};
use support::rows::text;
use support::{Engine, Reply, Service};

on_every_engine!(
    should_create_a_user,
    a_user_lives_from_post_to_delete,
    a_user_can_change_and_lose_preferences_and_password,
    modules_live_too,
    goals_live_too,
    lists_are_filtered,
    progress_earns_xp_levels_and_a_streak,
    reaching_the_maximum_completes_the_goal,
    progress_can_be_recorded_and_corrected_under_its_own_path,
    the_leaderboard_orders_by_xp,
    pages_show_each_row_once_while_others_insert,
    health_tells_whether_the_database_answers,
    the_seed_is_the_documents_and_repeats_without_change,
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
    assert_eq!(created_at, support::service::start_of_time());
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

async fn health_tells_whether_the_database_answers(quest: Service) {
    let live = quest.get("/health/live").await.ok(200);
    assert_eq!(live, json!({ "status": "ok" }));
    let ready = quest.get("/health/ready").await.ok(200);
    assert_eq!(ready["status"], "ok");
    assert!(ready["latencyMs"].as_f64().unwrap() >= 0.0);
    assert!(ready["pool"]["max"].as_u64().unwrap() >= 1);

    quest
        .db
        .close(std::time::Duration::from_secs(5))
        .await
        .unwrap();
    let reply: Reply = quest.get("/health/ready").await;
    reply.problem(503, "DATABASE_CLOSED");
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(quest.get("/health/live").await.status, 200);
    quest.get("/users").await.problem(503, "DATABASE_CLOSED");
}

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
