//! Engines that commit at every change of a table. Such a statement runs by itself and is recorded
//! when it is done; statements about rows share a transaction with their record. So an interrupted
//! migration is noticed, and what stands of it is known but for one statement.
//!
//! The lock belongs to the session of a transaction that does nothing else. So a failed statement,
//! which ends its own transaction, leaves the lock to be given back in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mainstay::database::Sql as Query;
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
    let total = statements.len();
    check_lock(job, lock).await?;
    let state = if total == 0 {
        State::Applied
    } else {
        State::Started
    };
    let row = job.row(migration, state, total)?;
    history::insert(|sql| job.db.sql(sql), &row)
        .execute()
        .await?;
    let work = Work {
        job,
        row: &row,
        statements: &statements,
        started: Instant::now(),
    };
    let mut done = 0;
    while done < total {
        let step = async {
            check_lock(job, lock).await?;
            if statements[done].is_about_rows() {
                work.rows(done).await
            } else {
                work.alone(done).await
            }
        };
        match step.await {
            Ok(now) => done = now,
            Err(stop) => return Err(explain(job, migration, &statements, stop, row, done).await),
        }
    }
    Ok(Applied {
        version: migration.version,
        name: migration.name,
        duration: work.started.elapsed(),
    })
}

/// Why a step ended early.
struct Stop {
    error: Error,
    /// The statement that failed, if it was one.
    position: Option<usize>,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self {
            error,
            position: None,
        }
    }
}

impl Stop {
    fn at(position: usize) -> impl FnOnce(Error) -> Self {
        move |error| Self {
            error,
            position: Some(position),
        }
    }
}

/// One migration at work.
#[derive(Clone, Copy)]
struct Work<'a> {
    job: &'a Job,
    row: &'a HistoryRow,
    statements: &'a [Statement<'static>],
    started: Instant,
}

impl Work<'_> {
    /// Runs one statement that ends transactions, then records it. Between the two lies the
    /// moment in which it is not known whether it took effect.
    async fn alone(self, position: usize) -> Result<usize, Stop> {
        let db = &self.job.db;
        db.script(self.statements[position].text)
            .timeout(self.job.left())
            .await
            .map_err(Stop::at(position))?;
        self.record(|sql| db.sql(sql), position + 1).await?;
        Ok(position + 1)
    }

    /// Runs the statements about rows from `first` to the next that is not, and records them, in
    /// one transaction.
    async fn rows(self, first: usize) -> Result<usize, Stop> {
        let about_rows = |statement: &&Statement<'_>| statement.is_about_rows();
        let count = self.statements[first..]
            .iter()
            .take_while(about_rows)
            .count();
        let end = first + count;
        self.job
            .db
            .transaction(|tx| async move {
                for position in first..end {
                    self.job
                        .execute(&tx, &self.statements[position])
                        .await
                        .map_err(Stop::at(position))?;
                }
                self.record(|sql| tx.sql(sql), end).await?;
                Ok::<_, Stop>(end)
            })
            .timeout(self.job.left())
            .await
    }

    /// Records how many statements have taken effect; with the last one, the migration.
    async fn record(self, query: impl Fn(&'static str) -> Query, done: usize) -> Result<()> {
        let state = if done == self.statements.len() {
            State::Applied
        } else {
            State::Started
        };
        let now = HistoryRow {
            state,
            statements_done: u32::try_from(done).unwrap_or(u32::MAX),
            applied_at: self.job.db.clock().now(),
            duration_ms: millis(self.started.elapsed()),
            ..self.row.clone()
        };
        history::advance(query, &now).execute().await?;
        Ok(())
    }
}

/// Says what stands of a migration that failed, and forgets it where nothing does.
async fn explain(
    job: &Job,
    migration: &'static Migration,
    statements: &[Statement<'static>],
    stop: Stop,
    mut row: HistoryRow,
    done: usize,
) -> Error {
    let Stop { error, position } = stop;
    row.statements_done = u32::try_from(done).unwrap_or(u32::MAX);
    let Some(position) = position else {
        return error.with_hint(half_applied_hint(&row));
    };
    let total = statements.len();
    let statement = &statements[position];
    // DROP takes several names and stops at the first that fails.
    let all_or_nothing = statement.words.first().is_none_or(|word| word != "DROP");
    let clean = done == 0 && all_or_nothing && error.outcome() == Outcome::NotApplied;
    let (stands, hint) = if clean
        && history::forget(&job.db, &row.version)
            .execute()
            .await
            .is_ok()
    {
        (
            "nothing of the migration stands".to_owned(),
            "correct it and migrate again".to_owned(),
        )
    } else {
        let stands = match done {
            0 => "no statement is known to stand".to_owned(),
            1 => "statement 1 stands, because this engine cannot undo it".to_owned(),
            _ => format!("statements 1 to {done} stand, because this engine cannot undo them"),
        };
        (stands, half_applied_hint(&row))
    };
    failed(migration, position, total, statement, &stands, hint, error)
}
