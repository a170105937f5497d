//! Where a database stands, read-only.

use chrono::{DateTime, Utc};
use mainstay::{Database, Result};
use serde::Serialize;

use crate::MigrationSet;
use crate::history::State;
use crate::journal;
use crate::plan::{Problem, Standing, survey};

/// Where a database stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Every migration that the program or the database knows, oldest first.
    pub migrations: Vec<MigrationStatus>,
    /// What is in the way of migrating, in words, each with what to do.
    pub problems: Vec<String>,
}

/// Where one migration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationStatus {
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
    /// Whether it is applied.
    pub state: MigrationState,
    /// When it was applied, or begun.
    pub applied_at: Option<DateTime<Utc>>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
}

/// Whether a migration is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationState {
    /// It is.
    Applied,
    /// It will be by the next `migrate`.
    Pending,
    /// It is, but its text has changed since.
    Changed,
    /// It is, but its fingerprint is of a kind that the program cannot compare.
    Unverified,
    /// It is, but the program does not know it.
    Unknown,
    /// It has begun and not ended, or its undoing has.
    HalfApplied,
    /// It is, and another migration stands for it now.
    Replaced,
}

impl MigrationState {
    /// The state in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Changed => "changed",
            Self::Unverified => "unverified",
            Self::Unknown => "unknown",
            Self::HalfApplied => "half-applied",
            Self::Replaced => "replaced",
        }
    }
}

impl Status {
    /// How many migrations are in a state.
    pub fn count(&self, state: MigrationState) -> usize {
        self.migrations.iter().filter(|m| m.state == state).count()
    }

    /// How many migrations are applied, with those that something is wrong with.
    pub fn applied(&self) -> usize {
        use MigrationState::{
            Applied, Changed, HalfApplied, Pending, Replaced, Unknown, Unverified,
        };
        let applied = |state| match state {
            Applied | Changed | Unverified | Unknown | Replaced => true,
            Pending | HalfApplied => false,
        };
        self.migrations.iter().filter(|m| applied(m.state)).count()
    }

    /// Whether there is nothing to do and nothing wrong.
    pub fn is_current(&self) -> bool {
        let left = [MigrationState::Pending, MigrationState::HalfApplied];
        self.problems.is_empty() && left.iter().all(|state| self.count(*state) == 0)
    }
}

/// Compares the known migrations with the recorded ones. Reads only, and needs no table.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set is wrong; the errors of reading.
pub async fn status(db: &Database, set: &MigrationSet) -> Result<Status> {
    let recorded = journal::read(db).await?;
    let survey = survey(set, db.dialect(), &recorded)?;
    let problems = &survey.problems;
    // What the comparison says of a migration that is recorded as applied.
    let applied = |version: &str| {
        let problem = problems.iter().find(|problem| problem.version() == version);
        match problem {
            Some(Problem::Changed { .. }) => MigrationState::Changed,
            Some(Problem::Unverified { .. }) => MigrationState::Unverified,
            Some(Problem::Missing { .. }) => MigrationState::Unknown,
            _ if set.get(version).is_some() => MigrationState::Applied,
            _ => MigrationState::Replaced,
        }
    };
    let mut migrations: Vec<MigrationStatus> = recorded
        .history
        .iter()
        .map(|row| MigrationStatus {
            version: row.version.clone(),
            name: row.name.clone(),
            state: match row.state {
                State::Started => MigrationState::HalfApplied,
                State::Applied => applied(&row.version),
            },
            applied_at: Some(row.applied_at),
            duration_ms: (row.state == State::Applied).then_some(row.duration_ms),
        })
        .collect();
    for one in &survey.migrations {
        let version = one.migration.version;
        let recorded = recorded.history.iter().any(|row| row.version == version);
        if one.standing == Standing::Pending && !recorded {
            migrations.push(MigrationStatus {
                version: version.to_owned(),
                name: one.migration.name.to_owned(),
                state: MigrationState::Pending,
                applied_at: None,
                duration_ms: None,
            });
        }
    }
    migrations.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(Status {
        migrations,
        problems: problems
            .iter()
            .map(|problem| format!("{problem} ({})", problem.hint()))
            .collect(),
    })
}
