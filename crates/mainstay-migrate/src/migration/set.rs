//! All migrations of an application: static data of a program, or read from a folder.

use std::sync::Arc;

use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind, Result};

use super::name::{is_name, is_version};
use super::single::{Migration, MigrationRef};
use super::stored::Stored;
use super::text::Direction;

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

#[cfg(test)]
mod tests {
    use super::super::PerDialect;
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
