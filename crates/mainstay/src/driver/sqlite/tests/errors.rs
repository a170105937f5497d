use rusqlite::ffi;

use super::*;
use crate::driver::sqlite::classify::{at_commit, classify, while_running};
use crate::error::{Error, ErrorKind, Outcome};

const SCHEMA: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, tenant INTEGER, name TEXT, age INTEGER,
        CONSTRAINT adult CHECK (age >= 18), CHECK (tenant > 0), UNIQUE (tenant, name)
    ) STRICT;
    CREATE UNIQUE INDEX lower_name ON users (lower(name)) WHERE tenant IS NULL;
    CREATE TABLE goals (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users (id)) STRICT;
    CREATE TRIGGER no_root BEFORE INSERT ON users WHEN NEW.email = 'root'
        BEGIN SELECT RAISE(ABORT, 'root is taken'); END;
    INSERT INTO users (id, email, tenant, name) VALUES (1, 'a@b.c', 1, 'Ann');
    INSERT INTO users (id, email, name) VALUES (2, 'b@b.c', 'Bob');";

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_apart_and_name_what_refused() {
    use ErrorKind::*;
    let fixture = Fixture::new().await;
    let mut writer = fixture.writer();
    writer.run_script(SCHEMA).await.unwrap();
    // The SQL, and kind, native code, table, constraint, columns of its refusal.
    type Row = (
        &'static str,
        ErrorKind,
        &'static str,
        Option<&'static str>,
        Option<&'static str>,
        &'static [&'static str],
    );
    const USERS: Option<&str> = Some("users");
    let table: [Row; 18] = [
        (
            "INSERT INTO users (email) VALUES ('a@b.c')",
            Duplicate,
            "SQLITE_CONSTRAINT_UNIQUE",
            USERS,
            None,
            &["email"],
        ),
        (
            "INSERT INTO users (id, email) VALUES (1, 'x')",
            Duplicate,
            "SQLITE_CONSTRAINT_PRIMARYKEY",
            USERS,
            None,
            &["id"],
        ),
        (
            "INSERT INTO users (email, tenant, name) VALUES ('x', 1, 'Ann')",
            Duplicate,
            "SQLITE_CONSTRAINT_UNIQUE",
            USERS,
            None,
            &["tenant", "name"],
        ),
        (
            "INSERT INTO users (email, name) VALUES ('x', 'BOB')",
            Duplicate,
            "SQLITE_CONSTRAINT_UNIQUE",
            None,
            Some("lower_name"),
            &[],
        ),
        (
            "INSERT INTO users (name) VALUES ('x')",
            NotNull,
            "SQLITE_CONSTRAINT_NOTNULL",
            USERS,
            None,
            &["email"],
        ),
        (
            "UPDATE users SET age = 17",
            Check,
            "SQLITE_CONSTRAINT_CHECK",
            None,
            Some("adult"),
            &[],
        ),
        (
            "UPDATE users SET tenant = 0",
            Check,
            "SQLITE_CONSTRAINT_CHECK",
            None,
            Some("tenant > 0"),
            &[],
        ),
        (
            "INSERT INTO users (email) VALUES ('root')",
            Check,
            "SQLITE_CONSTRAINT_TRIGGER",
            None,
            None,
            &[],
        ),
        (
            "INSERT INTO goals (user) VALUES (9)",
            ForeignKey,
            "SQLITE_CONSTRAINT_FOREIGNKEY",
            None,
            None,
            &[],
        ),
        (
            "UPDATE users SET age = 'old'",
            InvalidValue,
            "SQLITE_CONSTRAINT_DATATYPE",
            USERS,
            None,
            &["age"],
        ),
        (
            "INSERT INTO users (id, email) VALUES ('x', 'y')",
            InvalidValue,
            "SQLITE_MISMATCH",
            None,
            None,
            &[],
        ),
        (
            "SELECT * FROM nobody",
            TableMissing,
            "SQLITE_ERROR",
            Some("nobody"),
            None,
            &[],
        ),
        (
            "SELECT * FROM main.nobody",
            TableMissing,
            "SQLITE_ERROR",
            Some("nobody"),
            None,
            &[],
        ),
        (
            "SELECT absent FROM users",
            ColumnMissing,
            "SQLITE_ERROR",
            None,
            None,
            &["absent"],
        ),
        (
            "SELECT \"absent\" FROM users",
            ColumnMissing,
            "SQLITE_ERROR",
            None,
            None,
            &["absent"],
        ),
        (
            "SELECT users.absent FROM users",
            ColumnMissing,
            "SQLITE_ERROR",
            USERS,
            None,
            &["absent"],
        ),
        (
            "INSERT INTO users (absent) VALUES (1)",
            ColumnMissing,
            "SQLITE_ERROR",
            USERS,
            None,
            &["absent"],
        ),
        (
            "SELECT zeroblob(2000000000)",
            ValueTooLong,
            "SQLITE_TOOBIG",
            None,
            None,
            &[],
        ),
    ];
    for (sql, kind, native, table, constraint, columns) in table {
        let error = execute(&mut *writer, sql).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.native_code()),
            (kind, Some(native)),
            "{sql}: {error}"
        );
        assert_eq!(
            (error.table(), error.constraint()),
            (table, constraint),
            "{sql}: {error}"
        );
        assert_eq!(
            error.columns().collect::<Vec<_>>(),
            columns,
            "{sql}: {error}"
        );
        assert_eq!(error.outcome(), Outcome::NotApplied);
        assert!(!error.detail().is_empty());
    }
    for sql in [
        "SELEC 1",
        "SELECT 1; SELECT 2",
        "SELECT",
        "",
        "SELECT nope()",
    ] {
        let error = execute(&mut *writer, sql).await.unwrap_err();
        assert_eq!(
            (error.code(), error.http_status()),
            ("P2010", 500),
            "{sql}: {error}"
        );
    }
    // The statement's own table where SQLite names none.
    let check = statement("UPDATE users SET age = 1", Vec::new()).on("users");
    let error = writer.run(check, &mut Ignore).await.unwrap_err();
    assert_eq!(error.table(), Some("users"));
}

fn failure(code: i32, message: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(message.to_owned()))
}

#[test]
fn faults_of_the_file_are_told_apart() {
    let table = [
        (ffi::SQLITE_FULL, ErrorKind::DiskFull, "SQLITE_FULL"),
        (ffi::SQLITE_CORRUPT, ErrorKind::Corrupt, "SQLITE_CORRUPT"),
        (ffi::SQLITE_NOTADB, ErrorKind::Corrupt, "SQLITE_NOTADB"),
        (ffi::SQLITE_READONLY, ErrorKind::ReadOnly, "SQLITE_READONLY"),
        (
            ffi::SQLITE_READONLY_DBMOVED,
            ErrorKind::ReadOnly,
            "SQLITE_READONLY_DBMOVED",
        ),
        (ffi::SQLITE_BUSY, ErrorKind::WriteConflict, "SQLITE_BUSY"),
        (
            ffi::SQLITE_BUSY_SNAPSHOT,
            ErrorKind::WriteConflict,
            "SQLITE_BUSY_SNAPSHOT",
        ),
        (
            ffi::SQLITE_LOCKED,
            ErrorKind::WriteConflict,
            "SQLITE_LOCKED",
        ),
        (
            ffi::SQLITE_CANTOPEN,
            ErrorKind::Unreachable,
            "SQLITE_CANTOPEN",
        ),
        (
            ffi::SQLITE_IOERR_FSYNC,
            ErrorKind::Database,
            "SQLITE_IOERR_FSYNC",
        ),
        (
            ffi::SQLITE_IOERR | (99 << 8),
            ErrorKind::Database,
            "SQLITE_IOERR (25354)",
        ),
        (ffi::SQLITE_PERM, ErrorKind::AccessDenied, "SQLITE_PERM"),
        (
            ffi::SQLITE_INTERRUPT,
            ErrorKind::Deadline,
            "SQLITE_INTERRUPT",
        ),
        (
            ffi::SQLITE_CONSTRAINT_VTAB,
            ErrorKind::Database,
            "SQLITE_CONSTRAINT_VTAB",
        ),
        (77, ErrorKind::Unknown, "SQLITE"),
    ];
    for (code, kind, name) in table {
        let error = classify(&failure(code, "engine text"));
        assert_eq!((error.kind(), error.native_code()), (kind, Some(name)));
        assert!(error.detail().contains("engine text"));
        assert!(!error.public_message().contains("engine text"));
        let committed = at_commit(error);
        let unknown = name.starts_with("SQLITE_IOERR");
        assert_eq!(committed.outcome() == Outcome::Unknown, unknown);
    }
}

#[test]
fn messages_of_an_older_or_newer_sqlite_do_not_panic() {
    let codes = [
        ffi::SQLITE_CONSTRAINT_UNIQUE,
        ffi::SQLITE_CONSTRAINT_NOTNULL,
        ffi::SQLITE_CONSTRAINT_CHECK,
        ffi::SQLITE_CONSTRAINT_DATATYPE,
        ffi::SQLITE_ERROR,
    ];
    for code in codes {
        for message in [
            "",
            "failed: ",
            "x failed: index '",
            "no such column: ",
            "é ' \" [",
        ] {
            assert!(classify(&failure(code, message)).native_code().is_some());
            assert!(
                while_running(&failure(code, message), "é")
                    .native_code()
                    .is_some()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_never_show_in_errors() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    writer
        .run_script("CREATE VIRTUAL TABLE docs USING fts5 (body)")
        .await
        .unwrap();
    let secrets = [
        "s3cret",
        "\"s3cret",
        "s3cret' \" [x]",
        "s3cret:x",
        "$.s3cret[",
        "[s3cret",
    ];
    let mut refused = 0;
    for secret in secrets {
        for sql in [
            "SELECT * FROM docs WHERE docs MATCH ?",
            "SELECT json_extract('{}', ?)",
            "SELECT json(?)",
            "SELECT 1 WHERE 'a' LIKE 'a' ESCAPE ?",
            "INSERT INTO t (id) VALUES (?)",
        ] {
            let values = vec![Value::Text(secret.to_owned())];
            let result = writer.run(statement(sql, values), &mut Ignore).await;
            if let Err(error) = result {
                refused += 1;
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("s3cret"), "{sql}: {shown}");
            }
        }
    }
    assert!(refused > 15, "{refused}");
    // What stands in the SQL is shown.
    let error: Error = execute(&mut *writer, "SELECT json_extract('{}', 'own')")
        .await
        .unwrap_err();
    assert!(error.detail().contains("'own'"), "{error}");
}
