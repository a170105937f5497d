//! What must hold of the data whatever happens, on every engine.

use std::sync::Arc;

use crate::support::Service;
use crate::support::on_every_engine;
use crate::support::rows::text;
use mainstay::{ErrorKind, Repository};
use questlog::entities::progress::NewProgress;
use questlog::entities::{Goal, Module, Progress, User};
use questlog::service::App;
use questlog::service::recording::Step;
use serde_json::{Value, json};
use uuid::Uuid;

on_every_engine!(
    concurrent_recordings_lose_no_xp,
    concurrent_recordings_of_two_users_do_not_deadlock,
    only_one_of_many_completes_a_goal,
    deleting_a_user_deletes_goals_and_progress,
    deleting_a_goal_deletes_its_progress,
    a_module_with_goals_cannot_be_deleted,
    one_email_is_registered_once_however_many_try,
    a_recording_that_fails_leaves_nothing,
    a_recording_that_is_dropped_leaves_nothing_half_done,
    the_database_itself_refuses_what_the_checks_forbid,
    two_seeds_at_once_write_once,
);

fn id(row: &Value) -> Uuid {
    text(row, "id").parse().unwrap()
}

async fn concurrent_recordings_lose_no_xp(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let quest = Arc::new(quest);
    let mut tasks = Vec::new();
    for number in 0..50_i64 {
        let (quest, goal) = (Arc::clone(&quest), goal.clone());
        tasks.push(tokio::spawn(async move {
            let body = json!({ "value": number, "xpEarned": number });
            quest.step(&goal, body).await
        }));
    }
    let mut totals = Vec::new();
    for task in tasks {
        let step = task.await.unwrap();
        totals.push(step["user"]["totalXp"].as_i64().unwrap());
    }
    let user = quest.again("users", &user).await;
    assert_eq!(user["totalXp"], (0..50).sum::<i64>());
    assert_eq!(user["currentLevel"], 13);
    assert_eq!(user["streakCount"], 1);
    assert_eq!(quest.all("/progress", 100).await.len(), 50);
    totals.sort_unstable();
    totals.dedup();
    assert!(totals.len() >= 49, "each saw the total of its own moment");
}

async fn concurrent_recordings_of_two_users_do_not_deadlock(quest: Service) {
    let (ann, first) = quest.user_with_goal("ann@example.com").await;
    let (bea, second) = quest.user_with_goal("bea@example.com").await;
    let app = App::new(quest.db.clone());
    let goals = [id(&first), id(&second)];
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let (app, goal) = (app.clone(), goals[number % 2]);
            tokio::spawn(async move {
                let step = Step {
                    value: Some(1),
                    xp_earned: Some(3),
                    ..Step::default()
                };
                app.record(goal, step).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    for user in [ann, bea] {
        assert_eq!(quest.again("users", &user).await["totalXp"], 60);
    }
}

async fn only_one_of_many_completes_a_goal(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let app = App::new(quest.db.clone());
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (app, goal) = (app.clone(), id(&goal));
            tokio::spawn(async move {
                let step = Step {
                    value: Some(100),
                    xp_earned: Some(7),
                    ..Step::default()
                };
                app.record(goal, step).await
            })
        })
        .collect();
    let mut recorded = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => recorded += 1,
            Err(error) => assert_eq!(error.fields().joined(), "The goal is not active"),
        }
    }
    assert_eq!(recorded, 1);
    assert_eq!(quest.again("users", &user).await["totalXp"], 7);
}

async fn deleting_a_user_deletes_goals_and_progress(quest: Service) {
    let (ann, first) = quest.user_with_goal("ann@example.com").await;
    let (_, second) = quest.user_with_goal("bea@example.com").await;
    quest.step(&first, json!({ "value": 1 })).await;
    quest.step(&second, json!({ "value": 1 })).await;
    let path = format!("/users/{}", text(&ann, "id"));
    quest.delete(&path).await.ok(200);
    let goals = quest.all("/goals", 10).await;
    assert_eq!(
        goals,
        std::slice::from_ref(&second),
        "the other user's stays"
    );
    let steps = quest.all("/progress", 10).await;
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0]["goalId"], second["id"]);
}

async fn deleting_a_goal_deletes_its_progress(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let other = quest.goal(&user, "fitness", "Other").await;
    quest.step(&goal, json!({ "value": 1 })).await;
    quest.step(&other, json!({ "value": 1 })).await;
    let path = format!("/goals/{}", text(&goal, "id"));
    quest.delete(&path).await.ok(200);
    let steps = quest.all("/progress", 10).await;
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0]["goalId"], other["id"]);
    let user = quest.again("users", &user).await;
    assert_eq!(user["totalXp"], 20, "what was earned stays");
}

async fn a_module_with_goals_cannot_be_deleted(quest: Service) {
    let (_, goal) = quest.user_with_goal("a@example.com").await;
    let reply = quest.delete("/modules/fitness").await;
    assert_eq!(
        reply.problem(400, "FOREIGN_KEY_ERROR"),
        ["moduleId: Foreign key constraint violation"]
    );
    quest.get("/modules/fitness").await.ok(200);
    let path = format!("/goals/{}", text(&goal, "id"));
    quest.delete(&path).await.ok(200);
    quest.delete("/modules/fitness").await.ok(200);
}

async fn one_email_is_registered_once_however_many_try(quest: Service) {
    let quest = Arc::new(quest);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let quest = Arc::clone(&quest);
            tokio::spawn(async move {
                let body = json!({ "email": "a@example.com", "name": "Ann" });
                quest.post("/users", body).await
            })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        let reply = task.await.unwrap();
        if reply.status.as_u16() == 201 {
            created += 1;
        } else {
            let fields = reply.problem(409, "DUPLICATE_ENTRY");
            assert_eq!(fields, ["email: Unique constraint violation"]);
        }
    }
    assert_eq!(created, 1);
    assert_eq!(quest.all("/users", 100).await.len(), 1);
}

async fn a_recording_that_fails_leaves_nothing(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    // So much XP that the sum does not fit: found only inside the transaction.
    let users: Repository<User> = quest.db.repository();
    let rich = [User::TOTAL_XP.set(i64::MAX - 3)];
    users.update(id(&user), rich).await.unwrap();
    let path = format!("/goals/{}/progress", text(&goal, "id"));
    let reply = quest
        .post(&path, json!({ "value": 100, "xpEarned": 4 }))
        .await;
    assert_eq!(
        reply.refused(),
        ["xpEarned: The user's XP would be out of range"]
    );
    assert!(quest.all("/progress", 10).await.is_empty());
    assert_eq!(quest.again("goals", &goal).await["status"], "active");
    let step = quest
        .step(&goal, json!({ "value": 100, "xpEarned": 3 }))
        .await;
    assert_eq!(step["user"]["totalXp"], i64::MAX);
    assert_eq!(step["user"]["currentLevel"], i32::MAX);
}

/// A caller who goes away, at whatever moment, leaves all of a step or nothing of it.
async fn a_recording_that_is_dropped_leaves_nothing_half_done(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let app = App::new(quest.db.clone());
    for polls in 0..40 {
        let step = Step {
            value: Some(1),
            xp_earned: Some(10),
            ..Step::default()
        };
        let mut recording = Box::pin(app.record(id(&goal), step));
        for _ in 0..polls {
            let poll = futures_util::poll!(recording.as_mut());
            if poll.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(recording);
    }
    // The next one waits for what is still being cleaned up.
    let step = quest
        .step(&goal, json!({ "value": 1, "xpEarned": 10 }))
        .await;
    let steps = quest.all("/progress", 100).await.len() as i64;
    assert_eq!(step["user"]["totalXp"], steps * 10);
    assert_eq!(quest.again("users", &user).await["totalXp"], steps * 10);
}

async fn the_database_itself_refuses_what_the_checks_forbid(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    let steps: Repository<Progress> = quest.db.repository();
    let error = steps
        .create(NewProgress {
            value: Some(101),
            max_value: Some(100),
            user_id: Some(id(&user)),
            goal_id: Some(id(&goal)),
            ..NewProgress::default()
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Check);
    assert_eq!(error.constraint(), Some("progress_value_in_range_check"));
    let fields: Vec<_> = error.fields().iter().map(|f| f.field.as_ref()).collect();
    assert_eq!(fields, ["value", "maxValue"]);
    let users: Repository<User> = quest.db.repository();
    let error = users
        .update(id(&user), [User::TOTAL_XP.increment(-1)])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Check);
    assert_eq!(error.constraint(), Some("users_xp_not_negative_check"));
    // Hand-written SQL meets the same checks.
    let error = quest
        .db
        .sql("UPDATE goals SET difficulty = 'extreme' WHERE title = ?")
        .bind("Run 5K daily".to_owned())
        .execute()
        .await
        .unwrap_err();
    assert!(
        [ErrorKind::Check, ErrorKind::ValueTooLong].contains(&error.kind()),
        "{error}"
    );
}

async fn two_seeds_at_once_write_once(quest: Service) {
    let app = App::new(quest.db.clone());
    let (first, second) = tokio::join!(questlog::seed::seed(&app), questlog::seed::seed(&app));
    assert_eq!(first.unwrap().total() + second.unwrap().total(), 7);
    let db = &quest.db;
    let counts = [
        db.repository::<User>().find_many().await.unwrap().len(),
        db.repository::<Module>().find_many().await.unwrap().len(),
        db.repository::<Goal>().find_many().await.unwrap().len(),
        db.repository::<Progress>().find_many().await.unwrap().len(),
    ];
    assert_eq!(counts, [1, 2, 2, 2]);
}
