//! The lock, and what all ways of running share.

use std::sync::Arc;
use std::time::Duration;

use mainstay::database::Exclusive;
use mainstay::schema::Dialect;
use mainstay::{Database, Error, ErrorKind, Result, Tx};
use tokio::time::Instant;

use super::options::Options;
use super::report::{Applied, millis};
use crate::MigrationSet;
use crate::dialect::{self, Sql};
use crate::history::{FORMAT, HistoryRow, State};
use crate::migration::Direction;
use crate::plan::Step;
use crate::progress::{Event, Progress};

/// By how much a lock outlives the deadline of the work it protects.
pub(super) const GRACE: Duration = Duration::from_secs(30);

/// What all ways work on. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) db: Database,
    pub(crate) set: MigrationSet,
    deadline: Instant,
    begun: Instant,
    progress: Option<Arc<dyn Progress>>,
}

impl Job {
    pub(crate) fn new(db: &Database, set: &MigrationSet, options: Options) -> Self {
        let begun = Instant::now();
        Self {
            db: db.clone(),
            set: set.clone(),
            deadline: begun + options.timeout,
            begun,
            progress: options.progress,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.db.dialect()
    }

    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    pub(super) fn tell(&self, event: Event<'_>) {
        if let Some(progress) = &self.progress {
            progress.on(event);
        }
    }

    /// The longest one statement of a migration may take.
    pub(super) fn limit(&self, step: &Step) -> Duration {
        let own = step
            .statement_timeout()
            .map(|limit| dialect::call_limit(self.dialect(), limit));
        own.map_or_else(|| self.left(), |own| own.min(self.left()))
    }

    /// Waits before the lock is tried again.
    pub(super) async fn pause(&self, attempt: u32) -> Result<()> {
        const LONGEST: Duration = Duration::from_millis(500);
        let since = self.begun.elapsed();
        self.tell(Event::Waiting { since });
        let wait = Duration::from_millis(20 << attempt.min(5)).min(LONGEST);
        let wait = wait.mul_f64(0.5 + self.db.entropy().unit() / 2.0);
        if wait >= self.left() {
            return Err(Error::new(
                ErrorKind::Deadline,
                "another instance is migrating this database and did not finish in time",
            )
            .with_hint("see what it does, or give this call more time; nothing was changed here"));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// What a migration is recorded as.
    pub(super) fn row(&self, step: &Step, state: State, took: Duration) -> HistoryRow {
        let total = u32::try_from(step.statements.len()).unwrap_or(u32::MAX);
        HistoryRow {
            version: step.version.clone(),
            name: step.name.clone(),
            checksum: step.checksum.clone(),
            state,
            statements_done: match state {
                State::Started => 0,
                State::Applied => total,
            },
            statements_total: total,
            applied_at: self.db.clock().now(),
            duration_ms: millis(took),
            format: FORMAT,
        }
    }

    /// Tells the end of a migration.
    pub(super) fn ended(&self, step: &Step, took: Duration) -> (Direction, Applied) {
        self.tell(Event::Ended { step, took });
        let message = match step.direction {
            Direction::Up => "migration applied",
            Direction::Down => "migration undone",
        };
        tracing::info!(
            target: "mainstay::migrate",
            version = step.version, name = step.name, duration_ms = millis(took), "{message}"
        );
        let applied = Applied {
            version: step.version.clone(),
            name: step.name.clone(),
            duration: took,
        };
        (step.direction, applied)
    }
}

/// Tries to take the lock in a transaction.
pub(super) async fn try_lock(tx: &Tx) -> Result<bool> {
    let sql = Sql::of(tx.database().dialect()).try_lock;
    if sql.is_empty() {
        return Ok(true);
    }
    let answer: Option<i64> = tx.sql(sql).scalar().await?;
    Ok(answer == Some(1))
}

/// Tries to take the lock in a session.
pub(super) async fn try_session_lock(held: &Exclusive) -> Result<bool> {
    let sql = Sql::of(held.database().dialect()).try_session_lock;
    if sql.is_empty() {
        return Ok(true);
    }
    let answer: Option<i64> = held.sql(sql).scalar().await?;
    Ok(answer == Some(1))
}

/// Gives it back. When that fails the session is gone, or will be, and the lock with it.
pub(super) async fn unlock(held: &Exclusive) {
    let sql = Sql::of(held.database().dialect()).session_unlock;
    if sql.is_empty() {
        return;
    }
    if let Err(error) = held.sql(sql).scalar::<Option<i64>>().await {
        tracing::debug!(target: "mainstay::migrate", %error, "lock not given back");
    }
}

/// Runs a closure in a transaction, under the lock, with both tables there.
pub(crate) async fn locked<T, F, Fut>(job: &Job, work: F) -> Result<T>
where
    F: Fn(Tx) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let sql = Sql::of(job.dialect());
    if sql.try_session_lock.is_empty() {
        let begun = job.db.transaction(|tx| {
            let work = &work;
            async move {
                tx.script(sql.create_history).await?;
                tx.script(sql.create_journal).await?;
                work(tx).await
            }
        });
        return begun.timeout(job.left()).await;
    }
    two_connections(job)?;
    let mut attempt = 0;
    loop {
        let (job_, work) = (job.clone(), work.clone());
        let held = job.db.exclusive(move |held| async move {
            if !try_session_lock(&held).await? {
                return Ok(None);
            }
            held.script(sql.create_history).await?;
            held.script(sql.create_journal).await?;
            let begun = job_.db.transaction(&work);
            let done = begun.timeout(job_.left()).await;
            unlock(&held).await;
            done.map(Some)
        });
        if let Some(done) = held.timeout(job.left() + GRACE).await? {
            return Ok(done);
        }
        job.pause(attempt).await?;
        attempt += 1;
    }
}

/// Refuses a pool that has no second connection beside the one that holds the lock.
pub(super) fn two_connections(job: &Job) -> Result<()> {
    if job.db.pool().status().max >= 2 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Configuration,
        "migrating needs two connections here, and pool.max is 1",
    )
    .with_hint("set pool.max to 2 or more"))
}
