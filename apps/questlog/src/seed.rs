//! The data questlog starts with in development: the seed document's, row by row as given there.
//!
//! Each row is looked up by what identifies it for people (a user by email, a module by id, a goal
//! by its user and title, a step by its goal) and left alone when it is there, so that seeding
//! again changes nothing.

use chrono::TimeDelta;
use mainstay::config::Secret;
use mainstay::{ErrorKind, Result, Tx};
use mainstay_migrate::SeedReport;
use serde_json::json;
use uuid::Uuid;

use crate::entities::goal::NewGoal;
use crate::entities::module::NewModule;
use crate::entities::progress::NewProgress;
use crate::entities::user::NewUser;
use crate::entities::{Difficulty, Goal, Module, Priority, Progress, User};
use crate::service::App;

/// The address of the seeded user.
pub const EMAIL: &str = "test@example.com";

/// The password of the seeded user.
pub const PASSWORD: &str = "password123";

/// Writes what is missing, in one transaction.
///
/// # Errors
/// Those of the repository.
pub async fn seed(app: &App) -> Result<SeedReport> {
    match seed_once(app).await {
        // Another process has just seeded the same database: now the rows are found.
        Err(error) if error.kind() == ErrorKind::Duplicate => seed_once(app).await,
        result => result,
    }
}

async fn seed_once(app: &App) -> Result<SeedReport> {
    let known = app.db.repository::<User>().find_one(User::EMAIL.eq(EMAIL));
    // Hashing takes a while, so it stays outside of the transaction.
    let hash = match known.await? {
        Some(_) => None,
        None => Some(app.hasher.hash(Secret::new(PASSWORD)).await?),
    };
    app.db
        .transaction(|tx| {
            let hash = hash.clone();
            async move {
                let mut report = SeedReport::new();
                let user = user(&tx, hash, &mut report).await?;
                for (id, name) in [
                    ("fitness", "Fitness Tracking"),
                    ("learning", "Learning Goals"),
                ] {
                    module(&tx, id, name, &mut report).await?;
                }
                for row in goals(user, tx.database().clock().now()) {
                    let goal = goal(&tx, row, &mut report).await?;
                    progress(&tx, user, goal, &mut report).await?;
                }
                Ok(report)
            }
        })
        .await
}

async fn user(tx: &Tx, hash: Option<String>, report: &mut SeedReport) -> Result<Uuid> {
    let users = tx.repository::<User>();
    if let Some(user) = users.find_one(User::EMAIL.eq(EMAIL)).await? {
        report.existing(1);
        return Ok(user.id);
    }
    let user = users
        .create(NewUser {
            email: Some(EMAIL.to_owned()),
            name: Some("Test User".to_owned()),
            password_hash: hash,
            total_xp: Some(150),
            current_level: Some(2),
            streak_count: Some(5),
            // The day of the steps below, so that the streak goes on tomorrow.
            last_active_on: Some(tx.database().clock().now().date_naive()),
            preferences: Some(json!({ "theme": "light", "notifications": true })),
        })
        .await?;
    report.inserted("users", 1);
    Ok(user.id)
}

async fn module(tx: &Tx, id: &str, name: &str, report: &mut SeedReport) -> Result<()> {
    let modules = tx.repository::<Module>();
    if modules.exists(id.to_owned()).await? {
        report.existing(1);
        return Ok(());
    }
    modules
        .create(NewModule {
            id: Some(id.to_owned()),
            name: Some(name.to_owned()),
            version: Some("1.0.0".to_owned()),
            is_enabled: Some(true),
            is_installed: Some(true),
        })
        .await?;
    report.inserted("modules", 1);
    Ok(())
}

fn goals(user: Uuid, now: chrono::DateTime<chrono::Utc>) -> [NewGoal; 2] {
    [
        NewGoal {
            title: Some("Run 5K daily".to_owned()),
            description: Some("Build running endurance".to_owned()),
            difficulty: Some(Difficulty::Medium),
            priority: Some(Priority::High),
            target_date: Some(now + TimeDelta::days(30)),
            user_id: Some(user),
            module_id: Some("fitness".to_owned()),
        },
        NewGoal {
            title: Some("Learn TypeScript".to_owned()),
            description: Some("Complete TypeScript fundamentals course".to_owned()),
            difficulty: Some(Difficulty::Hard),
            priority: Some(Priority::Medium),
            target_date: None,
            user_id: Some(user),
            module_id: Some("learning".to_owned()),
        },
    ]
}

async fn goal(tx: &Tx, row: NewGoal, report: &mut SeedReport) -> Result<Uuid> {
    let goals = tx.repository::<Goal>();
    let user = row.user_id.unwrap_or_default();
    let title = row.title.clone().unwrap_or_default();
    let same = Goal::USER_ID.eq(user).and(Goal::TITLE.eq(title));
    if let Some(goal) = goals.find_one(same).await? {
        report.existing(1);
        return Ok(goal.id);
    }
    let goal = goals.create(row).await?;
    report.inserted("goals", 1);
    Ok(goal.id)
}

async fn progress(tx: &Tx, user: Uuid, goal: Uuid, report: &mut SeedReport) -> Result<()> {
    let steps = tx.repository::<Progress>();
    if steps.find_one(Progress::GOAL_ID.eq(goal)).await?.is_some() {
        report.existing(1);
        return Ok(());
    }
    steps
        .create(NewProgress {
            value: Some(25),
            max_value: Some(100),
            xp_earned: Some(10),
            notes: Some("Initial progress".to_owned()),
            user_id: Some(user),
            goal_id: Some(goal),
        })
        .await?;
    report.inserted("progress", 1);
    Ok(())
}
