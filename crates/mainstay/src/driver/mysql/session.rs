//! How every session is set up, and what the server says of itself.

use mysql_async::prelude::{FromValue, Queryable};
use mysql_async::{Conn, DriverError, Result as NativeResult, Row};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;

/// What a session tells when it is set up.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The session's number, as KILL takes it. Behind a proxy the greeting has another.
    pub(super) id: u64,
    /// Tells servers and their starts apart: session numbers mean nothing on another server, and
    /// count from the beginning after a restart.
    pub(super) server: String,
    pub(super) version: String,
    pub(super) max_connections: u32,
    pub(super) max_packet: usize,
    /// Whether the server prepares blocks of several statements with parameters.
    pub(super) takes_blocks: bool,
}

/// The expression of [`Facts::server`]. Within one statement the server counts its time and the
/// time since its start from the same moment, so that the difference is always the same. The table
/// is called otherwise on MySQL, which alone reads the second comment.
pub(super) const SERVER: &str = "CONCAT_WS('/', @@hostname, @@port, @@server_id, @@datadir, \
     UNIX_TIMESTAMP() - CAST((SELECT VARIABLE_VALUE FROM /*M! information_schema.GLOBAL_STATUS */ \
     /*!80000 performance_schema.global_status */ WHERE VARIABLE_NAME = 'UPTIME') AS SIGNED))";

/// The settings, as few round trips as there can be: one.
///
/// Strict types, UTC, foreign keys, READ COMMITTED. The lock time-out is above any sensible
/// deadline and only keeps forgotten waits from lasting for ever; the write time-out lets the
/// reader of a stream take its time.
fn settings(dialect: Dialect) -> String {
    let collation = match dialect {
        Dialect::MySql => "utf8mb4_0900_bin",
        _ => "utf8mb4_nopad_bin",
    };
    format!(
        "SET NAMES utf8mb4 COLLATE {collation}, \
         sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
         NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY', \
         time_zone = '+00:00', autocommit = 1, completion_type = 'NO_CHAIN', \
         foreign_key_checks = 1, unique_checks = 1, default_storage_engine = InnoDB, \
         innodb_lock_wait_timeout = 60, net_write_timeout = 600; \
         SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE; \
         SELECT CONNECTION_ID(), {SERVER}, VERSION(), @@max_connections, @@max_allowed_packet"
    )
}

/// Sets the session up.
pub(super) async fn set_up(conn: &mut Conn, dialect: Dialect) -> NativeResult<Facts> {
    let mut result = conn.query_iter(settings(dialect)).await?;
    let mut row = None;
    // Three answers; `next` tells the end of each.
    for _ in 0..3 {
        while let Some(found) = result.next().await? {
            row = Some(found);
        }
    }
    result.drop_result().await?;
    let row = row.ok_or(DriverError::UnexpectedPacket {
        payload: Vec::new(),
    })?;
    Ok(Facts {
        id: column(&row, 0)?,
        server: column(&row, 1)?,
        version: column(&row, 2)?,
        max_connections: column(&row, 3)?,
        max_packet: column(&row, 4)?,
        takes_blocks: dialect == Dialect::MariaDb,
    })
}

fn column<T: FromValue>(row: &Row, position: usize) -> NativeResult<T> {
    match row.get_opt(position) {
        Some(Ok(value)) => Ok(value),
        _ => Err(DriverError::UnexpectedPacket {
            payload: Vec::new(),
        }
        .into()),
    }
}

/// Tells the product from its version, and refuses versions that lack what is needed.
///
/// # Errors
/// `UNSUPPORTED`, naming the version that is needed.
pub(super) fn dialect_of(version: &str) -> Result<Dialect> {
    // Old releases put this before the version, for clients that knew only MySQL.
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let numbers: Vec<u32> = version
        .split(|c: char| !c.is_ascii_digit())
        .take(3)
        .map(|part| part.parse().unwrap_or(0))
        .collect();
    let (dialect, oldest): (_, &[u32]) = if version.contains("MariaDB") {
        (Dialect::MariaDb, &[10, 6, 0])
    } else {
        (Dialect::MySql, &[8, 0, 17])
    };
    if numbers.as_slice() < oldest {
        let oldest: Vec<_> = oldest.iter().map(u32::to_string).collect();
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the server is {} {version}; {} or later is needed",
                dialect.name(),
                oldest.join(".")
            ),
        )
        .with_hint("upgrade the server"));
    }
    Ok(dialect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_versions() {
        for (version, dialect) in [
            ("10.11.19-MariaDB-0+deb12u1", Some(Dialect::MariaDb)),
            ("5.5.5-10.6.1-MariaDB", Some(Dialect::MariaDb)),
            ("11.4.2-MariaDB-log", Some(Dialect::MariaDb)),
            ("10.5.9-MariaDB", None),
            ("8.0.17", Some(Dialect::MySql)),
            ("8.4.0-commercial", Some(Dialect::MySql)),
            ("9.1.0", Some(Dialect::MySql)),
            ("8.0.16", None),
            ("5.7.44-log", None),
            ("nonsense", None),
        ] {
            assert_eq!(dialect_of(version).ok(), dialect, "{version}");
        }
        let error = dialect_of("10.5.9-MariaDB").unwrap_err();
        assert!(error.detail().contains("10.6.0 or later"), "{error}");
    }
}
