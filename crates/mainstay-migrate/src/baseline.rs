//! Adopts a database that was made by other means: its tables are there, and no migration is
//! recorded.

use std::time::Duration;

use mainstay::{Database, Error, ErrorKind, Result};

use crate::MigrationSet;
use crate::history::{self, FORMAT, HistoryRow, State, TABLE};
use crate::journal;
use crate::migration::Direction;
use crate::plan::fingerprint;
use crate::runner::{Job, Options, locked};

/// Records all migrations up to a version as applied, without running them. Returns their labels.
///
/// That the database really is what they would have made is for the caller to know.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set is wrong, has no migration of that version, or anything is
/// recorded already; `DEADLINE_EXCEEDED` when another instance holds the lock for too long.
pub async fn baseline(db: &Database, set: &MigrationSet, to: &str) -> Result<Vec<String>> {
    set.check()?;
    if set.get(to).is_none() {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!("there is no migration of version {to:?}"),
        )
        .with_hint("name one that the program has, by its 14 digits"));
    }
    let dialect = db.dialect();
    let mut rows = Vec::new();
    for migration in set.migrations() {
        if migration.version > to {
            break;
        }
        let text = set.text(migration.version, Direction::Up, dialect)?;
        let statements =
            migration.statements_of(Direction::Up, dialect, text.unwrap_or_default())?;
        rows.push(HistoryRow {
            version: migration.version.to_owned(),
            name: migration.name.to_owned(),
            checksum: fingerprint(set, &migration, dialect)?,
            state: State::Applied,
            // None was run here.
            statements_done: 0,
            statements_total: u32::try_from(statements.len()).unwrap_or(u32::MAX),
            applied_at: db.clock().now(),
            duration_ms: 0,
            format: FORMAT,
        });
    }
    let labels = rows
        .iter()
        .map(|row| format!("{}_{}", row.version, row.name))
        .collect();
    let options = Options {
        timeout: Duration::from_secs(60),
        ..Options::default()
    };
    locked(&Job::new(db, set, options), move |tx| {
        let rows = rows.clone();
        async move {
            let recorded = journal::read_recorded(|sql| tx.sql(sql), dialect).await?;
            if let Some(newest) = recorded.history.last() {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    format!(
                        "{TABLE} is not empty: {} migrations are recorded, the newest is {}_{}",
                        recorded.history.len(),
                        newest.version,
                        newest.name
                    ),
                )
                .with_hint("a baseline is for a database without a record; see the status"));
            }
            for row in &rows {
                history::insert(|sql| tx.sql(sql), row).execute().await?;
            }
            Ok(())
        }
    })
    .await?;
    Ok(labels)
}
