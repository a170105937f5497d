//! One migration, with what its texts say and do.

use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind, Result};

use super::text::{Direction, Texts};
use crate::dialect;
use crate::directive::{Directives, TextError, directives};
use crate::refusal::refused;
use crate::split::{Statement, split};

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
