//! What keeps questlog fast, without a stopwatch: how many statements a request takes, which index
//! a query uses, how much a page can hold. On every engine.

use crate::support::Service;
use crate::support::on_every_engine;
use crate::support::rows::text;
use crate::support::statements::{self, Statements};
use mainstay::schema::Dialect;
use serde_json::json;

on_every_engine!(
    a_list_takes_one_statement_however_many_rows,
    a_recording_takes_a_fixed_number_of_statements,
    invalid_input_costs_no_statement,
    pages_are_bounded,
    queries_use_their_indexes,
);

async fn a_list_takes_one_statement_however_many_rows(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    for number in 0..30 {
        quest
            .goal(&user, "fitness", &format!("goal {number}"))
            .await;
    }
    quest.step(&goal, json!({ "value": 1 })).await;
    for path in ["/users", "/modules", "/goals", "/progress", "/leaderboard"] {
        for limit in [1, 100] {
            let counted = Statements::record();
            quest.get(&format!("{path}?limit={limit}")).await.ok(200);
            assert_eq!(counted.taken().len(), 1, "{path}?limit={limit}");
        }
    }
    let counted = Statements::record();
    quest.again("goals", &goal).await;
    assert_eq!(counted.taken().len(), 1);
}

async fn a_recording_takes_a_fixed_number_of_statements(quest: Service) {
    let (_, goal) = quest.user_with_goal("a@example.com").await;
    // The goal, the user's lock, the goal's lock, the step, the user; where the engine cannot
    // return what it wrote, the step and the user are read back. BEGIN and COMMIT are extra.
    let expected = if quest.db.capabilities().update_returning {
        5..=5_usize
    } else {
        6..=7_usize
    };
    for _ in 0..3 {
        let counted = Statements::record();
        quest.step(&goal, json!({ "value": 1 })).await;
        let taken = counted.taken();
        assert!(expected.contains(&taken.len()), "{taken:#?}");
    }
}

async fn invalid_input_costs_no_statement(quest: Service) {
    let (_, goal) = quest.user_with_goal("a@example.com").await;
    let step = quest.step(&goal, json!({ "value": 1 })).await;
    let goal = format!("/goals/{}", text(&goal, "id"));
    let step = format!("/progress/{}", text(&step, "id"));
    let counted = Statements::record();
    let change = json!({ "status": "completed", "title": "" });
    quest.patch(&goal, change).await.refused();
    quest.patch(&step, json!({ "value": -1 })).await.refused();
    let body = json!({ "value": 101 });
    let steps = format!("{goal}/progress");
    quest.post(&steps, body).await.refused();
    quest
        .post("/users", json!({ "email": "x" }))
        .await
        .refused();
    quest.post("/goals", json!({})).await.refused();
    quest.get("/goals?limit=0").await.refused();
    quest.get("/users/me").await.refused();
    assert_eq!(counted.taken(), Vec::<String>::new());
}

async fn pages_are_bounded(quest: Service) {
    for number in 0..101 {
        quest.module(&format!("m{number:03}")).await;
    }
    let page = quest.get("/modules").await.ok(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 20);
    let page = quest.get("/modules?limit=100").await.ok(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 100);
    assert!(page["nextCursor"].is_string());
    assert_eq!(quest.all("/modules", 100).await.len(), 101);
}

async fn queries_use_their_indexes(quest: Service) {
    let (user, goal) = quest.user_with_goal("a@example.com").await;
    statements::fill(&quest, &user, &goal).await;
    let (user, goal) = (text(&user, "id"), text(&goal, "id"));
    for (path, index) in [
        (format!("/goals?userId={user}"), "goals_user_id_id_idx"),
        (
            format!("/goals?userId={user}&status=active"),
            "goals_user_id_status_id_idx",
        ),
        ("/goals?moduleId=fitness".into(), "goals_module_id_id_idx"),
        (
            format!("/progress?goalId={goal}"),
            "progress_goal_id_id_idx",
        ),
        (
            format!("/progress?userId={user}"),
            "progress_user_id_id_idx",
        ),
        ("/leaderboard".into(), "users_total_xp_id_idx"),
        ("/users?email=a@example.com".into(), "users_email_key"),
    ] {
        let counted = Statements::record();
        quest.get(&path).await.ok(200);
        let sql = counted.taken().remove(0);
        let plan = statements::plan(&quest, &sql).await;
        let named = match quest.db.dialect() {
            // SQLite keeps a unique constraint under a name of its own.
            Dialect::Sqlite => index.replace("users_email_key", "sqlite_autoindex_users"),
            _ => index.to_owned(),
        };
        assert!(plan.contains(&named), "{path}: {sql}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "sorted: {plan}");
    }
}
