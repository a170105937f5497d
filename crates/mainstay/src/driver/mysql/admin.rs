//! Creates and drops databases. Each function signs in on its own, without a database.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error as Native};
use tokio::time::{Instant, timeout_at};

use super::dial::{self, Dialer};
use super::driver;
use super::options::MySqlOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;

/// The database exists already.
const EXISTS: u16 = 1007;
/// There is no such database to drop.
const NOTHING_TO_DROP: u16 = 1008;

/// Whether the database exists: whether one can sign in to it.
///
/// # Errors
/// What [`Driver::connect`](crate::driver::Driver::connect) names, but for `DATABASE_MISSING`.
pub(super) async fn exists(options: &MySqlOptions, limit: Duration) -> Result<bool> {
    let deadline = dial::deadline(limit);
    let dialer = Dialer::new(options.clone()).await?;
    match dialer.dial(deadline).await {
        Ok(conn) => {
            let _ = timeout_at(deadline, conn.disconnect()).await;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::DatabaseMissing => Ok(false),
        Err(error) => Err(error),
    }
}

/// Creates the database unless it exists, with the character set and collation that make text
/// compare as it does on the other engines. Says whether it was created.
///
/// # Errors
/// What [`Driver::connect`](crate::driver::Driver::connect) names, and `ACCESS_DENIED` when the
/// user may not create it.
pub(super) async fn create_database_if_missing(
    options: &MySqlOptions,
    limit: Duration,
) -> Result<bool> {
    let started = Instant::now();
    // A user without the right to create is fine when there is nothing to create.
    if exists(options, limit).await? {
        return Ok(false);
    }
    let deadline = started + limit;
    let (dialer, mut conn) = sign_in(options, deadline).await?;
    let dialect = driver::detect(&dialer, &mut conn, deadline).await?;
    let collation = match dialect {
        Dialect::MySql => "utf8mb4_0900_bin",
        _ => "utf8mb4_nopad_bin",
    };
    let sql = format!(
        "CREATE DATABASE {} CHARACTER SET utf8mb4 COLLATE {collation}",
        dialect.quote(&options.database)
    );
    run(&dialer, conn, sql, EXISTS, deadline).await
}

/// Drops the database. Says whether there was one.
///
/// # Errors
/// What [`Driver::connect`](crate::driver::Driver::connect) names, and `ACCESS_DENIED` when the
/// user may not drop it.
pub(super) async fn drop_database(options: &MySqlOptions, limit: Duration) -> Result<bool> {
    let deadline = dial::deadline(limit);
    let (dialer, conn) = sign_in(options, deadline).await?;
    let sql = format!(
        "DROP DATABASE {}",
        Dialect::MariaDb.quote(&options.database)
    );
    run(&dialer, conn, sql, NOTHING_TO_DROP, deadline).await
}

async fn sign_in(options: &MySqlOptions, deadline: Instant) -> Result<(Dialer, Conn)> {
    let dialer = Dialer::without_database(options.clone()).await?;
    let conn = dialer.dial(deadline).await?;
    Ok((dialer, conn))
}

/// Runs one statement. False when it fails because there was nothing to do.
async fn run(
    dialer: &Dialer,
    mut conn: Conn,
    sql: String,
    nothing_to_do: u16,
    deadline: Instant,
) -> Result<bool> {
    let result = timeout_at(deadline, conn.query_drop(sql)).await;
    let _ = timeout_at(deadline, conn.disconnect()).await;
    match result {
        Ok(Ok(())) => Ok(true),
        Ok(Err(Native::Server(error))) if error.code == nothing_to_do => Ok(false),
        Ok(Err(native)) => Err(dialer.explain("changing the database", &native)),
        Err(_) => Err(Error::new(
            ErrorKind::Deadline,
            format!(
                "the server at {} has not answered in time whether the database {} was changed",
                dialer.options.address(),
                dialer.options.database
            ),
        )
        .with_outcome(crate::error::Outcome::Unknown)),
    }
}
