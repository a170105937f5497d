//! Applies what is pending.
//!
//! However many instances start at once, each migration is applied once: one lock per database is
//! taken, and the history is read again under it. The lock belongs to a session or a transaction,
//! so that a killed program leaves none behind.
//!
//! Which of two ways is taken depends on one capability, `transactional_ddl`:
//! - `whole`: a migration and its record are one transaction: all of it or nothing
//! - `stepwise`: the engine commits at every change of a table, so each statement is recorded

mod stepwise;
mod whole;

use std::time::Duration;

use mainstay::schema::Dialect;
use mainstay::{Database, Error, ErrorKind, Result, Tx};
use serde::Serialize;
use tokio::time::Instant;

use crate::dialect::Sql;
use crate::history::{FORMAT, HistoryRow, State};
use crate::plan::{fingerprint, plan};
use crate::split::Statement;
use crate::{Migration, MigrationSet, history};

/// How migrations are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The longest all of it may take, waiting for another instance included.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(600),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The migrations applied by this call, in order.
    pub applied: Vec<Applied>,
    /// How many others are applied: before this call, or by another instance meanwhile.
    pub already: usize,
}

/// A migration that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Its version.
    pub version: &'static str,
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    #[serde(rename = "duration_ms", serialize_with = "as_millis")]
    pub duration: Duration,
}

fn as_millis<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u64(millis(*duration))
}

/// Applies all pending migrations, within ten minutes.
///
/// # Errors
/// As [`migrate_with`].
pub async fn migrate(db: &Database, set: &MigrationSet) -> Result<Report> {
    migrate_with(db, set, Options::default()).await
}

/// Applies all pending migrations.
///
/// When nothing is pending, this reads and takes no lock. Where the engine cannot undo changes of
/// tables, a migration under way is finished even if this call is dropped.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set is wrong or does not fit the history: see
/// [`Problem`](crate::Problem). `DEADLINE_EXCEEDED` when another instance holds the lock for too
/// long. A failed statement's error, saying which one it was and what stands.
pub async fn migrate_with(db: &Database, set: &MigrationSet, options: Options) -> Result<Report> {
    let deadline = Instant::now() + options.timeout;
    // Without a lock, so that instances with nothing to do start at once. What looks like a
    // problem may be another instance at work: it is looked at again under the lock.
    set.check()?;
    let recorded = history::read(db).await?;
    if let Ok(plan) = plan(set, db.dialect(), &recorded)
        && plan.apply.is_empty()
    {
        return Ok(Report {
            applied: Vec::new(),
            already: plan.applied,
        });
    }
    let job = Job {
        db: db.clone(),
        set: *set,
        deadline,
    };
    if db.capabilities().transactional_ddl {
        whole::run(&job).await
    } else {
        stepwise::run(job).await
    }
}

/// What both ways work on.
#[derive(Debug, Clone)]
struct Job {
    db: Database,
    set: MigrationSet,
    deadline: Instant,
}

impl Job {
    fn dialect(&self) -> Dialect {
        self.db.dialect()
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Tries to take the lock in a transaction's session.
    async fn try_lock(&self, tx: &Tx) -> Result<bool> {
        let Some(sql) = Sql::of(self.dialect()).try_lock else {
            return Ok(true);
        };
        let answer: Option<i64> = tx.sql(sql).scalar().await?;
        Ok(answer == Some(1))
    }

    /// Waits before the lock is tried again.
    async fn pause(&self, attempt: u32) -> Result<()> {
        const LONGEST: Duration = Duration::from_millis(500);
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
    fn row(&self, migration: &Migration, state: State, total: usize) -> Result<HistoryRow> {
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        Ok(HistoryRow {
            version: migration.version.to_owned(),
            name: migration.name.to_owned(),
            checksum: fingerprint(migration, self.dialect())?,
            state,
            statements_done: match state {
                State::Started => 0,
                State::Applied => total,
            },
            statements_total: total,
            applied_at: self.db.clock().now(),
            duration_ms: 0,
            format: FORMAT,
        })
    }

    /// Runs one statement of a migration.
    async fn execute(&self, tx: &Tx, statement: &Statement<'_>) -> Result<()> {
        tx.script(statement.text).timeout(self.left()).await
    }
}

/// A failed statement's error, saying which one of which migration it was.
fn failed(
    migration: &Migration,
    position: usize,
    total: usize,
    statement: &Statement<'_>,
    stands: &str,
    hint: String,
    error: Error,
) -> Error {
    let detail = format!(
        "migration {}, statement {} of {total}, line {} ({}) failed: {}; {stands}",
        migration.label(),
        position + 1,
        statement.line,
        statement.shown(),
        error.detail(),
    );
    let mut out = Error::new(error.kind(), detail)
        .with_hint(hint)
        .with_outcome(error.outcome());
    if let Some(code) = error.native_code() {
        out = out.with_native_code(code.to_owned());
    }
    out.with_source(error)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
