//! A migration and the set of them: static data of a program, or read from a folder.

use std::sync::Arc;

use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::dialect;
use crate::directive::{Directives, TextError, directives};
use crate::refusal::refused;
use crate::source::Stored;
use crate::split::{Statement, split};

/// Which way a migration is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It is applied.
    Up,
    /// It is undone.
    Down,
}

impl Direction {
    /// The word in file names and in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A text in each dialect. MariaDB and MySQL share theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texts<'a> {
    /// For SQLite.
    pub sqlite: &'a str,
    /// For PostgreSQL.
    pub postgres: &'a str,
    /// For MariaDB and MySQL.
    pub mysql: &'a str,
}

/// A text in each dialect, as part of a program.
pub type PerDialect = Texts<'static>;

impl<'a> Texts<'a> {
    /// One text that all dialects read.
    pub const fn same(sql: &'a str) -> Self {
        Self {
            sqlite: sql,
            postgres: sql,
            mysql: sql,
        }
    }

    /// The text of a dialect.
    pub fn of(&self, dialect: Dialect) -> &'a str {
        dialect::text_of(self, dialect)
    }
}

/// One step in the life of a schema.
///
/// ```
/// use mainstay_migrate::{Migration, MigrationSet, PerDialect};
///
/// // In an application the texts come from `include_str!`.
/// static STEPS: &[Migration] = &[Migration {
///     version: "20260101000000",
///     name: "create_notes",
///     up: PerDialect::same("CREATE TABLE notes (id BIGINT PRIMARY KEY)"),
///     down: Some(PerDialect::same("DROP TABLE notes")),
/// }];
/// static MIGRATIONS: MigrationSet = MigrationSet::new(STEPS);
/// MIGRATIONS.check()?;
/// # Ok::<(), mainstay::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationRef<'a> {
    /// When it was written, as `YYYYMMDDhhmmss`. Migrations run in this order.
    pub version: &'a str,
    /// What it does, in lower case with underscores.
    pub name: &'a str,
    /// The SQL that does it.
    pub up: Texts<'a>,
    /// The SQL that undoes it, where that is possible.
    pub down: Option<Texts<'a>>,
}

/// A migration as part of a program.
pub type Migration = MigrationRef<'static>;

impl<'a> MigrationRef<'a> {
    /// The version and the name, as in messages and folder names.
    pub fn label(&self) -> String {
        format!("{}_{}", self.version, self.name)
    }

    /// The statements that do it, in a dialect.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when the text cannot be split, or has a statement that a migration
    /// must not have.
    pub fn statements(&self, dialect: Dialect) -> Result<Vec<Statement<'a>>> {
        self.statements_of(Direction::Up, dialect, self.up.of(dialect))
    }

    /// The statements of one of its texts.
    pub(crate) fn statements_of(
        &self,
        direction: Direction,
        dialect: Dialect,
        text: &'a str,
    ) -> Result<Vec<Statement<'a>>> {
        let wrong = |error: TextError| self.wrong(direction, dialect, &error);
        let statements = split(dialect, text).map_err(|error| wrong(error.into()))?;
        for statement in &statements {
            if let Some(why) = refused(&statement.words) {
                return Err(wrong(TextError {
                    line: statement.line,
                    what: why.to_owned(),
                }));
            }
        }
        Ok(statements)
    }

    /// What one of its texts says of itself.
    pub(crate) fn directives_of(
        &self,
        direction: Direction,
        dialect: Dialect,
        text: &str,
    ) -> Result<Directives> {
        let found =
            directives(dialect, text).map_err(|error| self.wrong(direction, dialect, &error))?;
        let wrong =
            |what: &str| Err(self.refuse(&format!("{}: {what}", self.file(direction, dialect))));
        if let Some(why) = dialect::refused_directive(dialect, &found) {
            return wrong(why);
        }
        match &found.replaces {
            Some(replaces) if replaces.last != self.version => wrong(&format!(
                "it stands for the migrations up to {}, and so must have that version",
                replaces.last
            )),
            _ => Ok(found),
        }
    }

    fn file(&self, direction: Direction, dialect: Dialect) -> String {
        format!("{}.{}.sql", direction.as_str(), dialect.slug())
    }

    /// The error of a line of one of its texts.
    pub(crate) fn wrong(&self, direction: Direction, dialect: Dialect, error: &TextError) -> Error {
        Error::new(
            ErrorKind::Configuration,
            format!(
                "migration {}, {} {error}",
                self.label(),
                self.file(direction, dialect)
            ),
        )
    }

    /// An error that concerns it.
    pub(crate) fn refuse(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Configuration,
            format!("migration {}: {what}", self.label()),
        )
    }
}

/// All migrations of an application, oldest first. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationSet {
    origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// Part of the program.
    Embedded(&'static [Migration]),
    /// Read from a folder.
    Read(Arc<[Stored]>),
}

impl MigrationSet {
    /// A set that is part of the program. [`check`](Self::check) is called before anything is
    /// applied.
    pub const fn new(migrations: &'static [Migration]) -> Self {
        Self {
            origin: Origin::Embedded(migrations),
        }
    }

    /// The migrations of a folder, as [`source::read`](crate::source::read) reads it.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn from_folder(path: impl AsRef<std::path::Path>) -> Result<Self> {
        Ok(crate::source::read(path.as_ref())?.set)
    }

    pub(crate) fn of_folder(migrations: Vec<Stored>) -> Self {
        Self {
            origin: Origin::Read(migrations.into()),
        }
    }

    /// The migrations, oldest first.
    pub fn migrations(&self) -> Vec<MigrationRef<'_>> {
        match &self.origin {
            Origin::Embedded(all) => all.to_vec(),
            Origin::Read(all) => all.iter().map(Stored::as_migration).collect(),
        }
    }

    /// The set with only the migrations whose version a test keeps.
    pub(crate) fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept: Vec<Stored> = match &self.origin {
            Origin::Embedded(all) => {
                let all = all.iter().filter(|migration| keep(migration.version));
                all.map(Stored::of).collect()
            }
            Origin::Read(all) => {
                let all = all.iter().filter(|stored| keep(&stored.version));
                all.cloned().collect()
            }
        };
        Self::of_folder(kept)
    }

    /// The migration of a version.
    pub fn get(&self, version: &str) -> Option<MigrationRef<'_>> {
        self.migrations().into_iter().find(|m| m.version == version)
    }

    /// The text of a migration of the set. `None` for one way down that there is not.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when it has no text for the dialect that does it.
    pub fn text(
        &self,
        version: &str,
        direction: Direction,
        dialect: Dialect,
    ) -> Result<Option<&str>> {
        let (found, label) = match &self.origin {
            Origin::Embedded(all) => {
                let Some(migration) = all.iter().find(|m| m.version == version) else {
                    return Ok(None);
                };
                let texts = match direction {
                    Direction::Up => Some(&migration.up),
                    Direction::Down => migration.down.as_ref(),
                };
                (texts.map(|texts| texts.of(dialect)), migration.label())
            }
            Origin::Read(all) => {
                let Some(stored) = all.iter().find(|m| m.version == version) else {
                    return Ok(None);
                };
                (
                    stored.text(direction, dialect),
                    stored.as_migration().label(),
                )
            }
        };
        if found.is_none() && direction == Direction::Up {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "migration {label} has neither up.{}.sql nor up.sql",
                    dialect.slug()
                ),
            )
            .with_hint(format!("write it for {}", dialect.name())));
        }
        Ok(found)
    }

    /// Checks that versions are well-formed, unique and ascending, and names well-formed.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR`, naming the migration.
    pub fn check(&self) -> Result<()> {
        let migrations = self.migrations();
        for migration in &migrations {
            if !is_version(migration.version) {
                return Err(migration.refuse("the version must be 14 digits, YYYYMMDDhhmmss"));
            }
            if !is_name(migration.name) {
                return Err(migration.refuse(
                    "the name must be 1 to 200 lower-case letters, digits and underscores",
                ));
            }
        }
        for pair in migrations.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            if before.version == after.version {
                return Err(after.refuse(&format!("{} has the same version", before.label())));
            }
            if before.version > after.version {
                return Err(
                    after.refuse(&format!("stands after {}, which is newer", before.label()))
                );
            }
        }
        Ok(())
    }
}

/// Whether a text is a version: `YYYYMMDDhhmmss`.
pub(crate) fn is_version(text: &str) -> bool {
    text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text is a migration's name.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    !text.is_empty() && text.len() <= 200 && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn migration(version: &'static str, name: &'static str, sql: &'static str) -> Migration {
        Migration {
            version,
            name,
            up: PerDialect::same(sql),
            down: None,
        }
    }

    fn refusal(set: &'static [Migration]) -> String {
        let error = MigrationSet::new(set).check().expect_err("must be refused");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        error.detail().to_owned()
    }

    #[test]
    fn versions_are_checked() {
        static GOOD: &[Migration] = &[
            migration("20260101000000", "a", ""),
            migration("20260102000000", "b", ""),
        ];
        assert!(MigrationSet::new(GOOD).check().is_ok());

        static SHORT: &[Migration] = &[migration("2026", "a", "")];
        assert!(refusal(SHORT).contains("14 digits"));
        static TWICE: &[Migration] = &[
            migration("20260101000000", "a", ""),
            migration("20260101000000", "b", ""),
        ];
        assert!(refusal(TWICE).contains("20260101000000_a has the same version"));
        static BACKWARDS: &[Migration] = &[
            migration("20260102000000", "a", ""),
            migration("20260101000000", "b", ""),
        ];
        assert!(refusal(BACKWARDS).contains("which is newer"));
        static NAME: &[Migration] = &[migration("20260101000000", "No Such", "")];
        assert!(refusal(NAME).contains("lower-case"));
    }
}
