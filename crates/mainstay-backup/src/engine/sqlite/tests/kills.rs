//! Killed at every point, a restore leaves the old database or the new one, and a backup nothing.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::super::swap::{Names, swap};
use super::*;

/// Named so that the configuration does not take them for its own.
const PATH: &str = "MAINSTAY_TEST_BACKUP_PATH";
const WORK: &str = "MAINSTAY_TEST_BACKUP_WORK";
const STOP: &str = "MAINSTAY_TEST_BACKUP_STOP";

fn at(place: &str) {
    let mut out = std::io::stdout();
    // The harness may have begun the line.
    writeln!(out, "\n=== {place}").expect("somebody reads");
    out.flush().expect("somebody reads");
    while std::env::var(STOP).is_ok_and(|stop| stop == place) {
        std::thread::park();
    }
}

/// Says where it is at each piece.
struct Says(u32);

impl Write for Says {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += 1;
        at(&format!("piece {}", self.0));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::io::Read for Says {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.0 += 1;
        at(&format!("piece {}", self.0));
        bytes.fill(0);
        bytes[..16].copy_from_slice(b"SQLite format 3\0");
        Ok(bytes.len())
    }
}

/// The tests below start this one as a process.
#[test]
fn a_process() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    let path = Path::new(&path);
    let engine = engine(path);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match std::env::var(WORK).expect("work").as_str() {
        "capture" => {
            let captured = engine.capture(Kind::Physical, &mut Says(0), &Control::new());
            captured.expect("captured");
        }
        "restore" => {
            let backup = back_up(&engine).expect("a backup");
            let place = runtime.block_on(engine.place()).expect("a place");
            let mut manifest = backup.manifest;
            manifest.raw_bytes = 1 << 22;
            let _ = engine.restore(&manifest, &mut Says(0), &place, &Control::new());
        }
        names => {
            let names = match names {
                "linked" => Names::Linked,
                _ => Names::Renamed,
            };
            let new = path.with_file_name("new.db");
            swap(path, &new, SystemClock.now(), names, &mut |step| {
                at(&format!("{step:?}"))
            })
            .expect("swapped");
        }
    }
    at("done");
}

fn start(path: &Path, work: &str, stop: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args([
            "--exact",
            "engine::sqlite::tests::kills::a_process",
            "--nocapture",
        ])
        .env(PATH, path)
        .env(WORK, work)
        .env(STOP, stop)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command.spawn().expect("it starts")
}

fn kill_at(path: &Path, work: &str, stop: &str) {
    let mut child = start(path, work, stop);
    let out = child.stdout.take().expect("piped");
    let line = format!("=== {stop}");
    let said = BufReader::new(out)
        .lines()
        .map_while(std::io::Result::ok)
        .any(|said| said == line);
    assert!(said, "it ended before it was at {stop:?}");
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
}

fn database(path: &Path, value: i64) {
    make(
        path,
        &format!("CREATE TABLE t (a); INSERT INTO t VALUES ({value})"),
    );
    // A row that is only in the log, as a killed application leaves it.
    let connection = Connection::open(path).expect("opens");
    connection
        .execute_batch(
            "PRAGMA wal_autocheckpoint = 0; CREATE TABLE late (a); INSERT INTO late VALUES (1)",
        )
        .expect("runs");
    let log = std::fs::read(path.with_extension("db-wal")).expect("a log");
    let file = std::fs::read(path).expect("read");
    drop(connection);
    std::fs::write(path, file).expect("written");
    std::fs::write(path.with_extension("db-wal"), log).expect("written");
}

fn is_whole(path: &Path) -> i64 {
    let connection = Connection::open(path).expect("opens");
    let ok: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checked");
    assert_eq!(ok, "ok");
    assert_eq!(
        number(path, "SELECT count(*) FROM late"),
        1,
        "what was in the log"
    );
    number(path, "SELECT a FROM t")
}

#[test]
fn a_swap_killed_at_any_step_leaves_the_old_database_or_the_new() {
    for work in ["linked", "renamed"] {
        for (stop, value) in [("Locked", 1), ("Kept", 1), ("Renamed", 2), ("done", 2)] {
            let folder = tempfile::tempdir().expect("a folder");
            let (path, new) = (folder.path().join("app.db"), folder.path().join("new.db"));
            database(&path, 1);
            database(&new, 2);
            kill_at(&path, work, stop);
            let names = names(folder.path());
            let kept = names
                .iter()
                .find(|name| name.contains(".before-restore-") && !name.ends_with("-wal"));
            let kept = kept.map(|name| folder.path().join(name));
            assert_eq!(kept.is_some(), stop != "Locked", "{names:?}");
            if work == "renamed" && stop == "Kept" {
                // What stands in between where files cannot have two names.
                assert!(!path.exists());
                assert_eq!(is_whole(&kept.expect("kept")), 1);
                continue;
            }
            assert_eq!(is_whole(&path), value, "{work} {stop}");
            if value == 2 {
                assert_eq!(is_whole(&kept.expect("kept")), 1);
                assert!(!names.iter().any(|name| name == "new.db"), "{names:?}");
            }
        }
    }
}

#[test]
fn a_swap_killed_at_any_moment_leaves_the_old_database_or_the_new() {
    let mut seen = [0; 2];
    for round in 0..30_u64 {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, new) = (folder.path().join("app.db"), folder.path().join("new.db"));
        database(&path, 1);
        database(&new, 2);
        let mut child = start(&path, "linked", "");
        std::thread::sleep(Duration::from_millis(round));
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        let value = is_whole(&path);
        seen[usize::try_from(value - 1).expect("1 or 2")] += 1;
    }
    assert_eq!(seen[0] + seen[1], 30, "{seen:?}");
}

#[tokio::test]
async fn what_killed_backups_and_restores_leave_is_removed_by_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    make(
        &path,
        "CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(3000000))",
    );
    kill_at(&path, "restore", "piece 3");
    kill_at(&path, "capture", "piece 2");
    let mut left = names(folder.path());
    // Whether the killed one still read the tables decides whether their log is there.
    left.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    assert_eq!(left.len(), 3, "the database, a copy and a place: {left:?}");
    let engine = engine(&path);
    let backup = back_up(&engine).expect("a backup");
    assert_eq!(names(folder.path()).len(), 2);
    let (place, tables) = restore(&engine, &backup).await.expect("restored");
    assert_eq!(tables, backup.manifest.tables);
    engine.discard(place).await.expect("discarded");
    assert_eq!(names(folder.path()), ["app.db"]);
}
