//! SQLite's errors into ours.
//!
//! SQLite names what refused in its message only, so the messages of constraints are taken apart
//! here; they have been stable since 3.7.

use rusqlite::ffi;

use super::{caller, codes};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// Classifies an error that no parameter's value can be part of: of opening, preparing,
/// transaction control.
pub(super) fn classify(error: &rusqlite::Error) -> Error {
    match parts(error) {
        Some((code, message)) => of_code(code, message),
        None => of_client(error),
    }
}

/// Classifies an error of a statement that runs with its values. What the message quotes is kept
/// only when it stands in the SQL too: it may be a value (a search term, a JSON path).
pub(super) fn while_running(error: &rusqlite::Error, sql: &str) -> Error {
    match parts(error) {
        Some((ffi::SQLITE_ERROR, message)) => {
            of_code(ffi::SQLITE_ERROR, &without_values(message, sql))
        }
        _ => classify(error),
    }
}

/// Classifies an error of COMMIT, or of a statement that is its own transaction: after an I/O
/// error nobody knows whether it is on the disk.
pub(super) fn at_commit(error: Error) -> Error {
    let unknown = error
        .native_code()
        .is_some_and(|code| code.starts_with("SQLITE_IOERR"));
    if unknown {
        error.with_outcome(Outcome::Unknown)
    } else {
        error
    }
}

/// Whether the disk, the file or the memory failed, rather than the statement: SQLite may have
/// rolled back more than the statement, or nothing.
pub(super) fn is_of_the_file(error: &Error) -> bool {
    const CODES: [&str; 4] = [
        "SQLITE_IOERR",
        "SQLITE_FULL",
        "SQLITE_CORRUPT",
        "SQLITE_NOMEM",
    ];
    error
        .native_code()
        .is_some_and(|native| CODES.iter().any(|code| native.starts_with(code)))
}

/// Adds the table a statement concerns, unless SQLite named one.
pub(super) fn on_table<T>(result: Result<T>, table: Option<&'static str>) -> Result<T> {
    result.map_err(|error| match table {
        Some(table) if error.table().is_none() => error.with_table(table),
        _ => error,
    })
}

/// The extended code and the text of an error that SQLite reported.
fn parts(error: &rusqlite::Error) -> Option<(i32, &str)> {
    match error {
        rusqlite::Error::SqliteFailure(error, message) => {
            Some((error.extended_code, message.as_deref().unwrap_or("")))
        }
        // Not by Display: that holds the whole SQL.
        rusqlite::Error::SqlInputError { error, msg, .. } => Some((error.extended_code, msg)),
        _ => None,
    }
}

/// An error that rusqlite itself reported.
fn of_client(error: &rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::MultipleStatement => {
            raw("several statements at once").with_hint("run them one by one, or as a script")
        }
        rusqlite::Error::NulError(_) => raw("the SQL contains a NUL character"),
        other => Error::new(ErrorKind::Unknown, other.to_string()),
    }
}

fn raw(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::Database, detail.into()).with_prisma_code("P2010")
}

fn of_code(code: i32, message: &str) -> Error {
    let error = match code & 0xff {
        ffi::SQLITE_CONSTRAINT => of_constraint(code, message),
        ffi::SQLITE_ERROR => of_sql(message),
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Error::new(
            ErrorKind::WriteConflict,
            format!("another process holds the lock of the database file: {message}"),
        )
        .with_hint("find the other process (fuser FILE), or raise busy_timeout"),
        ffi::SQLITE_FULL => Error::new(ErrorKind::DiskFull, message.to_owned())
            .with_hint("free space on the file's disk; what was committed before is safe")
            .with_state_of_server(),
        ffi::SQLITE_NOTADB => Error::new(ErrorKind::Corrupt, message.to_owned()).with_hint(
            "the file is of another kind, encrypted or damaged: check the path, \
             or restore a backup",
        ),
        ffi::SQLITE_CORRUPT => Error::new(ErrorKind::Corrupt, message.to_owned())
            .with_hint("stop writing, keep a copy of the file with its -wal, and restore a backup"),
        // A statement that may not write by itself is refused before SQLite sees it.
        ffi::SQLITE_READONLY => Error::new(ErrorKind::ReadOnly, message.to_owned())
            .with_hint(
                "the process must be able to write the file and to create files in its folder",
            )
            .with_state_of_server(),
        ffi::SQLITE_PERM | ffi::SQLITE_AUTH => {
            Error::new(ErrorKind::AccessDenied, message.to_owned())
                .with_hint("check the owner and the mode of the file")
        }
        ffi::SQLITE_CANTOPEN => Error::new(ErrorKind::Unreachable, message.to_owned()).with_hint(
            "check that the file and its folder are still there and can be read and written, \
             and that the process may open more files (ulimit -n)",
        ),
        ffi::SQLITE_IOERR => Error::new(ErrorKind::Database, message.to_owned())
            .with_hint("the disk or the file system failed: see the system's log"),
        ffi::SQLITE_NOMEM => Error::new(ErrorKind::Database, message.to_owned())
            .with_hint("the process is out of memory"),
        ffi::SQLITE_TOOBIG => Error::new(ErrorKind::ValueTooLong, message.to_owned())
            .with_hint("a value or statement is limited to 1,000,000,000 bytes"),
        ffi::SQLITE_MISMATCH => Error::new(ErrorKind::InvalidValue, message.to_owned()),
        ffi::SQLITE_INTERRUPT => Error::new(ErrorKind::Deadline, message.to_owned()),
        ffi::SQLITE_RANGE | ffi::SQLITE_MISUSE => raw(message),
        ffi::SQLITE_ABORT | ffi::SQLITE_SCHEMA | ffi::SQLITE_PROTOCOL | ffi::SQLITE_NOLFS => {
            Error::new(ErrorKind::Database, message.to_owned())
        }
        _ => Error::new(ErrorKind::Unknown, message.to_owned()),
    };
    error.with_native_code(codes::name(code))
}

fn of_constraint(code: i32, message: &str) -> Error {
    let subject = message.split_once("failed: ").map(|(_, subject)| subject);
    let make = |kind| Error::new(kind, message.to_owned());
    match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => {
            let error = make(ErrorKind::Duplicate);
            let subject = subject.unwrap_or("");
            match index_name(subject) {
                Some(index) => error.with_constraint(index.to_owned()),
                None => with_columns(error, subject),
            }
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            with_columns(make(ErrorKind::NotNull), subject.unwrap_or(""))
        }
        // The constraint's name, or its expression where it has none.
        ffi::SQLITE_CONSTRAINT_CHECK => match subject {
            Some(name) => make(ErrorKind::Check).with_constraint(name.to_owned()),
            None => make(ErrorKind::Check),
        },
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => make(ErrorKind::ForeignKey),
        // ON DELETE RESTRICT acts as a trigger of SQLite's own, and only its text tells.
        ffi::SQLITE_CONSTRAINT_TRIGGER if message == "FOREIGN KEY constraint failed" => {
            make(ErrorKind::ForeignKey)
        }
        // It was given up before its commit, or its file is gone.
        ffi::SQLITE_CONSTRAINT_COMMITHOOK => caller::moved().unwrap_or_else(given_up),
        // A trigger's RAISE is a rule of the database about values, as a CHECK is.
        ffi::SQLITE_CONSTRAINT_TRIGGER => make(ErrorKind::Check),
        // "cannot store TEXT value in INTEGER column users.age"
        ffi::SQLITE_CONSTRAINT_DATATYPE => with_columns(
            make(ErrorKind::InvalidValue),
            message
                .rsplit_once(" column ")
                .map_or("", |(_, column)| column),
        ),
        _ => make(ErrorKind::Database).with_prisma_code("P2004"),
    }
}

/// The error of a call whose caller gave it up before its commit.
pub(super) fn given_up() -> Error {
    Error::new(
        ErrorKind::Deadline,
        "nobody waits for it any more, and it was rolled back",
    )
    .with_outcome(Outcome::NotApplied)
}

/// Errors of the SQL itself: all have the same code.
fn of_sql(message: &str) -> Error {
    if let Some(table) = after(message, "no such table: ") {
        let table = table.strip_prefix("main.").unwrap_or(table);
        return Error::new(ErrorKind::TableMissing, message.to_owned())
            .with_table(table.to_owned())
            .with_hint("apply the migrations, or check the path of the database file");
    }
    let hint = "apply the migrations, or compare the entity with the table";
    if let Some(column) = after(message, "no such column: ") {
        // Quoted names come with advice behind them.
        let column = column.split(" - ").next().unwrap_or(column);
        let column = column.trim_matches('"');
        let error = Error::new(ErrorKind::ColumnMissing, message.to_owned()).with_hint(hint);
        return if column.contains('.') {
            with_columns(error, column)
        } else {
            error.with_columns([column.to_owned()])
        };
    }
    // "table users has no column named x"
    if let Some((table, column)) = message
        .strip_prefix("table ")
        .and_then(|rest| rest.split_once(" has no column named "))
    {
        return Error::new(ErrorKind::ColumnMissing, message.to_owned())
            .with_table(table.to_owned())
            .with_columns([column.to_owned()])
            .with_hint(hint);
    }
    raw(message)
}

fn after<'a>(message: &'a str, words: &str) -> Option<&'a str> {
    message
        .find(words)
        .map(|start| &message[start + words.len()..])
}

/// "index 'name'" where the index is on an expression or has a condition.
fn index_name(subject: &str) -> Option<&str> {
    subject.strip_prefix("index '")?.strip_suffix('\'')
}

/// "users.email, users.tenant": the table and its columns.
fn with_columns(error: Error, subject: &str) -> Error {
    let mut table = None;
    let mut columns = Vec::new();
    for part in subject.split(", ") {
        if let Some((of, column)) = part.rsplit_once('.') {
            table = Some(of);
            columns.push(column.to_owned());
        }
    }
    match table {
        Some(table) => error.with_table(table.to_owned()).with_columns(columns),
        None => error,
    }
}

/// Replaces what a message quotes by `...` unless it stands in the SQL.
fn without_values(message: &str, sql: &str) -> String {
    // An FTS query names its columns without quotes.
    if let Some(name) = after(message, "no such column: ")
        && !sql.contains(name.split(" - ").next().unwrap_or(name).trim_matches('"'))
    {
        return "no such column: ...".to_owned();
    }
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(['"', '\'', '[']) {
        let open = &rest[start..=start];
        let close = if open == "[" { "]" } else { open };
        out.push_str(&rest[..=start]);
        let inner = &rest[start + 1..];
        // To the last one: a value may contain the quote itself.
        let end = inner.rfind(close).unwrap_or(inner.len());
        if sql.contains(&inner[..end]) {
            out.push_str(&inner[..end]);
        } else {
            out.push_str("...");
        }
        rest = &inner[end..];
        if let Some(tail) = rest.strip_prefix(close) {
            out.push_str(close);
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}
