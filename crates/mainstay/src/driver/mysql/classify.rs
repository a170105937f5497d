//! Errors of the server, by their number.
//!
//! The server's text goes into the detail, except where it quotes a value: there the driver's own
//! words take its place. For the same reason no error carries the original as its source.

use mysql_async::ServerError;

use super::message;
use crate::error::{Error, ErrorKind};

/// Whether the number means that the session is gone.
pub(super) fn is_connection_loss(code: u16) -> bool {
    matches!(
        code,
        // shutdown, aborted, network trouble, killed, gone, lost, idle too long
        1053 | 1080 | 1152 | 1156..=1161 | 1184 | 1927 | 2006 | 2013 | 4031
    )
}

/// Whether after this error the transaction cannot be committed any more: deadlocks, lock
/// time-outs, rows changed by others, and the engine's refusals to go on.
pub(super) fn forbids_commit(code: u16) -> bool {
    matches!(code, 1020 | 1205 | 1213 | 1637 | 3101 | 3572)
}

/// The error of a server's answer. `table` is what the statement concerns, for messages that
/// name none.
pub(super) fn classify(server: &ServerError, table: Option<&'static str>) -> Error {
    let (kind, detail) = kind_and_detail(server);
    let mut error =
        Error::new(kind, detail).with_native_code(format!("{} ({})", server.code, server.state));
    if server.code == 1064 {
        error = error.with_prisma_code("P2010");
    }
    if let Some(table) = table {
        error = error.with_table(table);
    }
    error = add_names(error, server);
    // 1792 is of a transaction that is read-only, 1036 of one table, and 1114 may be of a table's
    // own limit.
    if matches!(server.code, 1021 | 1030 | 1290 | 1836)
        && matches!(error.kind(), ErrorKind::ReadOnly | ErrorKind::DiskFull)
    {
        error = error.with_state_of_server();
    }
    match hint(server.code) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn kind_and_detail(server: &ServerError) -> (ErrorKind, String) {
    let text = server.message.as_str();
    let own = |words: &str| words.to_owned();
    let kind = match server.code {
        1022 | 1062 | 1169 | 1586 | 1859 => {
            let detail = match message::duplicate_key(text) {
                Some((_, key)) => format!("a row with the same value exists in key {key}"),
                None => own("a row with the same value exists"),
            };
            return (ErrorKind::Duplicate, detail);
        }
        1761 | 1762 => {
            let detail = own("the change would cascade into a duplicate of another row");
            return (ErrorKind::Duplicate, detail);
        }
        1690 => {
            return (
                ErrorKind::OutOfRange,
                own("an expression went out of range"),
            );
        }
        // These quote the value, and some the column after it.
        1292 | 1300 | 1366 | 1367 | 1411 | 1525 | 3140 | 4037 | 4038 => {
            let detail = match message::column(text) {
                Some(column) => format!("a value is not valid for column {column}"),
                None => own("a value is not valid for its use"),
            };
            return (ErrorKind::InvalidValue, detail);
        }
        1216 | 1217 | 1451 | 1452 => ErrorKind::ForeignKey,
        1048 | 1263 => ErrorKind::NotNull,
        1364 => ErrorKind::MissingValue,
        3819 | 4025 => ErrorKind::Check,
        1153 | 1301 | 1406 | 3699 => ErrorKind::ValueTooLong,
        1264 | 1916 => ErrorKind::OutOfRange,
        1265 | 1365 => ErrorKind::InvalidValue,
        1051 | 1146 => ErrorKind::TableMissing,
        1054 => ErrorKind::ColumnMissing,
        // 1615 asks to prepare the statement again.
        1020 | 1205 | 1213 | 1615 | 1637 | 3101 | 3572 => ErrorKind::WriteConflict,
        1317 | 1969 | 3024 => ErrorKind::Deadline,
        1045 | 1251 | 1524 | 1698 | 1862 | 1820 | 4151 => ErrorKind::CredentialsRefused,
        1044 | 1129 | 1130 | 1142 | 1143 | 1227 | 1370 | 1410 => ErrorKind::AccessDenied,
        1049 | 1008 => ErrorKind::DatabaseMissing,
        1007 => ErrorKind::DatabaseExists,
        1040 | 1203 | 1226 => ErrorKind::TooManyConnections,
        3159 => ErrorKind::Tls,
        1290 if text.contains("read-only") || text.contains("read_only") => ErrorKind::ReadOnly,
        1036 | 1792 | 1836 => ErrorKind::ReadOnly,
        1021 | 1114 => ErrorKind::DiskFull,
        1030 | 1025 | 1026 | 1003 if text.contains(" 28 ") || text.contains("No space") => {
            ErrorKind::DiskFull
        }
        1030 if is_damage(text) => ErrorKind::Corrupt,
        1034 | 1035 | 1194 | 1195 | 1459 | 1712 | 1877 | 1932 => ErrorKind::Corrupt,
        1178 | 1235 | 1295 | 1478 => ErrorKind::Unsupported,
        code if is_connection_loss(code) => ErrorKind::ConnectionLost,
        _ => ErrorKind::Database,
    };
    (kind, text.to_owned())
}

/// "Got error 126 from storage engine" and its like: index or table damaged.
fn is_damage(text: &str) -> bool {
    ["126", "127", "134", "141", "144", "145", "180"]
        .iter()
        .any(|number| text.starts_with(&format!("Got error {number} ")))
}

fn add_names(error: Error, server: &ServerError) -> Error {
    let text = server.message.as_str();
    match server.code {
        1022 | 1062 | 1169 | 1586 | 1859 => match message::duplicate_key(text) {
            Some((Some(table), key)) => error
                .with_table(table.to_owned())
                .with_constraint(key.to_owned()),
            Some((None, key)) => error.with_constraint(key.to_owned()),
            None => error,
        },
        1451 | 1452 => match message::foreign_key(text) {
            Some(key) => error
                .with_table(key.table.to_owned())
                .with_constraint(key.constraint.to_owned())
                .with_columns(key.columns.into_iter().map(str::to_owned)),
            None => error,
        },
        4025 => match message::check_mariadb(text) {
            Some((constraint, table)) => error
                .with_table(table.to_owned())
                .with_constraint(constraint.to_owned()),
            None => error,
        },
        3819 => match message::check_mysql(text) {
            Some(constraint) => error.with_constraint(constraint.to_owned()),
            None => error,
        },
        1048 | 1054 | 1263 | 1264 | 1265 | 1292 | 1300 | 1364 | 1366 | 1367 | 1406 => {
            match message::column(text) {
                Some(column) => error.with_columns([column.to_owned()]),
                None => error,
            }
        }
        1051 | 1146 => match message::table(text) {
            Some(table) => error.with_table(table.to_owned()),
            None => error,
        },
        _ => error,
    }
}

fn hint(code: u16) -> Option<&'static str> {
    Some(match code {
        1045 => "check user and password, and from which hosts the user may connect",
        1044 | 1142 | 1227 => "grant the user what it needs on this database",
        1049 => "run setup, which creates the database",
        1146 | 1054 => "run the migrations",
        1040 => "raise max_connections of the server or lower the pools of its clients",
        1129 => "the server has blocked this host after failed connections: FLUSH HOSTS",
        1203 | 1226 => "raise the user's limits or lower the pool",
        1153 => "raise max_allowed_packet of the server or send less at once",
        1461 => "raise max_prepared_stmt_count of the server or lower the statement cache",
        3159 => "set the TLS mode to require",
        1820 | 1862 => "the user's password has expired: set a new one",
        1114 | 1021 => "free some space on the server",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: u16, message: &str) -> Error {
        let server = ServerError {
            code,
            message: message.to_owned(),
            state: "HY000".to_owned(),
        };
        classify(&server, Some("asked"))
    }

    #[test]
    fn duplicates_name_the_key_and_hide_the_value() {
        let found = error(1062, "Duplicate entry 'secret@x' for key 'users_email_key'");
        assert_eq!(found.kind(), ErrorKind::Duplicate);
        assert_eq!(found.constraint(), Some("users_email_key"));
        assert_eq!(found.table(), Some("asked"));
        assert_eq!(found.native_code(), Some("1062 (HY000)"));
        assert!(!format!("{found} {found:?}").contains("secret"));
        let named = error(1062, "Duplicate entry 'x' for key 'users.PRIMARY'");
        assert_eq!(named.table(), Some("users"));
        assert_eq!(named.constraint(), Some("PRIMARY"));
    }

    #[test]
    fn values_in_messages_are_hidden() {
        for (code, message) in [
            (
                1366,
                "Incorrect integer value: 'secret' for column `d`.`t`.`n` at row 1",
            ),
            (
                1292,
                "Incorrect datetime value: 'secret' for column `d`.`t`.`n` at row 1",
            ),
            (1292, "Truncated incorrect DOUBLE value: 'secret'"),
            (1690, "BIGINT value is out of range in '(1 + secret)'"),
            (1367, "Illegal double 'secret' value found during parsing"),
            (
                1411,
                "Incorrect datetime value: 'secret' for function str_to_date",
            ),
            (
                1762,
                "Foreign key constraint for table 't', record 'secret' would lead to",
            ),
        ] {
            let found = error(code, message);
            assert!(!format!("{found} {found:?}").contains("secret"), "{code}");
        }
        let found = error(
            1366,
            "Incorrect integer value: 'x' for column `d`.`t`.`n` at row 1",
        );
        assert_eq!(found.columns().collect::<Vec<_>>(), ["n"]);
    }

    #[test]
    fn numbers_have_their_kinds() {
        for (code, kind) in [
            (1451, ErrorKind::ForeignKey),
            (1452, ErrorKind::ForeignKey),
            (1048, ErrorKind::NotNull),
            (1364, ErrorKind::MissingValue),
            (4025, ErrorKind::Check),
            (3819, ErrorKind::Check),
            (1406, ErrorKind::ValueTooLong),
            (1264, ErrorKind::OutOfRange),
            (1146, ErrorKind::TableMissing),
            (1054, ErrorKind::ColumnMissing),
            (1213, ErrorKind::WriteConflict),
            (1205, ErrorKind::WriteConflict),
            (1317, ErrorKind::Deadline),
            (1045, ErrorKind::CredentialsRefused),
            (1044, ErrorKind::AccessDenied),
            (1049, ErrorKind::DatabaseMissing),
            (1040, ErrorKind::TooManyConnections),
            (1792, ErrorKind::ReadOnly),
            (1114, ErrorKind::DiskFull),
            (1194, ErrorKind::Corrupt),
            (1235, ErrorKind::Unsupported),
            (1927, ErrorKind::ConnectionLost),
            (1064, ErrorKind::Database),
            (1305, ErrorKind::Database),
        ] {
            assert_eq!(error(code, "text").kind(), kind, "{code}");
        }
        assert_eq!(error(1064, "near 'x'").code(), "P2010");
        assert_eq!(error(1305, "no savepoint").code(), "P2039");
    }

    #[test]
    fn one_number_can_mean_two_things() {
        let read_only = "The server is running with the --read-only option";
        assert_eq!(error(1290, read_only).kind(), ErrorKind::ReadOnly);
        let other = "The server is running with the --skip-grant-tables option";
        assert_eq!(error(1290, other).kind(), ErrorKind::Database);
        let full = "Got error 28 \"No space left on device\" from storage engine InnoDB";
        assert_eq!(error(1030, full).kind(), ErrorKind::DiskFull);
        let damaged = "Got error 126 \"Index is corrupted\" from storage engine Aria";
        assert_eq!(error(1030, damaged).kind(), ErrorKind::Corrupt);
    }
}
