//! Connections of our own.

use std::path::Path;
use std::time::Duration;

use mainstay::Result;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::of_sqlite;

const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE
    .union(OpenFlags::SQLITE_OPEN_NO_MUTEX)
    .union(OpenFlags::SQLITE_OPEN_EXRESCODE);

/// The last one to close a database usually moves the log into it, and removes that.
const KEEP_LOG: DbConfig = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;

/// Pages that a connection keeps in memory, in kilobytes. Whoever goes through a whole file once
/// gains nothing from more.
const CACHE: i64 = 4 * 1024;

/// A connection that reads a database. It makes no file.
///
/// It is opened for writing, as readers of a log write to its `-shm`; `query_only` holds it to
/// reading.
pub(super) fn existing(path: &Path, wait: Duration) -> Result<Connection> {
    let connection = keeping_log(path, wait)?;
    connection
        .set_db_config(KEEP_LOG, false)
        .map_err(|error| of_sqlite(path, &error))?;
    Ok(connection)
}

/// The same, which leaves the log as it is when it is the last to close the database.
pub(super) fn keeping_log(path: &Path, wait: Duration) -> Result<Connection> {
    open(path, wait)
        .and_then(|connection| {
            connection.pragma_update(None, "query_only", "ON")?;
            first_look(&connection)?;
            Ok(connection)
        })
        .map_err(|error| of_sqlite(path, &error))
}

/// A connection that may write. The log of a file that turns out to be damaged stays as it is.
pub(super) fn open(path: &Path, wait: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, FLAGS)?;
    connection.set_db_config(KEEP_LOG, true)?;
    connection.busy_timeout(wait)?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    Ok(connection)
}

/// A connection on a file that is ours alone, and new: nothing of it need survive a crash.
pub(super) fn scratch(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, FLAGS | OpenFlags::SQLITE_OPEN_CREATE)?;
    for (name, value) in [
        ("locking_mode", "EXCLUSIVE"),
        ("journal_mode", "OFF"),
        ("synchronous", "OFF"),
    ] {
        // They answer with a row.
        connection
            .pragma_update_and_check(None, name, value, |_| Ok(()))
            .or_else(none)?;
    }
    connection.pragma_update(None, "cache_size", -CACHE)?;
    Ok(connection)
}

/// A setting that answered with no row.
fn none(error: rusqlite::Error) -> rusqlite::Result<()> {
    match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        other => Err(other),
    }
}

/// Here another kind of file, or damage, shows; and a transaction that was begun gets its snapshot.
pub(super) fn first_look(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// The bytes of the database, with what is in its log.
pub(super) fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = number("page_count")? * number("page_size")?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}
