//! Mends the record of what has been applied, where it and the migrations no longer fit.
//!
//! Nothing here touches any table but Mainstay's own: what is to be repaired is first explained,
//! as a list of proposals, and then done one by one.

use std::time::Duration;

use mainstay::database::Sql as Query;
use mainstay::schema::Dialect;
use mainstay::{Database, Error, ErrorKind, Result, Tx};
use serde::Serialize;

use crate::MigrationSet;
use crate::history::{self, FORMAT, HistoryRow, State};
use crate::journal::{self, Recorded};
use crate::migration::Direction;
use crate::plan::{Problem, Standing, fingerprint, survey};
use crate::runner::{Job, Options, locked};

/// Something that can be repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// The version of the migration concerned.
    pub version: String,
    /// What is wrong.
    pub problem: String,
    /// What would be done.
    pub action: Action,
    /// What that means, and when it is right.
    pub explanation: String,
}

/// What a repair does to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The text as it is now is recorded as the one that was applied.
    Rerecord,
    /// The migration is taken out of the record.
    Remove,
    /// What has begun is recorded as done: somebody has run what was left.
    MarkDone,
    /// What has begun is recorded as not done: somebody has undone what stood.
    MarkUndone,
}

impl Action {
    /// Whether it says something of the database that only its owner knows. There are two such
    /// proposals for one migration, and one of them is right.
    pub const fn is_a_choice(self) -> bool {
        matches!(self, Self::MarkDone | Self::MarkUndone)
    }

    /// The action in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rerecord => "rerecord",
            Self::Remove => "remove",
            Self::MarkDone => "mark-done",
            Self::MarkUndone => "mark-undone",
        }
    }
}

/// What can be repaired, oldest version first. Reads only.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set is wrong; the errors of reading.
pub async fn proposals(db: &Database, set: &MigrationSet) -> Result<Vec<Repair>> {
    proposals_for(set, db.dialect(), &journal::read(db).await?)
}

/// The same from what is recorded. Pure.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set is wrong.
pub fn proposals_for(
    set: &MigrationSet,
    dialect: Dialect,
    recorded: &Recorded,
) -> Result<Vec<Repair>> {
    let survey = survey(set, dialect, recorded)?;
    let mut out = Vec::new();
    for problem in &survey.problems {
        let one = |action, explanation: &str| Repair {
            version: problem.version().to_owned(),
            problem: problem.to_string(),
            action,
            explanation: explanation.to_owned(),
        };
        match problem {
            Problem::Changed { .. } | Problem::Unverified { .. } => out.push(one(
                Action::Rerecord,
                "records the text as it is now; right when the database is what that text makes, \
                 else restore the text",
            )),
            Problem::Missing { .. } => out.push(one(
                Action::Remove,
                "takes it out of the record, and leaves what it did to the database; right when \
                 the migration is gone for good",
            )),
            Problem::HalfApplied { direction, .. } => {
                out.extend(choices(problem.version(), &problem.to_string(), *direction));
            }
            // The record is right; the migrations or the release are to be changed.
            Problem::OutOfOrder { .. } | Problem::PartlyReplaced { .. } => {}
        }
    }
    for one in &survey.migrations {
        let version = one.migration.version;
        let told = out.iter().any(|repair| repair.version == version);
        if let Standing::Running(direction) = one.standing
            && !told
        {
            let what = match direction {
                Direction::Up => {
                    "has begun and not ended; to apply what is pending goes on with it"
                }
                Direction::Down => "has begun to be undone; to undo it again goes on with that",
            };
            let problem = format!("migration {} {what}", one.migration.label());
            out.extend(choices(version, &problem, direction));
        }
    }
    out.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(out)
}

/// The two ways out of a migration that has begun.
fn choices(version: &str, problem: &str, direction: Direction) -> [Repair; 2] {
    let (done, undone) = match direction {
        Direction::Up => (
            "records it as applied; right when what was left of it has been run by hand",
            "records it as not applied; right when nothing of it stands, or what stood has been \
             undone by hand",
        ),
        Direction::Down => (
            "records it as not applied; right when what was left of undoing it has been run by \
             hand",
            "records it as applied; right when nothing of it has been undone, or that has been \
             brought back by hand",
        ),
    };
    [(Action::MarkDone, done), (Action::MarkUndone, undone)].map(|(action, explanation)| Repair {
        version: version.to_owned(),
        problem: problem.to_owned(),
        action,
        explanation: explanation.to_owned(),
    })
}

/// Does what [`proposals`] proposed.
///
/// # Errors
/// `CONFIGURATION_ERROR` when one of them is not proposed any more, or two are for one version:
/// then nothing is done. `DEADLINE_EXCEEDED` when another instance holds the lock for too long.
pub async fn apply(db: &Database, set: &MigrationSet, repairs: &[Repair]) -> Result<()> {
    let options = Options {
        timeout: Duration::from_secs(60),
        ..Options::default()
    };
    let dialect = db.dialect();
    let (set_, repairs) = (set.clone(), repairs.to_vec());
    locked(&Job::new(db, set, options), move |tx| {
        let (set, repairs) = (set_.clone(), repairs.clone());
        async move {
            let recorded = journal::read_recorded(|sql| tx.sql(sql), dialect).await?;
            let now = proposals_for(&set, dialect, &recorded)?;
            for (position, repair) in repairs.iter().enumerate() {
                let twice = repairs[..position]
                    .iter()
                    .any(|r| r.version == repair.version);
                if twice || !now.contains(repair) {
                    return Err(Error::new(
                        ErrorKind::Configuration,
                        format!(
                            "{} of {} is not proposed any more; nothing was done",
                            repair.action.as_str(),
                            repair.version
                        ),
                    )
                    .with_hint("look at the proposals again"));
                }
                perform(&tx, &set, dialect, &recorded, repair).await?;
            }
            Ok(())
        }
    })
    .await
}

async fn perform(
    tx: &Tx,
    set: &MigrationSet,
    dialect: Dialect,
    recorded: &Recorded,
    repair: &Repair,
) -> Result<()> {
    let query = |sql: &'static str| -> Query { tx.sql(sql) };
    let version = repair.version.as_str();
    let Some(row) = recorded.history.iter().find(|row| row.version == version) else {
        return Ok(());
    };
    let current = match set.get(version) {
        Some(migration) => fingerprint(set, &migration, dialect)?,
        None => row.checksum.clone(),
    };
    let begun = recorded.journal.iter().find(|row| row.version == version);
    let direction = begun.map_or(Direction::Up, |row| row.direction);
    let is_applied = match repair.action {
        Action::Rerecord => true,
        Action::Remove => false,
        Action::MarkDone => direction == Direction::Up,
        Action::MarkUndone => direction == Direction::Down,
    };
    let change = if is_applied {
        let done = match repair.action {
            Action::Rerecord => row.statements_done,
            _ => row.statements_total,
        };
        let row = HistoryRow {
            checksum: current,
            state: State::Applied,
            statements_done: done,
            format: FORMAT,
            ..row.clone()
        };
        history::advance(query, &row)
    } else {
        history::forget(query, version, version)
    };
    change.execute().await?;
    journal::clear(query, version).execute().await?;
    tracing::info!(
        target: "mainstay::migrate",
        version, action = repair.action.as_str(), "record repaired"
    );
    Ok(())
}
