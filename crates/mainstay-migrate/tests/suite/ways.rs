//! Up, down, to and redo, on every engine, from folders.

use crate::support::{close, count, run, schema, set, speaks, targets};
use mainstay::ErrorKind;
use mainstay_migrate::catalog::{self, Catalog};
use mainstay_migrate::{
    Goal, MigrationSet, MigrationState, Options, dry_run, migrate, migrate_with, status,
};

fn three() -> MigrationSet {
    set(&[
        (
            "20260101000000_create/up.sql",
            "CREATE TABLE goals (id BIGINT PRIMARY KEY, note VARCHAR(200) NOT NULL);
             CREATE INDEX goals_by_note ON goals (note);
             INSERT INTO goals VALUES (1, 'one'), (2, 'two');",
        ),
        ("20260101000000_create/down.sql", "DROP TABLE goals"),
        (
            "20260102000000_extend/up.sql",
            "ALTER TABLE goals ADD COLUMN points INTEGER;
             UPDATE goals SET points = 5;
             CREATE INDEX goals_by_points ON goals (points)",
        ),
        (
            "20260102000000_extend/down.sqlite.sql",
            "DROP INDEX goals_by_points; ALTER TABLE goals DROP COLUMN points",
        ),
        (
            "20260102000000_extend/down.postgres.sql",
            "DROP INDEX goals_by_points; ALTER TABLE goals DROP COLUMN points",
        ),
        (
            "20260102000000_extend/down.mysql.sql",
            "DROP INDEX goals_by_points ON goals; ALTER TABLE goals DROP COLUMN points",
        ),
        (
            "20260103000000_steps/up.sql",
            "CREATE TABLE steps (id BIGINT PRIMARY KEY, goal_id BIGINT NOT NULL,
                 CONSTRAINT steps_goal FOREIGN KEY (goal_id) REFERENCES goals (id));
             INSERT INTO steps VALUES (1, 1)",
        ),
        ("20260103000000_steps/down.sql", "DROP TABLE steps"),
    ])
}

async fn read_catalog(db: &mainstay::Database) -> Catalog {
    catalog::read(db).await.expect("the catalog can be read")
}

async fn notes(db: &mainstay::Database) -> Vec<String> {
    db.sql("SELECT note FROM goals ORDER BY id")
        .fetch_with(|row| row.get(0))
        .await
        .expect("the rows are there")
}

#[tokio::test]
async fn up_down_and_up_again_leaves_the_same_schema_and_what_was_not_touched() {
    let set = three();
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &set).await.expect("up");
        let (before, catalog) = (schema(&db).await, read_catalog(&db).await);
        assert!(
            before.iter().any(|line| line.contains("points")),
            "{before:?}"
        );
        run(
            &db,
            "INSERT INTO goals (id, note, points) VALUES (3, 'mine', 7)",
        )
        .await;

        let down = migrate_with(&db, &set, Goal::Down(2).into())
            .await
            .expect("down");
        let undone: Vec<_> = down.undone.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(undone, ["steps", "extend"]);
        assert_eq!((down.applied.len(), down.already), (0, 1));
        let between = schema(&db).await;
        assert!(
            !between.iter().any(|line| line.contains("points")),
            "{between:?}"
        );
        assert_eq!(notes(&db).await, ["one", "two", "mine"]);
        let stand = status(&db, &set).await.expect("status");
        assert_eq!(stand.count(MigrationState::Pending), 2);

        let up = migrate(&db, &set).await.expect("up again");
        assert_eq!((up.applied.len(), up.already), (2, 1));
        assert_eq!(schema(&db).await, before);
        let again = read_catalog(&db).await;
        assert_eq!(again.fingerprint(), catalog.fingerprint());
        assert_eq!(again, catalog);
        assert_eq!(notes(&db).await, ["one", "two", "mine"]);

        let all = Goal::DownTo("0".to_owned());
        let down = migrate_with(&db, &set, all.into())
            .await
            .expect("all of it");
        assert_eq!((down.undone.len(), down.already), (3, 0));
        assert!(schema(&db).await.is_empty());
        assert_eq!(count(&db, "_mainstay_migrations").await, 0);
        close(db).await;
    }
}

#[tokio::test]
async fn a_goal_is_reached_and_reached_again_at_no_cost() {
    let set = three();
    let second = "20260102000000".to_owned();
    for target in targets() {
        let db = target.open().await;
        let to = Goal::UpTo(second.clone());
        let up = migrate_with(&db, &set, to.clone().into())
            .await
            .expect("up");
        assert_eq!((up.applied.len(), up.already), (2, 0));
        let again = migrate_with(&db, &set, to.into()).await.expect("again");
        assert_eq!((again.applied.len(), again.already), (0, 2));

        let redo = migrate_with(&db, &set, Goal::Redo.into())
            .await
            .expect("redo");
        assert_eq!(
            (redo.undone.len(), redo.applied.len(), redo.already),
            (1, 1, 1)
        );
        assert_eq!(redo.undone[0].version, second);
        assert_eq!(redo.applied[0].version, second);
        // What redo did not undo is not applied by it either.
        let stand = status(&db, &set).await.expect("status");
        assert_eq!(stand.count(MigrationState::Pending), 1);

        let down = Goal::DownTo("20260101000000".to_owned());
        let done = migrate_with(&db, &set, down.clone().into())
            .await
            .expect("down");
        assert_eq!(done.undone.len(), 1);
        let done = migrate_with(&db, &set, down.into()).await.expect("again");
        assert!(done.undone.is_empty());
        let wrong = Goal::UpTo("20250101000000".to_owned());
        let error = migrate_with(&db, &set, wrong.into())
            .await
            .expect_err("no such version");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        close(db).await;
    }
}

#[tokio::test]
async fn instances_that_undo_at_once_undo_as_many_as_were_asked_for() {
    let set = three();
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &set).await.expect("up");
        let to = || Options::from(Goal::DownTo("20260101000000".to_owned()));
        let handles = [
            target.open().await,
            target.open().await,
            target.open().await,
        ];
        let runs = handles
            .iter()
            .map(|handle| migrate_with(handle, &set, to()));
        let reports = futures_util::future::join_all(runs).await;
        let undone: usize = reports
            .into_iter()
            .map(|report| report.expect("undoes").undone.len())
            .sum();
        assert_eq!(undone, 2);
        for handle in handles {
            close(handle).await;
        }
        close(db).await;
    }
}

#[tokio::test]
async fn what_cannot_be_undone_is_left_alone() {
    let set = set(&[
        ("20260101000000_a/up.sql", "CREATE TABLE a (id BIGINT)"),
        ("20260102000000_b/up.sql", "CREATE TABLE b (id BIGINT)"),
        (
            "20260102000000_b/down.sql",
            "-- mainstay: irreversible because the rows of b are gone",
        ),
        ("20260103000000_c/up.sql", "CREATE TABLE c (id BIGINT)"),
        ("20260103000000_c/down.sql", "DROP TABLE c"),
    ]);
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &set).await.expect("up");
        let error = migrate_with(&db, &set, Goal::Down(2).into())
            .await
            .expect_err("b cannot be undone");
        let text = error.to_string();
        assert!(
            text.contains("it cannot be undone: the rows of b are gone"),
            "{text}"
        );
        // Before anything is undone.
        assert_eq!(count(&db, "c").await, 0);
        let done = migrate_with(&db, &set, Goal::Down(1).into())
            .await
            .expect("c can");
        assert_eq!(done.undone[0].name, "c");
        close(db).await;
    }
}

#[tokio::test]
async fn a_failed_way_down_says_what_stands_and_goes_on() {
    let up = (
        "20260101000000_a/up.sql",
        "CREATE TABLE a (id BIGINT); CREATE TABLE b (id BIGINT)",
    );
    let wrong = "20260101000000_a/down.sql";
    let broken = set(&[
        up,
        (
            wrong,
            "DROP TABLE a; DROP TABLE no_such_table; DROP TABLE b",
        ),
    ]);
    let mended = set(&[up, (wrong, "DROP TABLE a; DROP TABLE b")]);
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &broken).await.expect("up");
        let error = migrate_with(&db, &broken, Goal::Down(1).into())
            .await
            .expect_err("fails");
        let text = error.to_string();
        assert!(
            text.contains("undoing migration 20260101000000_a, statement 2 of 3"),
            "{text}"
        );
        if db.capabilities().transactional_ddl {
            assert!(text.contains("nothing of it stands"), "{text}");
            assert_eq!(count(&db, "a").await, 0);
        } else {
            assert!(text.contains("statement 1 stands"), "{text}");
            let up = migrate(&db, &broken).await.expect_err("half undone");
            assert!(up.to_string().contains("begun to be undone"), "{up}");
            let stand = status(&db, &broken).await.expect("status");
            assert_eq!(stand.count(MigrationState::HalfApplied), 1);
        }
        let done = migrate_with(&db, &mended, Goal::Down(1).into())
            .await
            .expect("goes on");
        assert_eq!(done.undone.len(), 1);
        assert!(schema(&db).await.is_empty());
        assert_eq!(migrate(&db, &mended).await.expect("up").applied.len(), 1);
        close(db).await;
    }
}

#[tokio::test]
async fn a_way_down_that_fails_at_once_leaves_the_migration_applied() {
    let broken = set(&[
        ("20260101000000_a/up.sql", "CREATE TABLE a (id BIGINT)"),
        (
            "20260101000000_a/down.sql",
            "DROP TABLE no_such_table; DROP TABLE a",
        ),
    ]);
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &broken).await.expect("up");
        let error = migrate_with(&db, &broken, Goal::Down(1).into())
            .await
            .expect_err("fails");
        assert!(
            error.to_string().contains("nothing of it stands"),
            "{error}"
        );
        let stand = status(&db, &broken).await.expect("status");
        assert!(stand.is_current(), "{stand:?}");
        close(db).await;
    }
}

#[tokio::test]
async fn a_dry_run_reads_only_and_says_what_would_run() {
    let all = three();
    for target in targets() {
        let db = target.open().await;
        let plan = dry_run(&db, &all, &Goal::Up).await.expect("a plan");
        assert_eq!(plan.steps.len(), 3);
        let text = plan.to_string();
        assert!(
            text.contains("CREATE INDEX goals_by_note ON goals (note)"),
            "{text}"
        );
        assert!(schema(&db).await.is_empty());
        let error = db
            .sql("SELECT count(*) FROM _mainstay_migrations")
            .scalar::<i64>()
            .await;
        assert_eq!(error.expect_err("no table").kind(), ErrorKind::TableMissing);

        migrate_with(&db, &all, Goal::UpTo("20260101000000".to_owned()).into())
            .await
            .expect("up");
        if !speaks(&db, "sqlite") {
            run(
                &db,
                if speaks(&db, "postgres") {
                    "ANALYZE goals"
                } else {
                    "ANALYZE TABLE goals"
                },
            )
            .await;
            let plan = dry_run(&db, &all, &Goal::Up).await.expect("a plan");
            assert_eq!(plan.steps[0].statements[0].rows, Some(2), "{plan}");
        }
        let plan = dry_run(&db, &all, &Goal::Down(1)).await.expect("a plan");
        assert!(
            plan.to_string().starts_with("down 20260101000000_create"),
            "{plan}"
        );
        assert_eq!(count(&db, "goals").await, 2);
        close(db).await;
    }
}
