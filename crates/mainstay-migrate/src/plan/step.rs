//! One migration, one way, with all that running it takes.

use std::time::Duration;

use mainstay::driver::Capabilities;
use mainstay::schema::Dialect;
use mainstay::{Error, Result};
use serde::Serialize;

use super::fingerprint::fingerprint;
use super::survey::{Standing, Surveyed, progress};
use crate::MigrationSet;
use crate::checksum::of_statements;
use crate::dialect::{self, Manner};
use crate::directive::{Directives, Replaces};
use crate::journal::{JournalRow, Recorded};
use crate::migration::{Direction, MigrationRef};
use crate::shape::Shape;

/// How a migration is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It and its record are one transaction.
    Transaction,
    /// Statement by statement, each recorded.
    Statements,
    /// One transaction, with foreign keys off on the connection meanwhile (SQLite).
    Rebuild,
}

/// One migration, one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
    /// Which way.
    pub direction: Direction,
    /// How it is run.
    pub mode: Mode,
    /// How many of its statements have taken effect already.
    pub done: usize,
    /// All its statements.
    pub statements: Vec<PlannedStatement>,
    /// The fingerprint of the text that applies it.
    pub checksum: String,
    /// The longest a statement may wait for a lock, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_timeout_ms: Option<u64>,
    /// The longest a statement may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_timeout_ms: Option<u64>,
    #[serde(skip)]
    pub(crate) directives: Directives,
    /// The statement that was started after those that are done, when it was interrupted.
    #[serde(skip)]
    pub(crate) started: Option<JournalRow>,
}

/// One statement of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStatement {
    /// Its text.
    pub text: String,
    /// The line of the file it starts on, counted from 1.
    pub line: usize,
    /// The lock it takes, in words.
    pub lock: String,
    /// The table it is about.
    pub table: Option<String>,
    /// About how many rows that has, where it is known.
    pub rows: Option<u64>,
    /// The beginning of the text on one line.
    #[serde(skip)]
    pub(crate) shown: String,
    #[serde(skip)]
    pub(crate) checksum: String,
    #[serde(skip)]
    pub(crate) manner: Manner,
    /// The index that it builds or drops while the table is in use.
    #[serde(skip)]
    pub(crate) index: Option<String>,
}

impl PlannedStatement {
    /// The beginning of its text on one line, for messages.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl Step {
    /// The version and the name, as in messages and folder names.
    pub fn label(&self) -> String {
        format!("{}_{}", self.version, self.name)
    }

    /// The versions whose records go when it is undone: its own, and those that it stands for.
    pub(crate) fn forgets(&self) -> (&str, &str) {
        match &self.directives.replaces {
            Some(Replaces { first, last }) => (first, last),
            None => (&self.version, &self.version),
        }
    }

    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        self.directives.statement_timeout
    }
}

/// The step that takes a migration one way.
///
/// # Errors
/// `CONFIGURATION_ERROR` when it cannot be undone, or a statement cannot be run the way it is to.
pub(super) fn step(
    set: &MigrationSet,
    dialect: Dialect,
    recorded: &Recorded,
    one: &Surveyed<'_>,
    direction: Direction,
) -> Result<Step> {
    let migration = &one.migration;
    let text = set.text(migration.version, direction, dialect)?;
    let (text, directives) = match (direction, text) {
        (Direction::Up, text) => (text.unwrap_or_default(), one.directives.clone()),
        (Direction::Down, None) => return Err(no_way_down(one, dialect)),
        (Direction::Down, Some(text)) => {
            let mut found = migration.directives_of(direction, dialect, text)?;
            if let Some(reason) = found
                .irreversible
                .as_ref()
                .or(one.directives.irreversible.as_ref())
            {
                return Err(irreversible(migration, reason));
            }
            found.replaces.clone_from(&one.directives.replaces);
            (text, found)
        }
    };
    let statements = migration.statements_of(direction, dialect, text)?;
    if direction == Direction::Down && statements.is_empty() {
        return Err(no_way_down(one, dialect));
    }
    let (mut done, mut started) = (0, None);
    if let Standing::Running(_) = one.standing {
        let progress = progress(&recorded.journal, migration.version);
        done = progress.done.len();
        started = progress.started.cloned();
    }
    let stepwise = !Capabilities::of(dialect).transactional_ddl
        || directives.no_transaction
        || matches!(one.standing, Standing::Running(_));
    let mode = if stepwise {
        Mode::Statements
    } else if directives.rebuild.is_empty() {
        Mode::Transaction
    } else {
        Mode::Rebuild
    };
    let mut planned = Vec::with_capacity(statements.len());
    for statement in statements {
        let shape = Shape::of(dialect, statement.text);
        let refused = match mode {
            Mode::Statements => dialect::refused_alone(dialect, &shape),
            _ => dialect::refused_in_transaction(dialect, &shape),
        };
        if let Some(why) = refused {
            let error = crate::directive::TextError {
                line: statement.line,
                what: why.to_owned(),
            };
            return Err(migration.wrong(direction, dialect, &error));
        }
        planned.push(PlannedStatement {
            text: statement.text.to_owned(),
            line: statement.line,
            lock: dialect::lock(dialect, &shape),
            table: shape.table(),
            rows: None,
            shown: statement.shown(),
            checksum: of_statements(dialect, statement.text).map_err(Error::unexpected)?,
            manner: dialect::manner(dialect, &shape),
            index: shape
                .has(&["CONCURRENTLY"])
                .then(|| shape.index())
                .flatten(),
        });
    }
    let millis = |limit: Option<Duration>| {
        limit.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
    };
    Ok(Step {
        version: migration.version.to_owned(),
        name: migration.name.to_owned(),
        direction,
        mode,
        done,
        statements: planned,
        checksum: fingerprint(set, migration, dialect)?,
        lock_timeout_ms: millis(directives.lock_timeout),
        statement_timeout_ms: millis(directives.statement_timeout),
        directives,
        started,
    })
}

fn irreversible(migration: &MigrationRef<'_>, reason: &str) -> Error {
    migration
        .refuse(&format!("it cannot be undone: {reason}"))
        .with_hint("write a new migration that brings about what is wanted, or restore a backup")
}

fn no_way_down(one: &Surveyed<'_>, dialect: Dialect) -> Error {
    if let Some(reason) = &one.directives.irreversible {
        return irreversible(&one.migration, reason);
    }
    one.migration
        .refuse("it cannot be undone: there is no text that does it")
        .with_hint(format!(
            "write down.sql or down.{}.sql for it; or write a new migration that brings about \
             what is wanted",
            dialect.slug()
        ))
}
