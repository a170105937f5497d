//! Looks over the texts of migrations for what hurts in production, before they run.
//!
//! Pure: texts go in, findings come out. Earlier migrations are read for the tables they make, so
//! that a rule about locks says nothing of a table that is new, and a rule about types knows the
//! type a column had. Numbers of rows, where given, weigh what is found.
//!
//! - [`report`]: what was found, as text and as JSON; [`mod@sarif`]: as SARIF 2.1.0
//! - [`rules`]: the rules themselves; [`mod@reference`]: the page about them
//! - `script`: a text read into statements and directives
//! - `known`: the tables that migrations have made; `context`: what a rule sees of a statement
//! - `dialect`: what differs between the engines, beside the rules
//! - `check`: all rules over all statements; `weigh`: findings against the numbers of rows

mod check;
mod context;
mod dialect;
mod known;
pub mod reference;
pub mod report;
pub mod rules;
pub mod sarif;
mod script;
mod weigh;

use std::collections::BTreeMap;

use mainstay::Result;
use mainstay::schema::{Dialect, TableModel};

pub use check::lint;
pub use report::{Finding, Ignored, Report, Severity};
pub use rules::Rule;

use crate::{Direction, MigrationSet};

/// A migration in one dialect, as the lint reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The dialect of its texts.
    pub dialect: Dialect,
    /// Its version, by which migrations are ordered.
    pub version: String,
    /// Its name.
    pub name: String,
    /// The file of the way up, as it is to be shown.
    pub path: String,
    /// The way up.
    pub up: String,
    /// The way down, if there is one.
    pub down: Option<String>,
}

impl Source {
    /// The version and the name.
    pub fn label(&self) -> String {
        format!("{}_{}", self.version, self.name)
    }

    /// The migrations of a set in a dialect, with their files below a folder.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when one has no text for the dialect.
    pub fn of_set(set: &MigrationSet, dialect: Dialect, folder: &str) -> Result<Vec<Self>> {
        let text = |version: &str, direction| {
            let text = set.text(version, direction, dialect)?;
            Ok::<_, mainstay::Error>(text.map(str::to_owned))
        };
        set.migrations()
            .iter()
            .map(|migration| {
                Ok(Self {
                    dialect,
                    version: migration.version.to_owned(),
                    name: migration.name.to_owned(),
                    path: format!("{folder}/{}/up.{}.sql", migration.label(), dialect.slug()),
                    up: text(migration.version, Direction::Up)?.unwrap_or_default(),
                    down: text(migration.version, Direction::Down)?,
                })
            })
            .collect()
    }
}

/// What the lint knows besides the texts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// About how many rows each table has, by its name. A table that is not in it counts as
    /// unknown.
    pub rows: Option<&'a BTreeMap<String, u64>>,
    /// The tables of the application's entities: those of
    /// [`Schema::tables`](mainstay::Schema::tables).
    pub entities: &'a [&'static TableModel],
    /// Only migrations of a later version are reported; those up to this one are only read for
    /// the tables they make.
    pub after: Option<&'a str>,
}

#[cfg(test)]
#[path = "../tests/lint.rs"]
mod tests;

#[cfg(test)]
#[path = "../tests/lint_report.rs"]
mod report_tests;

#[cfg(test)]
#[path = "../tests/lint_cases.rs"]
mod case_tests;
