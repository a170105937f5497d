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
//! - `options`: how migrations are run; `report`: what was done; `took`: what one attempt came to
//! - `session`: the lock, and what all of them share; `run`: one migration run statement by statement
//! - `failure`: which statement failed; `whereabouts`: what tables are called in the end

mod failure;
mod fingerprint;
mod options;
mod rebuild;
mod report;
mod resume;
mod run;
mod session;
mod stepwise;
mod took;
mod whereabouts;
mod whole;

use std::collections::VecDeque;

use mainstay::{Database, Result};

pub use options::Options;
pub use report::{Applied, Report};
pub(crate) use session::{Job, locked};

use took::Took;

use crate::MigrationSet;
use crate::journal;
use crate::migration::Direction;
use crate::plan::{Goal, Mode, Plan, Target, plan, survey, targets};
use crate::rows::row_estimates;

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
