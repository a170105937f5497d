//! Why nothing can be done as things stand, and what to do about it.

use std::fmt;

use mainstay::{Error, ErrorKind};

use crate::directive::Replaces;
use crate::history::{HistoryRow, TABLE};
use crate::migration::Direction;

/// Why nothing can be done as things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The text of an applied migration has changed since.
    Changed {
        /// The migration's version.
        version: String,
        /// Its name.
        name: String,
        /// The fingerprint when it was applied.
        recorded: String,
        /// The fingerprint now.
        current: String,
    },
    /// The fingerprint of an applied migration was not made in a way that this program knows, so
    /// that whether its text has changed cannot be told.
    Unverified {
        /// The migration's version.
        version: String,
        /// Its name.
        name: String,
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
        /// The migration's version.
        version: String,
        /// Its name.
        name: String,
        /// The newest version that is applied.
        newest: String,
    },
    /// A migration has begun, its end is not recorded, and it cannot go on by itself.
    HalfApplied {
        /// What is recorded of it.
        row: HistoryRow,
        /// Which way it was taken.
        direction: Direction,
        /// The statement in question, if the program has the text.
        statement: Option<String>,
        /// What is in the way.
        doubt: Doubt,
    },
    /// A migration stands for several, of which the database has applied only some.
    PartlyReplaced {
        /// The migration's version.
        version: String,
        /// Its name.
        name: String,
        /// What it stands for.
        replaces: Replaces,
        /// The newest of those that are applied.
        newest: String,
    },
}

/// Why a migration that was interrupted cannot go on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Whether its next statement took effect is not known.
    Unknown,
    /// A statement that took effect, of this number, has another text now.
    Changed(u32),
}

impl Problem {
    /// The version it concerns.
    pub fn version(&self) -> &str {
        match self {
            Self::Changed { version, .. }
            | Self::Unverified { version, .. }
            | Self::OutOfOrder { version, .. }
            | Self::PartlyReplaced { version, .. } => version,
            Self::Missing { row } | Self::HalfApplied { row, .. } => &row.version,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Changed { .. } => "restore the text it had, and write a new migration for the \
                                     change; comments and white space may differ. If the database \
                                     is right as it is, repair records the text as it is now"
                .to_owned(),
            Self::Unverified {
                version, current, ..
            } => format!(
                "run the release that recorded it, or a later one; if the record was changed by \
                 hand and the text is the one that was applied, repair, or UPDATE {TABLE} SET \
                 checksum = '{current}' WHERE version = '{version}'"
            ),
            Self::Missing { .. } => "run the release that has it, or merge the branch it came \
                                     from; if it is gone for good, repair takes it out of the \
                                     record"
                .to_owned(),
            Self::OutOfOrder { version, name, .. } => format!(
                "give {version}_{name} a version newer than all that are applied, or undo the \
                 newer ones and apply them again behind it"
            ),
            Self::HalfApplied {
                row,
                direction,
                doubt,
                ..
            } => match doubt {
                Doubt::Unknown => half_applied_hint(row, *direction),
                Doubt::Changed(statement) => format!(
                    "restore the text of statement {statement}; only what did not take effect may \
                     change; or {}",
                    half_applied_hint(row, *direction)
                ),
            },
            Self::PartlyReplaced { replaces, .. } => format!(
                "bring the database to {} with a release that has the migrations it stands for",
                replaces.last
            ),
        }
    }
}

/// What to do about a migration that has begun and not ended, and cannot go on.
pub(crate) fn half_applied_hint(row: &HistoryRow, direction: Direction) -> String {
    let HistoryRow {
        version,
        statements_done: done,
        statements_total: total,
        ..
    } = row;
    let apply = format!(
        "UPDATE {TABLE} SET state = 'applied', statements_done = {total} \
         WHERE version = '{version}'"
    );
    let forget = format!("DELETE FROM {TABLE} WHERE version = '{version}'");
    let (ended, begun) = match direction {
        Direction::Up => (apply, forget),
        Direction::Down => (forget, apply),
    };
    let finish = format!("run what is left by hand and then {ended}");
    let undo = format!("then {begun} and begin again");
    let undone = match done {
        0 => format!("if statement 1 took no effect, {undo}"),
        1 => format!("or undo statement 1, {undo}"),
        _ => format!("or undo statements 1 to {done}, {undo}"),
    };
    format!(
        "make sure that no other instance is migrating now, look whether statement {} took \
         effect; {finish}; {undone}; repair records either",
        done + 1
    )
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { version, name, .. } => write!(
                f,
                "migration {version}_{name} has changed since it was applied"
            ),
            Self::Unverified {
                version,
                name,
                recorded,
                ..
            } => write!(
                f,
                "whether migration {version}_{name} has changed since it was applied cannot be \
                 told: its recorded fingerprint {recorded:?} is not of a kind that this program \
                 knows"
            ),
            Self::Missing { row } => write!(
                f,
                "the database has migration {}_{}, applied {}, which this program does not know",
                row.version,
                row.name,
                row.applied_at.format("%Y-%m-%d %H:%M:%S UTC")
            ),
            Self::OutOfOrder {
                version,
                name,
                newest,
            } => write!(
                f,
                "migration {version}_{name} is not applied, but the newer {newest} is"
            ),
            Self::HalfApplied {
                row,
                direction,
                statement,
                doubt,
            } => half_applied(f, row, *direction, statement.as_deref(), *doubt),
            Self::PartlyReplaced {
                version,
                name,
                replaces,
                newest,
            } => write!(
                f,
                "migration {version}_{name} stands for those from {} to {}, and the database has \
                 applied them only up to {newest}",
                replaces.first, replaces.last
            ),
        }
    }
}

fn half_applied(
    f: &mut fmt::Formatter<'_>,
    row: &HistoryRow,
    direction: Direction,
    statement: Option<&str>,
    doubt: Doubt,
) -> fmt::Result {
    let what = match direction {
        Direction::Up => "migration",
        Direction::Down => "undoing migration",
    };
    write!(
        f,
        "{what} {}_{} began {} and has not ended: {} of {} statements are recorded as done, and ",
        row.version,
        row.name,
        row.applied_at.format("%Y-%m-%d %H:%M:%S UTC"),
        row.statements_done,
        row.statements_total,
    )?;
    match doubt {
        Doubt::Unknown => write!(
            f,
            "whether statement {} took effect is not",
            row.statements_done + 1
        )?,
        Doubt::Changed(statement) => {
            write!(
                f,
                "statement {statement}, which took effect, has another text now"
            )?;
        }
    }
    match statement {
        Some(statement) => write!(f, ": {statement}"),
        None => Ok(()),
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::new(ErrorKind::Configuration, problem.to_string()).with_hint(problem.hint())
    }
}

/// All problems as one error; the hint is that of the first.
pub(crate) fn as_error(problems: &[Problem]) -> Error {
    let hint = problems.first().map(Problem::hint).unwrap_or_default();
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Error::new(ErrorKind::Configuration, all.join("; ")).with_hint(hint)
}
