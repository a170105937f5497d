//! The new file in the place of the old.
//!
//! What must hold whenever the machine or the process stops: under the database's name is the old
//! database, whole, or the new one. So the old one's log is first moved into it and removed; then it
//! gets a second name; then the new file takes its name, which is one step for the file system. Where
//! files cannot have two names, the old one is renamed first, and for a moment nothing has its name.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};
use rusqlite::{Connection, ffi};

use super::error::{code, of_io, of_sqlite};
use super::{files, holders, open};

/// Whoever is closing it right now is waited for.
const WAIT: Duration = Duration::from_millis(250);

/// What SQLite would take for a part of a database of that name.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// How the old file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// It has two names for a moment, where the file system can do that.
    Linked,
    /// It is renamed. Only for trying out what happens elsewhere.
    #[cfg_attr(not(test), allow(dead_code, reason = "for tests"))]
    Renamed,
}

/// How far a swap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nobody else has the old database, and its log is in it.
    Locked,
    /// It has another name: as well, or only that.
    Kept,
    /// The new one has its name.
    Renamed,
}

/// Nobody else gets to the database as long as this is held.
#[derive(Debug)]
enum Hold {
    /// There is none.
    Missing,
    /// SQLite's own lock.
    Locked(#[allow(dead_code, reason = "held for its lock")] Connection),
    /// SQLite does not open it; the lock is on all of the file.
    Damaged(#[allow(dead_code, reason = "held for its lock")] File),
}

/// Whether the place of the database could be taken now.
pub(super) fn can_swap(path: &Path) -> Result<()> {
    let path = files::locate(path)?;
    hold(&path).map(drop)
}

/// Puts `new` in the place of the database. Returns where the old one is now.
pub(super) fn swap(
    path: &Path,
    new: &Path,
    now: DateTime<Utc>,
    names: Names,
    step: &mut dyn FnMut(Step),
) -> Result<Option<PathBuf>> {
    let path = files::locate(path)?;
    settle(new)?;
    let held = hold(&path)?;
    let (folder, name) = files::parts(&path)?;
    step(Step::Locked);
    let kept = match held {
        Hold::Missing => set_aside(&path, &kept_name(folder, name, now))?,
        Hold::Locked(_) | Hold::Damaged(_) => {
            let kept = kept_name(folder, name, now);
            if matches!(held, Hold::Damaged(_)) {
                set_aside(&path, &kept)?;
            }
            keep(&path, &kept, names)?;
            Some(kept)
        }
    };
    files::sync_folder(folder)?;
    step(Step::Kept);
    if let Err(error) = std::fs::rename(new, &path) {
        give_back(&path, kept.as_deref(), &held);
        return Err(of_io("cannot put the restored database at", &path, error));
    }
    step(Step::Renamed);
    files::sync_folder(folder)?;
    drop(held);
    warn_of_late(kept.as_deref());
    Ok(kept)
}

/// Sees to it that all of the new database is in its file, and nobody has that open.
fn settle(new: &Path) -> Result<()> {
    let connection = lock(new)?.map_err(|error| of_sqlite(new, &error))?;
    connection
        .execute_batch("ROLLBACK")
        .map_err(|error| of_sqlite(new, &error))?;
    connection
        .close()
        .map_err(|(_, error)| of_sqlite(new, &error))?;
    // Nobody else has it: whoever was on it is gone.
    File::open(new)
        .and_then(|file| file.sync_all())
        .map_err(|error| of_io("cannot sync", new, error))
}

fn hold(path: &Path) -> Result<Hold> {
    let holders = holders::of(path);
    if !holders.is_empty() {
        return Err(in_use(path, &holders.join(", ")));
    }
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Ok(Hold::Missing),
        Err(error) => return Err(of_io("cannot look at", path, error)),
    }
    match lock(path)? {
        Ok(connection) => Ok(Hold::Locked(connection)),
        Err(error) if is_damage(&error) => Ok(Hold::Damaged(lock_damaged(path)?)),
        Err(error) => Err(of_sqlite(path, &error)),
    }
}

/// Takes SQLite's exclusive lock, and moves the log into the file. The outer error is that somebody
/// has it; the inner one is SQLite's.
fn lock(path: &Path) -> Result<rusqlite::Result<Connection>> {
    match try_lock(path) {
        Err(error) if matches!(code(&error), Some(ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED)) => {
            let holders = holders::of(path);
            let who = match holders.as_slice() {
                [] => "another process, or this one".to_owned(),
                holders => holders.join(", "),
            };
            Err(in_use(path, &who))
        }
        Ok(connection) => {
            // What is left of them belongs to nobody. The log is empty, or SQLite would have it.
            let log = files::beside(path, "-wal");
            if log.metadata().is_ok_and(|found| found.len() > 0) {
                return Err(Error::new(
                    ErrorKind::Unexpected,
                    format!("{} was not moved into the database", log.display()),
                )
                .with_hint("open and close the database with the sqlite3 program, and try again"));
            }
            files::remove(&log)?;
            files::remove(&files::beside(path, "-shm"))?;
            Ok(Ok(connection))
        }
        Err(error) => Ok(Err(error)),
    }
}

fn try_lock(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open::open(path, WAIT)?;
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    open::first_look(&connection)?;
    // Leaving WAL takes that nobody else has the file open.
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    Ok(connection)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        code(error),
        Some(ffi::SQLITE_NOTADB | ffi::SQLITE_CORRUPT | ffi::SQLITE_IOERR)
    )
}

/// The lock of a file that SQLite does not read. Nobody in this process has it open, or `holders`
/// had told.
fn lock_damaged(path: &Path) -> Result<File> {
    let file = File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| of_io("cannot open", path, error))?;
    #[cfg(unix)]
    rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| in_use(path, "another process"))?;
    Ok(file)
}

fn in_use(path: &Path, who: &str) -> Error {
    Error::new(
        ErrorKind::WriteConflict,
        format!("{} is in use by {who}", path.display()),
    )
    .with_hint("stop every process that has the database open, and restore again")
}

/// A name for the old database that nothing has.
fn kept_name(folder: &Path, name: &str, now: DateTime<Utc>) -> PathBuf {
    let stem = format!("{name}.before-restore-{}", now.format("%Y%m%dT%H%M%SZ"));
    let is_free = |path: &PathBuf| !path.exists() && !files::beside(path, "-wal").exists();
    std::iter::once(folder.join(&stem))
        .chain((2..).map(|number| folder.join(format!("{stem}-{number}"))))
        .find(is_free)
        .expect("a folder holds fewer names than there are numbers")
}

/// Moves logs that SQLite cannot move into their database out of the way of the new one, for which
/// SQLite would take them. Whoever wants to save something needs them.
fn set_aside(path: &Path, kept: &Path) -> Result<Option<PathBuf>> {
    let mut first = None;
    for ending in LOGS {
        let (from, to) = (files::beside(path, ending), files::beside(kept, ending));
        match std::fs::rename(&from, &to) {
            Ok(()) => first = first.or(Some(to)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(of_io("cannot set aside", &from, error)),
        }
    }
    files::remove(&files::beside(path, "-shm"))?;
    Ok(first)
}

fn keep(path: &Path, kept: &Path, names: Names) -> Result<()> {
    if names == Names::Linked {
        match std::fs::hard_link(path, kept) {
            Ok(()) => return Ok(()),
            Err(error) => tracing::debug!(
                target: "mainstay::backup",
                %error, "the file system gives no second name; the old database is renamed"
            ),
        }
    }
    std::fs::rename(path, kept).map_err(|error| of_io("cannot rename", path, error))
}

/// After a failure the old database has its name again, and only that.
fn give_back(path: &Path, kept: Option<&Path>, held: &Hold) {
    let Some(kept) = kept else { return };
    let undone = match (held, path.exists()) {
        (Hold::Missing, _) => Ok(()),
        (_, true) => std::fs::remove_file(kept),
        (_, false) => std::fs::rename(kept, path),
    };
    if matches!(held, Hold::Damaged(_)) {
        for ending in LOGS {
            // It may have had none.
            let _ = std::fs::rename(files::beside(kept, ending), files::beside(path, ending));
        }
    }
    if let Err(error) = undone {
        tracing::error!(
            target: "mainstay::backup",
            %error, path = %path.display(), kept = %kept.display(),
            "the old database is kept under another name: rename it by hand"
        );
    }
}

/// Who opened the old file in the last moment is on a file that has another name by now. Mainstay
/// notices that by itself; others do not.
fn warn_of_late(kept: Option<&Path>) {
    let Some(kept) = kept else { return };
    let holders = holders::of(kept);
    if !holders.is_empty() {
        tracing::warn!(
            target: "mainstay::backup",
            holders = holders.join(", "), kept = %kept.display(),
            "opened the database while it was replaced, and must be started again"
        );
    }
}
