//! Rehearsals on every engine: rows are made, times and locks are told, and what a migration loses
//! is noticed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{close, count, run, set, speaks, targets};
use mainstay::{Database, ErrorKind};
use mainstay_migrate::rehearse::{Options, Rehearsal, Start, rehearse};
use mainstay_migrate::{MigrationSet, migrate};

const PEOPLE: [(&str, &str); 2] = [
    (
        "20260101000000_create_people/up.sql",
        "CREATE TABLE people (
             id INTEGER NOT NULL PRIMARY KEY,
             email VARCHAR(100) NOT NULL UNIQUE,
             level INTEGER NOT NULL CHECK (level >= 1 AND level <= 9),
             active_on DATE
         );
         CREATE TABLE goals (
             id INTEGER NOT NULL PRIMARY KEY,
             person_id INTEGER NOT NULL,
             title VARCHAR(40) NOT NULL,
             status VARCHAR(10) NOT NULL CHECK (status IN ('open', 'done')),
             done_at VARCHAR(40),
             CHECK ((status = 'done' AND done_at IS NOT NULL) OR
                    (status <> 'done' AND done_at IS NULL)),
             FOREIGN KEY (person_id) REFERENCES people (id)
         );
         CREATE INDEX goals_person_id_idx ON goals (person_id);",
    ),
    (
        "20260101000000_create_people/down.sql",
        "DROP TABLE goals; DROP TABLE people;",
    ),
];

/// A column and an index more, and back.
const NOTE: [(&str, &str); 2] = [
    (
        "20260102000000_add_note/up.sql",
        "ALTER TABLE goals ADD COLUMN note VARCHAR(40);
         CREATE INDEX goals_title_idx ON goals (title);
         UPDATE goals SET note = 'none' WHERE status = 'open';",
    ),
    (
        "20260102000000_add_note/down.sqlite.sql",
        "DROP INDEX goals_title_idx; ALTER TABLE goals DROP COLUMN note;",
    ),
];

const NOTE_DOWN: [(&str, &str); 2] = [
    (
        "20260102000000_add_note/down.postgres.sql",
        "DROP INDEX goals_title_idx; ALTER TABLE goals DROP COLUMN note;",
    ),
    (
        "20260102000000_add_note/down.mysql.sql",
        "DROP INDEX goals_title_idx ON goals; ALTER TABLE goals DROP COLUMN note;",
    ),
];

fn all() -> MigrationSet {
    set(&[&PEOPLE[..], &NOTE, &NOTE_DOWN].concat())
}

/// The first migration, applied, and another one on top.
async fn with_second(db: &Database, up: &str, down: &str) -> MigrationSet {
    migrate(db, &set(&PEOPLE)).await.expect("applied");
    let second = [
        ("20260102000000_second/up.sql", up),
        ("20260102000000_second/down.sql", down),
    ];
    set(&[&PEOPLE[..], &second].concat())
}

fn with_rows(goals: u64) -> Options {
    Options {
        rows: [("goals".to_owned(), goals)].into(),
        ..Options::default()
    }
}

async fn rehearsed(db: &Database, set: &MigrationSet, options: &Options) -> Rehearsal {
    let found = rehearse(db, set, options).await;
    found.unwrap_or_else(|error| panic!("{}: {error} ({:?})", db.dialect().name(), error.hint()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_migration_goes_up_down_and_up_again() {
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &set(&PEOPLE)).await.expect("applied");
        let told = Arc::new(Mutex::new(Vec::new()));
        let options = Options {
            tell: Some({
                let told = Arc::clone(&told);
                Arc::new(move |what: &str| told.lock().expect("no panic").push(what.to_owned()))
            }),
            ..with_rows(6_000)
        };
        let found = rehearsed(&db, &all(), &options).await;
        assert!(found.is_good(), "{}", found.text());
        assert_eq!(found.migrations, ["20260102000000_add_note"]);
        let filled: Vec<(&str, u64)> = found
            .filled
            .iter()
            .map(|one| (one.table.as_str(), one.rows))
            .collect();
        // Who is referred to comes first.
        assert_eq!(filled, [("people", 1_000), ("goals", 6_000)]);
        let ways: Vec<(&str, usize)> = found
            .ways
            .iter()
            .map(|way| (way.name, way.statements.len()))
            .collect();
        assert_eq!(ways, [("up", 3), ("down", 2), ("up again", 3)]);
        let add = &found.ways[0].statements[0];
        assert!(add.took > Duration::ZERO && !add.lock.is_empty());
        assert!(add.statement.starts_with("ALTER TABLE goals"));
        for table in &found.tables {
            assert_eq!(table.states.len(), 4, "{}", table.table);
            let first = &table.states[0];
            let same = |state: &mainstay_migrate::rehearse::report::TableState| {
                (state.rows, &state.checksum) == (first.rows, &first.checksum)
            };
            assert!(table.states.iter().all(same), "{table:?}");
        }
        assert_eq!(count(&db, "goals").await, 6_000);
        let told = told.lock().expect("no panic").join("\n");
        assert!(told.contains("filled goals: 6000 rows"), "{told}");
        close(db).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_the_migrations_make_are_filled_for_the_way_down() {
    for target in targets() {
        let db = target.open().await;
        let options = Options {
            start: Start::First,
            ..with_rows(3_000)
        };
        for _ in 0..2 {
            // The second time it is undone first.
            let found = rehearsed(&db, &all(), &options).await;
            assert!(found.is_good(), "{}", found.text());
            assert_eq!(found.migrations.len(), 2);
            assert_eq!(found.filled.len(), 2);
            assert!(found.tables.is_empty(), "there was none before");
            assert_eq!(count(&db, "goals").await, 0);
        }
        let options = Options {
            start: Start::Version("20260102000000".to_owned()),
            ..with_rows(10)
        };
        let found = rehearsed(&db, &all(), &options).await;
        assert!(found.is_good(), "{}", found.text());
        assert_eq!(found.migrations, ["20260102000000_add_note"]);
        assert_eq!(found.tables.len(), 2);
        // All is applied now.
        let error = rehearse(&db, &all(), &Options::default())
            .await
            .expect_err("nothing");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.detail().contains("nothing to rehearse"), "{error}");
        close(db).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_is_lost_is_noticed() {
    // What goes up, what goes down, and what is said of it.
    let cases = [
        (
            "ALTER TABLE goals DROP COLUMN title",
            "ALTER TABLE goals ADD COLUMN title VARCHAR(40) NOT NULL DEFAULT ''",
            "goals.title",
        ),
        (
            "ALTER TABLE goals ADD COLUMN note VARCHAR(40)",
            "DELETE FROM goals WHERE id > 10; ALTER TABLE goals DROP COLUMN note",
            "goals had 2000 rows and has ",
        ),
        (
            "ALTER TABLE goals ADD COLUMN note VARCHAR(40)",
            "UPDATE goals SET person_id = 1; ALTER TABLE goals DROP COLUMN note",
            "the values of goals.person_id are others after going up and down",
        ),
        (
            "ALTER TABLE goals ADD COLUMN note VARCHAR(40)",
            "SELECT 1",
            "the way up again failed: ",
        ),
        (
            "CREATE TABLE notes (id INTEGER PRIMARY KEY)",
            "DROP TABLE notes; CREATE TABLE other_notes (id INTEGER PRIMARY KEY)",
            "table other_notes is in the one after going up and down",
        ),
        (
            "CREATE TABLE goals (id INTEGER PRIMARY KEY)",
            "DROP TABLE goals",
            "the way up failed: migration 20260102000000_second",
        ),
    ];
    for (up, down, said) in cases {
        for target in targets() {
            let db = target.open().await;
            let set = with_second(&db, up, down).await;
            let found = rehearsed(&db, &set, &with_rows(2_000)).await;
            let failures = found.failures.join("\n");
            assert!(
                failures.contains(said),
                "{}: {up}: {failures}",
                db.dialect().name()
            );
            assert!(!found.is_good());
            close(db).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_statement_means_to_change_is_a_remark() {
    for target in targets() {
        let db = target.open().await;
        let up = "UPDATE goals SET title = 'x' WHERE status = 'open'";
        let set = with_second(&db, up, "SELECT 1").await;
        let found = rehearsed(&db, &set, &with_rows(500)).await;
        assert!(found.is_good(), "{}", found.text());
        let remarks = found.remarks.join("\n");
        assert!(
            remarks.contains("goals.title are others after the way up"),
            "{remarks}"
        );
        close(db).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_goes_up_only() {
    for target in targets() {
        let db = target.open().await;
        let up = "-- mainstay: irreversible because the titles are gone\n\
                  ALTER TABLE goals DROP COLUMN title";
        let set = with_second(&db, up, "").await;
        let found = rehearsed(&db, &set, &with_rows(500)).await;
        assert!(found.is_good(), "{}", found.text());
        assert_eq!(found.ways.len(), 1);
        assert!(
            found.remarks[0].contains("the titles are gone"),
            "{:?}",
            found.remarks
        );
        close(db).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_held_and_tables_are_known() {
    for target in targets() {
        let db = target.open().await;
        migrate(&db, &set(&PEOPLE)).await.expect("applied");
        let options = Options {
            rows: [("golas".to_owned(), 5)].into(),
            ..Options::default()
        };
        let error = rehearse(&db, &all(), &options).await.expect_err("misspelt");
        assert!(error.detail().contains("no table golas"), "{error}");
        let options = Options {
            start: Start::Version("20260102000000".to_owned()),
            limit: Duration::from_nanos(1),
            ..Options::default()
        };
        let found = rehearsed(&db, &all(), &options).await;
        assert_eq!(found.failures.len(), 3, "{}", found.text());
        assert!(
            found.failures[0].contains("which is more than"),
            "{}",
            found.text()
        );
        let options = Options {
            start: Start::Version("20260103000000".to_owned()),
            ..Options::default()
        };
        let error = rehearse(&db, &all(), &options).await.expect_err("unknown");
        assert!(
            error.detail().contains("no migration of version"),
            "{error}"
        );
        close(db).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_are_seen_where_the_engine_shows_them() {
    for target in targets() {
        let db = target.open().await;
        if !speaks(&db, "postgres") {
            close(db).await;
            continue;
        }
        let up = "ALTER TABLE goals ADD COLUMN note VARCHAR(40); SELECT pg_sleep(0.3)";
        let set = with_second(&db, up, "ALTER TABLE goals DROP COLUMN note").await;
        let found = rehearsed(&db, &set, &with_rows(100)).await;
        assert!(found.is_good(), "{}", found.text());
        let seen: Vec<&String> = found.ways[0]
            .statements
            .iter()
            .flat_map(|statement| &statement.seen)
            .collect();
        assert!(
            seen.iter()
                .any(|lock| **lock == "AccessExclusiveLock on goals"),
            "{seen:?}"
        );
        assert!(
            found
                .locks_from
                .is_some_and(|from| from.contains("pg_locks"))
        );
        close(db).await;
    }
}

/// Types and keys of each engine's own.
#[tokio::test(flavor = "multi_thread")]
async fn tables_of_many_types_are_filled() {
    for target in targets() {
        let db = target.open().await;
        let tables: &[&str] = match db.dialect().slug() {
            "sqlite" => &[
                "CREATE TABLE a (id TEXT NOT NULL PRIMARY KEY, parent_id TEXT REFERENCES a (id), \
                 n INTEGER NOT NULL CHECK (n BETWEEN -5 AND 5), r REAL, b BLOB, \
                 flag INTEGER NOT NULL CHECK (flag IN (0, 1)), j TEXT CHECK (json_valid(j)), \
                 created_at TEXT NOT NULL, twice INTEGER AS (n * 2) STORED) STRICT",
                "CREATE TABLE b (a_id TEXT NOT NULL REFERENCES a (id), kind TEXT NOT NULL \
                 CHECK (kind IN ('x', 'y')), PRIMARY KEY (a_id, kind)) STRICT, WITHOUT ROWID",
            ],
            "postgres" => &[
                "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
                "CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                 parent_id bigint REFERENCES a (id), u uuid NOT NULL UNIQUE, m mood NOT NULL, \
                 n smallint NOT NULL CHECK (n BETWEEN -5 AND 5), d numeric(6, 2) NOT NULL, \
                 f real, g double precision, b bytea, flag boolean NOT NULL, j jsonb, day date, \
                 at timestamptz NOT NULL, t time, tags text[] NOT NULL, c char(3), \
                 twice integer GENERATED ALWAYS AS (n * 2) STORED)",
                "CREATE TABLE b (a_id bigint NOT NULL REFERENCES a (id), kind text NOT NULL \
                 CHECK (kind IN ('x', 'y')), s serial NOT NULL, PRIMARY KEY (a_id, kind))",
            ],
            _ => &[
                "CREATE TABLE a (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
                 parent_id BIGINT UNSIGNED, u BINARY(16) NOT NULL UNIQUE, \
                 m ENUM('sad', 'ok') NOT NULL, n SMALLINT NOT NULL CHECK (n BETWEEN -5 AND 5), \
                 d DECIMAL(6, 2) NOT NULL, f FLOAT, g DOUBLE, b LONGBLOB, flag TINYINT(1) NOT NULL, \
                 j JSON, day DATE, at DATETIME(6) NOT NULL, t TIME, y YEAR, c CHAR(3), \
                 twice INT AS (n * 2) STORED, FOREIGN KEY (parent_id) REFERENCES a (id))",
                "CREATE TABLE b (a_id BIGINT UNSIGNED NOT NULL, kind VARCHAR(5) NOT NULL \
                 CHECK (kind IN ('x', 'y')), PRIMARY KEY (a_id, kind), \
                 FOREIGN KEY (a_id) REFERENCES a (id))",
            ],
        };
        for sql in tables {
            run(&db, sql).await;
        }
        let second = [
            (
                "20260101000000_add/up.sql",
                "ALTER TABLE b ADD COLUMN extra INTEGER",
            ),
            (
                "20260101000000_add/down.sql",
                "ALTER TABLE b DROP COLUMN extra",
            ),
        ];
        let options = Options {
            rows: [("a".to_owned(), 3_000), ("b".to_owned(), 5_000)].into(),
            ..Options::default()
        };
        let found = rehearsed(&db, &set(&second), &options).await;
        assert!(found.is_good(), "{}", found.text());
        assert_eq!(count(&db, "a").await, 3_000);
        assert_eq!(count(&db, "b").await, 5_000);
        // More of them, behind those that are there.
        let more = Options {
            start: Start::First,
            rows: [("a".to_owned(), 3_500), ("b".to_owned(), 5_000)].into(),
            ..Options::default()
        };
        let found = rehearsed(&db, &set(&second), &more).await;
        assert!(found.is_good(), "{}", found.text());
        assert_eq!(count(&db, "a").await, 3_500);
        if speaks(&db, "postgres") {
            // The engine goes on counting behind them.
            run(
                &db,
                "INSERT INTO a (u, m, n, d, flag, at, tags) VALUES \
                      (gen_random_uuid(), 'ok', 1, 1, true, now(), '{}')",
            )
            .await;
        }
        close(db).await;
    }
}
