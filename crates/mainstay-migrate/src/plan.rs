//! What is to be done: the known migrations against the recorded ones. Pure.

use std::fmt;

use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind, Result};

use crate::checksum::{checksum, is_known};
use crate::history::{HistoryRow, State, TABLE};
use crate::{Migration, MigrationSet};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The migrations to apply, in order.
    pub apply: Vec<&'static Migration>,
    /// How many are applied already.
    pub applied: usize,
}

/// Why nothing can be applied as things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The text of an applied migration has changed since.
    Changed {
        /// The migration.
        migration: &'static Migration,
        /// The fingerprint when it was applied.
        recorded: String,
        /// The fingerprint now.
        current: String,
    },
    /// The fingerprint of an applied migration was not made in a way that this program knows, so
    /// that whether its text has changed cannot be told.
    Unverified {
        /// The migration.
        migration: &'static Migration,
        /// The fingerprint that is recorded.
        recorded: String,
        /// The fingerprint as this program makes it.
        current: String,
    },
    /// The database has a migration that the program does not know.
    Missing {
        /// What is recorded of it.
        row: HistoryRow,
    },
    /// A migration is not applied, but a newer one is.
    OutOfOrder {
        /// The migration.
        migration: &'static Migration,
        /// The newest version that is applied.
        newest: String,
    },
    /// A migration has begun and its end is not recorded.
    HalfApplied {
        /// What is recorded of it.
        row: HistoryRow,
        /// The statement whose effect is not known, if the program has the text.
        statement: Option<String>,
    },
}

impl Problem {
    /// The version it concerns.
    pub fn version(&self) -> &str {
        match self {
            Self::Changed { migration, .. }
            | Self::Unverified { migration, .. }
            | Self::OutOfOrder { migration, .. } => migration.version,
            Self::Missing { row } | Self::HalfApplied { row, .. } => &row.version,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Changed { .. } => "restore the text it had, and write a new migration for the \
                                     change; comments and white space may differ"
                .to_owned(),
            Self::Unverified {
                migration, current, ..
            } => format!(
                "run the release that recorded it, or a later one; if the record was changed by \
                 hand and the text is the one that was applied, UPDATE {TABLE} SET checksum = \
                 '{current}' WHERE version = '{}'",
                migration.version
            ),
            Self::Missing { .. } => {
                "run the release that has it, or merge the branch it came from".to_owned()
            }
            Self::OutOfOrder { migration, .. } => format!(
                "give {} a version newer than all that are applied",
                migration.label()
            ),
            Self::HalfApplied { row, .. } => half_applied_hint(row),
        }
    }
}

/// What to do about a migration that has begun and not ended.
pub(crate) fn half_applied_hint(row: &HistoryRow) -> String {
    let HistoryRow {
        version,
        statements_done: done,
        statements_total: total,
        ..
    } = row;
    let finish = format!(
        "run what is left by hand and then \
         UPDATE {TABLE} SET state = 'applied', statements_done = {total} \
         WHERE version = '{version}'"
    );
    let undo = format!("then DELETE FROM {TABLE} WHERE version = '{version}' and migrate again");
    let undone = match done {
        0 => format!("if statement 1 took no effect, {undo}"),
        1 => format!("or undo statement 1, {undo}"),
        _ => format!("or undo statements 1 to {done}, {undo}"),
    };
    format!(
        "make sure that no other instance is migrating now, look whether statement {} took \
         effect; {finish}; {undone}",
        done + 1
    )
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { migration, .. } => write!(
                f,
                "migration {} has changed since it was applied",
                migration.label()
            ),
            Self::Unverified {
                migration,
                recorded,
                ..
            } => write!(
                f,
                "whether migration {} has changed since it was applied cannot be told: its \
                 recorded fingerprint {recorded:?} is not of a kind that this program knows",
                migration.label()
            ),
            Self::Missing { row } => write!(
                f,
                "the database has migration {}_{}, applied {}, which this program does not know",
                row.version,
                row.name,
                row.applied_at.format("%Y-%m-%d %H:%M:%S UTC")
            ),
            Self::OutOfOrder { migration, newest } => write!(
                f,
                "migration {} is not applied, but the newer {newest} is",
                migration.label()
            ),
            Self::HalfApplied { row, statement } => {
                write!(
                    f,
                    "migration {}_{} began {} and has not ended: {} of {} statements are \
                     recorded as done, and whether statement {} took effect is not",
                    row.version,
                    row.name,
                    row.applied_at.format("%Y-%m-%d %H:%M:%S UTC"),
                    row.statements_done,
                    row.statements_total,
                    row.statements_done + 1
                )?;
                match statement {
                    Some(statement) => write!(f, ": {statement}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::new(ErrorKind::Configuration, problem.to_string()).with_hint(problem.hint())
    }
}

/// Compares the known migrations with the recorded ones: either all problems, oldest version
/// first, or what is to be done.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set itself is wrong.
pub fn compare(
    set: &MigrationSet,
    dialect: Dialect,
    history: &[HistoryRow],
) -> Result<Result<Plan, Vec<Problem>>> {
    set.check()?;
    let mut problems = Vec::new();
    let newest = history
        .iter()
        .filter(|row| row.state == State::Applied)
        .map(|row| row.version.as_str())
        .max();
    let mut plan = Plan {
        apply: Vec::new(),
        applied: 0,
    };
    for migration in set.migrations() {
        let statements = migration.statements(dialect)?;
        let row = history.iter().find(|row| row.version == migration.version);
        match row {
            None => match newest {
                Some(newest) if newest > migration.version => problems.push(Problem::OutOfOrder {
                    migration,
                    newest: newest.to_owned(),
                }),
                _ => plan.apply.push(migration),
            },
            Some(row) if row.state == State::Started => {
                let next = statements.get(row.statements_done as usize);
                problems.push(Problem::HalfApplied {
                    row: row.clone(),
                    statement: next.map(|statement| statement.shown()),
                });
            }
            Some(row) => {
                plan.applied += 1;
                let current = fingerprint(migration, dialect)?;
                // To pass what cannot be compared would let any text through.
                if !is_known(&row.checksum) {
                    problems.push(Problem::Unverified {
                        migration,
                        recorded: row.checksum.clone(),
                        current,
                    });
                } else if row.checksum != current {
                    problems.push(Problem::Changed {
                        migration,
                        recorded: row.checksum.clone(),
                        current,
                    });
                }
            }
        }
    }
    for row in history {
        if set.get(&row.version).is_none() {
            problems.push(match row.state {
                State::Applied => Problem::Missing { row: row.clone() },
                State::Started => Problem::HalfApplied {
                    row: row.clone(),
                    statement: None,
                },
            });
        }
    }
    problems.sort_by(|a, b| a.version().cmp(b.version()));
    Ok(if problems.is_empty() {
        Ok(plan)
    } else {
        Err(problems)
    })
}

/// As [`compare`], with the problems as one error.
///
/// # Errors
/// `CONFIGURATION_ERROR` with all problems; the hint is that of the first.
pub fn plan(set: &MigrationSet, dialect: Dialect, history: &[HistoryRow]) -> Result<Plan> {
    compare(set, dialect, history)?.map_err(|problems| {
        let hint = problems.first().map(Problem::hint).unwrap_or_default();
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Error::new(ErrorKind::Configuration, all.join("; ")).with_hint(hint)
    })
}

/// The fingerprint of a migration in a dialect.
///
/// # Errors
/// `CONFIGURATION_ERROR` when its text cannot be split.
pub(crate) fn fingerprint(migration: &Migration, dialect: Dialect) -> Result<String> {
    checksum(dialect, migration.up.of(dialect)).map_err(|error| {
        Error::new(
            ErrorKind::Configuration,
            format!("migration {}: {error}", migration.label()),
        )
    })
}

#[cfg(test)]
#[path = "tests/plan.rs"]
mod tests;
