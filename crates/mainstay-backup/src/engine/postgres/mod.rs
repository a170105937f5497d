//! PostgreSQL: backups by the engine's own programs.
//!
//! - `programs`: which programs, how they are told where the server is, what their complaints mean
//! - `server`: sessions for questions and for making databases
//! - `snapshot`: the moment of a backup, held until the program has it, too
//! - `dump`: reading what `pg_dump` writes, to know the rows without asking again; pure
//! - `capture`: taking a logical backup
//! - `locale`: how a database encodes and orders text, settled when it is made
//! - `restore`: a new database, filled and looked at
//! - `physical`: the server's files and its log, for recovery to a moment
//! - `place`: making the database that is restored to, and removing it and those that were left over
//! - `swap`: a new database in the place of the old one; `names`: what those are called; `carry`: what
//!   belongs to a database and is not in it; `sessions`: who uses a database

mod capture;
mod carry;
mod dump;
mod locale;
mod names;
pub(crate) mod physical;
mod place;
mod programs;
mod restore;
mod server;
mod sessions;
mod snapshot;
mod swap;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use mainstay::{Clock, Config, Entropy, Error, ErrorKind, Result};

use super::tools::Places;

/// A PostgreSQL database to back up, or to restore.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    config: Config,
    places: Places,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Postgres {
    /// The database of a configuration.
    ///
    /// # Errors
    /// When the configuration names no database.
    pub(crate) fn new(
        config: &Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        if config.url.database().is_none_or(str::is_empty) {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("{} names no database", config.url),
            )
            .with_hint("put the database's name at the end of the URL"));
        }
        Ok(Self {
            config: config.clone(),
            places: programs::places(),
            clock,
            entropy,
        })
    }

    /// The same, with the programs looked for elsewhere.
    #[cfg(test)]
    pub(crate) fn with_programs(mut self, places: Places) -> Self {
        self.places = places;
        self
    }

    fn database(&self) -> &str {
        // Asked for when this was made.
        self.config.url.database().unwrap_or_default()
    }
}
