//! Migrations on real databases: SQLite always, PostgreSQL and MariaDB where there is a server.

use std::time::Duration;

use crate::support::{close, count, targets};
use mainstay::ErrorKind;
use mainstay_migrate::{
    Migration, MigrationSet, MigrationState, Options, PerDialect, migrate, migrate_with, reset,
    status,
};

const CREATE: Migration = Migration {
    version: "20260101000000",
    name: "create",
    up: PerDialect::same(
        "CREATE TABLE parents (id BIGINT PRIMARY KEY, note VARCHAR(200));
         CREATE TABLE children (id BIGINT PRIMARY KEY, parent_id BIGINT,
             FOREIGN KEY (parent_id) REFERENCES parents (id));
         INSERT INTO parents VALUES (1, 'really?; yes?? -- it''s')",
    ),
    down: None,
};
const FILL: Migration = Migration {
    version: "20260102000000",
    name: "fill",
    up: PerDialect::same("INSERT INTO parents VALUES (2, 'b'); INSERT INTO children VALUES (1, 2)"),
    down: None,
};
const EXTEND: Migration = Migration {
    version: "20260103000000",
    name: "extend",
    up: PerDialect::same(
        "ALTER TABLE children ADD COLUMN age INTEGER; UPDATE children SET age = 3",
    ),
    down: None,
};
static ALL: MigrationSet = MigrationSet::new(&[CREATE, FILL, EXTEND]);

#[tokio::test]
async fn pending_migrations_are_applied_once_and_in_order() {
    for target in targets() {
        let db = target.open().await;
        let before = status(&db, &ALL).await.expect("status without a table");
        assert_eq!(before.count(MigrationState::Pending), 3);
        assert!(!before.is_current());

        let report = migrate(&db, &ALL).await.expect("migrates");
        let versions: Vec<_> = report
            .applied
            .iter()
            .map(|applied| applied.version.as_str())
            .collect();
        assert_eq!(versions, [CREATE.version, FILL.version, EXTEND.version]);
        assert_eq!(report.already, 0);
        let note: String = db
            .sql("SELECT note FROM parents WHERE id = ?")
            .bind(1_i64)
            .scalar()
            .await
            .expect("the row is there");
        assert_eq!(note, "really?; yes?? -- it's");

        let again = migrate(&db, &ALL).await.expect("migrates again");
        assert!(again.applied.is_empty());
        assert_eq!(again.already, 3);
        let after = status(&db, &ALL).await.expect("status");
        assert!(after.is_current());
        assert!(after.migrations.iter().all(|m| m.applied_at.is_some()));
        close(db).await;
    }
}

#[tokio::test]
async fn status_reads_only() {
    for target in targets() {
        let db = target.open().await;
        status(&db, &ALL).await.expect("status");
        let error = db
            .sql("SELECT count(*) FROM _mainstay_migrations")
            .scalar::<i64>()
            .await
            .expect_err("the table was not created");
        assert_eq!(error.kind(), ErrorKind::TableMissing);
        close(db).await;
    }
}

#[tokio::test]
async fn instances_that_start_at_once_apply_each_migration_once() {
    for target in targets() {
        let mut instances = Vec::new();
        for _ in 0..6 {
            let db = target.open().await;
            // Two of each, so that instances also share a pool.
            let twin = db.clone();
            instances.push((db, twin));
        }
        let runs = instances
            .iter()
            .flat_map(|(a, b)| [a, b])
            .map(|db| migrate(db, &ALL));
        let reports = futures_util::future::join_all(runs).await;
        let mut applied = 0;
        for report in reports {
            let report = report.expect("every instance succeeds");
            applied += report.applied.len();
            assert_eq!(report.applied.len() + report.already, 3);
        }
        assert_eq!(applied, 3);
        assert_eq!(count(&instances[0].0, "parents").await, 2);
        for (db, twin) in instances {
            drop(twin);
            close(db).await;
        }
    }
}

const BROKEN: Migration = Migration {
    up: PerDialect::same(
        "CREATE TABLE extra (id BIGINT);\nINSERT INTO extra VALUES (1);\n\
         INSERT INTO no_such_table VALUES (1);\nINSERT INTO extra VALUES (2)",
    ),
    ..FILL
};
static WITH_BROKEN: MigrationSet = MigrationSet::new(&[CREATE, BROKEN]);

#[tokio::test]
async fn a_failed_migration_says_what_stands() {
    for target in targets() {
        let db = target.open().await;
        let error = migrate(&db, &WITH_BROKEN)
            .await
            .expect_err("statement 3 fails");
        assert_eq!(error.kind(), ErrorKind::TableMissing);
        let text = error.to_string();
        assert!(
            text.contains("20260102000000_fill, statement 3 of 4, line 3"),
            "{text}"
        );
        assert!(text.contains("INSERT INTO no_such_table"), "{text}");
        let stand = status(&db, &WITH_BROKEN).await.expect("status");
        if db.capabilities().transactional_ddl {
            assert!(text.contains("nothing of it stands"), "{text}");
            assert_eq!(stand.count(MigrationState::Pending), 1);
            let report = migrate(&db, &ALL)
                .await
                .expect("the corrected text applies");
            assert_eq!((report.applied.len(), report.already), (2, 1));
        } else {
            assert!(text.contains("statement 1 stands"), "{text}");
            assert!(text.contains("it goes on at statement 2"), "{text}");
            assert_eq!(stand.count(MigrationState::HalfApplied), 1);
            assert!(
                !stand.is_current() && stand.problems.is_empty(),
                "{stand:?}"
            );
            // Changes of rows share a transaction.
            assert_eq!(count(&db, "extra").await, 0);
            let again = migrate(&db, &WITH_BROKEN).await.expect_err("the same");
            assert!(again.to_string().contains("statement 3 of 4"), "{again}");
            // What did not take effect may change.
            let report = migrate(&db, &MENDED).await.expect("the corrected text");
            assert_eq!((report.applied.len(), report.already), (1, 1));
            assert_eq!(count(&db, "extra").await, 2);
            let stand = status(&db, &MENDED).await.expect("status");
            assert!(stand.is_current(), "{stand:?}");
        }
        close(db).await;
    }
}

const CORRECTED: Migration = Migration {
    up: PerDialect::same(
        "CREATE TABLE extra (id BIGINT);\nINSERT INTO extra VALUES (1);\n\
         INSERT INTO extra VALUES (2)",
    ),
    ..FILL
};
static MENDED: MigrationSet = MigrationSet::new(&[CREATE, CORRECTED]);

const REWRITTEN: Migration = Migration {
    up: PerDialect::same("CREATE TABLE other (id BIGINT);\nINSERT INTO other VALUES (1)"),
    ..FILL
};
static WITH_REWRITTEN: MigrationSet = MigrationSet::new(&[CREATE, REWRITTEN]);

#[tokio::test]
async fn what_stands_of_a_migration_must_keep_its_text() {
    for target in targets() {
        let db = target.open().await;
        if !db.capabilities().transactional_ddl {
            migrate(&db, &WITH_BROKEN).await.expect_err("fails");
            let error = migrate(&db, &WITH_REWRITTEN).await.expect_err("rewritten");
            let text = error.to_string();
            assert!(
                text.contains("statement 1, which took effect, has another text now"),
                "{text}"
            );
            let stand = status(&db, &WITH_REWRITTEN).await.expect("status");
            assert_eq!(stand.problems.len(), 1);
        }
        close(db).await;
    }
}

const FAILS_AT_ONCE: Migration = Migration {
    up: PerDialect::same("ALTER TABLE no_such_table ADD COLUMN a INTEGER; SELECT 1"),
    ..FILL
};
const ROWS_ONLY: Migration = Migration {
    up: PerDialect::same(
        "INSERT INTO parents VALUES (2, 'b'); INSERT INTO parents VALUES (2, 'again')",
    ),
    ..FILL
};

#[tokio::test]
async fn a_migration_of_which_nothing_stands_can_be_corrected_and_repeated() {
    static AT_ONCE: MigrationSet = MigrationSet::new(&[CREATE, FAILS_AT_ONCE]);
    static ROWS: MigrationSet = MigrationSet::new(&[CREATE, ROWS_ONLY]);
    for broken in [&AT_ONCE, &ROWS] {
        for target in targets() {
            let db = target.open().await;
            let error = migrate(&db, broken).await.expect_err("fails");
            assert!(error.to_string().contains("stands"), "{error}");
            let report = migrate(&db, &ALL)
                .await
                .expect("the corrected text applies");
            assert_eq!((report.applied.len(), report.already), (2, 1));
            close(db).await;
        }
    }
}

#[tokio::test]
async fn a_changed_text_is_refused_and_a_changed_comment_is_not() {
    const COMMENTED: Migration = Migration {
        up: PerDialect::same(
            "-- now with a comment\nINSERT INTO parents VALUES ( 2, 'b' );\n\n\
             INSERT INTO children VALUES (1,2);\n",
        ),
        ..FILL
    };
    static SAME: MigrationSet = MigrationSet::new(&[CREATE, COMMENTED, EXTEND]);
    static OTHER: MigrationSet = MigrationSet::new(&[CREATE, ROWS_ONLY, EXTEND]);
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &ALL).await.expect("migrates");
        assert_eq!(migrate(&db, &SAME).await.expect("the same").already, 3);
        let error = migrate(&db, &OTHER).await.expect_err("another text");
        assert!(
            error
                .to_string()
                .contains("20260102000000_fill has changed"),
            "{error}"
        );
        let stand = status(&db, &OTHER).await.expect("status");
        assert_eq!(stand.migrations[1].state, MigrationState::Changed);
        assert_eq!(stand.problems.len(), 1);
        close(db).await;
    }
}

#[tokio::test]
async fn reset_drops_everything_and_migrating_starts_anew() {
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &ALL).await.expect("migrates");
        let dropped = reset(&db, &ALL).await.expect("resets");
        assert_eq!(dropped, ["children", "parents", "_mainstay_migrations"]);
        assert!(reset(&db, &ALL).await.expect("resets again").is_empty());
        assert_eq!(migrate(&db, &ALL).await.expect("migrates").applied.len(), 3);
        close(db).await;
    }
}

const SLOW: Migration = Migration {
    version: "20260101000000",
    name: "slow",
    up: PerDialect {
        sqlite: "CREATE TABLE slow (id BIGINT)",
        postgres: "CREATE TABLE slow (id BIGINT); SELECT pg_sleep(2)",
        mysql: "CREATE TABLE slow (id BIGINT); SELECT SLEEP(2)",
    },
    down: None,
};
static SLOW_SET: MigrationSet = MigrationSet::new(&[SLOW]);

#[tokio::test]
async fn who_waits_too_long_for_another_instance_is_told_so() {
    // SQLite has nothing that sleeps.
    for target in targets().into_iter().skip(1) {
        let (first, second) = (target.open().await, target.open().await);
        let working = tokio::spawn({
            let db = first.clone();
            async move { migrate(&db, &SLOW_SET).await }
        });
        tokio::time::sleep(Duration::from_millis(600)).await;
        let options = Options {
            timeout: Duration::from_millis(400),
            ..Options::default()
        };
        let error = migrate_with(&second, &SLOW_SET, options)
            .await
            .expect_err("waits");
        assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
        assert!(
            error.to_string().contains("another instance is migrating"),
            "{error}"
        );
        let report = working.await.expect("no panic").expect("the first goes on");
        assert_eq!(report.applied.len(), 1);
        assert_eq!(migrate(&second, &SLOW_SET).await.expect("done").already, 1);
        close(first).await;
        close(second).await;
    }
}

#[tokio::test]
async fn a_dropped_call_leaves_no_lock_and_nothing_half_done() {
    for target in targets().into_iter().skip(1) {
        let (first, second) = (target.open().await, target.open().await);
        let dropped =
            tokio::time::timeout(Duration::from_millis(500), migrate(&first, &SLOW_SET)).await;
        assert!(dropped.is_err(), "it was still at work");
        let options = Options {
            timeout: Duration::from_secs(20),
            ..Options::default()
        };
        let report = migrate_with(&second, &SLOW_SET, options)
            .await
            .expect("migrates");
        assert_eq!(report.applied.len() + report.already, 1);
        assert!(
            status(&second, &SLOW_SET)
                .await
                .expect("status")
                .is_current()
        );
        close(first).await;
        close(second).await;
    }
}
