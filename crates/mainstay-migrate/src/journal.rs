//! The table of what is known of a migration that runs statement by statement:
//! `_mainstay_journal`.
//!
//! A migration that has begun has a row at position 0, and one for each statement that was started,
//! from 1 on, with the schema's fingerprint before it and after. When it is done, its rows go.

use chrono::{DateTime, Utc};
use mainstay::database::Sql as Query;
use mainstay::driver::Row;
use mainstay::schema::Dialect;
use mainstay::{Database, Error, ErrorKind, Result};

use crate::dialect;
use crate::history::{FORMAT, HistoryRow, read_with, table_exists, table_exists_with};
use crate::migration::Direction;

/// The table's name.
pub const TABLE: &str = dialect::JOURNAL;

/// What is known of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// The migration's version.
    pub version: String,
    /// The statement, counted from 1; 0 for the beginning.
    pub position: u32,
    /// Which way the migration is taken.
    pub direction: Direction,
    /// Whether it is known to have ended.
    pub done: bool,
    /// The statement's fingerprint, or the whole text's.
    pub checksum: String,
    /// The schema's fingerprint before it.
    pub before: Option<String>,
    /// When it was started.
    pub started_at: DateTime<Utc>,
}

/// All that a database has recorded of migrations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The migrations, oldest first.
    pub history: Vec<HistoryRow>,
    /// The statements of those that have begun and not ended, in order.
    pub journal: Vec<JournalRow>,
}

/// Reads both tables. Reads only; a table that is missing has no rows.
///
/// # Errors
/// Those of reading.
pub async fn read(db: &Database) -> Result<Recorded> {
    let history = crate::history::read(db).await?;
    let journal = match table_exists(db, TABLE).await? {
        true => db.sql(READ).fetch_with(read_row).await?,
        false => Vec::new(),
    };
    Ok(Recorded { history, journal })
}

/// The same where the history exists.
pub(crate) async fn read_recorded(
    query: impl Fn(&'static str) -> Query,
    dialect: Dialect,
) -> Result<Recorded> {
    let history = read_with(&query).await?;
    let journal = match table_exists_with(&query, dialect, TABLE).await? {
        true => query(READ).fetch_with(read_row).await?,
        false => Vec::new(),
    };
    Ok(Recorded { history, journal })
}

const READ: &str = "SELECT version, position, direction, state, checksum, before_it, started_at, \
                    format FROM _mainstay_journal ORDER BY version, position";

fn read_row(row: &Row<'_>) -> Result<JournalRow> {
    let format: i32 = row.get(7)?;
    if format > FORMAT {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("{TABLE} was written by a newer version of Mainstay (format {format}, this one knows {FORMAT})"),
        )
        .with_hint("run the newest release of the application"));
    }
    let position: i64 = row.get(1)?;
    let direction: String = row.get(2)?;
    let state: String = row.get(3)?;
    Ok(JournalRow {
        version: row.get(0)?,
        position: u32::try_from(position).unwrap_or(u32::MAX),
        direction: match direction == Direction::Down.as_str() {
            true => Direction::Down,
            false => Direction::Up,
        },
        done: state == "done",
        checksum: row.get(4)?,
        before: row.get(5)?,
        started_at: row.get(6)?,
    })
}

/// The statement that records a row.
pub(crate) fn insert(
    query: impl Fn(&'static str) -> Query,
    row: &JournalRow,
    after: Option<&str>,
    duration_ms: u64,
) -> Query {
    query(
        "INSERT INTO _mainstay_journal (version, position, direction, state, checksum, before_it, \
         after_it, started_at, duration_ms, format) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.version.as_str())
    .bind(i32::try_from(row.position).unwrap_or(i32::MAX))
    .bind(row.direction.as_str())
    .bind(state(row.done))
    .bind(row.checksum.as_str())
    .bind(row.before.clone())
    .bind(after.map(str::to_owned))
    .bind(row.started_at)
    .bind(i64::try_from(duration_ms).unwrap_or(i64::MAX))
    .bind(FORMAT)
}

/// Records that a started statement has ended.
pub(crate) fn finish(
    query: impl Fn(&'static str) -> Query,
    row: &JournalRow,
    after: Option<&str>,
    duration_ms: u64,
) -> Query {
    query(
        "UPDATE _mainstay_journal SET state = ?, after_it = ?, duration_ms = ? \
         WHERE version = ? AND position = ?",
    )
    .bind(state(true))
    .bind(after.map(str::to_owned))
    .bind(i64::try_from(duration_ms).unwrap_or(i64::MAX))
    .bind(row.version.as_str())
    .bind(i32::try_from(row.position).unwrap_or(i32::MAX))
}

/// Forgets a statement that did not take effect.
pub(crate) fn forget(query: impl Fn(&'static str) -> Query, version: &str, position: u32) -> Query {
    query("DELETE FROM _mainstay_journal WHERE version = ? AND position = ?")
        .bind(version)
        .bind(i32::try_from(position).unwrap_or(i32::MAX))
}

/// Forgets all statements of a migration.
pub(crate) fn clear(query: impl Fn(&'static str) -> Query, version: &str) -> Query {
    query("DELETE FROM _mainstay_journal WHERE version = ?").bind(version)
}

fn state(done: bool) -> &'static str {
    if done { "done" } else { "started" }
}
