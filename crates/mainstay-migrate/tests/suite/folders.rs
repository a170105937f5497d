//! Folders of migrations, and what a run of them tells, on every engine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{close, count, folder, read, set, speaks, targets};
use mainstay_migrate::{
    Event, Goal, MigrationState, Options, Progress, migrate, migrate_with, source, status,
};

#[tokio::test]
async fn a_missing_text_is_told_when_its_dialect_is_needed() {
    let only = folder(&[(
        "20260101000000_a/up.postgres.sql",
        "CREATE TABLE a (id BIGINT)",
    )]);
    let set = read(&only);
    for target in targets() {
        let db = target.open().await;
        let done = migrate(&db, &set).await;
        if speaks(&db, "postgres") {
            assert_eq!(done.expect("its text is there").applied.len(), 1);
        } else {
            let error = done.expect_err("no text").to_string();
            assert!(
                error.contains("20260101000000_a has neither up."),
                "{error}"
            );
        }
        close(db).await;
    }
}

#[tokio::test]
async fn a_squashed_folder_fits_databases_old_and_new() {
    let files = folder(&[
        ("20260101000000_a/up.sql", "CREATE TABLE a (id BIGINT)"),
        ("20260102000000_b/up.sql", "CREATE TABLE b (id BIGINT)"),
        ("20260103000000_c/up.sql", "CREATE TABLE c (id BIGINT)"),
    ]);
    let before = read(&files);
    let mut old = Vec::new();
    let mut half = Vec::new();
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &before).await.expect("up");
        old.push((target, db));
    }
    for target in targets() {
        let db = target.open().await;
        let to = Goal::UpTo("20260101000000".to_owned());
        migrate_with(&db, &before, to.into()).await.expect("up");
        half.push((target, db));
    }
    let text = source::SquashText {
        slug: None,
        sql: "CREATE TABLE a (id BIGINT); CREATE TABLE b (id BIGINT)".to_owned(),
    };
    source::squash(files.path(), "20260102000000", "start", &[text]).expect("squashed");
    let after = read(&files);
    for (_target, db) in old {
        let stand = status(&db, &after).await.expect("status");
        assert!(stand.is_current(), "{stand:?}");
        assert_eq!(stand.count(MigrationState::Replaced), 1);
        assert!(
            migrate(&db, &after)
                .await
                .expect("nothing to do")
                .applied
                .is_empty()
        );
        close(db).await;
    }
    for (_target, db) in half {
        let error = migrate(&db, &after)
            .await
            .expect_err("a part of them")
            .to_string();
        assert!(error.contains("only up to 20260101000000"), "{error}");
        close(db).await;
    }
    for target in targets() {
        let db = target.open().await;
        assert_eq!(migrate(&db, &after).await.expect("up").applied.len(), 2);
        assert_eq!(count(&db, "b").await, 0);
        let error = migrate_with(&db, &after, Goal::Down(2).into())
            .await
            .expect_err("no way");
        assert!(error.to_string().contains("cannot be undone"), "{error}");
        close(db).await;
    }
}

/// Not more than a moment: it is asked by every instance that starts.
#[tokio::test]
async fn nothing_to_do_takes_no_lock() {
    let set = set(&[("20260101000000_a/up.sql", "CREATE TABLE a (id BIGINT)")]);
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &set).await.expect("up");
        let options = Options {
            timeout: Duration::ZERO,
            ..Options::default()
        };
        let report = migrate_with(&db, &set, options).await.expect("no waiting");
        assert_eq!(report.already, 1);
        close(db).await;
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn on(&self, event: Event<'_>) {
        let line = match event {
            Event::Begun { step } => format!("begun {}", step.name),
            Event::StatementBegun { position, .. } => format!("{position}"),
            Event::StatementDone { position, .. } => format!("{position} done"),
            Event::Ended { step, .. } => format!("ended {}", step.name),
            _ => "waiting".to_owned(),
        };
        self.0.lock().expect("no panic").push(line);
    }
}

#[tokio::test]
async fn each_statement_is_told() {
    let set = set(&[(
        "20260101000000_a/up.sql",
        "CREATE TABLE a (id BIGINT); INSERT INTO a VALUES (1)",
    )]);
    for target in targets() {
        let db = target.open().await;
        let told = Arc::new(Told::default());
        let options = Options {
            progress: Some(Arc::<Told>::clone(&told)),
            ..Options::default()
        };
        migrate_with(&db, &set, options).await.expect("up");
        let said = told.0.lock().expect("no panic").clone();
        assert_eq!(said, ["begun a", "0", "0 done", "1", "1 done", "ended a"]);
        close(db).await;
    }
}
