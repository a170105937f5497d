//! What is asked of the server whose log is read.

use chrono::{DateTime, Utc};
use mainstay::schema::Dialect;
use mainstay::{Database, Error, ErrorKind, Result};

use super::segment::Spot;

/// What the user must be allowed to do.
pub(super) const RIGHTS: &str = "the user needs REPLICATION SLAVE and BINLOG MONITOR: GRANT \
    REPLICATION SLAVE, BINLOG MONITOR ON *.* TO ...";

/// Refuses a server whose log does not have every change of this database in a form that can be put
/// on top of a backup.
pub(super) async fn check_settings(db: &Database, database: &str) -> Result<()> {
    if db.dialect() != Dialect::MariaDb {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "recovery to a point in time needs MariaDB; this is MySQL",
        ));
    }
    let rows = db
        .sql("SELECT @@log_bin, @@global.binlog_format")
        .fetch_with(|row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?)))
        .await?;
    let (is_on, format) = rows.into_iter().next().unwrap_or_default();
    if is_on == 0 {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the server writes no binary log, without which there is no recovery to a point in time",
        )
        .with_hint(
            "set log_bin, binlog_format = ROW and sync_binlog = 1 in its configuration, and restart \
             it; then take a new backup",
        ));
    }
    if !format.eq_ignore_ascii_case("ROW") {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "the server's binlog_format is {format}, which repeats statements and not rows"
            ),
        )
        .with_hint(
            "SET GLOBAL binlog_format = ROW, write the same into the server's configuration, and \
             take a new backup when all sessions are new",
        ));
    }
    let (_, filters) = status(db).await?;
    if filters.iter().any(|filter| !filter.is_empty()) {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "the server's binary log may lack changes of {database}: it has only some databases \
                 (binlog_do_db: '{}', binlog_ignore_db: '{}')",
                filters[0], filters[1]
            ),
        )
        .with_hint("remove both from the server's configuration, and restart it"));
    }
    Ok(())
}

/// The end of the log, and which databases it has and has not.
async fn status(db: &Database) -> Result<(Spot, [String; 2])> {
    let rows = db
        .sql("SHOW MASTER STATUS")
        .fetch_with(|row| {
            let position: i64 = row.get(1)?;
            let spot = Spot {
                file: row.get(0)?,
                position: u64::try_from(position).unwrap_or_default(),
            };
            Ok((spot, [row.get(2)?, row.get(3)?]))
        })
        .await
        .map_err(|error| super::super::programs::hinted(error, RIGHTS))?;
    rows.into_iter()
        .next()
        .ok_or_else(|| Error::new(ErrorKind::Configuration, "the server has no binary log"))
}

/// The server's time, and an end of its log after that.
pub(super) async fn mark(db: &Database) -> Result<(DateTime<Utc>, Spot)> {
    let at: DateTime<Utc> = db.sql("SELECT NOW(6)").scalar().await?;
    let (spot, _) = status(db).await?;
    Ok((at, spot))
}

/// Refuses to go on from a place that the server's log does not have any more.
pub(super) async fn check_there(db: &Database, spot: &Spot) -> Result<()> {
    let files = db
        .sql("SHOW BINARY LOGS")
        .fetch_with(|row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)))
        .await
        .map_err(|error| super::super::programs::hinted(error, RIGHTS))?;
    let is_there = files.iter().any(|(file, size)| {
        *file == spot.file && u64::try_from(*size).is_ok_and(|size| size >= spot.position)
    });
    if is_there {
        return Ok(());
    }
    Err(gone(spot))
}

/// The error of a place that the server's log does not have any more.
pub(super) fn gone(spot: &Spot) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!(
            "the server's binary log does not have {} at {} any more: it was purged or reset",
            spot.file, spot.position
        ),
    )
    .with_hint(
        "take a new backup and follow from there; let the server keep its log for longer \
         (binlog_expire_logs_seconds) than this may stand still",
    )
}
