//! The table of what has been applied: `_mainstay_migrations`.
//!
//! Each row has the number of the format it was written in, so that a later version can tell what
//! it reads. A newer format may only add to an older one.

use chrono::{DateTime, Utc};
use mainstay::database::Sql as Query;
use mainstay::driver::Row;
use mainstay::schema::Dialect;
use mainstay::{Database, Error, ErrorKind, Result};
use serde::Serialize;

use crate::dialect::{self, Sql};

/// The table's name.
pub const TABLE: &str = dialect::HISTORY;

/// The format this version writes.
///
/// Since 2 there is a [journal](crate::journal) beside it, by which an interrupted migration goes
/// on; its own rows are as they were.
pub const FORMAT: i32 = 2;

/// How far a migration has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It has begun, and nobody has recorded its end.
    Started,
    /// It is done.
    Applied,
}

impl State {
    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Applied => "applied",
        }
    }

    fn from_word(word: &str) -> Result<Self> {
        match word {
            "started" => Ok(Self::Started),
            "applied" => Ok(Self::Applied),
            other => Err(Error::new(
                ErrorKind::Decode,
                format!("{TABLE} has a row in the unknown state {other}"),
            )),
        }
    }
}

/// What is recorded of one migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryRow {
    /// Its version.
    pub version: String,
    /// Its name when it was applied.
    pub name: String,
    /// The fingerprint of its text when it was applied.
    pub checksum: String,
    /// How far it has come.
    pub state: State,
    /// How many of its statements are known to have taken effect.
    pub statements_done: u32,
    /// How many it has.
    pub statements_total: u32,
    /// When it was applied, or begun.
    pub applied_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The format the row was written in.
    pub format: i32,
}

const READ: &str = "SELECT version, name, checksum, state, statements_done, statements_total, \
                    applied_at, duration_ms, format FROM _mainstay_migrations ORDER BY version";

fn read_row(row: &Row<'_>) -> Result<HistoryRow> {
    let count = |position: usize| -> Result<u64> {
        let number: i64 = row.get(position)?;
        Ok(u64::try_from(number).unwrap_or(0))
    };
    let format: i32 = row.get(8)?;
    if format > FORMAT {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("{TABLE} was written by a newer version of Mainstay (format {format}, this one knows {FORMAT})"),
        )
        .with_hint("run the newest release of the application"));
    }
    let word: String = row.get(3)?;
    Ok(HistoryRow {
        version: row.get(0)?,
        name: row.get(1)?,
        checksum: row.get(2)?,
        state: State::from_word(&word)?,
        statements_done: u32::try_from(count(4)?).unwrap_or(u32::MAX),
        statements_total: u32::try_from(count(5)?).unwrap_or(u32::MAX),
        applied_at: row.get(6)?,
        duration_ms: count(7)?,
        format,
    })
}

/// What is recorded in a database, oldest first. Reads only; without the table there is nothing.
///
/// # Errors
/// Those of reading.
pub async fn read(db: &Database) -> Result<Vec<HistoryRow>> {
    if !table_exists(db, TABLE).await? {
        return Ok(Vec::new());
    }
    read_with(|sql| db.sql(sql)).await
}

/// Whether the database has a table of this name.
pub(crate) async fn table_exists(db: &Database, name: &str) -> Result<bool> {
    table_exists_with(|sql| db.sql(sql), db.dialect(), name).await
}

/// The same, wherever the question is to be asked.
pub(crate) async fn table_exists_with(
    query: impl Fn(&'static str) -> Query,
    dialect: Dialect,
    name: &str,
) -> Result<bool> {
    let found: i64 = query(Sql::of(dialect).count_tables)
        .bind(name)
        .scalar()
        .await?;
    Ok(found > 0)
}

/// The same reading where the table exists.
pub(crate) async fn read_with(query: impl Fn(&'static str) -> Query) -> Result<Vec<HistoryRow>> {
    query(READ).fetch_with(read_row).await
}

/// The statement that records a migration.
pub(crate) fn insert(query: impl Fn(&'static str) -> Query, row: &HistoryRow) -> Query {
    let text = "INSERT INTO _mainstay_migrations (version, name, checksum, state, \
                statements_done, statements_total, applied_at, duration_ms, format) \
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    bind(query(text), row)
}

/// The values of a row, in the order of its columns.
pub(crate) fn bind(query: Query, row: &HistoryRow) -> Query {
    query
        .bind(row.version.as_str())
        .bind(row.name.as_str())
        .bind(row.checksum.as_str())
        .bind(row.state.as_str())
        .bind(i32::try_from(row.statements_done).unwrap_or(i32::MAX))
        .bind(i32::try_from(row.statements_total).unwrap_or(i32::MAX))
        .bind(row.applied_at)
        .bind(i64::try_from(row.duration_ms).unwrap_or(i64::MAX))
        .bind(row.format)
}

/// Records how far a migration has come, with the fingerprint of the text that is run.
pub(crate) fn advance(query: impl Fn(&'static str) -> Query, row: &HistoryRow) -> Query {
    query(
        "UPDATE _mainstay_migrations SET state = ?, statements_done = ?, statements_total = ?, \
         checksum = ?, applied_at = ?, duration_ms = ?, format = ? WHERE version = ?",
    )
    .bind(row.state.as_str())
    .bind(i32::try_from(row.statements_done).unwrap_or(i32::MAX))
    .bind(i32::try_from(row.statements_total).unwrap_or(i32::MAX))
    .bind(row.checksum.as_str())
    .bind(row.applied_at)
    .bind(i64::try_from(row.duration_ms).unwrap_or(i64::MAX))
    .bind(row.format)
    .bind(row.version.as_str())
}

/// Forgets the migrations of these versions and between.
pub(crate) fn forget(query: impl Fn(&'static str) -> Query, first: &str, last: &str) -> Query {
    query("DELETE FROM _mainstay_migrations WHERE version >= ? AND version <= ?")
        .bind(first)
        .bind(last)
}
