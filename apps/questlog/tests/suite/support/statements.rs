//! Which statements a request takes, and how an engine would run them.

use std::fmt;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use mainstay::schema::Dialect;
use questlog::entities::goal::NewGoal;
use questlog::entities::module::NewModule;
use questlog::entities::progress::NewProgress;
use questlog::entities::user::NewUser;
use questlog::entities::{Difficulty, Goal, Module, Priority, Progress, User};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber, span};
use uuid::Uuid;

use super::Service;
use super::rows::text;

/// The statements of this thread from now on, as Mainstay tells them to `tracing`. The cases run on
/// one thread, the service with them.
pub struct Statements {
    seen: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Statements {
    pub fn record() -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let guard = tracing::subscriber::set_default(Collector(Arc::clone(&seen)));
        Self {
            seen,
            _guard: guard,
        }
    }

    /// The statements so far.
    pub fn taken(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

struct Collector(Arc<Mutex<Vec<String>>>);

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mainstay::statement"
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// So many rows that an index is worth it: most of other users and goals, some of these.
pub async fn fill(quest: &Service, user: &Value, goal: &Value) {
    let db = &quest.db;
    let id = |row: &Value| text(row, "id").parse::<Uuid>().unwrap();
    let modules = (0..10).map(|number| NewModule {
        id: Some(format!("m{number}")),
        name: Some("Other".to_owned()),
        version: Some("1".to_owned()),
        ..NewModule::default()
    });
    let modules = modules.collect::<Vec<_>>();
    db.repository::<Module>()
        .create_many(modules)
        .await
        .unwrap();
    let crowd = (0..2000).map(|number| NewUser {
        email: Some(format!("crowd{number}@example.com")),
        name: Some("One of many".to_owned()),
        total_xp: Some(number),
        ..NewUser::default()
    });
    let crowd = crowd.collect::<Vec<_>>();
    db.repository::<User>().create_many(crowd).await.unwrap();
    for number in 0..60 {
        quest.clock.advance(TimeDelta::milliseconds(1));
        let other = db
            .repository::<User>()
            .create(NewUser {
                email: Some(format!("u{number}@example.com")),
                name: Some("Other".to_owned()),
                total_xp: Some(number),
                ..NewUser::default()
            })
            .await
            .unwrap();
        let owner = if number % 10 == 0 { id(user) } else { other.id };
        for part in 0..5 {
            let row = db
                .repository::<Goal>()
                .create(NewGoal {
                    title: Some("Other".to_owned()),
                    difficulty: Some(Difficulty::Easy),
                    priority: Some(Priority::Low),
                    user_id: Some(owner),
                    module_id: Some(format!("m{}", (number + part) % 10)),
                    ..NewGoal::default()
                })
                .await
                .unwrap();
            let on = if number % 10 == 0 { id(goal) } else { row.id };
            let steps = (0..2).map(|_| NewProgress {
                value: Some(1),
                user_id: Some(owner),
                goal_id: Some(on),
                ..NewProgress::default()
            });
            let steps = steps.collect::<Vec<_>>();
            db.repository::<Progress>()
                .create_many(steps)
                .await
                .unwrap();
        }
    }
    // Most of what people begin they complete in time.
    let done =
        "UPDATE goals SET status = 'completed', completed_at = created_at WHERE module_id <> 'm1'";
    db.sql(done).execute().await.unwrap();
    let analyse = match db.dialect() {
        Dialect::MariaDb | Dialect::MySql => "ANALYZE TABLE users, goals, progress",
        _ => "ANALYZE",
    };
    let done = db.sql(analyse).fetch_rows().await;
    done.unwrap();
}

/// How the engine would run a statement, in its own words.
pub async fn plan(quest: &Service, sql: &str) -> String {
    let dialect = quest.db.dialect();
    let explain = match dialect {
        Dialect::Sqlite => "EXPLAIN QUERY PLAN",
        _ => "EXPLAIN",
    };
    let sql = format!("{explain} {}", with_literals(dialect, sql));
    let rows = quest.db.transaction(|tx| {
        let sql = sql.clone();
        async move {
            if tx.database().dialect() == Dialect::Postgres {
                // A small table is read faster whole; the question is whether the index fits.
                for setting in ["enable_seqscan", "enable_bitmapscan"] {
                    let sql = format!("SET LOCAL {setting} = off");
                    tx.sql(sql).execute().await?;
                }
            }
            tx.sql(sql).fetch_rows().await
        }
    });
    let rows = rows.await.unwrap();
    let lines = rows.iter().map(|row| format!("{:?}", row.values));
    lines.collect::<Vec<_>>().join("\n")
}

/// The statement with a value for each placeholder, since a plan is made for values. Which one
/// hardly matters: the statements compare a key or an address, and end with LIMIT.
fn with_literals(dialect: Dialect, sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find(['?', '$']) {
        let before = &rest[..at];
        out.push_str(before);
        rest = rest[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit());
        let is = |name: &str| {
            let before = before.trim_end_matches([' ', '=', '"', '`']);
            before.ends_with(name)
        };
        out.push_str(if before.trim_end().ends_with("LIMIT") {
            // Few, because a test's tables are: to read one page of rows whole is cheaper than to
            // look up twenty.
            "2"
        } else if is("email") {
            // One that is there: MariaDB looks unique keys up while it plans.
            "'a@example.com'"
        } else if is("module_id") {
            "'m1'"
        } else if is("status") {
            "'active'"
        } else if matches!(dialect, Dialect::MariaDb | Dialect::MySql) {
            "X'01890000000070008000000000000000'"
        } else {
            "'01890000-0000-7000-8000-000000000000'"
        });
    }
    out + rest
}
