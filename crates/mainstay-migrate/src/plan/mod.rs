//! What is to be done: the known migrations against the recorded ones. Pure.
//!
//! - `survey`: where each migration stands
//! - `problem`: what is in the way, and what to do about it
//! - `step`: one migration, one way, with its statements; `fingerprint`: of its text
//! - `render`: a plan as text

mod fingerprint;
mod problem;
mod render;
mod step;
mod survey;

use std::collections::BTreeMap;

use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind, Result};
use serde::Serialize;

pub(crate) use fingerprint::fingerprint;
pub use problem::{Doubt, Problem};
pub(crate) use problem::{as_error, half_applied_hint};
pub use step::{Mode, PlannedStatement, Step};
pub(crate) use survey::{Standing, Survey, survey};

use crate::MigrationSet;
use crate::journal::Recorded;
use crate::migration::{Direction, MigrationRef};

/// Where the database is to be brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Goal {
    /// All pending migrations are applied.
    #[default]
    Up,
    /// The pending ones up to this version are applied.
    UpTo(String),
    /// So many are undone, the newest first.
    Down(usize),
    /// All that are newer than this version are undone; with [`NOTHING`], all.
    DownTo(String),
    /// The newest is undone and applied again.
    Redo,
}

/// The version before the first.
pub const NOTHING: &str = "0";

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The migrations, in order, each with its way.
    pub steps: Vec<Step>,
    /// How many are applied now.
    pub applied: usize,
}

impl Plan {
    /// Adds how many rows the statements' tables have, as far as that is known.
    #[must_use]
    pub fn with_rows(mut self, rows: &BTreeMap<String, u64>) -> Self {
        for step in &mut self.steps {
            for statement in &mut step.statements {
                let table = statement.table.as_ref();
                statement.rows = table.and_then(|table| rows.get(table)).copied();
            }
        }
        self
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// A goal in versions, which stays the same while other instances work towards it, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// What is pending is applied, up to a version if there is one.
    Up(Option<String>),
    /// What is newer than this version is undone.
    Down(String),
}

/// What is to be done to reach a goal.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set itself is wrong, when something is in the way (see
/// [`Problem`]; the hint is that of the first), when the goal names a version that there is not,
/// and when a migration is to be undone that cannot be.
pub fn plan(
    set: &MigrationSet,
    dialect: Dialect,
    recorded: &Recorded,
    goal: &Goal,
) -> Result<Plan> {
    let mut survey = survey(set, dialect, recorded)?;
    let applied = survey.applied();
    let mut steps = Vec::new();
    for target in targets(&survey, goal)? {
        steps.extend(steps_to(set, dialect, recorded, &survey, &target)?);
        // What comes next is seen as if this had been done.
        for one in &mut survey.migrations {
            let undone = matches!(&target, Target::Down(keep) if one.migration.version > &**keep);
            if undone {
                one.standing = Standing::Pending;
            }
        }
    }
    Ok(Plan { steps, applied })
}

/// A goal in versions.
pub(crate) fn targets(survey: &Survey<'_>, goal: &Goal) -> Result<Vec<Target>> {
    let known = |version: &String| -> Result<()> {
        let mut versions = survey.migrations.iter().map(|one| one.migration.version);
        match version == NOTHING || versions.any(|known| known == version) {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Configuration,
                format!("there is no migration of version {version:?}"),
            )
            .with_hint("name one of those that the status shows, by its 14 digits")),
        }
    };
    // Newest first.
    let done: Vec<&str> = survey
        .migrations
        .iter()
        .rev()
        .filter(|one| one.standing != Standing::Pending)
        .map(|one| one.migration.version)
        .collect();
    let before = |count: usize| done.get(count).copied().unwrap_or(NOTHING).to_owned();
    Ok(match goal {
        Goal::Up => vec![Target::Up(None)],
        Goal::UpTo(version) => {
            known(version)?;
            vec![Target::Up(Some(version.clone()))]
        }
        Goal::Down(count) => vec![Target::Down(before(*count))],
        Goal::DownTo(version) => {
            known(version)?;
            vec![Target::Down(version.clone())]
        }
        Goal::Redo => {
            let Some(newest) = done.first() else {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    "no migration is applied that could be undone and applied again",
                ));
            };
            vec![
                Target::Down(before(1)),
                Target::Up(Some((*newest).to_owned())),
            ]
        }
    })
}

/// The steps to a target.
pub(crate) fn steps_to(
    set: &MigrationSet,
    dialect: Dialect,
    recorded: &Recorded,
    survey: &Survey<'_>,
    target: &Target,
) -> Result<Vec<Step>> {
    let in_the_way: Vec<Problem> = survey
        .problems
        .iter()
        // To undo the newer ones is a way out of this.
        .filter(|problem| match (target, problem) {
            (Target::Down(_), Problem::OutOfOrder { .. }) => false,
            (Target::Up(Some(to)), Problem::OutOfOrder { version, .. }) => version <= to,
            _ => true,
        })
        .cloned()
        .collect();
    if !in_the_way.is_empty() {
        return Err(as_error(&in_the_way));
    }
    let direction = match target {
        Target::Up(_) => Direction::Up,
        Target::Down(_) => Direction::Down,
    };
    let mut out = Vec::new();
    for one in &survey.migrations {
        let version = one.migration.version;
        match (&one.standing, target) {
            (Standing::Running(begun), _) if *begun != direction => {
                return Err(begun_otherwise(&one.migration, *begun));
            }
            (Standing::Pending, Target::Up(to)) if to.as_deref().is_none_or(|to| version <= to) => {
            }
            (Standing::Running(_), Target::Up(_)) => {}
            (Standing::Applied | Standing::Running(_), Target::Down(keep))
                if version > keep.as_str() => {}
            _ => continue,
        }
        out.push(step::step(set, dialect, recorded, one, direction)?);
    }
    if direction == Direction::Down {
        out.reverse();
    }
    Ok(out)
}

fn begun_otherwise(migration: &MigrationRef<'_>, begun: Direction) -> Error {
    let (what, command) = match begun {
        Direction::Up => ("has begun to be applied", "apply what is pending"),
        Direction::Down => (
            "has begun to be undone",
            "undo it again, which goes on there",
        ),
    };
    migration
        .refuse(&format!("it {what} and has not ended"))
        .with_hint(format!("{command}; or see what repair proposes"))
}

#[cfg(test)]
#[path = "../tests/plan.rs"]
mod tests;
