//! Brings a database to a goal: applies what is pending, or undoes what is applied.
//!
//! However many instances start at once, each migration is applied once: one lock per database is
//! taken, and the history is read again under it. The lock belongs to a session or a transaction,
//! so that a killed program leaves none behind.
//!
//! A migration is run in one of three ways (see [`Mode`]):
//! - `whole`: it and its record are one transaction: all of it or nothing
//! - `stepwise`: where the engine commits at every change of a table, or the migration must not run
//!   in a transaction, each statement is recorded; `resume` goes on after an interruption, by the
//!   schema's `fingerprint`
//! - `rebuild`: SQLite, with foreign keys off while a table is made anew
//!
//! - `session`: the lock, and what all of them share; `whereabouts`: what tables are called in the end

mod fingerprint;
mod rebuild;
mod resume;
mod session;
mod stepwise;
mod whereabouts;
mod whole;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mainstay::{Database, Error, Result};
use serde::Serialize;

pub(crate) use session::{Job, locked};

use crate::MigrationSet;
use crate::journal;
use crate::migration::Direction;
use crate::plan::{Goal, Mode, Plan, Target, plan, survey, targets};
use crate::progress::Progress;
use crate::rows::row_estimates;

/// How migrations are run.
#[derive(Clone)]
pub struct Options {
    /// The longest all of it may take, waiting for another instance included.
    pub timeout: Duration,
    /// Where the database is to be brought.
    pub goal: Goal,
    /// Who is told what happens.
    pub progress: Option<Arc<dyn Progress>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(600),
            goal: Goal::Up,
            progress: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("timeout", &self.timeout)
            .field("goal", &self.goal)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}

impl From<Goal> for Options {
    fn from(goal: Goal) -> Self {
        Self {
            goal,
            ..Self::default()
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The migrations undone by this call, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<Applied>,
    /// The migrations applied by this call, in order.
    pub applied: Vec<Applied>,
    /// How many others are applied: before this call, or by another instance meanwhile.
    pub already: usize,
}

/// A migration that was applied, or undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
    /// How long it took.
    #[serde(rename = "duration_ms", serialize_with = "as_millis")]
    pub duration: Duration,
}

fn as_millis<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u64(session::millis(*duration))
}

/// Applies all pending migrations, within ten minutes.
///
/// # Errors
/// As [`migrate_with`].
pub async fn migrate(db: &Database, set: &MigrationSet) -> Result<Report> {
    migrate_with(db, set, Options::default()).await
}

/// Brings a database to a goal.
///
/// When all migrations are to be applied and nothing is pending, this reads and takes no lock.
/// Where the engine cannot undo changes of tables, a migration under way is finished even if this
/// call is dropped.
///
/// ```no_run
/// # use mainstay::{Database, Result};
/// # use mainstay_migrate::{Goal, MigrationSet, Options, migrate_with};
/// # async fn example(db: Database, set: MigrationSet) -> Result<()> {
/// let report = migrate_with(&db, &set, Options::from(Goal::Down(1))).await?;
/// assert_eq!(report.undone.len(), 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set is wrong or does not fit the history (see
/// [`Problem`](crate::Problem)), when the goal names a version that there is not, and when a
/// migration is to be undone that cannot be. `DEADLINE_EXCEEDED` when another instance holds the
/// lock for too long. A failed statement's error, saying which one it was and what stands.
pub async fn migrate_with(db: &Database, set: &MigrationSet, options: Options) -> Result<Report> {
    set.check()?;
    let goal = options.goal.clone();
    if goal == Goal::Up {
        // Without a lock, so that instances with nothing to do start at once. What looks like a
        // problem may be another instance at work: it is looked at again under the lock.
        let recorded = journal::read(db).await?;
        if let Ok(plan) = plan(set, db.dialect(), &recorded, &goal)
            && plan.is_empty()
        {
            return Ok(Report {
                already: plan.applied,
                ..Report::default()
            });
        }
    }
    let job = Job::new(db, set, options);
    let targets = match goal {
        // These do not depend on what is applied.
        Goal::Up | Goal::UpTo(_) => {
            targets(&survey(set, db.dialect(), &Default::default())?, &goal)?
        }
        _ => aim(&job, &goal).await?,
    };
    run(&job, targets.into()).await
}

/// What a run towards a goal would do, as things stand, with about how many rows the tables have.
/// Reads only.
///
/// # Errors
/// As [`migrate_with`], but for those of running.
pub async fn dry_run(db: &Database, set: &MigrationSet, goal: &Goal) -> Result<Plan> {
    let plan = planned(db, set, goal).await?;
    Ok(plan.with_rows(&row_estimates(db).await?))
}

/// The same without the rows, which may have to be counted.
pub(crate) async fn planned(db: &Database, set: &MigrationSet, goal: &Goal) -> Result<Plan> {
    let recorded = journal::read(db).await?;
    plan(set, db.dialect(), &recorded, goal)
}

/// Puts a goal that depends on what is applied into versions, once and under the lock: so that two
/// instances that are both to undo one migration do not undo two.
async fn aim(job: &Job, goal: &Goal) -> Result<Vec<Target>> {
    let (set, goal) = (job.set.clone(), goal.clone());
    locked(job, move |tx| {
        let (set, goal) = (set.clone(), goal.clone());
        async move {
            let dialect = tx.database().dialect();
            let recorded = journal::read_recorded(|sql| tx.sql(sql), dialect).await?;
            targets(&survey(&set, dialect, &recorded)?, &goal)
        }
    })
    .await
}

/// What one attempt to take a step came to.
enum Took {
    /// Another instance has the lock.
    Busy,
    /// Migrations were applied or undone; there may be more.
    Steps(Vec<(Direction, Applied)>),
    /// The next one is to be run in this way.
    Otherwise(Mode),
    /// The target is reached; so many are applied.
    Reached(usize),
}

async fn run(job: &Job, mut targets: VecDeque<Target>) -> Result<Report> {
    let mut report = Report::default();
    let mut mode = match job.db.capabilities().transactional_ddl {
        true => Mode::Transaction,
        false => Mode::Statements,
    };
    let mut waits = 0;
    while let Some(target) = targets.front() {
        let took = match mode {
            Mode::Transaction => whole::next(job, target).await?,
            Mode::Statements => stepwise::next(job, target).await?,
            Mode::Rebuild => rebuild::next(job, target).await?,
        };
        match took {
            Took::Busy => {
                job.pause(waits).await?;
                waits += 1;
                continue;
            }
            Took::Steps(steps) => {
                for (direction, step) in steps {
                    match direction {
                        Direction::Up => report.applied.push(step),
                        Direction::Down => report.undone.push(step),
                    }
                }
            }
            Took::Otherwise(next) => mode = next,
            Took::Reached(applied) => {
                report.already = applied.saturating_sub(report.applied.len());
                targets.pop_front();
            }
        }
        waits = 0;
    }
    Ok(report)
}

/// A failed statement's error, saying which one of which migration it was.
fn failed(
    step: &crate::plan::Step,
    position: usize,
    stands: &str,
    hint: String,
    error: Error,
) -> Error {
    let statement = &step.statements[position];
    let what = match step.direction {
        Direction::Up => "migration",
        Direction::Down => "undoing migration",
    };
    let detail = format!(
        "{what} {}, statement {} of {}, line {} ({}) failed: {}; {stands}",
        step.label(),
        position + 1,
        step.statements.len(),
        statement.line,
        statement.shown,
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
