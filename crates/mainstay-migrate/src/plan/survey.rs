//! The known migrations beside the recorded ones: where each stands, and what is wrong.

use mainstay::schema::Dialect;
use mainstay::{Error, Result};

use super::problem::{Doubt, Problem};
use crate::checksum::{Comparison, checksum, compare};
use crate::directive::Directives;
use crate::history::{HistoryRow, State};
use crate::journal::{JournalRow, Recorded};
use crate::migration::{Direction, MigrationRef, MigrationSet};

/// Where a known migration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is not applied.
    Pending,
    /// It is.
    Applied,
    /// It has begun one way and can go on.
    Running(Direction),
}

/// A known migration and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Surveyed<'a> {
    pub(crate) migration: MigrationRef<'a>,
    pub(crate) standing: Standing,
    /// What its text says of itself.
    pub(crate) directives: Directives,
}

/// All known migrations, oldest first, and all problems, by version.
#[derive(Debug, Clone)]
pub(crate) struct Survey<'a> {
    pub(crate) migrations: Vec<Surveyed<'a>>,
    pub(crate) problems: Vec<Problem>,
}

impl Survey<'_> {
    /// How many migrations are applied.
    pub(crate) fn applied(&self) -> usize {
        let applied = |one: &&Surveyed<'_>| one.standing == Standing::Applied;
        self.migrations.iter().filter(applied).count()
    }
}

/// Compares the known migrations with the recorded ones.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set itself is wrong.
pub(crate) fn survey<'a>(
    set: &'a MigrationSet,
    dialect: Dialect,
    recorded: &Recorded,
) -> Result<Survey<'a>> {
    set.check()?;
    let mut out = Survey {
        migrations: Vec::new(),
        problems: Vec::new(),
    };
    let newest = recorded
        .history
        .iter()
        .filter(|row| row.state == State::Applied)
        .map(|row| row.version.as_str())
        .max();
    for migration in set.migrations() {
        // Of the set, and so there.
        let text = set
            .text(migration.version, Direction::Up, dialect)?
            .unwrap_or_default();
        migration.statements_of(Direction::Up, dialect, text)?;
        let directives = migration.directives_of(Direction::Up, dialect, text)?;
        let of = Compared {
            set,
            dialect,
            recorded,
            migration,
            text,
            newest,
        };
        let standing = of.standing(&directives, &mut out.problems)?;
        out.migrations.push(Surveyed {
            migration,
            standing,
            directives,
        });
    }
    for row in &recorded.history {
        let known = out.migrations.iter().any(|one| {
            let replaces = one.directives.replaces.as_ref();
            one.migration.version == row.version
                || replaces.is_some_and(|replaces| replaces.covers(&row.version))
        });
        if !known {
            out.problems.push(match row.state {
                State::Applied => Problem::Missing { row: row.clone() },
                State::Started => Problem::HalfApplied {
                    row: row.clone(),
                    direction: direction(&recorded.journal, &row.version).unwrap_or(Direction::Up),
                    statement: None,
                    doubt: Doubt::Unknown,
                },
            });
        }
    }
    out.problems.sort_by(|a, b| a.version().cmp(b.version()));
    Ok(out)
}

/// Which way a migration was begun, if the journal has it.
fn direction(journal: &[JournalRow], version: &str) -> Option<Direction> {
    let begun = |row: &&JournalRow| row.version == version && row.position == 0;
    journal.iter().find(begun).map(|row| row.direction)
}

/// One known migration to be compared.
struct Compared<'a, 'b> {
    set: &'a MigrationSet,
    dialect: Dialect,
    recorded: &'b Recorded,
    migration: MigrationRef<'a>,
    text: &'a str,
    newest: Option<&'b str>,
}

impl Compared<'_, '_> {
    fn standing(&self, directives: &Directives, problems: &mut Vec<Problem>) -> Result<Standing> {
        let (version, name) = (self.migration.version, self.migration.name);
        let row = self.recorded.history.iter().find(|r| r.version == version);
        if let Some(replaces) = &directives.replaces {
            let old = self.recorded.history.iter().filter(|row| {
                replaces.covers(&row.version) && (row.version != version || row.name != name)
            });
            if let Some(newest) = old.map(|row| row.version.as_str()).max() {
                // Those it stands for were applied, each by its own text.
                match row {
                    Some(row) if row.state == State::Applied => {}
                    Some(row) => problems.push(Problem::HalfApplied {
                        row: row.clone(),
                        direction: Direction::Up,
                        statement: None,
                        doubt: Doubt::Unknown,
                    }),
                    None => problems.push(Problem::PartlyReplaced {
                        version: version.to_owned(),
                        name: name.to_owned(),
                        replaces: replaces.clone(),
                        newest: newest.to_owned(),
                    }),
                }
                return Ok(Standing::Applied);
            }
        }
        let Some(row) = row else {
            if let Some(newest) = self.newest.filter(|newest| *newest > version) {
                problems.push(Problem::OutOfOrder {
                    version: version.to_owned(),
                    name: name.to_owned(),
                    newest: newest.to_owned(),
                });
            }
            return Ok(Standing::Pending);
        };
        if row.state == State::Started {
            return self.running(row, problems);
        }
        let wrong = |error| self.migration.wrong(Direction::Up, self.dialect, &error);
        let (recorded, current) = (row.checksum.clone(), || {
            checksum(self.dialect, self.text).map_err(wrong)
        });
        let (version, name) = (version.to_owned(), name.to_owned());
        match compare(&row.checksum, self.dialect, self.text).map_err(wrong)? {
            Comparison::Same => {}
            Comparison::Differs => problems.push(Problem::Changed {
                version,
                name,
                recorded,
                current: current()?,
            }),
            // To pass what cannot be compared would let any text through.
            Comparison::Unknown => problems.push(Problem::Unverified {
                version,
                name,
                recorded,
                current: current()?,
            }),
        }
        Ok(Standing::Applied)
    }

    /// A migration that has begun: it can go on when the journal has it, and what took effect still
    /// has the text it had.
    fn running(&self, row: &HistoryRow, problems: &mut Vec<Problem>) -> Result<Standing> {
        let version = self.migration.version;
        let found = direction(&self.recorded.journal, version);
        let direction = found.unwrap_or(Direction::Up);
        let text = self.set.text(version, direction, self.dialect)?;
        let statements =
            self.migration
                .statements_of(direction, self.dialect, text.unwrap_or_default())?;
        let progress = progress(&self.recorded.journal, version);
        let mut row = row.clone();
        if found.is_some() {
            row.statements_done = u32::try_from(progress.done.len()).unwrap_or(u32::MAX);
        }
        let shown = |position: usize| statements.get(position).map(|s| s.shown());
        let doubt = if found.is_none() {
            Some((Doubt::Unknown, shown(row.statements_done as usize)))
        } else {
            let same = |position: usize, journal: &JournalRow| -> Result<bool> {
                let Some(statement) = statements.get(position) else {
                    return Ok(false);
                };
                let is = compare(&journal.checksum, self.dialect, statement.text)
                    .map_err(Error::unexpected)?;
                Ok(is == Comparison::Same)
            };
            let mut changed = None;
            for (position, journal) in progress.done.iter().enumerate() {
                if !same(position, journal)? {
                    changed = Some((Doubt::Changed(journal.position), shown(position)));
                    break;
                }
            }
            changed
        };
        if let Some((doubt, statement)) = doubt {
            problems.push(Problem::HalfApplied {
                row,
                direction,
                statement,
                doubt,
            });
        }
        Ok(Standing::Running(direction))
    }
}

/// How far the journal says that a migration has come.
pub(crate) struct Progress<'a> {
    /// The statements that have ended, from the first on.
    pub(crate) done: Vec<&'a JournalRow>,
    /// The one that was started after them.
    pub(crate) started: Option<&'a JournalRow>,
}

pub(crate) fn progress<'a>(journal: &'a [JournalRow], version: &str) -> Progress<'a> {
    let mut out = Progress {
        done: Vec::new(),
        started: None,
    };
    let of = |row: &&JournalRow| row.version == version && row.position > 0;
    for row in journal.iter().filter(of) {
        if row.done {
            out.done.push(row);
        } else {
            out.started = Some(row);
        }
    }
    out
}
