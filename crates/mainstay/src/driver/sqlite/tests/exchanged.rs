//! Files that are deleted, moved or replaced while they are in use.

use std::path::PathBuf;

use tokio::time::{Instant, sleep};

use super::*;
use crate::driver::BeginOptions;
use crate::driver::sqlite::watch::Found;
use crate::error::{Error, ErrorKind, Outcome};

/// A test that waits for this long has failed.
const LONG: Duration = Duration::from_secs(60);

fn at(fixture: &Fixture, name: &str) -> PathBuf {
    fixture.folder.path().join(name)
}

/// The names of the database file and what SQLite keeps beside it.
const ALL: [&str; 3] = ["test.db", "test.db-wal", "test.db-shm"];

fn remove(fixture: &Fixture, names: &[&str]) {
    for name in names {
        std::fs::remove_file(at(fixture, name)).unwrap();
    }
}

/// Another database, with the table and a row of its own. Nothing is beside it.
fn other(fixture: &Fixture) -> PathBuf {
    let path = at(fixture, "other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT UNIQUE) STRICT; \
             INSERT INTO t VALUES (1000, 'other')",
        )
        .unwrap();
    path
}

/// Writes again and again, until it is refused. Returns how often it was not.
async fn refused(fixture: &Fixture, id: &mut i64) -> Error {
    let until = Instant::now() + LONG;
    while Instant::now() < until {
        *id += 1;
        if let Err(error) = fixture.writer().run(insert(*id), &mut Ignore).await {
            return error;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("writes went on");
}

/// Writes again and again, until it is taken.
async fn taken(fixture: &Fixture, id: i64) {
    let until = Instant::now() + LONG;
    while let Err(error) = fixture.writer().run(insert(id), &mut Ignore).await {
        assert!(Instant::now() < until, "{error}");
        sleep(Duration::from_millis(10)).await;
    }
}

fn assert_unavailable(error: &Error, what: &str) {
    assert_eq!(
        (error.kind(), error.http_status(), error.outcome()),
        (ErrorKind::Unreachable, 503, Outcome::NotApplied)
    );
    assert!(error.retry_after().is_some());
    assert!(error.detail().contains(what), "{error}");
    assert!(error.hint().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_is_noticed_and_comes_back() {
    let fixture = Fixture::with_table().await;
    let other = other(&fixture);
    let (mut reader, mut id) = (fixture.reader().await, 0);
    remove(&fixture, &ALL);
    let error = refused(&fixture, &mut id).await;
    assert_unavailable(&error, "was deleted");
    let read = number(&mut *reader, "SELECT count(*) FROM t").await;
    assert_unavailable(&read.unwrap_err(), "was deleted");
    assert!(reader.is_broken());
    let dialled = fixture.driver.connect(Duration::from_secs(5)).await;
    assert_unavailable(&dialled.unwrap_err(), "was deleted");
    for result in [
        fixture.writer().begin(BeginOptions::default()).await,
        fixture.writer().run_script("CREATE TABLE u (id)").await,
    ] {
        assert_unavailable(&result.unwrap_err(), "was deleted");
    }
    for name in ALL {
        assert!(!at(&fixture, name).exists(), "{name} was made");
    }

    // A file without a byte is none.
    std::fs::write(at(&fixture, "test.db"), "").unwrap();
    let error = refused(&fixture, &mut id).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    sleep(Duration::from_millis(500)).await;
    assert_unavailable(&refused(&fixture, &mut id).await, "empty file");

    std::fs::rename(other, at(&fixture, "test.db")).unwrap();
    taken(&fixture, 1).await;
    assert_eq!(fixture.count().await, 2);
    // The old one is on what is gone.
    let error = number(&mut *reader, "SELECT count(*) FROM t").await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::ConnectionLost);
    assert!(reader.is_broken());
    drop(reader);
    fixture.driver.close().await.unwrap();
    let left = rusqlite::Connection::open(at(&fixture, "test.db")).unwrap();
    let check: String = left
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_beside_an_old_log_is_not_touched() {
    let fixture = Fixture::with_table().await;
    let other = other(&fixture);
    fixture.writer().run(insert(1), &mut Ignore).await.unwrap();
    let before = std::fs::read(&other).unwrap();
    std::fs::rename(other, at(&fixture, "test.db")).unwrap();
    let mut id = 1;
    let error = refused(&fixture, &mut id).await;
    assert_unavailable(&error, "log of the old file");
    sleep(Duration::from_millis(700)).await;
    assert_unavailable(&refused(&fixture, &mut id).await, "log of the old file");
    // Nobody has it open yet, so that reading it breaks no lock.
    assert_eq!(std::fs::read(at(&fixture, "test.db")).unwrap(), before);

    remove(&fixture, &ALL[1..]);
    taken(&fixture, 1).await;
    assert_eq!(fixture.count().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_committed_to_a_file_that_is_gone() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    writer.begin(BeginOptions::default()).await.unwrap();
    writer.run(insert(1), &mut Ignore).await.unwrap();
    let aside = ["aside.db", "aside.db-wal", "aside.db-shm"];
    for (name, aside) in ALL.iter().zip(aside) {
        std::fs::rename(at(&fixture, name), at(&fixture, aside)).unwrap();
    }
    let until = Instant::now() + LONG;
    while fixture.driver.shared_writer().watch().standing() == Found::Same {
        assert!(Instant::now() < until, "nobody looks");
        sleep(Duration::from_millis(10)).await;
    }
    let error = writer.commit().await.unwrap_err();
    assert_unavailable(&error, "was deleted or moved away");

    // It is the same file, with the same log, when it is back.
    for (name, aside) in ALL.iter().zip(aside).rev() {
        std::fs::rename(at(&fixture, aside), at(&fixture, name)).unwrap();
    }
    taken(&fixture, 2).await;
    assert_eq!(fixture.count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_only_reads_comes_to_the_new_file_too() {
    let fixture = Fixture::with_table().await;
    let other = other(&fixture);
    remove(&fixture, &ALL);
    std::fs::rename(other, at(&fixture, "test.db")).unwrap();
    let until = Instant::now() + LONG;
    loop {
        let dialled = fixture.driver.connect(Duration::from_secs(5)).await;
        if let Ok(mut reader) = dialled
            && let Ok(1) = number(&mut *reader, "SELECT count(*) FROM t").await
        {
            break;
        }
        assert!(Instant::now() < until, "the new file is not read");
        sleep(Duration::from_millis(10)).await;
    }
}
