//! What directives change in a run: time-outs, no transaction, rebuilding a table.

use std::time::Duration;

use crate::support::{close, count, run, schema, set, speaks, targets};
use mainstay::{Database, ErrorKind};
use mainstay_migrate::{Goal, MigrationState, migrate, migrate_with, status};
use tokio::time::Instant;

const TABLE: (&str, &str) = (
    "20260101000000_create/up.sql",
    "CREATE TABLE goals (id BIGINT PRIMARY KEY, note VARCHAR(200));
     INSERT INTO goals VALUES (1, 'one'), (2, 'two')",
);

#[tokio::test]
async fn a_lock_is_waited_for_no_longer_than_is_said() {
    let all = set(&[
        TABLE,
        (
            "20260102000000_extend/up.sql",
            "-- mainstay: lock-timeout 1s\nALTER TABLE goals ADD COLUMN points INTEGER",
        ),
    ]);
    for target in targets().into_iter().skip(1) {
        let (db, other) = (target.open().await, target.open().await);
        migrate_with(&db, &all, Goal::UpTo("20260101000000".to_owned()).into())
            .await
            .expect("up");
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (end, ends) = tokio::sync::oneshot::channel::<()>();
        let holding = tokio::spawn(async move {
            let mut begun = Some(begun);
            let mut ends = Some(ends);
            other
                .transaction(|tx| {
                    let (begun, ends) = (begun.take(), ends.take());
                    async move {
                        let rows: i64 = tx.sql("SELECT count(*) FROM goals").scalar().await?;
                        let _ = begun.expect("once").send(rows);
                        let _ = ends.expect("once").await;
                        Ok::<_, mainstay::Error>(())
                    }
                })
                .max_attempts(1)
                .await
                .expect("it reads");
            other
        });
        has_begun.await.expect("it holds the table");
        let started = Instant::now();
        let error = migrate(&db, &all).await.expect_err("the table is locked");
        assert!(started.elapsed() < Duration::from_secs(8), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("20260102000000_extend, statement 1 of 1"),
            "{text}"
        );
        end.send(()).expect("it still holds it");
        close(holding.await.expect("no panic")).await;
        assert_eq!(
            migrate(&db, &all).await.expect("now it goes").applied.len(),
            1
        );
        // Others of the pool know nothing of it.
        let setting = match speaks(&db, "postgres") {
            true => "SELECT current_setting('lock_timeout')",
            false => "SELECT CAST(@@lock_wait_timeout AS CHAR)",
        };
        let now: String = db.sql(setting).scalar().await.expect("a setting");
        assert!(now != "1s" && now != "1", "{now}");
        close(db).await;
    }
}

#[tokio::test]
async fn a_statement_takes_no_longer_than_is_said() {
    let slow = |sql: &str| format!("-- mainstay: statement-timeout 500ms\n{sql}");
    let all = set(&[
        TABLE,
        (
            "20260102000000_slow/up.sqlite.sql",
            &slow(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900000000)
                 INSERT INTO goals SELECT 100, count(*) FROM n",
            ),
        ),
        ("20260102000000_slow/up.postgres.sql", &slow("SELECT pg_sleep(20)")),
        (
            "20260102000000_slow/up.mysql.sql",
            &slow("UPDATE goals SET note = 'changed' WHERE SLEEP(20) = 0"),
        ),
    ]);
    for target in targets() {
        let db = target.open().await;
        let started = Instant::now();
        let error = migrate(&db, &all).await.expect_err("too slow");
        assert!(started.elapsed() < Duration::from_secs(8), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("20260102000000_slow, statement 1 of 1"),
            "{text}"
        );
        let stand = status(&db, &all).await.expect("status");
        assert_eq!(stand.count(MigrationState::Pending), 1, "{stand:?}");
        assert_eq!(count(&db, "goals WHERE note = 'changed'").await, 0);
        assert_eq!(count(&db, "goals").await, 2);
        close(db).await;
    }
}

const INDEX: (&str, &str) = (
    "20260102000000_index/up.sql",
    "-- mainstay: no-transaction
     CREATE UNIQUE INDEX CONCURRENTLY goals_by_note ON goals (note);
     INSERT INTO goals VALUES (9, 'nine')",
);
const NO_INDEX: (&str, &str) = (
    "20260102000000_index/down.sql",
    "-- mainstay: no-transaction
     DROP INDEX CONCURRENTLY goals_by_note;
     DELETE FROM goals WHERE id = 9",
);

async fn valid(db: &Database) -> Option<bool> {
    let found: Vec<bool> = db
        .sql("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('goals_by_note')")
        .fetch_with(|row| row.get(0))
        .await
        .expect("the catalog");
    found.first().copied()
}

#[tokio::test]
async fn an_index_is_built_while_its_table_is_in_use() {
    for target in targets() {
        let db = target.open().await;
        if !speaks(&db, "postgres") {
            close(db).await;
            continue;
        }
        let all = set(&[TABLE, INDEX, NO_INDEX]);
        let report = migrate(&db, &all).await.expect("up");
        assert_eq!(report.applied.len(), 2);
        assert_eq!(valid(&db).await, Some(true));
        assert_eq!(count(&db, "_mainstay_journal").await, 0);
        migrate_with(&db, &all, Goal::Down(1).into())
            .await
            .expect("down");
        assert_eq!(valid(&db).await, None);
        assert_eq!(count(&db, "goals").await, 2);

        // It is refused by the rows, and leaves nothing behind.
        run(&db, "INSERT INTO goals VALUES (3, 'one')").await;
        let error = migrate(&db, &all).await.expect_err("not unique");
        assert_eq!(error.kind(), ErrorKind::Duplicate, "{error}");
        assert_eq!(valid(&db).await, None);
        run(&db, "DELETE FROM goals WHERE id = 3").await;
        assert_eq!(migrate(&db, &all).await.expect("up").applied.len(), 1);
        close(db).await;
    }
}

/// Waits until somebody builds an index, and returns the session.
async fn builder(db: &Database) -> i32 {
    loop {
        let found: Vec<i32> = db
            .sql(
                "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE UNIQUE INDEX%' \
                 AND state = 'active' AND wait_event_type = 'Lock'",
            )
            .fetch_with(|row| row.get(0))
            .await
            .expect("sessions");
        if let Some(pid) = found.first() {
            return *pid;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_index_that_was_left_half_built_is_dropped_and_built_again() {
    for target in targets() {
        let (db, other) = (target.open().await, target.open().await);
        if speaks(&db, "postgres") {
            let all = set(&[TABLE, INDEX]);
            migrate_with(&db, &all, Goal::UpTo("20260101000000".to_owned()).into())
                .await
                .expect("up");
            let held = other.transaction(|tx| {
                let (db, all) = (db.clone(), all.clone());
                async move {
                    // The build waits for this transaction, and meanwhile its session ends.
                    tx.sql("UPDATE goals SET note = note").execute().await?;
                    let working = tokio::spawn({
                        let db = db.clone();
                        async move { migrate(&db, &all).await }
                    });
                    let pid = builder(&db).await;
                    let ended: bool = db
                        .sql("SELECT pg_terminate_backend(?)")
                        .bind(pid)
                        .scalar()
                        .await?;
                    assert!(ended);
                    Ok::<_, mainstay::Error>(working.await.expect("no panic"))
                }
            });
            let failed = held.max_attempts(1).await.expect("it waits");
            let error = failed.expect_err("the session was ended").to_string();
            assert!(error.contains("begin again: it is found out"), "{error}");
            assert_eq!(valid(&db).await, Some(false));
            let stand = status(&db, &all).await.expect("status");
            assert_eq!(stand.count(MigrationState::HalfApplied), 1);
            assert!(stand.problems.is_empty(), "{stand:?}");
            assert_eq!(migrate(&db, &all).await.expect("up").applied.len(), 1);
            assert_eq!(valid(&db).await, Some(true));
            assert_eq!(count(&db, "goals").await, 3);
        }
        close(db).await;
        close(other).await;
    }
}

const PARENTS: (&str, &str) = (
    "20260101000000_create/up.sqlite.sql",
    "CREATE TABLE goals (id INTEGER PRIMARY KEY, note TEXT) STRICT;
     CREATE TABLE steps (id INTEGER PRIMARY KEY,
         goal_id INTEGER NOT NULL REFERENCES goals (id) ON DELETE CASCADE) STRICT;
     INSERT INTO goals VALUES (1, 'one'), (2, 'two');
     INSERT INTO steps VALUES (1, 1), (2, 1), (3, 2)",
);

fn rebuild(copies: &str, drops: &str) -> String {
    format!(
        "-- mainstay: rebuild goals
         CREATE TABLE new_goals (id INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
         INSERT INTO new_goals SELECT id, note FROM goals{copies};
         {drops}DROP TABLE goals; ALTER TABLE new_goals RENAME TO goals -- done"
    )
}

#[tokio::test]
async fn a_table_is_rebuilt_without_losing_what_refers_to_it() {
    let name = "20260102000000_rebuild/up.sqlite.sql";
    let good = rebuild("", "");
    let cases = [
        (
            rebuild(" WHERE id = 1", ""),
            "goals would have lost or gained rows",
        ),
        (
            rebuild("", "DELETE FROM steps WHERE id = 3; "),
            "steps would have lost or gained rows",
        ),
        (
            rebuild(" WHERE id = 1 UNION ALL SELECT 9, 'nine'", ""),
            "rows would refer to rows that are not there",
        ),
        (rebuild(" WHERE no_such_column", ""), "no such column"),
    ];
    for target in targets().into_iter().take(1) {
        let db = target.open().await;
        let before = set(&[PARENTS]);
        migrate(&db, &before).await.expect("up");
        let stands = schema(&db).await;
        for (text, said) in &cases {
            let all = set(&[PARENTS, (name, text)]);
            let error = migrate(&db, &all).await.expect_err("must be rolled back");
            let text = error.to_string();
            assert!(
                text.contains(said) && text.contains("nothing of it stands"),
                "{text}"
            );
            assert_eq!(schema(&db).await, stands);
            assert_eq!(
                (count(&db, "goals").await, count(&db, "steps").await),
                (2, 3)
            );
            let stand = status(&db, &all).await.expect("status");
            assert_eq!(stand.count(MigrationState::Pending), 1);
        }
        let all = set(&[
            PARENTS,
            (name, &good),
            (
                "20260103000000_after/up.sqlite.sql",
                "CREATE INDEX steps_by_goal ON steps (goal_id)",
            ),
            (
                "20260103000000_after/down.sqlite.sql",
                "DROP INDEX steps_by_goal",
            ),
            (
                "20260102000000_rebuild/down.sqlite.sql",
                "-- mainstay: rebuild goals
                 CREATE TABLE old_goals (id INTEGER PRIMARY KEY, note TEXT) STRICT;
                 INSERT INTO old_goals SELECT * FROM goals;
                 DROP TABLE goals; ALTER TABLE old_goals RENAME TO goals",
            ),
        ]);
        let report = migrate(&db, &all).await.expect("up");
        assert_eq!(report.applied.len(), 2);
        assert_eq!(
            (count(&db, "goals").await, count(&db, "steps").await),
            (2, 3)
        );
        assert!(
            schema(&db)
                .await
                .iter()
                .any(|line| line.contains("NOT NULL) STRICT"))
        );
        // Foreign keys are on again, for every connection.
        let error = db
            .sql("INSERT INTO steps VALUES (4, 99)")
            .execute()
            .await
            .expect_err("no such goal");
        assert_eq!(error.kind(), ErrorKind::ForeignKey);
        db.sql("DELETE FROM goals WHERE id = 2")
            .execute()
            .await
            .expect("deletes");
        assert_eq!(count(&db, "steps").await, 2);
        let down = migrate_with(&db, &all, Goal::Down(2).into())
            .await
            .expect("down");
        assert_eq!(down.undone.len(), 2);
        assert_eq!(
            (count(&db, "goals").await, count(&db, "steps").await),
            (1, 2)
        );
        assert_eq!(migrate(&db, &all).await.expect("up again").applied.len(), 2);
        close(db).await;
    }
}

#[tokio::test]
async fn a_directive_that_cannot_be_is_refused_before_anything_runs() {
    let cases = [
        (
            "-- mainstay: lock-timout 5s",
            "line 1: there is no directive \"lock-timout\"",
        ),
        ("-- mainstay: rebuild nowhere", "nowhere"),
    ];
    for target in targets() {
        let db = target.open().await;
        for (directive, said) in cases {
            let text = format!("{directive}\nCREATE TABLE b (id BIGINT)");
            let all = set(&[("20260101000000_a/up.sql", &text)]);
            let error = migrate(&db, &all).await.expect_err("must be refused");
            let known = error.to_string().contains(said)
                || error.to_string().contains("rebuild is for SQLite");
            assert!(known, "{error}");
            assert!(schema(&db).await.is_empty());
        }
        close(db).await;
    }
}

#[tokio::test]
async fn a_rebuild_follows_what_is_renamed_and_dropped_besides() {
    let name = "20260102000000_rebuild/up.sqlite.sql";
    let renames = |before: &str| {
        let rename = format!("{before}ALTER TABLE steps RENAME TO marks; ");
        rebuild("", &rename)
    };
    let for_good = "-- mainstay: rebuild goals\nDROP TABLE steps; DROP TABLE goals";
    let refused = [
        (
            renames("DELETE FROM steps WHERE id = 3; "),
            "steps would have lost or gained rows",
        ),
        (for_good.to_owned(), "drops it for good"),
    ];
    let fine = [
        (renames(""), "marks", 3),
        (rebuild("", "DROP TABLE steps; "), "goals", 2),
    ];
    for (text, table, rows) in &fine {
        for target in targets().into_iter().take(1) {
            let db = target.open().await;
            for (text, said) in &refused {
                let error = migrate(&db, &set(&[PARENTS, (name, text)])).await;
                let error = error.expect_err("must be refused").to_string();
                assert!(error.contains(said), "{error}");
                let left = (count(&db, "goals").await, count(&db, "steps").await);
                assert_eq!(left, (2, 3));
            }
            migrate(&db, &set(&[PARENTS, (name, text)]))
                .await
                .expect("it goes");
            assert_eq!(count(&db, table).await, *rows);
            let error = db.sql("SELECT count(*) FROM steps").scalar::<i64>().await;
            let error = error.expect_err("it is gone, or called otherwise");
            assert_eq!(error.kind(), ErrorKind::TableMissing);
            close(db).await;
        }
    }
}
