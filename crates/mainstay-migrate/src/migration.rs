//! A migration and the set of them, as plain static data.

use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind, Result};

use crate::dialect;
use crate::split::{Statement, split};

/// A text in each dialect. MariaDB and MySQL share theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerDialect {
    /// For SQLite.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
    /// For MariaDB and MySQL.
    pub mysql: &'static str,
}

impl PerDialect {
    /// One text that all dialects read.
    pub const fn same(sql: &'static str) -> Self {
        Self {
            sqlite: sql,
            postgres: sql,
            mysql: sql,
        }
    }

    /// The text of a dialect.
    pub fn of(&self, dialect: Dialect) -> &'static str {
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
pub struct Migration {
    /// When it was written, as `YYYYMMDDhhmmss`. Migrations run in this order.
    pub version: &'static str,
    /// What it does, in lower case with underscores.
    pub name: &'static str,
    /// The SQL that does it.
    pub up: PerDialect,
    /// The SQL that undoes it, where that is possible.
    pub down: Option<PerDialect>,
}

impl Migration {
    /// The version and the name, as in messages and folder names.
    pub fn label(&self) -> String {
        format!("{}_{}", self.version, self.name)
    }

    /// The statements that do it, in a dialect.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when the text cannot be split, or has a statement that a migration
    /// must not have.
    pub fn statements(&self, dialect: Dialect) -> Result<Vec<Statement<'static>>> {
        let wrong = |line: usize, what: &str| {
            Error::new(
                ErrorKind::Configuration,
                format!(
                    "migration {}, up.{}.sql line {line}: {what}",
                    self.label(),
                    dialect.slug()
                ),
            )
        };
        let statements =
            split(dialect, self.up.of(dialect)).map_err(|error| wrong(error.line, error.what))?;
        for statement in &statements {
            if let Some(why) = refused(&statement.words) {
                return Err(wrong(statement.line, why));
            }
        }
        Ok(statements)
    }
}

/// Why a statement that starts with these words must not stand in a migration.
fn refused(words: &[String]) -> Option<&'static str> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["DELIMITER", ..] => Some(
            "DELIMITER is a command of the mysql client, not SQL; leave it out, bodies from BEGIN \
             to END are understood without it",
        ),
        // MariaDB's anonymous block, not a transaction.
        ["BEGIN", "NOT", ..] => None,
        [
            "BEGIN" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "END" | "ABORT",
            ..,
        ]
        | ["START", "TRANSACTION", ..] => Some(
            "a migration must not begin or end transactions; each one runs in a transaction of \
             its own where the engine can do that",
        ),
        ["SET", "LOCAL" | "STATEMENT" | "CONSTRAINTS", ..] => None,
        ["SET" | "USE", ..] | ["LOCK", "TABLES", ..] => Some(
            "a migration must not change its session, which others use after it and which need \
             not be that of the next statement; use SET LOCAL on PostgreSQL, SET STATEMENT ... \
             FOR on MariaDB",
        ),
        ["PRAGMA", "DEFER_FOREIGN_KEYS", ..] => None,
        // PRAGMA foreign_keys = OFF before a table is rebuilt is what deletes its children.
        ["PRAGMA", ..] => Some(
            "a PRAGMA takes no effect inside the migration's transaction, or outlives it; only \
             defer_foreign_keys belongs to the transaction",
        ),
        _ => None,
    }
}

/// All migrations of an application, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationSet {
    migrations: &'static [Migration],
}

impl MigrationSet {
    /// A set. [`check`](Self::check) is called before anything is applied.
    pub const fn new(migrations: &'static [Migration]) -> Self {
        Self { migrations }
    }

    /// The migrations, oldest first.
    pub const fn migrations(&self) -> &'static [Migration] {
        self.migrations
    }

    /// The migration of a version.
    pub fn get(&self, version: &str) -> Option<&'static Migration> {
        self.migrations.iter().find(|m| m.version == version)
    }

    /// Checks that versions are well-formed, unique and ascending, and names well-formed.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR`, naming the migration.
    pub fn check(&self) -> Result<()> {
        let wrong = |migration: &Migration, what: String| {
            Error::new(
                ErrorKind::Configuration,
                format!("migration {}: {what}", migration.label()),
            )
        };
        for migration in self.migrations {
            let version = migration.version;
            if version.len() != 14 || !version.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong(
                    migration,
                    "the version must be 14 digits, YYYYMMDDhhmmss".to_owned(),
                ));
            }
            let name = migration.name;
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            if name.is_empty() || name.len() > 200 || !name.bytes().all(fits) {
                return Err(wrong(
                    migration,
                    "the name must be 1 to 200 lower-case letters, digits and underscores"
                        .to_owned(),
                ));
            }
        }
        for pair in self.migrations.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            if before.version == after.version {
                return Err(wrong(
                    after,
                    format!("{} has the same version", before.label()),
                ));
            }
            if before.version > after.version {
                return Err(wrong(
                    after,
                    format!("stands after {}, which is newer", before.label()),
                ));
            }
        }
        Ok(())
    }
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

    fn words_of(sql: &str) -> Vec<String> {
        sql.split(' ').map(str::to_ascii_uppercase).collect()
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

    #[test]
    fn transaction_control_and_client_commands_are_refused_with_their_line() {
        let commit = migration("20260101000000", "a", "CREATE TABLE a (b INT);\n\nCommit;");
        let error = commit.statements(Dialect::Sqlite).expect_err("COMMIT");
        assert!(error.detail().contains("up.sqlite.sql line 3"), "{error}");
        let delimiter = migration("20260101000000", "a", "DELIMITER //");
        let error = delimiter.statements(Dialect::MariaDb).expect_err("client");
        assert!(error.detail().contains("mysql client"), "{error}");
        let session = migration("20260101000000", "a", "SET foreign_key_checks = 0");
        let error = session.statements(Dialect::MariaDb).expect_err("session");
        assert!(error.detail().contains("SET STATEMENT"), "{error}");
        for fine in [
            "SET LOCAL lock_timeout = 1",
            "SET STATEMENT a = 0 FOR DROP TABLE b",
        ] {
            assert!(refused(&words_of(fine)).is_none(), "{fine}");
        }
    }
}
