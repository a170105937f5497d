//! MariaDB and MySQL, by their own programs.
//!
//! - `mod.rs`: [`MySql`], and connections to its server
//! - `programs`: the programs, how they are told where the server is, and what their errors mean
//! - `scan`: a dump read as it passes by; pure
//! - `filter`: a dump made fit for any database; pure
//! - `capture`: taking a dump
//! - `names`: the names of databases made for a restore; pure
//! - `place`: making the database that is restored to, and removing it and those that were left over
//! - `restore`: filling it
//! - `verify`: looking at it
//! - `swap`: putting it in the place of the old one
//! - `physical`: the server's files instead of a dump
//! - `log`: recovery to a point in time
//! - `instance`: a private server to recover in
//! - `server`: what is asked of the server; `quote`: names as they stand in SQL

mod capture;
mod filter;
mod instance;
mod log;
mod names;
mod physical;
mod place;
mod programs;
mod quote;
mod restore;
mod scan;
mod server;
mod swap;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use mainstay::{Clock, Config, Database, Entropy, Error, ErrorKind, Result};
use tokio::runtime::Handle;

pub(crate) use self::instance::Instance;
use self::quote::quote;
use super::tools::Places;

/// A database to connect to that is always there: the one that is backed up may be gone.
const ALWAYS_THERE: &str = "information_schema";

/// How long connections may take to close.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Checking a table, or waiting for one, takes as long as it takes.
const STATEMENT_LIMIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A database on a server of MariaDB or MySQL.
#[derive(Debug, Clone)]
pub(crate) struct MySql {
    config: Config,
    /// The database's name.
    name: String,
    places: Places,
    force: bool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl MySql {
    /// The database of a configuration. Connects to nothing.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` for the address of another engine, or of no database.
    pub(crate) fn new(
        config: &Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        let name = config.url.database().unwrap_or_default().to_owned();
        if config.url.engine() != mainstay::config::EngineKind::MySql || name.is_empty() {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("{} is no database of MariaDB or MySQL", config.url),
            ));
        }
        Ok(Self {
            config: config.clone(),
            name,
            places: programs::places(),
            force: false,
            clock,
            entropy,
        })
    }

    /// Where the engine's programs are looked for, instead of the usual folders.
    #[cfg(test)]
    pub(crate) fn with_places(mut self, places: Places) -> Self {
        self.places = places;
        self
    }

    /// Whether a swap ends the sessions that use the database, instead of refusing.
    pub(crate) fn with_force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// About how many bytes a dump has. `None` when the server cannot tell.
    ///
    /// # Errors
    /// Those of connecting and asking.
    pub(crate) async fn size(&self) -> Result<Option<u64>> {
        let db = self.connect().await?;
        let size = server::size(&db, &self.name).await;
        close(db).await;
        size
    }

    /// A handle on the server, with no database of its own.
    async fn connect(&self) -> Result<Database> {
        let mut config = self.config.clone();
        config.url = config.url.with_database(ALWAYS_THERE);
        config.pool.min = 0;
        config.pool.max = 2;
        config.pool.leak_after = Duration::ZERO;
        config.timeouts.statement = STATEMENT_LIMIT;
        config.timeouts.transaction = STATEMENT_LIMIT;
        config.coalesce = false;
        config.resilience.breaker = false;
        Database::builder()
            .require_database(true)
            .open(&config)
            .await
    }

    /// Runs a future on this thread, which is one for blocking work.
    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        Handle::current().block_on(work)
    }

    /// The error of a database that is not there.
    fn missing(&self) -> Error {
        Error::new(
            ErrorKind::DatabaseMissing,
            format!("there is no database {} on the server", self.name),
        )
        .with_hint("check the name in the configuration")
    }
}

async fn close(db: Database) {
    // What it was for is done; a connection that does not close ends with the process.
    let _ = db.close(CLOSE_LIMIT).await;
}

#[cfg(test)]
mod tests;
