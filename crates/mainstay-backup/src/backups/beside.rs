//! A server of its own, restored in a folder beside the one there is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};

use super::Backups;
use super::work::attended;
use crate::archive::Archive;
use crate::control::Control;
use crate::engine::Driver;
use crate::engine::follow::Recovered;
use crate::failure::{at, from_io};
use crate::pipe;
use crate::plan::name::ENDING;

/// What is recovered, and where.
pub(super) struct Plan {
    /// The data folder of the new server.
    pub(super) folder: PathBuf,
    /// With what the log has up to this moment, or with all of it.
    pub(super) log: Option<Option<DateTime<Utc>>>,
    /// To be looked at and thrown away.
    pub(super) is_trial: bool,
}

impl Backups {
    /// Restores a backup as a server of its own, perhaps with its log, and starts it.
    pub(super) async fn recover(
        &self,
        driver: &Arc<Driver>,
        archive: Archive,
        plan: Plan,
        control: &Control,
    ) -> Result<Recovered> {
        control.begin("recovering", Some(archive.manifest().raw_bytes));
        let id = archive.manifest().id.clone();
        let (name, range) = (self.object(&id, ENDING), archive.data());
        let log = plan.log.map(|to| (self.log(&id), to));
        let (driver, work) = (Arc::clone(driver), control.clone());
        let recovered = pipe::download(&self.target, &name, range, move |input| {
            let mut reader = archive.reader(input, work.clone())?;
            let log = log.as_ref().map(|(log, to)| (log, *to));
            let base = archive.manifest();
            driver.recover(base, &mut reader, log, &plan.folder, plan.is_trial, &work)
        });
        attended(control, recovered).await
    }
}

/// Stops a server that was only looked at, and removes it.
pub(super) async fn remove(recovered: Recovered) -> Result<()> {
    let folder = recovered.folder.clone();
    let stopped = tokio::task::spawn_blocking(move || {
        let stopped = recovered.stop();
        remove_folder(&folder).and(stopped)
    });
    stopped.await.map_err(Error::unexpected)?
}

fn remove_folder(folder: &Path) -> Result<()> {
    std::fs::remove_dir_all(folder)
        .map_err(|error| from_io("removing the server of a drill", error))
}

/// What to do about a full disk, where whoever noticed it did not say.
pub(super) fn hinted(folder: &Path, error: Error) -> Error {
    if error.kind() != ErrorKind::DiskFull {
        return error;
    }
    at(&format!("recovering in {}", folder.display()), error).with_hint(
        "make room where the folder is, or name one on another disk; nothing was left in it, and the \
         old server was not touched",
    )
}

/// What is missing where a server is to be recovered.
pub(super) fn folder_missing() -> Error {
    Error::new(
        ErrorKind::Configuration,
        "this is recovered as a server of its own, and it is not said where",
    )
    .with_hint(
        "name a new folder for its data with --folder; the server there is goes on meanwhile",
    )
}
