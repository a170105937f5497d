//! The table by which an unfinished copy is recognised. It is there from before the first row until
//! both sides have been found to be equal.

use mainstay::driver::Row;
use mainstay::{Database, Error, ErrorKind, Result, Tx};

/// Its name. The first row is of the copy as a whole, the others of one table each.
pub(super) const TABLE: &str = "_mainstay_copy";

const CREATE: &str = "CREATE TABLE _mainstay_copy (\
                      place INTEGER NOT NULL PRIMARY KEY, \
                      table_name VARCHAR(200) NOT NULL, \
                      state VARCHAR(20) NOT NULL, \
                      row_count BIGINT NOT NULL, \
                      source VARCHAR(2000) NOT NULL, \
                      started_at VARCHAR(40) NOT NULL)";

/// How far a copy, or one of its tables, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The tables are being made in what was a database without any.
    Making,
    /// Rows are being copied.
    Begun,
    /// All of them are there.
    Filled,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Begun => "begun",
            Self::Filled => "filled",
        }
    }
}

/// A copy that has not ended well, as its target tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfinished {
    pub(super) source: String,
    pub(super) started_at: String,
    /// Whether the database had no tables when it began.
    pub(super) was_making: bool,
    /// The tables, and how many rows those have that are filled.
    pub(super) tables: Vec<(String, Option<i64>)>,
}

/// What an earlier copy has left in a database, if it has.
pub(super) async fn read(db: &Database) -> Result<Option<Unfinished>> {
    let columns = "place, table_name, state, row_count, source, started_at";
    let read = |row: &Row<'_>| {
        Ok((
            row.get::<i64>(0)?,
            row.get::<String>(1)?,
            row.get::<String>(2)?,
            row.get::<i64>(3)?,
            (row.get::<String>(4)?, row.get::<String>(5)?),
        ))
    };
    let rows = db
        .sql(format!("SELECT {columns} FROM {TABLE} ORDER BY place"))
        .fetch_with(read)
        .await;
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) if error.kind() == ErrorKind::TableMissing => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut out = Unfinished {
        source: String::new(),
        started_at: String::new(),
        was_making: false,
        tables: Vec::new(),
    };
    for (place, name, state, rows, (source, started_at)) in rows {
        if place == 0 {
            out.was_making = state == State::Making.word();
            (out.source, out.started_at) = (source, started_at);
        } else {
            let is_filled = state == State::Filled.word();
            out.tables.push((name, is_filled.then_some(rows)));
        }
    }
    Ok(Some(out))
}

/// Makes the table, without any rows of an earlier copy, and says that one begins.
pub(super) async fn begin(
    db: &Database,
    state: State,
    source: &str,
    started_at: &str,
    tables: &[&str],
) -> Result<()> {
    let made = db.script(CREATE).await;
    // Where it stands already its rows go.
    if let Err(error) = made
        && read(db).await?.is_none()
    {
        return Err(error);
    }
    db.transaction(|tx: Tx| async move {
        tx.sql(format!("DELETE FROM {TABLE}")).execute().await?;
        let all = std::iter::once((state, "")).chain(tables.iter().map(|one| (State::Begun, *one)));
        for ((state, table), place) in all.zip(0_i64..) {
            tx.sql(format!("INSERT INTO {TABLE} VALUES (?, ?, ?, 0, ?, ?)"))
                .bind(place)
                .bind(table)
                .bind(state.word())
                .bind(source)
                .bind(started_at)
                .execute()
                .await?;
        }
        Ok::<(), Error>(())
    })
    .await
}

/// Notes with the rows of a table that they are there.
pub(super) async fn filled(tx: &Tx, table: &str, rows: u64) -> Result<()> {
    tx.sql(format!(
        "UPDATE {TABLE} SET state = ?, row_count = ? WHERE place > 0 AND table_name = ?"
    ))
    .bind(State::Filled.word())
    .bind(i64::try_from(rows).unwrap_or(i64::MAX))
    .bind(table)
    .execute()
    .await
    .map(|_| ())
}

/// The copy is over, and nothing is left to be known of it.
pub(super) async fn end(db: &Database) -> Result<()> {
    db.script(format!("DROP TABLE {TABLE}")).await
}
