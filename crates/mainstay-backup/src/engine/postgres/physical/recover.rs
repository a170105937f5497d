//! A base and its log put into a new folder and recovered.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};
use tokio::runtime::Handle;

use super::super::Postgres;
use super::super::programs::{ServerPrograms, launch_local};
use super::account::Account;
use super::instance::{Instance, Start, needed_settings};
use super::position::Position;
use super::unpack::{make_folder, unpack};
use super::wal;
use crate::archive::{Log, Manifest};
use crate::control::Control;
use crate::failure::from_io;

/// Where the log is put for the server to fetch it from, within the data folder.
const LOG_FOLDER: &str = "mainstay_wal";

/// What the server says when its log ends before the moment that was asked for. There is nothing
/// in the log after that moment then, and all of it is wanted.
const ENDED_BEFORE: &str = "recovery ended before configured recovery target was reached";

/// What a recovered server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be looked at: it may lose everything when the machine fails, and is quick.
    Trial,
    /// To be used.
    Use,
}

/// What is to be recovered, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovery<'a> {
    /// The base backup.
    pub(crate) base: &'a Manifest,
    /// The log that follows it. Without one the base alone is recovered.
    pub(crate) log: Option<&'a Log>,
    /// All that was acknowledged before this moment is to be there, and nothing that was begun
    /// after it. `None` is all there is.
    pub(crate) to: Option<DateTime<Utc>>,
    /// The data folder of the new server: empty, or not there.
    pub(crate) folder: &'a Path,
    pub(crate) purpose: Purpose,
}

impl Postgres {
    /// Recovers a server into a new folder, beside whatever runs now, and starts it on a free port of
    /// this machine. `input` is the raw stream of the base. Blocks; to be called on a thread for
    /// that, within a runtime.
    ///
    /// # Errors
    /// When the folder is not empty, the programs of that version are missing, the base or the log is
    /// damaged or does not reach that moment, the server does not start, or when it was cancelled.
    /// The folder is of no use then.
    pub(crate) fn recover(
        &self,
        recovery: &Recovery<'_>,
        input: &mut dyn Read,
        control: &Control,
    ) -> Result<Instance> {
        control.check()?;
        let runtime = Handle::current();
        let position = Position::of(recovery.base)?;
        let programs = ServerPrograms::find(&self.places, position.major)?;
        let account = Account::choose()?;
        // What cannot work is found before anything is written.
        let pieces = match recovery.log {
            Some(log) => Some(runtime.block_on(wal::pieces(log, &position, recovery.to))?),
            None if recovery.to.is_some() => {
                return Err(Error::new(
                    ErrorKind::BackupRefused,
                    "without a log there is no recovery to a moment",
                ));
            }
            None => None,
        };
        make_folder(recovery.folder)?;
        let folder = &absolute(recovery.folder)?;
        unpack(input, folder, control)?;
        check(&programs, folder, control)?;
        if let (Some(log), Some(pieces)) = (recovery.log, &pieces) {
            let into = folder.join(LOG_FOLDER);
            runtime.block_on(wal::write(log, pieces, &position, &into, control))?;
            File::create(folder.join("recovery.signal"))
                .map_err(|error| from_io("asking for recovery", error))?;
        }
        account.give_all(folder)?;
        let mut settings = needed_settings(&programs.pg_controldata, folder)?;
        settings.extend(recovery.purpose.settings());
        if pieces.is_some() {
            settings.push(fetch(&folder.join(LOG_FOLDER)));
        }
        let start = |settings: &[String]| {
            let start = Start {
                folder,
                settings,
                programs: &programs,
                account,
                config: &self.config,
            };
            Instance::start(&start, control)
        };
        let instance = match recovery.to {
            None => start(&settings)?,
            Some(to) => {
                let mut until = settings.clone();
                until.push(format!(
                    "recovery_target_time={}",
                    to.format("%Y-%m-%d %H:%M:%S%.6f+00")
                ));
                until.push("recovery_target_action=promote".to_owned());
                match start(&until) {
                    Err(error) if error.detail().contains(ENDED_BEFORE) => start(&settings)?,
                    other => other?,
                }
            }
        };
        // It is on a timeline of its own now and needs no more of the old one.
        match fs::remove_dir_all(folder.join(LOG_FOLDER)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(from_io("removing the files of the log", error))
            }
            _ => Ok(instance),
        }
    }
}

impl Purpose {
    fn settings(self) -> Vec<String> {
        // Nobody reads while it recovers, so that it does not matter what readers would need.
        let mut out = vec!["hot_standby=off".to_owned()];
        if self == Self::Trial {
            // Nor do extensions do on their own what the original does.
            out.extend(
                [
                    "fsync=off",
                    "shared_preload_libraries=",
                    "shared_buffers=16MB",
                    "autovacuum=off",
                    "max_wal_size=4GB",
                ]
                .map(str::to_owned),
            );
        }
        out
    }
}

/// Checks every file against the list that the server sent with them, where there is the program.
fn check(programs: &ServerPrograms, folder: &Path, control: &Control) -> Result<()> {
    let Some(program) = &programs.pg_verifybackup else {
        return Ok(());
    };
    if !folder.join("backup_manifest").exists() {
        return Ok(());
    }
    launch_local(program)
        .args(["--no-parse-wal", "--quiet", "--exit-on-error"])
        .arg(folder)
        .run(control)
        .map(drop)
        .map_err(|error| {
            Error::new(
                ErrorKind::BackupDamaged,
                format!(
                    "the files of the base are not as the server sent them: {}",
                    error.detail()
                ),
            )
            .with_source(error)
        })
}

/// How the server fetches a file of the log.
fn fetch(folder: &Path) -> String {
    // A percent sign has a meaning there, and a quote one for the shell.
    let folder = folder.display().to_string();
    let folder = folder.replace('%', "%%").replace('\'', "'\\''");
    format!("restore_command=cp '{folder}/%f' \"%p\"")
}

fn absolute(folder: &Path) -> Result<PathBuf> {
    fs::canonicalize(folder).map_err(|error| from_io("finding the folder", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_fetches_from_a_folder_of_any_name() {
        assert_eq!(
            fetch(Path::new("/a 100%/it's")),
            "restore_command=cp '/a 100%%/it'\\''s/%f' \"%p\""
        );
    }
}
