//! Engines that commit at every change of a table. Each statement is recorded when it is done, so
//! that an interrupted migration is noticed and what stands is known.
//!
//! Two connections: the lock belongs to the session of a transaction that does nothing else, and
//! the statements run in another. So a failed statement, which ends its own transaction, leaves
//! the lock to be given back in order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mainstay::{Error, ErrorKind, Outcome, Result, Tx};
use tokio::time::Instant;

use super::{Applied, Job, Report, failed, millis};
use crate::Migration;
use crate::dialect::Sql;
use crate::history::{self, HistoryRow, State};
use crate::plan::{half_applied_hint, plan};
use crate::split::Statement;

/// By how much the lock's transaction outlives the deadline of the work it protects.
const GRACE: Duration = Duration::from_secs(30);

/// Applies what is pending, in a task of its own: when the caller goes away, the migration under
/// way is finished and the lock given back, and no more is begun.
pub(super) async fn run(job: Job) -> Result<Report> {
    if job.db.pool().status().max < 2 {
        return Err(Error::new(
            ErrorKind::Configuration,
            "migrating needs two connections on this engine, and pool.max is 1",
        )
        .with_hint("set pool.max to 2 or more"));
    }
    let abandoned = Arc::new(AtomicBool::new(false));
    let _guard = SetOnDrop(Arc::clone(&abandoned));
    tokio::spawn(work(job, abandoned))
        .await
        .unwrap_or_else(|failure| Err(Error::unexpected(failure)))
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn work(job: Job, abandoned: Arc<AtomicBool>) -> Result<Report> {
    let mut attempt = 0;
    while !abandoned.load(Ordering::Relaxed) {
        let held = job
            .db
            .transaction(|lock| {
                let (job, abandoned) = (&job, &abandoned);
                async move {
                    if !job.try_lock(&lock).await? {
                        return Ok(None);
                    }
                    let result = apply_all(job, &lock, abandoned).await;
                    let unlock = Sql::of(job.dialect()).unlock;
                    let unlocked: Result<Option<i64>> = lock.sql(unlock).scalar().await;
                    if let Err(error) = unlocked {
                        // The session is gone, and the lock with it.
                        tracing::debug!(target: "mainstay::migrate", %error, "lock not given back");
                    }
                    result.map(Some)
                }
            })
            .max_attempts(1)
            .timeout(job.left() + GRACE)
            .await?;
        if let Some(report) = held {
            return Ok(report);
        }
        // Between attempts the connection is given back, so that waiting instances that share a
        // pool leave its connections to the one at work.
        job.pause(attempt).await?;
        attempt += 1;
    }
    Ok(Report::default())
}

async fn apply_all(job: &Job, lock: &Tx, abandoned: &AtomicBool) -> Result<Report> {
    job.db.script(Sql::of(job.dialect()).create_history).await?;
    let recorded = history::read(&job.db).await?;
    let plan = plan(&job.set, job.dialect(), &recorded)?;
    let mut report = Report {
        applied: Vec::new(),
        already: plan.applied,
    };
    for migration in plan.apply {
        if abandoned.load(Ordering::Relaxed) {
            break;
        }
        let applied = apply(job, lock, migration).await?;
        tracing::info!(
            target: "mainstay::migrate",
            version = applied.version, name = applied.name,
            duration_ms = millis(applied.duration), "migration applied"
        );
        report.applied.push(applied);
    }
    Ok(report)
}

/// Fails when the lock's session has been lost, and with it the lock.
async fn check_lock(job: &Job, lock: &Tx) -> Result<()> {
    let held: Option<i64> = lock.sql(Sql::of(job.dialect()).holds_lock).scalar().await?;
    if held == Some(1) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ConnectionLost,
        "the lock that keeps other instances from migrating was lost",
    )
    .with_hint("migrate again"))
}

async fn apply(job: &Job, lock: &Tx, migration: &'static Migration) -> Result<Applied> {
    let statements = migration.statements(job.dialect())?;
    check_lock(job, lock).await?;
    let row = job.row(migration, State::Started, statements.len())?;
    history::insert(|sql| job.db.sql(sql), &row)
        .execute()
        .await?;
    let started = Instant::now();
    // The statement that failed, if it was one.
    let failure = Arc::new(Mutex::new(None));
    let result: Result<()> = job
        .db
        .transaction(|tx| {
            let (row, statements, failure) = (&row, &statements, Arc::clone(&failure));
            async move {
                for (position, statement) in statements.iter().enumerate() {
                    check_lock(job, lock).await?;
                    if let Err(error) = step(job, &tx, row, position, statement).await {
                        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
                        return Err(error);
                    }
                }
                let duration = millis(started.elapsed());
                history::finish(&tx, &row.version, job.db.clock().now(), duration)
                    .execute()
                    .await?;
                Ok(())
            }
        })
        .max_attempts(1)
        .timeout(job.left())
        .await;
    let position = failure
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match result {
        Ok(()) => Ok(Applied {
            version: migration.version,
            name: migration.name,
            duration: started.elapsed(),
        }),
        Err(error) => Err(explain(job, migration, &statements, position, row, error).await),
    }
}

async fn step(
    job: &Job,
    tx: &Tx,
    row: &HistoryRow,
    position: usize,
    statement: &Statement<'_>,
) -> Result<()> {
    job.execute(tx, statement).await?;
    history::advance(tx, &row.version, position + 1)
        .execute()
        .await?;
    if !statement.is_about_rows() {
        // The statement has ended the transaction. A new one makes the next change of rows and
        // its record one again.
        tx.script("START TRANSACTION").await?;
    }
    Ok(())
}

/// Says what stands of a migration that failed, and forgets it where nothing does.
async fn explain(
    job: &Job,
    migration: &'static Migration,
    statements: &[Statement<'static>],
    position: Option<usize>,
    mut row: HistoryRow,
    error: Error,
) -> Error {
    let Some(position) = position else {
        return error.with_hint(half_applied_hint(&row));
    };
    let total = statements.len();
    let statement = &statements[position];
    let found = history::read(&job.db).await;
    let recorded = found
        .ok()
        .and_then(|rows| rows.into_iter().find(|found| found.version == row.version));
    if let Some(recorded) = recorded {
        row = recorded;
    }
    let done = row.statements_done;
    // DROP takes several names and stops at the first that fails.
    let all_or_nothing = statement.words.first().is_none_or(|word| word != "DROP");
    let clean = done == 0 && all_or_nothing && error.outcome() == Outcome::NotApplied;
    if clean
        && history::forget(&job.db, &row.version)
            .execute()
            .await
            .is_ok()
    {
        return failed(
            migration,
            position,
            total,
            statement,
            "nothing of the migration stands",
            "correct it and migrate again".to_owned(),
            error,
        );
    }
    let stands = match done {
        0 => "no statement is known to stand".to_owned(),
        1 => "statement 1 stands, because this engine cannot undo it".to_owned(),
        _ => format!("statements 1 to {done} stand, because this engine cannot undo them"),
    };
    failed(
        migration,
        position,
        total,
        statement,
        &stands,
        half_applied_hint(&row),
        error,
    )
}
