//! Whether a database is whole, and what its tables hold.
//!
//! Either takes a look at all of the file, so it runs on a thread beside something else; the first of
//! the two to fail ends the other.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mainstay::{Error, ErrorKind, Result};
use rusqlite::Connection;

use super::error::of_sqlite;
use super::{open, rows};
use crate::archive::Table;
use crate::control::Control;

/// As many problems are named.
const PROBLEMS: u32 = 5;

/// As many steps of SQLite's machine between two looks whether it is to stop.
const STEPS: i32 = 20_000;

/// A copy is nobody else's; but whoever looked at it a moment ago may be about to close it.
const WAIT: Duration = Duration::from_secs(5);

/// How closely it is looked whether a database is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Every page and every row.
    Pages,
    /// Whether the indexes have what the tables have, too, and every row its parents. That takes
    /// several times as long.
    Indexes,
}

/// What is shared by two threads: whether to stop, and why first.
pub(super) struct Course<'a> {
    path: &'a Path,
    control: &'a Control,
    stop: Arc<AtomicBool>,
    why: Mutex<Option<Error>>,
}

/// Does `beside` on a thread of its own, and `here` on this one. The first error is returned.
pub(super) fn together<A: Send, B>(
    path: &Path,
    control: &Control,
    beside: impl FnOnce(&Course<'_>) -> Result<A> + Send,
    here: impl FnOnce(&Course<'_>) -> Result<B>,
) -> Result<(A, B)> {
    let course = Course {
        path,
        control,
        stop: Arc::new(AtomicBool::new(false)),
        why: Mutex::new(None),
    };
    let done = std::thread::scope(|scope| {
        let course = &course;
        let beside = scope.spawn(|| course.run(beside));
        let here = course.run(here);
        (beside.join().ok().flatten(), here)
    });
    let why = course
        .why
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match (why, done) {
        (Some(error), _) => Err(error),
        (None, (Some(beside), Some(here))) => Ok((beside, here)),
        (None, _) => Err(Error::new(
            ErrorKind::Unexpected,
            format!("{}: the thread that reads it ended early", path.display()),
        )),
    }
}

/// The other thread is not to wait for one that panicked.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

impl Course<'_> {
    fn run<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Option<T> {
        let _end = StopOnPanic(&self.stop);
        let error = match work(self) {
            Ok(done) => return Some(done),
            Err(error) => self.control.check().err().unwrap_or(error),
        };
        let mut why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        // Who is stopped by the other's failure has nothing to say.
        if !self.stop.swap(true, Ordering::AcqRel) {
            *why = Some(error);
        }
        None
    }

    /// Where the work can stop.
    pub(super) fn check(&self) -> Result<()> {
        self.control.check()?;
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Unexpected, "the other thread failed")),
            false => Ok(()),
        }
    }

    /// A connection whose statements end when they are to stop.
    pub(super) fn open(&self, path: &Path) -> Result<Connection> {
        let connection = open::existing(path, WAIT)?;
        self.attend(&connection)?;
        Ok(connection)
    }

    fn attend(&self, connection: &Connection) -> Result<()> {
        let (stop, control) = (Arc::clone(&self.stop), self.control.clone());
        let handler = move || stop.load(Ordering::Relaxed) || control.is_cancelled();
        connection
            .progress_handler(STEPS, Some(handler))
            .map_err(|error| of_sqlite(self.path, &error))
    }

    /// Whether the database is whole.
    pub(super) fn look_over(&self, connection: &Connection, depth: Depth) -> Result<()> {
        let found = problems(connection, depth).map_err(|error| of_sqlite(self.path, &error))?;
        if !found.is_empty() {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("{} is damaged: {}", self.path.display(), found.join("; ")),
            )
            .with_hint(
                "keep a copy of the file with its -wal, look at the disk, and restore the last \
                 backup that is whole; what can still be read comes out with .recover of the \
                 sqlite3 program",
            ));
        }
        if depth == Depth::Indexes {
            self.warn_of_foreign_keys(connection);
        }
        Ok(())
    }

    /// Rows whose parents are missing were let in by the application, and are as they were.
    fn warn_of_foreign_keys(&self, connection: &Connection) {
        let path = self.path.display();
        match orphans(connection) {
            Ok(tables) => {
                for (table, rows) in tables {
                    tracing::warn!(
                        target: "mainstay::backup", %path, table, rows,
                        "rows violate a foreign key; they did so in the database"
                    );
                }
            }
            Err(_) if self.check().is_err() => {}
            Err(error) => tracing::warn!(
                target: "mainstay::backup", %path, %error,
                "the foreign keys cannot be checked"
            ),
        }
    }

    /// What the tables hold, as this connection sees them.
    pub(super) fn contents(&self, connection: &Connection) -> Result<Vec<Table>> {
        self.attend(connection)?;
        let sql = |error: rusqlite::Error| of_sqlite(self.path, &error);
        let mut tables = Vec::new();
        for source in rows::sources(connection).map_err(sql)? {
            let table = rows::read(connection, &source, &self.stop).map_err(sql)?;
            self.check()?;
            tables.extend(table);
        }
        Ok(tables)
    }
}

/// What SQLite finds wrong. Empty: nothing.
fn problems(connection: &Connection, depth: Depth) -> rusqlite::Result<Vec<String>> {
    let name = match depth {
        Depth::Pages => "quick_check",
        Depth::Indexes => "integrity_check",
    };
    let mut statement = connection.prepare(&format!("PRAGMA {name}({PROBLEMS})"))?;
    let lines = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(if lines == ["ok"] { Vec::new() } else { lines })
}

/// The tables with rows whose parents are missing, and how many they are.
fn orphans(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    connection
        .prepare("SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY \"table\"")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_found_to_the_depth_that_was_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("app.db");
        let connection = Connection::open(&path).expect("opens");
        // An index with other values than the rows have.
        connection
            .execute_batch(
                "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 3), (2, 4); CREATE INDEX i ON t (a);
                 CREATE TABLE child (p REFERENCES parent (id)); CREATE TABLE parent (id PRIMARY KEY);
                 PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (7), (8);
                 PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (b)' WHERE name = 'i'",
            )
            .expect("runs");
        drop(connection);
        let look = |depth| {
            let control = Control::new();
            let here = |course: &Course<'_>| course.look_over(&course.open(&path)?, depth);
            together(&path, &control, |_| Ok(()), here)
        };
        look(Depth::Pages).expect("the pages are right");
        let error = look(Depth::Indexes).expect_err("the index is not");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let connection = open::existing(&path, WAIT).expect("opens");
        let orphans = orphans(&connection).expect("checked");
        assert_eq!(orphans, [("child".to_owned(), 2)]);
    }

    #[test]
    fn the_first_error_ends_the_other_thread_and_is_returned() {
        let fails = |_: &Course<'_>| Err::<(), _>(Error::new(ErrorKind::DiskFull, "no room"));
        let waits = |course: &Course<'_>| {
            while course.check().is_ok() {
                std::thread::yield_now();
            }
            course.check()
        };
        let control = Control::new();
        let path = Path::new("app.db");
        let error = together(path, &control, fails, waits).expect_err("fails");
        assert_eq!(error.kind(), ErrorKind::DiskFull);
        let error = together(path, &control, waits, fails).expect_err("fails");
        assert_eq!(error.kind(), ErrorKind::DiskFull);
        control.cancel();
        let error = together(path, &control, waits, waits).expect_err("stopped");
        assert!(error.detail().contains("stopped"), "{error}");
    }
}
