//! The migrations: equal to the entities, applied once, undone and applied again, on every engine.

use crate::support::Service;
use crate::support::on_every_engine;
use mainstay::ErrorKind;
use mainstay_migrate::plan::NOTHING;
use mainstay_migrate::{Goal, MigrationState, drift, migrate, migrate_with, scratch, status};
use questlog::migrations::MIGRATIONS;

on_every_engine!(
    they_are_applied_once,
    they_can_be_undone_and_done_again,
    entities_migrations_and_database_say_the_same,
);

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
    let all = MIGRATIONS.migrations().len();
    let state = status(&quest.db, &MIGRATIONS).await.unwrap();
    assert!(state.is_current());
    assert_eq!(state.count(MigrationState::Applied), all);
    let again = migrate(&quest.db, &MIGRATIONS).await.unwrap();
    assert!(again.applied.is_empty());
    assert_eq!(again.already, all);
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

/// Whoever changes an entity and forgets the migration is told here.
async fn entities_migrations_and_database_say_the_same(quest: Service) {
    let place = scratch::Place::beside(&quest.config());
    let report = drift::check(&quest.db, &questlog::schema(), &MIGRATIONS, &place).await;
    let report = report.unwrap();
    assert!(report.in_sync, "{report:#?}");
    assert_eq!(report.without_entity, Vec::<String>::new());
    assert_eq!(report.pending, Vec::<String>::new());
}
