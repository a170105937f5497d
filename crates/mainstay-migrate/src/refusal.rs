//! Statements that must not stand in a migration, with the reason.

/// Why a statement that starts with these words must not stand in a migration.
pub(crate) fn refused(words: &[String]) -> Option<&'static str> {
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
             defer_foreign_keys belongs to the transaction. To make a table anew, write \
             -- mainstay: rebuild TABLE, and foreign keys are off meanwhile",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use mainstay::schema::Dialect;

    use super::*;
    use crate::{Migration, PerDialect};

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
