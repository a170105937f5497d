//! Making and dropping databases.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::connection::PostgresConnection;
use super::dial::Dialer;
use super::driver::connect;
use super::options::PostgresOptions;
use crate::driver::contract::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;

/// Databases every server has, from which others are made and dropped.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// Whether the database can be connected to.
///
/// # Errors
/// Those of connecting, except `DATABASE_MISSING`.
pub(crate) async fn exists(options: &PostgresOptions, limit: Duration) -> Result<bool> {
    let dialer = Arc::new(Dialer::new(options.clone())?);
    match connect(&dialer, limit).await {
        Ok(connection) => {
            Box::new(connection).close().await;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::DatabaseMissing => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the database, in UTF-8, unless it exists. Says whether it was made.
///
/// # Errors
/// Those of connecting; `ACCESS_DENIED` when the user may not make databases.
pub(crate) async fn create_database_if_missing(
    options: &PostgresOptions,
    limit: Duration,
) -> Result<bool> {
    let deadline = Instant::now() + limit;
    // Asked first, so that a user without rights on the maintenance databases can use this, too.
    if exists(options, limit).await? {
        return Ok(false);
    }
    let name = Dialect::Postgres.quote(&options.database);
    // template1 may have been given another encoding; template0 takes any.
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
    match administer(options, &sql, deadline).await {
        Ok(()) => Ok(true),
        // Somebody else was faster: seen early, or by the catalogue's unique index.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DatabaseExists | ErrorKind::Duplicate
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Drops the database, ending the sessions that use it. Says whether it existed.
///
/// # Errors
/// Those of connecting; `ACCESS_DENIED` when the user may not drop it.
pub(crate) async fn drop_database(options: &PostgresOptions, limit: Duration) -> Result<bool> {
    let deadline = Instant::now() + limit;
    let name = Dialect::Postgres.quote(&options.database);
    let sql = format!("DROP DATABASE {name} WITH (FORCE)");
    match administer(options, &sql, deadline).await {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::DatabaseMissing => Ok(false),
        Err(error) => Err(error),
    }
}

async fn administer(options: &PostgresOptions, sql: &str, deadline: Instant) -> Result<()> {
    let mut connection = maintenance(options, deadline).await?;
    let result = timeout_at(deadline, connection.run_script(sql)).await;
    Box::new(connection).close().await;
    result.map_err(|_| {
        Error::new(
            ErrorKind::Deadline,
            format!("{}: {sql} took too long", options.place()),
        )
    })?
}

async fn maintenance(options: &PostgresOptions, deadline: Instant) -> Result<PostgresConnection> {
    let mut last = None;
    for database in MAINTENANCE {
        let dialer = Arc::new(Dialer::new(options.with_database(database))?);
        let left = deadline.saturating_duration_since(Instant::now());
        match connect(&dialer, left).await {
            Ok(connection) => return Ok(connection),
            // One of them may be missing or closed to us.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::DatabaseMissing | ErrorKind::AccessDenied
                ) =>
            {
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| Error::new(ErrorKind::DatabaseMissing, "no maintenance database")))
}
