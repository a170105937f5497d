//! Each of the three can be the odd one out.

use mainstay_migrate::catalog;
use mainstay_migrate::drift::Odd;
use mainstay_migrate::{Goal, migrate, migrate_with};

use super::stage::{add_note, checked, first_release, migrations, second_release, told};
use crate::support::{close, run, targets};

#[tokio::test]
async fn what_says_the_same_is_in_sync_and_is_only_read() {
    for target in targets() {
        let db = target.open().await;
        let set = migrations(db.dialect(), &[]);
        migrate(&db, &set).await.expect("migrates");
        let before = catalog::read(&db).await.expect("read");
        let report = checked(&target, &db, &first_release(), &set, "2001-01-01").await;
        assert!(report.in_sync, "{report:#?}");
        assert_eq!(told(&report), []);
        assert!(report.pending.is_empty() && report.problems.is_empty());
        assert_eq!(catalog::read(&db).await.expect("read"), before);
        let json = serde_json::to_value(&report).expect("it is data");
        assert_eq!(json["in_sync"], true);
        close(db).await;
    }
}

#[tokio::test]
async fn entities_ahead_of_the_migrations_are_told() {
    for target in targets() {
        let db = target.open().await;
        let set = migrations(db.dialect(), &[]);
        migrate(&db, &set).await.expect("migrates");
        let report = checked(&target, &db, &second_release(), &set, "2001-01-02").await;
        let column = |words: &&(Odd, &str)| words.1.starts_with("column goals.note");
        let all = told(&report);
        let found = all.iter().find(column).expect("the column");
        assert_eq!(found.0, Odd::Entities);
        assert!(
            found
                .1
                .ends_with("is in the entities and not in the migrations and the database"),
            "{}",
            found.1
        );
        assert!(all.iter().all(|one| one.0 == Odd::Entities), "{all:#?}");
        assert!(report.entities_differ() && !report.database_differs());
        close(db).await;
    }
}

#[tokio::test]
async fn a_database_that_was_changed_by_hand_is_told() {
    for target in targets() {
        let db = target.open().await;
        let set = migrations(db.dialect(), &[]);
        migrate(&db, &set).await.expect("migrates");
        run(&db, "CREATE INDEX by_hand ON goals (title)").await;
        run(&db, "CREATE VIEW titles AS SELECT title FROM goals").await;
        let report = checked(&target, &db, &first_release(), &set, "2001-01-03").await;
        assert_eq!(
            told(&report),
            [
                (
                    Odd::Database,
                    "index by_hand of goals, (title), is in the database and not in the entities \
                     and the migrations"
                ),
                (
                    Odd::Database,
                    "view titles is in the database and not in the migrations"
                ),
            ]
        );
        assert!(!report.in_sync && report.database_differs() && !report.entities_differ());
        let json = serde_json::to_value(&report).expect("it is data");
        assert_eq!(json["differences"][0]["odd"], "database");
        assert_eq!(json["differences"][0]["name"], "by_hand");
        close(db).await;
    }
}

#[tokio::test]
async fn migrations_that_lag_behind_both_are_told() {
    for target in targets() {
        let db = target.open().await;
        let set = migrations(db.dialect(), &[]);
        migrate(&db, &set).await.expect("migrates");
        run(&db, &add_note(db.dialect())).await;
        let report = checked(&target, &db, &second_release(), &set, "2001-01-04").await;
        let all = told(&report);
        assert!(!all.is_empty());
        assert!(all.iter().all(|one| one.0 == Odd::Migrations), "{all:#?}");
        assert!(
            all[0]
                .1
                .ends_with("is in the entities and the database and not in the migrations"),
            "{}",
            all[0].1
        );
        close(db).await;
    }
}

#[tokio::test]
async fn what_is_pending_is_named_and_is_no_drift() {
    for target in targets() {
        let db = target.open().await;
        let note = add_note(db.dialect());
        let more = [("20260102000000_add_note/up.sql", note.as_str())];
        let set = migrations(db.dialect(), &more);
        let goal = Goal::UpTo("20260101000000".to_owned());
        migrate_with(&db, &set, goal.into())
            .await
            .expect("migrates");
        let report = checked(&target, &db, &second_release(), &set, "2001-01-05").await;
        assert!(report.in_sync, "{report:#?}");
        assert_eq!(report.pending, ["20260102000000_add_note"]);

        // What was changed by hand meanwhile is found all the same.
        run(&db, "DROP TABLE goals").await;
        let report = checked(&target, &db, &second_release(), &set, "2001-01-06").await;
        let all = told(&report);
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!(all[0].0, Odd::Database);
        assert!(
            all[0].1.starts_with("table goals is in the "),
            "{}",
            all[0].1
        );
        close(db).await;
    }
}

#[tokio::test]
async fn a_database_without_a_record_is_told_of_the_baseline() {
    for target in targets() {
        let db = target.open().await;
        let set = migrations(db.dialect(), &[]);
        migrate(&db, &set).await.expect("migrates");
        run(&db, "DELETE FROM _mainstay_migrations").await;
        let report = checked(&target, &db, &first_release(), &set, "2001-01-07").await;
        assert!(!report.in_sync);
        assert_eq!(report.remarks.len(), 1);
        assert!(
            report.remarks[0].contains("adopt it by a baseline"),
            "{}",
            report.remarks[0]
        );
        close(db).await;
    }
}

#[tokio::test]
async fn what_does_not_fit_the_record_is_a_problem() {
    for target in targets() {
        let db = target.open().await;
        let set = migrations(db.dialect(), &[]);
        migrate(&db, &set).await.expect("migrates");
        let more = [("20250101000000_late/up.sql", "CREATE TABLE late (id INT)")];
        let report = checked(
            &target,
            &db,
            &first_release(),
            &migrations(db.dialect(), &more),
            "2001-01-08",
        )
        .await;
        assert!(!report.in_sync);
        assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
        assert_eq!(report.pending, ["20250101000000_late"]);
        // It is not applied, and so the database need not have what it makes.
        assert_eq!(told(&report), []);
        assert_eq!(report.without_entity, ["late"]);
        close(db).await;
    }
}
