//! SQLSTATEs into errors.
//!
//! The engine's DETAIL is never passed on: it quotes values ("Key (email)=(a@b.c) already exists").
//! Neither is what class 22 messages quote: see [`message`].

use tokio_postgres::error::DbError;

use super::message;
use crate::error::{Error, ErrorKind, Outcome, RetryClass};

/// What the engine says of an error. A plain copy of [`DbError`], which tests cannot make.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Report<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) detail: Option<&'a str>,
    pub(super) hint: Option<&'a str>,
    pub(super) table: Option<&'a str>,
    pub(super) column: Option<&'a str>,
    pub(super) constraint: Option<&'a str>,
    pub(super) routine: Option<&'a str>,
}

impl<'a> From<&'a DbError> for Report<'a> {
    fn from(error: &'a DbError) -> Self {
        Self {
            code: error.code().code(),
            message: error.message(),
            detail: error.detail(),
            hint: error.hint(),
            table: error.table(),
            column: error.column(),
            constraint: error.constraint(),
            routine: error.routine(),
        }
    }
}

impl Report<'_> {
    /// Whether a kept statement no longer fits the database: it is gone, or its table changed.
    /// Nothing was executed then.
    ///
    /// The message is in the server's language, so the routine that raised it is asked.
    pub(super) fn is_stale_statement(&self) -> bool {
        self.code == "26000"
            || self.code == "0A000" && self.routine == Some("RevalidateCachedQuery")
    }
}

/// All documented classes of SQLSTATE. A code outside of them is an unknown error.
const CLASSES: &[&str] = &[
    "00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21", "22",
    "23", "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F", "40",
    "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX",
];

fn kind(code: &str) -> ErrorKind {
    match code {
        "23505" => ErrorKind::Duplicate,
        "23503" | "23001" => ErrorKind::ForeignKey,
        "23502" => ErrorKind::NotNull,
        "23514" | "23000" | "23P01" | "44000" => ErrorKind::Check,
        "22001" => ErrorKind::ValueTooLong,
        "22003" | "22008" | "22015" => ErrorKind::OutOfRange,
        "22P02" | "22P03" | "22P05" | "22007" | "22021" | "22023" | "22030" | "22032" => {
            ErrorKind::InvalidValue
        }
        "40001" | "40P01" | "40000" | "55P03" => ErrorKind::WriteConflict,
        "57014" => ErrorKind::Deadline,
        "42P01" => ErrorKind::TableMissing,
        "42703" => ErrorKind::ColumnMissing,
        "42501" | "28000" => ErrorKind::AccessDenied,
        "28P01" => ErrorKind::CredentialsRefused,
        "25006" => ErrorKind::ReadOnly,
        "53100" => ErrorKind::DiskFull,
        "53300" => ErrorKind::TooManyConnections,
        "XX001" | "XX002" => ErrorKind::Corrupt,
        "25P02" | "25P01" => ErrorKind::TransactionClosed,
        "3D000" => ErrorKind::DatabaseMissing,
        "42P04" => ErrorKind::DatabaseExists,
        "0A000" => ErrorKind::Unsupported,
        // The server answers, but takes nobody: it starts, stops or recovers.
        "57P03" => ErrorKind::Unreachable,
        // The session was ended: by an administrator, a crash, or for being idle too long.
        "57P01" | "57P02" | "57P04" | "57P05" | "25P03" | "25P04" => ErrorKind::ConnectionLost,
        _ if code.starts_with("08") => ErrorKind::ConnectionLost,
        _ if CLASSES.iter().any(|class| code.starts_with(class)) => ErrorKind::Database,
        _ => ErrorKind::Unknown,
    }
}

/// The error of a report. `table` is the table the statement concerns, for reports that name none;
/// `lost` is the outcome if the report says that the session has ended.
pub(super) fn classify(report: Report<'_>, table: Option<&'static str>, lost: Outcome) -> Error {
    let kind = kind(report.code);
    let mut error = Error::new(
        kind,
        message::without_values(report.code, report.message).into_owned(),
    )
    .with_native_code(report.code.to_owned());
    match report
        .table
        .map(str::to_owned)
        .or_else(|| missing_table(&report))
    {
        Some(named) => error = error.with_table(named),
        None if kind_concerns_table(kind) => {
            if let Some(table) = table {
                error = error.with_table(table);
            }
        }
        None => {}
    }
    if let Some(constraint) = report.constraint {
        error = error.with_constraint(constraint.to_owned());
    }
    let columns = columns(&report);
    if !columns.is_empty() {
        error = error.with_columns(columns);
    }
    if let Some(hint) = hint(&report) {
        error = error.with_hint(hint);
    }
    if kind == ErrorKind::ConnectionLost {
        error = error.with_outcome(lost);
    }
    match report.code {
        "42601" => error.with_prisma_code("P2010"),
        "53200" => error.with_retry(RetryClass::Safe),
        "53100" => error.with_state_of_server(),
        _ => error,
    }
}

fn kind_concerns_table(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Duplicate
            | ErrorKind::ForeignKey
            | ErrorKind::NotNull
            | ErrorKind::Check
            | ErrorKind::ValueTooLong
            | ErrorKind::OutOfRange
            | ErrorKind::InvalidValue
            | ErrorKind::TableMissing
            | ErrorKind::ColumnMissing
            | ErrorKind::WriteConflict
    )
}

fn hint(report: &Report<'_>) -> Option<String> {
    let own = match report.code {
        "3D000" => "run setup to make the database",
        "42P01" | "42703" => "run the migrations",
        "28P01" => "check the user name and the password",
        "28000" => "check the user, and the server's pg_hba.conf",
        "42501" => "grant the user the right that is missing",
        "53300" => "lower the pool's size or raise max_connections",
        "53100" => "free space on the server's disk",
        "57P03" => "wait until the server has started",
        "25P02" => "an earlier statement of the transaction failed; roll back",
        // Hints on SQL itself name types and functions, never values.
        code if code.starts_with("42") => return report.hint.map(str::to_owned),
        _ => return None,
    };
    Some(own.to_owned())
}

/// The table of "relation ... does not exist", in whatever language: the first quoted name.
fn missing_table(report: &Report<'_>) -> Option<String> {
    (report.code == "42P01")
        .then(|| quoted(report.message))
        .flatten()
}

fn quoted(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('"')?;
    let (name, _) = rest.split_once('"')?;
    Some(name.to_owned())
}

fn columns(report: &Report<'_>) -> Vec<String> {
    match (report.column, report.code) {
        (Some(column), _) => vec![column.to_owned()],
        (None, "42703") => missing_column(report.message).into_iter().collect(),
        (None, "23505") => report.detail.and_then(key_columns).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// `column "x" does not exist` or `column t.x does not exist`.
fn missing_column(message: &str) -> Option<String> {
    quoted(message).or_else(|| {
        let (_, rest) = message.split_once("column ")?;
        let word = rest.split_whitespace().next()?;
        word.rsplit('.').next().map(str::to_owned)
    })
}

/// The names in `Key (a, b)=(1, 2) already exists.`; nothing of the values. An index on an
/// expression names no columns.
fn key_columns(detail: &str) -> Option<Vec<String>> {
    let (_, rest) = detail.split_once('(')?;
    let (names, _) = rest.split_once(")=(")?;
    names
        .split(", ")
        .map(|name| {
            let plain = name
                .strip_prefix('"')
                .and_then(|name| name.strip_suffix('"'))
                .unwrap_or(name);
            let simple = !plain.is_empty()
                && plain
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == ' ');
            simple.then(|| plain.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(report: Report<'_>) -> Error {
        classify(report, Some("users"), Outcome::Unknown)
    }

    #[test]
    fn every_code_has_its_kind() {
        for (code, kind, prisma) in [
            ("23505", "DUPLICATE_ENTRY", Some("P2002")),
            ("23503", "FOREIGN_KEY_ERROR", Some("P2003")),
            ("23001", "FOREIGN_KEY_ERROR", Some("P2003")),
            ("23502", "NOT_NULL_ERROR", Some("P2011")),
            ("23514", "CHECK_ERROR", Some("P2004")),
            ("22001", "VALUE_TOO_LONG", Some("P2000")),
            ("22003", "OUT_OF_RANGE", Some("P2020")),
            ("22P02", "INVALID_VALUE", Some("P2007")),
            ("22007", "INVALID_VALUE", Some("P2007")),
            ("22008", "OUT_OF_RANGE", Some("P2020")),
            ("22021", "INVALID_VALUE", Some("P2007")),
            ("40001", "WRITE_CONFLICT", Some("P2034")),
            ("40P01", "WRITE_CONFLICT", Some("P2034")),
            ("55P03", "WRITE_CONFLICT", Some("P2034")),
            ("57014", "DEADLINE_EXCEEDED", Some("P1008")),
            ("42P01", "TABLE_MISSING", Some("P2021")),
            ("42703", "COLUMN_MISSING", Some("P2022")),
            ("42501", "ACCESS_DENIED", Some("P1010")),
            ("28000", "ACCESS_DENIED", Some("P1010")),
            ("28P01", "CREDENTIALS_REFUSED", Some("P1000")),
            ("25006", "READ_ONLY", None),
            ("53100", "DISK_FULL", None),
            ("53200", "P2039", Some("P2039")),
            ("53300", "TOO_MANY_CONNECTIONS", Some("P2037")),
            ("XX001", "DATABASE_CORRUPT", None),
            ("XX002", "DATABASE_CORRUPT", None),
            ("25P02", "TRANSACTION_CLOSED", Some("P2028")),
            ("3D000", "DATABASE_MISSING", Some("P1003")),
            ("42P04", "DATABASE_EXISTS", Some("P1009")),
            ("0A000", "UNSUPPORTED", Some("P2026")),
            ("57P01", "CONNECTION_LOST", Some("P1017")),
            ("57P02", "CONNECTION_LOST", Some("P1017")),
            ("08006", "CONNECTION_LOST", Some("P1017")),
            ("57P03", "SERVER_UNREACHABLE", Some("P1001")),
            ("42601", "P2010", Some("P2010")),
            ("42883", "P2039", Some("P2039")),
            ("P0001", "P2039", Some("P2039")),
            ("QQ123", "UNKNOWN_ERROR", None),
        ] {
            let error = of(Report {
                code,
                ..Report::default()
            });
            assert_eq!(
                (error.code(), error.prisma_code()),
                (kind, prisma),
                "{code}"
            );
            assert_eq!(error.native_code(), Some(code));
        }
    }

    #[test]
    fn a_duplicate_names_its_columns_but_no_value() {
        let error = of(Report {
            code: "23505",
            message: "duplicate key value violates unique constraint \"users_email_key\"",
            detail: Some("Key (email, \"Order\")=(a@b.c, )=(7) already exists."),
            table: Some("users"),
            constraint: Some("users_email_key"),
            ..Report::default()
        });
        assert_eq!(error.constraint(), Some("users_email_key"));
        assert_eq!(error.table(), Some("users"));
        assert_eq!(error.columns().collect::<Vec<_>>(), ["email", "Order"]);
        assert!(!format!("{error} {error:?}").contains("a@b.c"));

        let expression = of(Report {
            code: "23505",
            detail: Some("Key (lower(email))=(a@b.c) already exists."),
            ..Report::default()
        });
        assert_eq!(expression.columns().count(), 0);
    }

    #[test]
    fn missing_tables_and_columns_are_named() {
        let table = |message| {
            let error = of(Report {
                code: "42P01",
                message,
                ..Report::default()
            });
            error.table().map(str::to_owned)
        };
        assert_eq!(
            table("relation \"goals\" does not exist").as_deref(),
            Some("goals")
        );
        assert_eq!(table("no name in here").as_deref(), Some("users"));
        for message in [
            "column \"xp\" does not exist",
            "column u.xp does not exist",
            "column \"xp\" of relation \"users\" does not exist",
        ] {
            let error = of(Report {
                code: "42703",
                message,
                ..Report::default()
            });
            assert_eq!(error.columns().collect::<Vec<_>>(), ["xp"], "{message}");
        }
    }

    #[test]
    fn only_an_ended_session_leaves_the_outcome_open() {
        let report = |code| Report {
            code,
            ..Report::default()
        };
        assert_eq!(of(report("57P01")).outcome(), Outcome::Unknown);
        assert_eq!(of(report("23505")).outcome(), Outcome::NotApplied);
        let read = classify(report("57P01"), None, Outcome::NotApplied);
        assert_eq!(read.outcome(), Outcome::NotApplied);
    }

    #[test]
    fn stale_statements_are_told_by_the_routine() {
        let stale = |code, routine| {
            Report {
                code,
                routine,
                ..Report::default()
            }
            .is_stale_statement()
        };
        assert!(stale("26000", None));
        assert!(stale("0A000", Some("RevalidateCachedQuery")));
        assert!(!stale("0A000", Some("transformSelectStmt")));
    }
}
