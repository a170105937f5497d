//! Migrators as processes: killed at every statement, killed while the server works, and many at
//! once.
#![cfg(unix)]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Target, close, count, folder, open, run, schema, speaks, targets};
use mainstay::Database;
use mainstay_migrate::{
    Event, MigrationSet, MigrationState, Options, Progress, migrate, migrate_with, source, status,
};

/// Named so that the configuration does not take them for its own.
const URL: &str = "MAINSTAY_TEST_MIGRATE_URL";
const FOLDER: &str = "MAINSTAY_TEST_MIGRATE_FOLDER";
const STOP: &str = "MAINSTAY_TEST_MIGRATE_STOP";

/// Says where it is, and at one place stays there, to be killed.
struct StopsAt(Option<String>);

impl Progress for StopsAt {
    fn on(&self, event: Event<'_>) {
        let place = match event {
            Event::StatementBegun { position, .. } => format!("begun {position}"),
            Event::StatementDone { position, .. } => format!("done {position}"),
            _ => return,
        };
        say(&place);
        while self.0.as_deref() == Some(&place) {
            std::thread::park();
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    // The harness may have begun the line.
    writeln!(out, "\n=== {line}").expect("somebody reads");
    out.flush().expect("somebody reads");
}

/// The tests below also start this one as a process.
#[test]
fn a_migrator() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let path = std::env::var_os(FOLDER).expect("a folder is named");
    let set = MigrationSet::from_folder(path).expect("the folder is right");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let db = open(&url).await;
        let options = Options {
            progress: Some(Arc::new(StopsAt(std::env::var(STOP).ok()))),
            ..Options::default()
        };
        let report = migrate_with(&db, &set, options).await;
        let report = report.unwrap_or_else(|error| panic!("{error} ({:?})", error.hint()));
        say(&format!("applied {}", report.applied.len()));
        close(db).await;
    });
}

fn start(target: &Target, folder: &tempfile::TempDir, stop: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "kills::a_migrator", "--nocapture"])
        .env(URL, &target.url)
        .env(FOLDER, folder.path())
        .env_remove(STOP)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    if let Some(stop) = stop {
        command.env(STOP, stop);
    }
    command.spawn().expect("the migrator starts")
}

/// Waits for a line. The stream goes on to be read by the one returned.
fn wait_for(child: &mut Child, line: &str) {
    let out = child.stdout.take().expect("piped");
    let line = format!("=== {line}");
    let said = BufReader::new(out)
        .lines()
        .map_while(Result::ok)
        .any(|said| said == line);
    assert!(said, "the migrator ended before it said {line:?}");
}

fn kill(mut child: Child) {
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
}

/// What a migrator that goes to its end says that it applied.
fn applied(mut child: Child) -> usize {
    let out = child.stdout.take().expect("piped");
    let lines = BufReader::new(out).lines().map_while(Result::ok);
    let said: Vec<String> = lines
        .filter_map(|line| line.strip_prefix("=== applied ").map(str::to_owned))
        .collect();
    assert!(child.wait().expect("it ends").success());
    said.first().expect("it says so").parse().expect("a number")
}

/// Thirty statements: tables, rows, columns and indexes in turn.
fn thirty() -> String {
    let mut sql = String::new();
    for n in 0..6 {
        write!(
            sql,
            "CREATE TABLE t{n} (id BIGINT PRIMARY KEY, note VARCHAR(50) NOT NULL);
             INSERT INTO t{n} VALUES (1, 'one'), (2, 'two');
             ALTER TABLE t{n} ADD COLUMN points INTEGER;
             UPDATE t{n} SET points = coalesce(points, 0) + 1;
             CREATE INDEX t{n}_by_note ON t{n} (note);\n"
        )
        .expect("text");
    }
    sql
}

async fn is_complete(db: &Database) {
    for n in 0..6 {
        let table = format!("t{n} WHERE points = 1");
        assert_eq!(count(db, &table).await, 2, "{table}");
    }
}

#[tokio::test]
async fn a_migrator_killed_at_any_statement_is_followed_by_one_that_completes() {
    let files = folder(&[("20260101000000_thirty/up.sql", &thirty())]);
    let set = source::read(files.path()).expect("right").set;
    let expected = {
        let mut all = Vec::new();
        for target in targets() {
            let db = target.open().await;
            migrate(&db, &set).await.expect("up");
            all.push(schema(&db).await);
            close(db).await;
        }
        all
    };
    for (target, expected) in targets().into_iter().zip(expected) {
        let mut kills = 0;
        for position in 0..30 {
            for point in ["begun", "done"] {
                // Each goes on where the one before was killed, or begins anew.
                let place = format!("{point} {position}");
                let mut child = start(&target, &files, Some(&place));
                wait_for(&mut child, &place);
                kill(child);
                kills += 1;
            }
        }
        assert_eq!(kills, 60);
        let db = target.open().await;
        let stand = status(&db, &set).await.expect("status");
        assert!(stand.problems.is_empty(), "{stand:?}");
        let state = match db.capabilities().transactional_ddl {
            true => MigrationState::Pending,
            false => MigrationState::HalfApplied,
        };
        assert_eq!(stand.count(state), 1);
        assert_eq!(applied(start(&target, &files, None)), 1);
        is_complete(&db).await;
        assert_eq!(schema(&db).await, expected);
        assert!(status(&db, &set).await.expect("status").is_current());
        close(db).await;
    }
}

#[tokio::test]
async fn a_killed_migrators_statement_is_waited_for_and_not_run_twice() {
    let files = folder(&[
        (
            "20260101000000_create/up.sql",
            "CREATE TABLE goals (id BIGINT PRIMARY KEY, note VARCHAR(50))",
        ),
        (
            "20260102000000_extend/up.mysql.sql",
            "ALTER TABLE goals ADD COLUMN points INTEGER; UPDATE goals SET points = 1",
        ),
        (
            "20260102000000_extend/up.postgres.sql",
            "-- mainstay: no-transaction
             CREATE INDEX CONCURRENTLY goals_by_note ON goals (note);
             INSERT INTO goals VALUES (1, 'one')",
        ),
        ("20260102000000_extend/up.sqlite.sql", "SELECT 1"),
    ]);
    for target in targets().into_iter().skip(1) {
        let db = target.open().await;
        let set = source::read(files.path()).expect("right").set;
        let first = mainstay_migrate::Goal::UpTo("20260101000000".to_owned());
        migrate_with(&db, &set, first.into()).await.expect("up");
        let other = target.open().await;
        let blocked = other.transaction(|tx| {
            let (db, target, files) = (&db, &target, &files);
            async move {
                // What the migration changes is in use: its statement waits on the server.
                let lock = match speaks(db, "postgres") {
                    true => "UPDATE goals SET note = note",
                    false => "SELECT count(*) FROM goals",
                };
                tx.script(lock).await?;
                let mut child = start(target, files, None);
                wait_for(&mut child, "begun 0");
                waiting(db).await;
                kill(child);
                // The server has not noticed: the statement still waits, and has the lock.
                let second = start(target, files, None);
                tokio::time::sleep(Duration::from_millis(700)).await;
                waiting(db).await;
                Ok::<_, mainstay::Error>(second)
            }
        });
        let second = blocked.max_attempts(1).await.expect("it holds the table");
        assert_eq!(applied(second), 1);
        if speaks(&db, "postgres") {
            assert_eq!(count(&db, "goals").await, 1);
            let valid = "pg_index WHERE indexrelid = 'goals_by_note'::regclass AND indisvalid";
            assert_eq!(count(&db, valid).await, 1);
        }
        let stand = status(&db, &set).await.expect("status");
        assert!(stand.is_current(), "{stand:?}");
        close(other).await;
        close(db).await;
    }
}

/// Waits until a statement of a migration waits on the server.
async fn waiting(db: &Database) {
    let query = match speaks(db, "postgres") {
        true => {
            "pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active' \
             AND wait_event_type = 'Lock'"
        }
        false => {
            "information_schema.processlist WHERE info LIKE 'ALTER TABLE goals%' \
             AND state LIKE 'Waiting for table metadata lock%'"
        }
    };
    while count(db, query).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn twenty_that_start_at_once_apply_each_migration_once() {
    let files = folder(&[
        ("20260101000000_thirty/up.sql", &thirty()),
        (
            "20260102000000_more/up.sql",
            "INSERT INTO t0 VALUES (3, 'three', 1)",
        ),
        (
            "20260103000000_last/up.sql",
            "CREATE TABLE last (id BIGINT)",
        ),
    ]);
    for target in targets() {
        let db = target.open().await;
        let children: Vec<Child> = (0..20).map(|_| start(&target, &files, None)).collect();
        let sum: usize = children.into_iter().map(applied).sum();
        assert_eq!(sum, 3);
        assert_eq!(count(&db, "t0").await, 3);
        assert_eq!(
            count(&db, "_mainstay_migrations WHERE state = 'applied'").await,
            3
        );
        run(&db, "DROP TABLE last").await;
        close(db).await;
    }
}
