//! A database, two releases of an application, and its migrations.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::config::ConfigLoader;
use mainstay::schema::{Dialect, ddl};
use mainstay::{Config, Database, ManualClock, Schema};
use mainstay_migrate::MigrationSet;
use mainstay_migrate::drift::{Odd, Report, check};
use mainstay_migrate::scratch::Place;

use crate::support::{Target, set};

/// The first release.
pub(crate) mod first {
    use mainstay::Entity;

    #[derive(Debug, Clone, Entity)]
    #[entity(table = "users")]
    #[allow(dead_code, reason = "only the model is used")]
    pub(crate) struct User {
        #[entity(key)]
        id: i64,
        #[entity(unique, max = 200)]
        email: String,
    }

    #[derive(Debug, Clone, Entity)]
    #[entity(table = "goals", index(points, id))]
    #[allow(dead_code, reason = "only the model is used")]
    pub(crate) struct Goal {
        #[entity(key)]
        id: i64,
        #[entity(references(User::id, on_delete = cascade))]
        user_id: i64,
        #[entity(max = 100)]
        title: String,
        points: i32,
    }
}

/// The second: goals have a note.
pub(crate) mod second {
    use mainstay::Entity;

    use super::first::User;

    #[derive(Debug, Clone, Entity)]
    #[entity(table = "goals", index(points, id))]
    #[allow(dead_code, reason = "only the model is used")]
    pub(crate) struct Goal {
        #[entity(key)]
        id: i64,
        #[entity(references(User::id, on_delete = cascade))]
        user_id: i64,
        #[entity(max = 100)]
        title: String,
        points: i32,
        #[entity(max = 500)]
        note: Option<String>,
    }
}

pub(crate) fn first_release() -> Schema {
    Schema::new().with::<first::User>().with::<first::Goal>()
}

pub(crate) fn second_release() -> Schema {
    Schema::new().with::<first::User>().with::<second::Goal>()
}

/// The migration of the first release, and what else is given: names of files, and their text.
pub(crate) fn migrations(dialect: Dialect, more: &[(&str, &str)]) -> MigrationSet {
    let create = ddl::create_all(dialect, &first_release()).expect("the engine holds them");
    let create = create.join(";\n");
    let mut files = vec![
        ("20260101000000_create/up.sql", create.as_str()),
        (
            "20260101000000_create/down.sql",
            "DROP TABLE goals; DROP TABLE users",
        ),
    ];
    files.extend_from_slice(more);
    set(&files)
}

/// What adds the note, as the second release has it.
pub(crate) fn add_note(dialect: Dialect) -> String {
    let all = ddl::create_all(dialect, &second_release()).expect("the engine holds them");
    let goals = all
        .iter()
        .find(|sql| sql.contains("note"))
        .expect("it is there");
    let line = goals
        .lines()
        .find(|line| line.trim().starts_with(['"', '`']) && line.contains("note"));
    let line = line.expect("the column").trim().trim_end_matches(',');
    let check = goals
        .lines()
        .find(|line| line.contains("CONSTRAINT") && line.contains("goals_note_check"));
    match check {
        Some(check) => format!(
            "ALTER TABLE goals ADD COLUMN {line} {}",
            check.trim().trim_end_matches(',')
        ),
        None => format!("ALTER TABLE goals ADD COLUMN {line}"),
    }
}

pub(crate) fn config(url: &str) -> Config {
    let loader = ConfigLoader::new().set("url", url);
    loader.load().expect("the test's configuration is valid")
}

/// Where scratch databases of one test are made: by their time they are told from those of others.
pub(crate) fn place(url: &str, time: &str) -> Place {
    Place::beside(&config(url)).clock(clock(time))
}

pub(crate) fn clock(time: &str) -> Arc<ManualClock> {
    Arc::new(ManualClock::new(at(time)))
}

pub(crate) fn at(time: &str) -> DateTime<Utc> {
    format!("{time}T00:00:00Z").parse().expect("a day")
}

/// The scratch databases of a test that are there.
pub(crate) async fn left(url: &str, db: &Database, time: &str) -> Vec<String> {
    let later = ManualClock::new(at(time) + TimeDelta::hours(2));
    let place = Place::beside(&config(url)).clock(Arc::new(later));
    let found = place.left_overs(db).await.expect("they can be listed");
    let ours = found.into_iter().filter(|one| one.made_at == at(time));
    ours.map(|one| one.name).collect()
}

/// What a check says, beside the names of both ends.
pub(crate) async fn checked(
    target: &Target,
    db: &Database,
    entities: &Schema,
    set: &MigrationSet,
    time: &str,
) -> Report {
    let place = place(&target.url, time);
    let report = check(db, entities, set, &place).await;
    let report = report.unwrap_or_else(|error| panic!("{}: {error}", target.url));
    assert_eq!(left(&target.url, db, time).await, Vec::<String>::new());
    report
}

/// The odd ones out, with the words.
pub(crate) fn told(report: &Report) -> Vec<(Odd, &str)> {
    let all = report.differences.iter();
    all.map(|one| (one.odd, one.words.as_str())).collect()
}
