//! Engines whose DDL takes part in transactions: lock, history, statements and record of one
//! migration are one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mainstay::{Error, ErrorKind, Outcome, Result, Tx};
use tokio::time::Instant;

use super::{Applied, Job, Report, failed, millis};
use crate::dialect::Sql;
use crate::history::{self, State};
use crate::plan::plan;

/// What one transaction came to.
enum Step {
    /// Another instance has the lock.
    Busy,
    /// A migration was applied; there may be more.
    Applied(Applied),
    /// Nothing is pending; so many are applied.
    Done(usize),
}

pub(super) async fn run(job: &Job) -> Result<Report> {
    let mut report = Report::default();
    let mut attempt = 0;
    loop {
        match next(job).await? {
            Step::Busy => {
                job.pause(attempt).await?;
                attempt += 1;
            }
            Step::Applied(applied) => {
                tracing::info!(
                    target: "mainstay::migrate",
                    version = applied.version, name = applied.name,
                    duration_ms = millis(applied.duration), "migration applied"
                );
                report.applied.push(applied);
                attempt = 0;
            }
            Step::Done(applied) => {
                report.already = applied.saturating_sub(report.applied.len());
                return Ok(report);
            }
        }
    }
}

/// Applies the next migration, if there is one.
async fn next(job: &Job) -> Result<Step> {
    // Tells a transaction that could not start, because another process writes, from one that
    // failed at its work.
    let locked = Arc::new(AtomicBool::new(false));
    let result = job
        .db
        .transaction(|tx| {
            let locked = Arc::clone(&locked);
            async move {
                if !job.try_lock(&tx).await? {
                    return Ok(Step::Busy);
                }
                locked.store(true, Ordering::Relaxed);
                apply_next(job, &tx).await
            }
        })
        .timeout(job.left())
        .await;
    match result {
        Err(error) if is_busy(&error) && !locked.load(Ordering::Relaxed) => Ok(Step::Busy),
        other => other,
    }
}

fn is_busy(error: &Error) -> bool {
    error.kind() == ErrorKind::WriteConflict && error.outcome() == Outcome::NotApplied
}

async fn apply_next(job: &Job, tx: &Tx) -> Result<Step> {
    let started = Instant::now();
    tx.script(Sql::of(job.dialect()).create_history).await?;
    let recorded = history::read_in(tx).await?;
    let plan = plan(&job.set, job.dialect(), &recorded)?;
    let Some(migration) = plan.apply.first().copied() else {
        return Ok(Step::Done(plan.applied));
    };
    let statements = migration.statements(job.dialect())?;
    let total = statements.len();
    for (position, statement) in statements.iter().enumerate() {
        job.execute(tx, statement).await.map_err(|error| {
            failed(
                migration,
                position,
                total,
                statement,
                "the migration was rolled back, nothing of it stands",
                "correct it and migrate again".to_owned(),
                error,
            )
        })?;
    }
    let duration = started.elapsed();
    let mut row = job.row(migration, State::Applied, total)?;
    row.duration_ms = millis(duration);
    history::insert(|sql| tx.sql(sql), &row).execute().await?;
    Ok(Step::Applied(Applied {
        version: migration.version,
        name: migration.name,
        duration,
    }))
}
