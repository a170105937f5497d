//! `restore`: a backup in the place of a database.

use std::time::Duration;

use mainstay::config::DatabaseUrl;
use mainstay::{Database, Error, ErrorKind, Result};
use serde::Serialize;

use super::{Backups, Which};
use crate::archive::Manifest;
use crate::control::Control;

/// How a backup is restored.
#[derive(Debug, Clone, Default)]
pub struct Restore {
    /// Which one.
    pub which: Which,
    /// Where to, instead of the database of the configuration. Nothing may be there.
    pub into: Option<DatabaseUrl>,
    /// The explicit word: a database that is there gives its place to the backup, and is kept aside.
    pub replace: bool,
    /// On servers, ends the sessions that use the database whose place is taken.
    pub end_sessions: bool,
}

/// A backup that was restored.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Restored {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Where it is now.
    pub into: String,
    /// Where the database is kept whose place it took.
    pub kept: Option<String>,
    /// How long restoring took.
    #[serde(skip)]
    pub restored_in: Duration,
    /// How long it took to look it over before it took anything's place.
    #[serde(skip)]
    pub verified_in: Duration,
}

impl Backups {
    /// Restores a backup to a new place, compares it there with what was backed up, and only then
    /// puts it where the database is. What was there is kept aside under the name in
    /// [`Restored::kept`].
    ///
    /// Until the end, the database that is there is not touched: whatever fails, and whenever the
    /// future is dropped, it stands as it was.
    ///
    /// # Errors
    /// `DATABASE_EXISTS` if there is a database and [`Restore::replace`] is not set, or something
    /// uses it. `CORRUPT` if the archive is damaged or what was restored is not what was backed up.
    /// `UNSUPPORTED` if it is of another engine or of newer code.
    pub async fn restore(&self, options: &Restore, control: &Control) -> Result<Restored> {
        let id = self.find(&options.which).await?;
        let mut config = self.config.clone();
        if let Some(into) = &options.into {
            if into.engine() != config.url.engine() {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    format!(
                        "a backup of {} cannot be restored into {into}",
                        self.config.url.engine().as_str()
                    ),
                )
                .with_hint("restore it, and move it over with mainstay copy"));
            }
            config.url = into.clone();
        }
        let may_replace = options.replace && options.into.is_none();
        if !may_replace && exists(&config).await? {
            return Err(Error::new(
                ErrorKind::DatabaseExists,
                format!("there is a database at {}; nothing was done", config.url),
            )
            .with_hint(match options.into {
                Some(_) => "name a place where nothing is",
                None => {
                    "to put the backup in its place and keep it aside, say --replace; to restore \
                     beside it, name a new place with --into"
                }
            }));
        }
        let driver = self.driver(&config)?;
        driver.can_swap().await?;
        let manifest = self.manifest_of(&id).await?;
        let trial = self.try_out(&driver, &id, control).await?;
        control.check()?;
        control.begin("putting it in place", None);
        let swapped = driver.swap(trial.place, options.end_sessions).await?;
        Ok(Restored {
            manifest,
            into: config.url.to_string(),
            kept: swapped.kept,
            restored_in: trial.restored_in,
            verified_in: trial.verified_in,
        })
    }
}

/// Whether there is a database.
async fn exists(config: &mainstay::Config) -> Result<bool> {
    if let Some(path) = config.url.path() {
        return Ok(path.symlink_metadata().is_ok());
    }
    let mut config = config.clone();
    config.pool.min = 0;
    let opened = Database::builder()
        .require_database(true)
        .open(&config)
        .await;
    match opened {
        Ok(db) => {
            db.close(Duration::from_secs(5)).await?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::DatabaseMissing => Ok(false),
        Err(error) => Err(error),
    }
}
