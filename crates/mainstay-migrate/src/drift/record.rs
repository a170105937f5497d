//! Records a migration as applied, whose effect the database has.

use std::time::Duration;

use mainstay::{Database, Error, ErrorKind, Result};

use crate::MigrationSet;
use crate::history::{self, FORMAT, HistoryRow, State};
use crate::journal;
use crate::migration::Direction;
use crate::plan::{Standing, as_error, fingerprint, survey};
use crate::runner::{Job, Options, locked};

/// Records a migration as applied without running it: one that was written to say what the
/// database has already.
///
/// That the database is what it would make is for the caller to know.
///
/// # Errors
/// `CONFIGURATION_ERROR` when there is no migration of that version, it is recorded, an older one
/// is not applied, or something else is in the way of migrating; `DEADLINE_EXCEEDED` when another
/// instance holds the lock for too long.
pub async fn record(db: &Database, set: &MigrationSet, version: &str) -> Result<()> {
    let (set, version) = (set.clone(), version.to_owned());
    let options = Options {
        timeout: Duration::from_secs(60),
        ..Options::default()
    };
    locked(&Job::new(db, &set.clone(), options), move |tx| {
        let (set, version) = (set.clone(), version.clone());
        async move {
            let dialect = tx.database().dialect();
            let recorded = journal::read_recorded(|sql| tx.sql(sql), dialect).await?;
            let survey = survey(&set, dialect, &recorded)?;
            if !survey.problems.is_empty() {
                return Err(as_error(&survey.problems));
            }
            let first = survey
                .migrations
                .iter()
                .find(|one| one.standing != Standing::Applied);
            let Some(next) = first.filter(|one| one.migration.version == version) else {
                let what = match first {
                    Some(one) => format!("{} comes first", one.migration.label()),
                    None => "all there are is applied".to_owned(),
                };
                return Err(Error::new(
                    ErrorKind::Configuration,
                    format!("migration {version} cannot be recorded as applied: {what}"),
                )
                .with_hint("apply what is pending, and look at the status"));
            };
            let migration = &next.migration;
            let text = set.text(migration.version, Direction::Up, dialect)?;
            let statements =
                migration.statements_of(Direction::Up, dialect, text.unwrap_or_default())?;
            let row = HistoryRow {
                version: migration.version.to_owned(),
                name: migration.name.to_owned(),
                checksum: fingerprint(&set, migration, dialect)?,
                state: State::Applied,
                // None was run here.
                statements_done: 0,
                statements_total: u32::try_from(statements.len()).unwrap_or(u32::MAX),
                applied_at: tx.database().clock().now(),
                duration_ms: 0,
                format: FORMAT,
            };
            history::insert(|sql| tx.sql(sql), &row).execute().await?;
            Ok(())
        }
    })
    .await
}
