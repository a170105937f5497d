//! `restore`: a backup in the place of a database.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use mainstay::config::DatabaseUrl;
use mainstay::{Config, Database, Error, ErrorKind, Result};
use serde::Serialize;

use super::beside::{self, Plan};
use super::{Backups, Which};
use crate::archive::Manifest;
use crate::control::Control;
use crate::engine::Driver;

/// How a backup is restored.
#[derive(Debug, Clone, Default)]
pub struct Restore {
    /// Which one. For a moment, by default the newest base in front of it.
    pub which: Which,
    /// The state of a moment behind the backup, by the log that goes with it.
    pub to: Option<Moment>,
    /// Where to, instead of the database of the configuration. Nothing may be there.
    pub into: Option<DatabaseUrl>,
    /// Where the data of a new server is to be: for backups of a server's files, and for a moment on
    /// servers. The folder must be empty, or not there.
    pub folder: Option<PathBuf>,
    /// The explicit word: a database that is there gives its place to the backup, and is kept aside.
    pub replace: bool,
    /// On servers, ends the sessions that use the database whose place is taken.
    pub end_sessions: bool,
}

/// A moment to recover to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// All that was acknowledged before is there, and nothing that was begun after.
    At(DateTime<Utc>),
    /// All there is.
    Newest,
}

impl Moment {
    fn time(self) -> Option<DateTime<Utc>> {
        match self {
            Self::At(time) => Some(time),
            Self::Newest => None,
        }
    }
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
    /// How that is removed when nobody needs it any more: a statement for the server, or a command.
    pub kept_removal: Option<String>,
    /// What earlier restores left that were killed, and what was removed: databases, or folders.
    pub cleared: Vec<String>,
    /// What was put on top of the backup, for recovery to a moment.
    pub brought_forward: Option<Forward>,
    /// A server of its own that runs beside the old one.
    pub beside: Option<Beside>,
    /// How long restoring took.
    #[serde(skip)]
    pub restored_in: Duration,
    /// How long it took to look it over before it took anything's place.
    #[serde(skip)]
    pub verified_in: Duration,
}

/// What was put on top of a backup.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Forward {
    /// The moment that was asked for; `None`: all there was.
    pub to: Option<DateTime<Utc>>,
    /// When the last change in it was seen; `None` if nothing followed on the backup.
    pub newest: Option<DateTime<Utc>>,
    /// Whether the log goes on behind the moment, so that nothing in front of it is missing.
    /// Otherwise what came between its end and the moment, if anything did, is not there.
    pub is_complete: bool,
}

/// A server of its own that runs beside the old one.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Beside {
    /// Its data.
    pub folder: PathBuf,
    /// How its database is reached, without the password, which is that of the old one.
    pub url: String,
    /// The port of this machine on which it listens.
    pub port: u16,
    /// How to put it in the place of the old one.
    pub switch: String,
}

impl Backups {
    /// Restores a backup to a new place, compares it there with what was backed up, and only then
    /// puts it where the database is. What was there is kept aside under the name in
    /// [`Restored::kept`]. With [`Restore::to`], what the log has up to that moment is put on top.
    ///
    /// Until the end, the database that is there is not touched: whatever fails, and whenever the
    /// future is dropped, it stands as it was. A server's files, and any moment on a server, are
    /// restored as a server of its own in [`Restore::folder`], which is left running; how it is put
    /// in the place of the old one is in [`Beside::switch`].
    ///
    /// # Errors
    /// `DATABASE_EXISTS` if there is a database and [`Restore::replace`] is not set; `WRITE_CONFLICT`
    /// if something uses it, before anything is restored. `BACKUP_DAMAGED` if the archive is damaged or what was restored is not what was
    /// backed up. `BACKUP_REFUSED` if it is of another engine or of newer code, or the log does not
    /// reach the moment.
    pub async fn restore(&self, options: &Restore, control: &Control) -> Result<Restored> {
        let config = self.config_of(options)?;
        let driver = self.driver(&config)?;
        let id = match options.to {
            Some(to) => self.base_for(&driver, &options.which, to).await?,
            None => self.find(&options.which).await?,
        };
        let manifest = self.manifest_of(&id).await?;
        let is_beside = driver.is_whole_server(manifest.kind)
            || options.to.is_some() && driver.recovers_beside();
        if is_beside {
            return self
                .restore_beside(&driver, manifest, options, control)
                .await;
        }
        let may_replace = options.replace && options.into.is_none();
        if !may_replace && exists(&config).await? {
            return Err(in_the_way(&config, options));
        }
        driver.can_swap(options.end_sessions).await?;
        let trial = self.try_out(&driver, &id, control).await?;
        let mut brought_forward = None;
        if let Some(to) = options.to {
            let log = self.log(&id);
            let to = to.time();
            let place = &trial.place;
            let forward = driver.bring_forward(&manifest, &log, place, to, control);
            match forward.await {
                Ok((newest, is_complete)) => {
                    brought_forward = Some(Forward {
                        to,
                        newest,
                        is_complete,
                    });
                }
                Err(error) => {
                    driver.discard(trial.place).await?;
                    return Err(error);
                }
            }
            self.look_over(&driver, &manifest, &trial.place, control)
                .await?;
        }
        if let Err(error) = control.check() {
            driver.discard(trial.place).await?;
            return Err(error);
        }
        control.begin("putting it in place", None);
        let swapped = driver.swap(trial.place, options.end_sessions).await?;
        Ok(Restored {
            manifest,
            into: config.url.to_string(),
            kept: swapped.kept,
            kept_removal: swapped.removal,
            cleared: trial.cleared,
            brought_forward,
            beside: None,
            restored_in: trial.restored_in,
            verified_in: trial.verified_in,
        })
    }

    /// The newest moment to which the database can be recovered, if its log is followed.
    ///
    /// # Errors
    /// Those of reading the target.
    pub async fn newest_moment(&self) -> Result<Option<DateTime<Utc>>> {
        let driver = self.driver(&self.config)?;
        for one in self.list().await?.iter().rev() {
            if let Some(newest) = driver.newest(&self.log(&one.id)).await? {
                return Ok(Some(newest));
            }
        }
        Ok(None)
    }

    fn config_of(&self, options: &Restore) -> Result<Config> {
        let mut config = self.config.clone();
        let Some(into) = &options.into else {
            return Ok(config);
        };
        if into.engine() != config.url.engine() {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "a backup of {} cannot be restored into {into}",
                    config.url.engine().as_str()
                ),
            )
            .with_hint("restore it, and move it over with mainstay copy"));
        }
        config.url = into.clone();
        Ok(config)
    }

    /// The base for a moment: the newest one that can be used for it.
    async fn base_for(&self, driver: &Arc<Driver>, which: &Which, to: Moment) -> Result<String> {
        if let Which::Named(_) = which {
            return self.find(which).await;
        }
        let listed = self.list().await?;
        let mut first = None;
        for manifest in listed.iter().rev().filter_map(|one| one.manifest()) {
            // That its key is missing, or is another, is said when it is opened.
            let is_sealed = manifest.is_encrypted && manifest.tables.is_empty();
            let usable = match &manifest.position {
                Some(_) => driver.usable_from(manifest)?,
                None if is_sealed => manifest.taken_at,
                None => continue,
            };
            if to.time().is_none_or(|to| usable <= to) {
                return Ok(manifest.id.clone());
            }
            first = Some(usable);
        }
        let unreadable = listed.iter().rev().find(|one| one.manifest().is_none());
        if let (None, Some(one)) = (first, unreadable) {
            // Why it cannot be read says more: the wrong key, or damage.
            self.manifest_of(&one.id).await?;
        }
        let place = format!("{} in {}", self.label, self.target);
        Err(Error::new(
            ErrorKind::NotFound,
            match first {
                Some(first) => format!(
                    "{place} can be recovered from {} on, and not to a moment before",
                    first.to_rfc3339_opts(SecondsFormat::Millis, true)
                ),
                None => format!("there is no base backup of {place} to recover a moment from"),
            },
        )
        .with_hint(
            "bases and their log are made by backup watch --point-in-time; other backups are restored \
             without --to",
        ))
    }

    async fn restore_beside(
        &self,
        driver: &Arc<Driver>,
        manifest: Manifest,
        options: &Restore,
        control: &Control,
    ) -> Result<Restored> {
        let Some(folder) = options.folder.clone() else {
            return Err(beside::folder_missing());
        };
        let started = tokio::time::Instant::now();
        let archive = self.archive(&manifest.id).await?;
        self.refuse(&archive)?;
        let log = options.to.map(Moment::time);
        let plan = Plan {
            folder: folder.clone(),
            log,
            is_trial: false,
        };
        let recovered = self.recover(driver, archive, plan, control).await;
        let recovered = recovered.map_err(|error| beside::hinted(&folder, error))?;
        let beside = Beside {
            folder: recovered.folder.clone(),
            url: recovered.config.url.to_string(),
            port: recovered.config.url.port().unwrap_or_default(),
            switch: recovered.switch.clone(),
        };
        let newest = driver.newest(&self.log(&manifest.id)).await?;
        let left = tokio::task::spawn_blocking(move || recovered.leave());
        left.await.map_err(Error::unexpected)??;
        Ok(Restored {
            manifest,
            into: beside.url.clone(),
            kept: None,
            kept_removal: None,
            cleared: Vec::new(),
            brought_forward: log.map(|to| Forward {
                to,
                newest,
                is_complete: to.is_none_or(|to| newest.is_some_and(|newest| newest >= to)),
            }),
            beside: Some(beside),
            restored_in: started.elapsed(),
            verified_in: Duration::ZERO,
        })
    }
}

fn in_the_way(config: &Config, options: &Restore) -> Error {
    Error::new(
        ErrorKind::DatabaseExists,
        format!("there is a database at {}; nothing was done", config.url),
    )
    .with_hint(match options.into {
        Some(_) => "name a place where nothing is",
        None => {
            "to put the backup in its place and keep it aside, say --replace; to restore beside \
             it, name a new place with --into"
        }
    })
}

/// Whether there is a database.
async fn exists(config: &Config) -> Result<bool> {
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
