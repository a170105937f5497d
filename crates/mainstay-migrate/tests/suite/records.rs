//! The record of what is applied: adopted, repaired, and read as an older version wrote it.

use crate::support::{close, count, run, set, targets};
use mainstay::{Database, ErrorKind};
use mainstay_migrate::repair::{self, Action};
use mainstay_migrate::{MigrationState, baseline, migrate, status};

const A: (&str, &str) = (
    "20260101000000_a/up.sql",
    "CREATE TABLE a (id BIGINT); CREATE TABLE b (id BIGINT)",
);
const B: (&str, &str) = ("20260102000000_b/up.sql", "CREATE TABLE c (id BIGINT)");

#[tokio::test]
async fn a_database_made_by_other_means_is_adopted() {
    let all = set(&[A, B]);
    for target in targets() {
        let db = target.open().await;
        run(&db, "CREATE TABLE a (id BIGINT)").await;
        run(&db, "CREATE TABLE b (id BIGINT)").await;
        assert!(migrate(&db, &all).await.is_err(), "its tables are there");
        let error = baseline(&db, &all, "20250101000000")
            .await
            .expect_err("no such version");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let labels = baseline(&db, &all, "20260101000000")
            .await
            .expect("adopted");
        assert_eq!(labels, ["20260101000000_a"]);
        let stand = status(&db, &all).await.expect("status");
        assert_eq!(stand.count(MigrationState::Applied), 1);
        let error = baseline(&db, &all, "20260102000000")
            .await
            .expect_err("not empty");
        assert!(
            error.to_string().contains("is not empty: 1 migrations"),
            "{error}"
        );
        let report = migrate(&db, &all).await.expect("the rest");
        assert_eq!((report.applied.len(), report.already), (1, 1));
        close(db).await;
    }
}

#[tokio::test]
async fn what_no_longer_fits_is_explained_and_then_repaired() {
    let before = set(&[
        A,
        B,
        ("20260103000000_gone/up.sql", "CREATE TABLE d (id BIGINT)"),
    ]);
    let after = set(&[
        A,
        (
            "20260102000000_b/up.sql",
            "CREATE TABLE c (id BIGINT, note VARCHAR(9))",
        ),
    ]);
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &before).await.expect("up");
        assert!(
            repair::proposals(&db, &before)
                .await
                .expect("none")
                .is_empty()
        );
        let found = repair::proposals(&db, &after).await.expect("proposals");
        let actions: Vec<_> = found.iter().map(|one| one.action).collect();
        assert_eq!(actions, [Action::Rerecord, Action::Remove]);
        assert!(
            found[0].problem.contains("20260102000000_b has changed"),
            "{found:?}"
        );
        assert!(
            found[1].problem.contains("20260103000000_gone"),
            "{found:?}"
        );

        let mut wrong = found.clone();
        wrong[1].action = Action::MarkDone;
        let error = repair::apply(&db, &after, &wrong)
            .await
            .expect_err("not proposed");
        assert!(error.to_string().contains("nothing was done"), "{error}");
        assert_eq!(
            repair::proposals(&db, &after).await.expect("proposals"),
            found
        );

        repair::apply(&db, &after, &found).await.expect("repaired");
        let stand = status(&db, &after).await.expect("status");
        assert!(stand.is_current(), "{stand:?}");
        assert_eq!(count(&db, "d").await, 0);
        close(db).await;
    }
}

#[tokio::test]
async fn what_has_begun_is_recorded_as_its_owner_says() {
    let broken = set(&[
        A,
        (
            "20260102000000_b/up.sql",
            "CREATE TABLE c (id BIGINT); DROP TABLE nothing; SELECT 1",
        ),
    ]);
    for action in [Action::MarkDone, Action::MarkUndone] {
        for target in targets().into_iter().skip(1) {
            let db = target.open().await;
            if db.capabilities().transactional_ddl {
                close(db).await;
                continue;
            }
            migrate(&db, &broken).await.expect_err("fails");
            let found = repair::proposals(&db, &broken).await.expect("proposals");
            assert_eq!(found.len(), 2);
            assert!(found.iter().all(|one| one.action.is_a_choice()));
            assert!(
                found[0].problem.contains("has begun and not ended"),
                "{found:?}"
            );
            let error = repair::apply(&db, &broken, &found)
                .await
                .expect_err("both cannot be");
            assert_eq!(error.kind(), ErrorKind::Configuration);
            let chosen: Vec<_> = found
                .into_iter()
                .filter(|one| one.action == action)
                .collect();
            repair::apply(&db, &broken, &chosen)
                .await
                .expect("repaired");
            let stand = status(&db, &broken).await.expect("status");
            assert!(stand.problems.is_empty(), "{stand:?}");
            let state = match action {
                Action::MarkDone => MigrationState::Applied,
                _ => MigrationState::Pending,
            };
            assert_eq!(stand.migrations[1].state, state);
            assert_eq!(count(&db, "_mainstay_journal").await, 0);
            close(db).await;
        }
    }
}

/// The fingerprint of [`A`] as the first version made it: of its tokens alone.
const FIRST_CHECKSUM: &str = "v1:afb01aaa794cd2381d205488065c6b155b19d621c28fccc9b80e6cf6896daf30";

/// The table as the first version made it, with one migration that is applied.
async fn first_format(db: &Database, checksum: &str, state: &str) {
    let time = match db.dialect().slug() {
        "sqlite" => "TEXT",
        "postgres" => "timestamptz",
        _ => "DATETIME(6)",
    };
    let strict = if db.dialect().slug() == "sqlite" {
        "STRICT"
    } else {
        ""
    };
    let (text, number) = match strict {
        "" => ("VARCHAR(200)", "BIGINT"),
        _ => ("TEXT", "INTEGER"),
    };
    let key = if strict.is_empty() {
        "VARCHAR(14)"
    } else {
        text
    };
    run(
        db,
        &format!(
            "CREATE TABLE _mainstay_migrations (version {key} NOT NULL PRIMARY KEY, \
             name {text} NOT NULL, checksum {text} NOT NULL, \
             state {text} NOT NULL CHECK (state IN ('started', 'applied')), \
             statements_done {number} NOT NULL, statements_total {number} NOT NULL, \
             applied_at {time} NOT NULL, duration_ms {number} NOT NULL, \
             format {number} NOT NULL) {strict}"
        ),
    )
    .await;
    db.sql("INSERT INTO _mainstay_migrations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind("20260101000000")
        .bind("a")
        .bind(checksum)
        .bind(state)
        .bind(1_i64)
        .bind(2_i64)
        .bind(db.clock().now())
        .bind(7_i64)
        .bind(1_i64)
        .execute()
        .await
        .expect("recorded");
}

#[tokio::test]
async fn a_record_of_the_first_format_goes_on_in_place() {
    let all = set(&[A, B]);
    for target in targets() {
        let db = target.open().await;
        run(&db, "CREATE TABLE a (id BIGINT)").await;
        run(&db, "CREATE TABLE b (id BIGINT)").await;
        first_format(&db, FIRST_CHECKSUM, "applied").await;
        let stand = status(&db, &all).await.expect("status");
        assert_eq!(
            stand.migrations[0].state,
            MigrationState::Applied,
            "{stand:?}"
        );
        assert_eq!(migrate(&db, &all).await.expect("goes on").applied.len(), 1);
        // Another text is told by it, too, and recorded anew when its owner says so.
        run(
            &db,
            "UPDATE _mainstay_migrations SET checksum = 'v1:other' WHERE name = 'a'",
        )
        .await;
        let stand = status(&db, &all).await.expect("status");
        assert_eq!(
            stand.migrations[0].state,
            MigrationState::Changed,
            "{stand:?}"
        );
        let found = repair::proposals(&db, &all).await.expect("proposals");
        repair::apply(&db, &all, &found)
            .await
            .expect("recorded anew");
        assert!(status(&db, &all).await.expect("status").is_current());
        let formats: Vec<i64> = db
            .sql("SELECT format FROM _mainstay_migrations ORDER BY version")
            .fetch_with(|row| row.get(0))
            .await
            .expect("rows");
        assert_eq!(formats, [2, 2]);
        close(db).await;
    }
}

#[tokio::test]
async fn a_half_applied_one_of_the_first_format_is_for_its_owner() {
    let all = set(&[A, B]);
    for target in targets() {
        let db = target.open().await;
        run(&db, "CREATE TABLE a (id BIGINT)").await;
        first_format(&db, FIRST_CHECKSUM, "started").await;
        let error = migrate(&db, &all).await.expect_err("nobody knows");
        let text = error.to_string();
        assert!(
            text.contains("whether statement 2 took effect is not"),
            "{text}"
        );
        run(&db, "CREATE TABLE b (id BIGINT)").await;
        let found = repair::proposals(&db, &all).await.expect("proposals");
        let done: Vec<_> = found
            .into_iter()
            .filter(|one| one.action == Action::MarkDone)
            .collect();
        repair::apply(&db, &all, &done).await.expect("repaired");
        let report = migrate(&db, &all).await.expect("goes on");
        assert_eq!((report.applied.len(), report.already), (1, 1));
        close(db).await;
    }
}

#[tokio::test]
async fn a_record_of_a_later_format_is_left_alone() {
    let all = set(&[A, B]);
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &all).await.expect("up");
        run(&db, "UPDATE _mainstay_migrations SET format = 3").await;
        for error in [
            migrate(&db, &all).await.expect_err("newer"),
            status(&db, &all).await.expect_err("newer"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(
                error.to_string().contains("a newer version of Mainstay"),
                "{error}"
            );
        }
        close(db).await;
    }
}
