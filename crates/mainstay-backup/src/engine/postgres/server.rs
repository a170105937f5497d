//! Sessions for questions, and for making databases.

use std::time::Duration;

use mainstay::{Config, Database, Error, ErrorKind, Result};

use super::super::tools::Version;

/// Longer than anything here takes: what a statement or transaction may take here is limited by
/// whoever can cancel the work.
const LONG: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Databases every server has, from which others are made and renamed.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// What the server says its version is.
#[derive(Debug, Clone)]
pub(super) struct ServerVersion {
    pub(super) text: String,
    pub(super) number: Version,
}

/// The same server, with another database.
pub(super) fn config_of(config: &Config, database: &str) -> Config {
    let mut config = config.clone();
    config.url = config.url.with_database(database);
    config
}

/// A handle for a few questions. Nothing is joined, remembered or tried for long.
pub(super) async fn open(config: &Config, database: &str) -> Result<Database> {
    open_with(config, database, 2).await
}

async fn open_with(config: &Config, database: &str, sessions: u32) -> Result<Database> {
    let mut config = config_of(config, database);
    config.pool.max = sessions;
    config.pool.min = 0;
    config.pool.leak_after = Duration::ZERO;
    config.timeouts.statement = LONG;
    config.timeouts.transaction = LONG;
    config.coalesce = false;
    config.resilience.breaker = false;
    config.startup.require_database = true;
    Database::open(&config).await
}

/// A handle with one session, which stays the same for as long as the server keeps it.
pub(super) async fn open_single(config: &Config, database: &str) -> Result<Database> {
    let mut config = config.clone();
    config.timeouts.idle = LONG;
    config.timeouts.lifetime = LONG;
    open_with(&config, database, 1).await
}

/// A handle on a database from which others can be made, renamed and dropped: none of these.
pub(super) async fn open_maintenance(config: &Config, not: &[&str]) -> Result<Database> {
    let mut last = None;
    for database in MAINTENANCE {
        if not.contains(&database) {
            continue;
        }
        match open(config, database).await {
            Ok(db) => return Ok(db),
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
    Err(last.unwrap_or_else(|| {
        Error::new(
            ErrorKind::DatabaseMissing,
            "there is no database from which others can be made",
        )
    }))
}

pub(super) async fn close(db: Database) {
    // The sessions end in any case.
    if let Err(error) = db.close(CLOSE_LIMIT).await {
        tracing::debug!(target: "mainstay::backup", %error, "a handle was not closed in order");
    }
}

pub(super) async fn version(db: &Database) -> Result<ServerVersion> {
    let text: String = db
        .sql("SELECT current_setting('server_version')")
        .scalar()
        .await?;
    read_version(text)
}

pub(super) fn read_version(text: String) -> Result<ServerVersion> {
    let number = Version::parse(&text).ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!("the server's version {text} is not understood"),
        )
    })?;
    Ok(ServerVersion { text, number })
}
