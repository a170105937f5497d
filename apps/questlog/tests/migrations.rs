//! The migrations: equal to the entities, applied once, undone and applied again, on every engine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use mainstay::ErrorKind;
use mainstay::schema::{Dialect, ddl};
use mainstay_migrate::plan::NOTHING;
use mainstay_migrate::{Goal, MigrationState, drift, migrate, migrate_with, scratch, status};
use questlog::migrations::MIGRATIONS;
use support::Service;

on_every_engine!(
    they_are_applied_once,
    they_can_be_undone_and_done_again,
    entities_migrations_and_database_say_the_same,
);

/// The text as the engine reads it: no comments, any white space is one blank.
fn normalised(sql: &str) -> Vec<String> {
    let code: String = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(|line| [line, "\n"])
        .collect();
    code.split(';')
        .map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|statement| !statement.is_empty())
        .collect()
}

/// Whoever changes an entity and forgets the migration is told here. A second migration will make
/// this compare the result of all of them; as long as there is one, the text says it.
#[test]
fn they_are_what_the_entities_say() {
    MIGRATIONS.check().unwrap();
    let all = MIGRATIONS.migrations();
    let [init] = all.as_slice() else {
        panic!("compare the schema that all migrations make together");
    };
    for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::MariaDb] {
        let expected = ddl::create_all(dialect, &questlog::schema()).unwrap();
        let expected: Vec<_> = expected.iter().flat_map(|sql| normalised(sql)).collect();
        assert_eq!(
            normalised(init.up.of(dialect)),
            expected,
            "{}",
            dialect.name()
        );
    }
}

/// Every folder of `migrations/` is in the list, with all its files.
#[test]
fn every_folder_is_embedded() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut folders: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let listed: Vec<_> = MIGRATIONS.migrations().iter().map(|m| m.label()).collect();
    assert_eq!(folders, listed);
}

async fn they_are_applied_once(quest: Service) {
    let state = status(&quest.db, &MIGRATIONS).await.unwrap();
    assert!(state.is_current());
    assert_eq!(state.count(MigrationState::Applied), 1);
    let again = migrate(&quest.db, &MIGRATIONS).await.unwrap();
    assert!(again.applied.is_empty());
    assert_eq!(again.already, 1);
}

async fn they_can_be_undone_and_done_again(quest: Service) {
    quest.user("a@example.com").await;
    let all = Goal::DownTo(NOTHING.to_owned());
    let report = migrate_with(&quest.db, &MIGRATIONS, all.into())
        .await
        .unwrap();
    assert_eq!(report.undone.len(), MIGRATIONS.migrations().len());
    let users = quest.db.sql("SELECT count(*) FROM users");
    let error = users.scalar::<i64>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TableMissing);
    migrate(&quest.db, &MIGRATIONS).await.unwrap();
    assert!(quest.all("/users", 10).await.is_empty());
    quest.user("a@example.com").await;
}

async fn entities_migrations_and_database_say_the_same(quest: Service) {
    let place = scratch::Place::beside(&quest.config());
    let report = drift::check(&quest.db, &questlog::schema(), &MIGRATIONS, &place).await;
    let report = report.unwrap();
    assert!(report.in_sync, "{report:#?}");
    assert_eq!(report.without_entity, Vec::<String>::new());
    assert_eq!(report.pending, Vec::<String>::new());
}
