//! Whether a copy is whole, and what its tables hold.
//!
//! The two are found out at the same time, on a thread and a connection each, since both read all of
//! the file; the caller's own thread has something else to do meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// What is shared by the threads: whether to stop, and why first.
struct Course<'a> {
    path: &'a Path,
    control: &'a Control,
    stop: Arc<AtomicBool>,
    why: Mutex<Option<Error>>,
}

impl Course<'_> {
    /// The first to fail ends the others, who then have nothing to say.
    fn fail(&self, error: Error) {
        let mut why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.stop.swap(true, Ordering::AcqRel) {
            *why = Some(error);
        }
    }

    fn sql(&self, error: &rusqlite::Error) -> Error {
        of_sqlite(self.path, error)
    }

    /// A connection that ends its statement when it is to stop.
    fn open(&self) -> Result<Connection> {
        let connection = open::existing(self.path, WAIT)?;
        let (stop, control) = (Arc::clone(&self.stop), self.control.clone());
        connection
            .progress_handler(
                STEPS,
                Some(move || stop.load(Ordering::Relaxed) || control.is_cancelled()),
            )
            .map_err(|error| self.sql(&error))?;
        Ok(connection)
    }

    fn run<T>(&self, work: impl FnOnce() -> Result<T>) -> Option<T> {
        match work() {
            Ok(done) => Some(done),
            Err(error) => {
                self.fail(self.control.check().err().unwrap_or(error));
                None
            }
        }
    }
}

/// Tries a copy out, and does `beside` meanwhile. The first of all errors is returned.
pub(super) fn run(
    path: &Path,
    control: &Control,
    beside: impl FnOnce() -> Result<()>,
) -> Result<Vec<Table>> {
    let course = Course {
        path,
        control,
        stop: Arc::new(AtomicBool::new(false)),
        why: Mutex::new(None),
    };
    let tables = std::thread::scope(|scope| {
        let course = &course;
        scope.spawn(|| course.run(|| look_over(course)));
        let tables = scope.spawn(|| course.run(|| contents(course)));
        course.run(beside);
        tables.join().ok().flatten()
    });
    let why = course
        .why
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match (why, tables) {
        (Some(error), _) => Err(error),
        (None, Some(tables)) => Ok(tables),
        (None, None) => Err(Error::new(
            ErrorKind::Unexpected,
            format!("{}: the thread that reads it ended early", path.display()),
        )),
    }
}

fn look_over(course: &Course<'_>) -> Result<()> {
    let connection = course.open()?;
    let found = integrity(&connection).map_err(|error| course.sql(&error))?;
    if !found.is_empty() {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("{} is damaged: {}", course.path.display(), found.join("; ")),
        )
        .with_hint(
            "keep a copy of the file with its -wal, look at the disk, and restore the last backup \
             that is whole; what can still be read comes out with .recover of the sqlite3 program",
        ));
    }
    warn_of_foreign_keys(&connection, course);
    Ok(())
}

/// What SQLite finds wrong. Empty: nothing.
fn integrity(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({PROBLEMS})"))?;
    let lines = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(if lines == ["ok"] { Vec::new() } else { lines })
}

/// Rows whose parents are missing were let in by the application, and are as they were.
fn warn_of_foreign_keys(connection: &Connection, course: &Course<'_>) {
    let counted = connection
        .prepare("SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY \"table\"")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
    match counted {
        Ok(tables) => {
            for (table, rows) in tables {
                tracing::warn!(
                    target: "mainstay::backup",
                    path = %course.path.display(), table, rows,
                    "rows violate a foreign key; they did so in the database"
                );
            }
        }
        Err(_) if course.stop.load(Ordering::Relaxed) || course.control.is_cancelled() => {}
        Err(error) => tracing::warn!(
            target: "mainstay::backup",
            path = %course.path.display(), %error,
            "the foreign keys cannot be checked"
        ),
    }
}

fn contents(course: &Course<'_>) -> Result<Vec<Table>> {
    let connection = course.open()?;
    let sql = |error: rusqlite::Error| course.sql(&error);
    let mut tables = Vec::new();
    for source in rows::sources(&connection).map_err(sql)? {
        course.control.check()?;
        match rows::read(&connection, &source, &course.stop).map_err(sql)? {
            Some(table) => tables.push(table),
            None => break,
        }
    }
    Ok(tables)
}
