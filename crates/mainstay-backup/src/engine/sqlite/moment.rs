//! The moment whose state is copied.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Clock, Result};
use rusqlite::Connection;

use super::error::of_sqlite;
use super::open;

/// How often the beginning is tried at a moment in which nobody commits.
const ATTEMPTS: usize = 100;

/// Transactions that read, and when they began.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) reader: Connection,
    /// Another one that sees the same, where that came about.
    pub(super) second: Option<Connection>,
    /// All that was committed before is in it, and nothing that was begun after.
    pub(super) taken_at: DateTime<Utc>,
}

impl Moment {
    /// Begins to read.
    ///
    /// Between reading the clock and the transactions' beginning somebody may commit. One more
    /// connection notices, and then they are begun again. Where commits follow one another so
    /// closely that this never goes well there is one transaction only, and what was committed
    /// within some microseconds after the moment may be in it too.
    pub(super) fn begin(path: &Path, wait: Duration, clock: &dyn Clock) -> Result<Self> {
        let reader = open::existing(path, wait)?;
        let second = open::existing(path, wait)?;
        let witness = open::existing(path, wait)?;
        let sql = |error: rusqlite::Error| of_sqlite(path, &error);
        warn_of_journal(&reader, path).map_err(sql)?;
        let (taken_at, is_same) = begin(&reader, &second, &witness, clock).map_err(sql)?;
        Ok(Self {
            reader,
            second: is_same.then_some(second),
            taken_at,
        })
    }

    /// Begins to read while somebody keeps writers out.
    pub(super) fn without_writers(path: &Path, clock: &dyn Clock) -> Result<Self> {
        let reader = open::existing(path, Duration::ZERO)?;
        let second = open::existing(path, Duration::ZERO)?;
        let taken_at = clock.now();
        for connection in [&reader, &second] {
            connection
                .execute_batch("BEGIN")
                .and_then(|()| open::first_look(connection))
                .map_err(|error| of_sqlite(path, &error))?;
        }
        Ok(Self {
            reader,
            second: Some(second),
            taken_at,
        })
    }
}

/// Without a log whoever reads keeps writers out.
fn warn_of_journal(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        tracing::warn!(
            target: "mainstay::backup",
            path = %path.display(), mode,
            "the database is not in WAL mode: nobody can write to it while it is copied"
        );
    }
    Ok(())
}

fn begin(
    reader: &Connection,
    second: &Connection,
    witness: &Connection,
    clock: &dyn Clock,
) -> rusqlite::Result<(DateTime<Utc>, bool)> {
    let version = || witness.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0));
    let mut attempt = 0;
    loop {
        let before = version()?;
        let now = clock.now();
        for connection in [reader, second] {
            connection.execute_batch("BEGIN")?;
            open::first_look(connection)?;
        }
        attempt += 1;
        let is_same = version()? == before;
        if is_same || attempt == ATTEMPTS {
            return Ok((now, is_same));
        }
        for connection in [reader, second] {
            connection.execute_batch("ROLLBACK")?;
        }
    }
}
