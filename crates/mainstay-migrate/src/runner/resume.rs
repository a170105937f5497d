//! Going on with a migration that was interrupted: what became of the statement that was started
//! and not recorded as done?

use std::time::Duration;

use mainstay::Result;

use super::run::Run;
use crate::dialect::{Effect, Manner, Sql};
use crate::history::State;
use crate::journal::{self, JournalRow};
use crate::plan::{Doubt, PlannedStatement, Problem, Step};

/// What became of a started statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It took effect.
    Done,
    /// It did not, or can be run again without harm.
    Again,
    /// It took effect, and is not the one that the text has now.
    Changed,
    /// It cannot be told.
    Unknown,
}

/// Pure: by the schema's fingerprint now.
fn fate(started: &JournalRow, statement: Option<&PlannedStatement>, now: &str) -> Fate {
    let Some(before) = &started.before else {
        return Fate::Unknown;
    };
    let statement = statement.filter(|statement| statement.checksum == started.checksum);
    let repeatable = |one: &PlannedStatement| one.manner == Manner::Alone(Effect::Repeatable);
    match statement {
        _ if before == now => Fate::Again,
        Some(statement) if repeatable(statement) => Fate::Again,
        Some(_) => Fate::Done,
        None => Fate::Changed,
    }
}

/// Finds out about the statement that was started last, and records it. Returns how many of the
/// migration's statements stand.
///
/// # Errors
/// `CONFIGURATION_ERROR` when it cannot be found out, saying what to look at.
pub(super) async fn settle(run: Run<'_>) -> Result<usize> {
    let Run { held, step, .. } = run;
    let Some(started) = &step.started else {
        return Ok(step.done);
    };
    let statement = step.statements.get(step.done);
    let same = statement.filter(|statement| statement.checksum == started.checksum);
    let fate = match same.and_then(|same| same.index.as_deref()) {
        Some(name) => of_index(run, step, name).await?,
        None => fate(started, statement, &run.fingerprint().await?),
    };
    match fate {
        Fate::Done => {
            run.finish(started, Duration::ZERO).await?;
            Ok(step.done + 1)
        }
        Fate::Again => {
            journal::forget(|sql| held.sql(sql), &step.version, started.position)
                .execute()
                .await?;
            Ok(step.done)
        }
        Fate::Changed | Fate::Unknown => {
            let mut row = run.job.row(step, State::Started, Duration::ZERO);
            row.applied_at = started.started_at;
            row.statements_done = u32::try_from(step.done).unwrap_or(u32::MAX);
            let doubt = match fate {
                Fate::Changed => Doubt::Changed(started.position),
                _ => Doubt::Unknown,
            };
            Err(Problem::HalfApplied {
                row,
                direction: step.direction,
                statement: statement.map(|statement| statement.shown.clone()),
                doubt,
            }
            .into())
        }
    }
}

/// What became of an index that was built, or dropped, while its table was in use. One that was
/// left half built is dropped.
async fn of_index(run: Run<'_>, step: &Step, name: &str) -> Result<Fate> {
    let builds = step.statements[step.done].text.trim_start();
    let builds = builds
        .get(..6)
        .is_some_and(|word| word.eq_ignore_ascii_case("CREATE"));
    Ok(match (builds, index_is_invalid(run, name).await?) {
        (true, Some(false)) | (false, None) => Fate::Done,
        (true, None) | (false, Some(_)) => Fate::Again,
        (true, Some(true)) => {
            drop_index(run, name).await?;
            Fate::Again
        }
    })
}

/// `None` when there is no such index.
async fn index_is_invalid(run: Run<'_>, name: &str) -> Result<Option<bool>> {
    let sql = Sql::of(run.job.dialect()).index_is_invalid;
    if sql.is_empty() {
        return Ok(None);
    }
    let found: Vec<i64> = run
        .held
        .sql(sql)
        .bind(name)
        .fetch_with(|row| row.get(0))
        .await?;
    Ok(found.first().map(|invalid| *invalid == 1))
}

/// The name is as the migration has it, with its quotes.
async fn drop_index(run: Run<'_>, name: &str) -> Result<()> {
    tracing::info!(target: "mainstay::migrate", index = name, "dropping an index left half built");
    run.held
        .script(format!("DROP INDEX CONCURRENTLY {name}"))
        .timeout(run.job.left())
        .await
}

/// Leaves no trace of a statement that failed: its index, if that was left half built, and its
/// record.
pub(super) async fn leave_nothing(run: Run<'_>, position: usize) -> Result<()> {
    let Run { held, step, .. } = run;
    if let Some(name) = &step.statements[position].index
        && index_is_invalid(run, name).await? == Some(true)
    {
        drop_index(run, name).await?;
    }
    let position = u32::try_from(position + 1).unwrap_or(u32::MAX);
    journal::forget(|sql| held.sql(sql), &step.version, position)
        .execute()
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::migration::Direction;

    fn statement(manner: Manner) -> PlannedStatement {
        PlannedStatement {
            text: "ALTER TABLE a ADD b INT".to_owned(),
            line: 1,
            lock: String::new(),
            table: None,
            rows: None,
            shown: String::new(),
            checksum: "v1:same".to_owned(),
            manner,
            index: None,
        }
    }

    fn started(checksum: &str, before: Option<&str>) -> JournalRow {
        JournalRow {
            version: "20260101000000".to_owned(),
            position: 1,
            direction: Direction::Up,
            done: false,
            checksum: checksum.to_owned(),
            before: before.map(str::to_owned),
            started_at: DateTime::<Utc>::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_became_of_a_statement_is_told_by_the_schema() {
        let visible = statement(Manner::Alone(Effect::Visible));
        let repeatable = statement(Manner::Alone(Effect::Repeatable));
        let of = |checksum, before, statement| fate(&started(checksum, before), statement, "now");
        assert_eq!(of("v1:same", Some("was"), Some(&visible)), Fate::Done);
        assert_eq!(of("v1:same", Some("now"), Some(&visible)), Fate::Again);
        assert_eq!(of("v1:same", Some("was"), Some(&repeatable)), Fate::Again);
        // It has another text now, or is gone: only what took no effect may change.
        assert_eq!(of("v1:other", Some("was"), Some(&visible)), Fate::Changed);
        assert_eq!(of("v1:other", Some("now"), Some(&visible)), Fate::Again);
        assert_eq!(of("v1:other", Some("was"), None), Fate::Changed);
        assert_eq!(of("v1:other", Some("now"), None), Fate::Again);
        // Nothing was noted that it could be told by.
        assert_eq!(of("v1:same", None, Some(&visible)), Fate::Unknown);
    }
}
