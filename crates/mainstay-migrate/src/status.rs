//! Where a database stands, read-only.

use chrono::{DateTime, Utc};
use mainstay::{Database, Result};
use serde::Serialize;

use crate::MigrationSet;
use crate::history::{self, State};
use crate::plan::{Problem, compare};

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
    /// It is, but the program does not know it.
    Unknown,
    /// It has begun and not ended.
    HalfApplied,
}

impl MigrationState {
    /// The state in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Changed => "changed",
            Self::Unknown => "unknown",
            Self::HalfApplied => "half-applied",
        }
    }
}

impl Status {
    /// How many migrations are in a state.
    pub fn count(&self, state: MigrationState) -> usize {
        self.migrations.iter().filter(|m| m.state == state).count()
    }

    /// Whether there is nothing to do and nothing wrong.
    pub fn is_current(&self) -> bool {
        self.problems.is_empty() && self.count(MigrationState::Pending) == 0
    }
}

/// Compares the known migrations with the recorded ones. Reads only, and needs no table.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set is wrong; the errors of reading.
pub async fn status(db: &Database, set: &MigrationSet) -> Result<Status> {
    let recorded = history::read(db).await?;
    let problems = match compare(set, db.dialect(), &recorded)? {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    };
    let changed = |version: &str| {
        problems.iter().any(|problem| {
            matches!(problem, Problem::Changed { .. }) && problem.version() == version
        })
    };
    let mut migrations: Vec<MigrationStatus> = recorded
        .iter()
        .map(|row| MigrationStatus {
            version: row.version.clone(),
            name: row.name.clone(),
            state: match row.state {
                State::Started => MigrationState::HalfApplied,
                State::Applied if set.get(&row.version).is_none() => MigrationState::Unknown,
                State::Applied if changed(&row.version) => MigrationState::Changed,
                State::Applied => MigrationState::Applied,
            },
            applied_at: Some(row.applied_at),
            duration_ms: (row.state == State::Applied).then_some(row.duration_ms),
        })
        .collect();
    for migration in set.migrations() {
        if !recorded.iter().any(|row| row.version == migration.version) {
            migrations.push(MigrationStatus {
                version: migration.version.to_owned(),
                name: migration.name.to_owned(),
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
