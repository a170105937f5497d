//! SQLite: one file, which the application may have open.
//!
//! - `handle`: what is known of the database
//! - `open`: connections of our own, and where the file is
//! - `error`: what SQLite and the file system say, in our errors
//! - `files`: names, room, and writing through to the disk
//! - `workspace`: a folder for files that are to be gone again whatever happens
//! - `capture`: a copy of one moment, tried out, and written out; `moment`: when that was
//! - `trial`: whether a database is whole, and what its tables hold; `rows`: one table
//! - `restore`: a new file from a backup
//! - `ship`: recovery to a point in time
//! - `swap`: the new file in the place of the old; `holders`: who has the old one open
//!
//! The database's file and its `-shm` are never opened other than by SQLite while anybody may use
//! them: closing any other descriptor would drop the POSIX locks that this process has on them.

mod capture;
mod error;
mod files;
mod handle;
mod holders;
mod moment;
mod open;
mod restore;
mod rows;
pub(crate) mod ship;
mod swap;
mod trial;
mod workspace;

#[cfg(test)]
pub(super) mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mainstay::config::DatabaseUrl;
use mainstay::{Clock, Config, Entropy, Error, ErrorKind, Result};

pub(crate) use self::handle::Sqlite;
use self::trial::Depth;
use self::workspace::Workspace;
use super::{Captured, Place, Swapped, claim};
use crate::archive::{Kind, Manifest, Table};
use crate::control::Control;

impl Sqlite {
    /// For the database of a configuration.
    ///
    /// # Errors
    /// When it names no file.
    pub(crate) fn new(
        config: &Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        let path = config.url.path().ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                "a SQLite database needs the path of its file",
            )
        })?;
        Ok(Self {
            config: config.clone(),
            path: path.to_owned(),
            clock,
            entropy,
            places: Mutex::default(),
        })
    }

    fn busy_timeout(&self) -> Duration {
        self.config.sqlite.busy_timeout
    }

    /// The bytes that a capture writes: those of the file, with what is still in its log.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub(crate) async fn size(&self) -> Result<Option<u64>> {
        let (path, wait) = (self.path.clone(), self.busy_timeout());
        blocking(move || {
            let path = files::existing(&path)?;
            let connection = open::existing(&path, wait)?;
            open::size(&connection)
                .map(Some)
                .map_err(|error| error::of_sqlite(&path, &error))
        })
        .await
    }

    /// Copies the state of one moment, tries the copy out, and writes it to `out`. Blocking.
    ///
    /// Writers go on meanwhile. The log (`-wal`) cannot start from its beginning while the copy is
    /// made, so it grows by what is written in that time.
    ///
    /// What the tables hold is read from the database itself while it is copied, so that a restored
    /// copy is compared with that, and not with another copy. Here every page and row of the copy is
    /// looked at; whether its indexes fit is found out by [`verify`](Self::verify).
    ///
    /// # Errors
    /// When a logical backup is asked for; when there is no room for the copy; when the database is
    /// damaged; when it was stopped.
    pub(crate) fn capture(
        &self,
        kind: Kind,
        out: &mut dyn Write,
        control: &Control,
    ) -> Result<Captured> {
        capture::capture(self, kind, out, control)
    }

    /// Begins a copy that a log can be put on top of, and to follow the log from there on. Blocking.
    ///
    /// Both go on by themselves: the copy by [`capture_base`](Self::capture_base), the log by
    /// [`ship`](ship::ship). Writers are kept out for some milliseconds.
    ///
    /// # Errors
    /// When the database is not there, is not in WAL mode, or somebody keeps writing.
    pub(crate) fn begin_base(&self, limits: ship::Limits) -> Result<(ship::Base, ship::Follower)> {
        ship::begin(self, limits)
    }

    /// As [`capture`](Self::capture), of a base. What it has for a position is where its log begins.
    /// Blocking.
    ///
    /// # Errors
    /// Those of a capture.
    pub(crate) fn capture_base(
        &self,
        base: ship::Base,
        out: &mut dyn Write,
        control: &Control,
    ) -> Result<Captured> {
        let position = base.position();
        let captured = capture::capture_moment(self, &base.path, base.moment, out, control)?;
        Ok(Captured {
            position: Some(position),
            ..captured
        })
    }

    /// Goes on following where the last segment of a log ended: the position is the `end` in that
    /// segment's detail, or the base's own if there is no segment yet. Blocking.
    ///
    /// # Errors
    /// When the database cannot be opened, or the position is not of this engine.
    pub(crate) fn resume(
        &self,
        position: &serde_json::Value,
        limits: ship::Limits,
    ) -> Result<ship::Resumed> {
        ship::resume(self, position, limits)
    }

    /// A new place beside the database's file. It is removed with this value, unless it was swapped
    /// in.
    ///
    /// # Errors
    /// When the folder does not exist or may not be written.
    pub(crate) async fn place(&self) -> Result<Place> {
        let target = files::locate(&self.path)?;
        let (folder, name) = files::parts(&target)?;
        let prefix = place_prefix(name);
        let entropy = Arc::clone(&self.entropy);
        let (folder, name) = (folder.to_owned(), name.to_owned());
        let workspace = blocking(move || Workspace::create(&folder, &prefix, &*entropy)).await?;
        let path = workspace.path().join(name);
        let mut config = self.config.clone();
        config.url = DatabaseUrl::sqlite(&path);
        self.places().insert(path.clone(), workspace);
        Ok(Place {
            config,
            name: path.display().to_string(),
            // The folder has a lock of its own.
            hold: None,
        })
    }

    /// Claims the log for one who follows it into a target. `None` if somebody has it. The lock is on
    /// a file of its own beside the database, which stays.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(crate) fn claim(&self, target: &str) -> Result<Option<File>> {
        let hash = blake3::hash(target.as_bytes()).to_hex();
        let path = files::beside(
            &files::locate(&self.path)?,
            &format!(".watch-{}", &hash[..8]),
        );
        File::create(&path)
            .and_then(claim::lock)
            .map_err(|error| error::of_io("cannot lock", &path, error))
    }

    /// Removes the folders of restores that were killed, and names them.
    ///
    /// # Errors
    /// When the folder of the database does not exist.
    pub(crate) async fn clear_leftovers(&self) -> Result<Vec<String>> {
        let target = files::locate(&self.path)?;
        let (folder, name) = files::parts(&target)?;
        let (folder, prefix) = (folder.to_owned(), place_prefix(name));
        let gone = blocking(move || Ok(workspace::sweep(&folder, &prefix))).await?;
        Ok(gone.iter().map(|path| path.display().to_string()).collect())
    }

    fn places(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Workspace>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a backup into its place, through to the disk. Blocking.
    ///
    /// # Errors
    /// When it is none of SQLite, or not of the size it says; when there is no room for it; when
    /// it was stopped. Nothing of it is left then.
    pub(crate) fn restore(
        &self,
        manifest: &Manifest,
        input: &mut dyn Read,
        place: &Place,
        control: &Control,
    ) -> Result<()> {
        restore::restore(&self.path, manifest, input, &path_of(place)?, control)
    }

    /// Whether the database in a place is whole, and what its tables hold. Blocking.
    ///
    /// Violated foreign keys are told in a warning and refuse nothing: they were in the database
    /// before, where nothing refused them.
    ///
    /// # Errors
    /// When it is damaged, or cannot be read.
    pub(crate) fn verify(
        &self,
        _manifest: &Manifest,
        place: &Place,
        control: &Control,
    ) -> Result<Vec<Table>> {
        let path = path_of(place)?;
        control.begin("checking", None);
        let (tables, ()) = trial::together(
            &path,
            control,
            |course| course.contents(&course.open(&path)?),
            |course| course.look_over(&course.open(&path)?, Depth::Indexes),
        )?;
        Ok(tables)
    }

    /// Whether nobody has the database open, so that its place can be taken. To be asked before a
    /// long restore; a swap asks again.
    ///
    /// # Errors
    /// When somebody has it open: who, and what to do.
    pub(crate) async fn can_swap(&self) -> Result<()> {
        let path = self.path.clone();
        blocking(move || swap::can_swap(&path)).await
    }

    /// Puts the database of a place where the database was, and keeps that beside it. Whatever
    /// happens in between, the old one is there whole, or the new one. The place is gone afterwards,
    /// also after an error.
    ///
    /// # Errors
    /// While anybody has the database open; when the file system refuses.
    pub(crate) async fn swap(&self, place: Place) -> Result<Swapped> {
        let new = path_of(&place)?;
        let workspace = self.places().remove(&new);
        let (path, now) = (self.path.clone(), self.clock.now());
        let kept = blocking(move || {
            let kept = swap::swap(&path, &new, now, swap::Names::Linked, &mut |_| ());
            drop(workspace);
            kept
        })
        .await?;
        Ok(Swapped {
            removal: kept.as_deref().map(removal),
            kept: kept.map(|path| path.display().to_string()),
        })
    }

    /// Removes a place.
    ///
    /// # Errors
    /// None: what cannot be removed now is found by its name when the next place is made.
    pub(crate) async fn discard(&self, place: Place) -> Result<()> {
        let workspace = self.places().remove(&path_of(&place)?);
        blocking(move || {
            drop(workspace);
            Ok(())
        })
        .await
    }
}

/// What the name of a folder that is restored to starts with.
fn place_prefix(name: &str) -> String {
    format!("{name}.restore-")
}

/// How a file is removed that was kept, and what it may have beside it.
fn removal(kept: &std::path::Path) -> String {
    let quoted = kept.display().to_string().replace('\'', r"'\''");
    format!("rm -f '{quoted}' '{quoted}-wal' '{quoted}-shm'")
}

fn path_of(place: &Place) -> Result<PathBuf> {
    place.config.url.path().map(PathBuf::from).ok_or_else(|| {
        Error::new(
            ErrorKind::Unexpected,
            format!("{} is not the path of a file", place.name),
        )
    })
}

/// Runs what blocks on a thread for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::unexpected(error)),
    }
}
