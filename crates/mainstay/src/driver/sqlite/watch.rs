//! Watches that the file at the path is the one that was opened.
//!
//! A file that is deleted or moved away stays open, and SQLite goes on writing to what nobody finds
//! any more. So its identity is compared with that at the path, several times a second and before
//! commits, by looking at names only. Once they differ nothing is acknowledged any more.
//!
//! Another file at the path is opened when it has come to rest, but never beside the log or the
//! wal-index of the old one: SQLite would take their pages for the new file's
//! (<https://sqlite.org/howtocorrupt.html>). No file is ever made here.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Outcome, Result};

/// How often somebody looks.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// A new file is taken once it has been as it is for this long: it may still be being copied.
const AT_REST: Duration = Duration::from_millis(200);

/// What stands at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Found {
    /// The file that was opened.
    Same,
    /// Nothing.
    Deleted,
    /// Another file.
    Replaced,
    /// Another file, beside the log of the old one.
    Mixed,
    /// A file without a byte in it.
    Empty,
}

impl Found {
    fn of(word: u64) -> Self {
        match word & 7 {
            0 => Self::Same,
            1 => Self::Deleted,
            2 => Self::Replaced,
            3 => Self::Mixed,
            _ => Self::Empty,
        }
    }
}

/// Tells files apart, whatever they are called.
type Identity = (u64, u64);

/// The database file and what SQLite keeps beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    file: Identity,
    length: u64,
    changed: Option<SystemTime>,
    log: Option<Identity>,
    index: Option<Identity>,
}

/// Watches one file for all its connections in this process.
#[derive(Debug)]
pub(super) struct Watch {
    path: PathBuf,
    /// How many files there were, times eight, and the standing.
    word: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The file that is open, as it was seen last.
    opened: Option<Seen>,
    /// Another one, and since when it has been as it is.
    other: Option<(Seen, Instant)>,
}

impl Watch {
    /// Watches the file that was just opened.
    pub(super) fn start(path: &Path) -> Self {
        let opened = see(path).ok().flatten();
        Self {
            path: path.to_owned(),
            word: AtomicU64::new(0),
            inner: Mutex::new(Inner {
                opened,
                other: None,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Consistent between any two statements.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the last look found.
    pub(super) fn standing(&self) -> Found {
        Found::of(self.word.load(Ordering::Acquire))
    }

    /// Which of the files that were opened one after another is open now.
    pub(super) fn number(&self) -> u64 {
        self.word.load(Ordering::Acquire) >> 3
    }

    /// Refuses whoever is not on the file of this number, or when that is not at the path.
    pub(super) fn check(&self, number: u64) -> Result<()> {
        let word = self.word.load(Ordering::Acquire);
        if word == number << 3 {
            return Ok(());
        }
        Err(match Found::of(word) {
            Found::Same => Error::new(
                ErrorKind::ConnectionLost,
                format!(
                    "the connection is on a file that was at {} before",
                    self.path.display()
                ),
            )
            .with_outcome(Outcome::NotApplied),
            standing => self.error(standing),
        })
    }

    /// Looks at the path. A file system that does not say changes nothing.
    pub(super) fn look(&self) -> Found {
        let Ok(seen) = see(&self.path) else {
            return self.standing();
        };
        let mut inner = self.lock();
        let standing = match (seen, inner.opened) {
            (None, _) => Found::Deleted,
            (Some(seen), Some(opened)) if seen.file == opened.file => {
                inner.opened = Some(Seen {
                    // They are made with the first use, and stay while the file is open.
                    log: seen.log.or(opened.log),
                    index: seen.index.or(opened.index),
                    ..seen
                });
                Found::Same
            }
            (Some(seen), Some(old))
                if is_part(seen.log, old.log) || is_part(seen.index, old.index) =>
            {
                Found::Mixed
            }
            (Some(seen), _) if seen.length == 0 => Found::Empty,
            (Some(_), _) => Found::Replaced,
        };
        match seen {
            Some(seen) if standing == Found::Replaced => {
                if inner.other.is_none_or(|(before, _)| before != seen) {
                    inner.other = Some((seen, Instant::now()));
                }
            }
            _ => inner.other = None,
        }
        self.publish(standing);
        standing
    }

    /// Whether another file is at the path that can be opened.
    pub(super) fn is_at_rest(&self) -> bool {
        let other = self.lock().other;
        self.standing() == Found::Replaced
            && other.is_some_and(|(_, since)| since.elapsed() >= AT_REST)
    }

    /// The other file was opened. `false`: it is yet another one by now.
    pub(super) fn take_other(&self) -> bool {
        let Ok(Some(seen)) = see(&self.path) else {
            return false;
        };
        let mut inner = self.lock();
        if inner.other.is_none_or(|(other, _)| other.file != seen.file) {
            return false;
        }
        (inner.opened, inner.other) = (Some(seen), None);
        let number = self.number() + 1;
        self.word.store(number << 3, Ordering::Release);
        tracing::warn!(
            target: "mainstay::file",
            event = "file.reopened",
            path = %self.path.display(),
            "another file is at the path of the database and is used from now on"
        );
        true
    }

    /// Called with the lock held.
    fn publish(&self, standing: Found) {
        let word = self.number() << 3 | standing as u64;
        let before = Found::of(self.word.swap(word, Ordering::AcqRel));
        match (before, standing) {
            (before, now) if before == now => {}
            (_, Found::Same) => tracing::warn!(
                target: "mainstay::file",
                event = "file.back",
                path = %self.path.display(),
                "the database file is at its path again"
            ),
            _ => tracing::error!(
                target: "mainstay::file",
                event = "file.lost",
                path = %self.path.display(),
                error = %self.error(standing),
                "the database file is not the one that was opened; nothing is acknowledged"
            ),
        }
    }

    /// The error of whatever is asked for while the file is not at its path.
    pub(super) fn error(&self, standing: Found) -> Error {
        let path = self.path.display();
        let (what, hint) = match standing {
            Found::Deleted => (
                "was deleted or moved away while it was in use",
                format!(
                    "put it back, without an old {path}-wal or {path}-shm beside it; service then \
                     goes on by itself, and no new file is made"
                ),
            ),
            Found::Mixed => (
                "was replaced while it was in use, and the log of the old file is still beside it",
                format!(
                    "SQLite would mix the two: keep copies of {path}-wal and {path}-shm with the \
                     old file if it matters, and remove them; service then goes on with the new file"
                ),
            ),
            Found::Empty => (
                "was replaced by an empty file while it was in use",
                "put a database in its place; service then goes on by itself".to_owned(),
            ),
            Found::Same | Found::Replaced => (
                "was replaced by another while it was in use",
                "service goes on with the new file in a moment: try again".to_owned(),
            ),
        };
        Error::new(ErrorKind::Unreachable, format!("the file {path} {what}"))
            .with_hint(hint)
            .with_outcome(Outcome::NotApplied)
    }
}

fn is_part(now: Option<Identity>, old: Option<Identity>) -> bool {
    now.is_some() && now == old
}

/// What is at the path, and beside it. Opens nothing: closing it again would drop SQLite's locks.
fn see(path: &Path) -> std::io::Result<Option<Seen>> {
    let Some(found) = metadata(path)? else {
        return Ok(None);
    };
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        Ok::<_, std::io::Error>(metadata(Path::new(&name))?.map(|found| identity(&found)))
    };
    Ok(Some(Seen {
        file: identity(&found),
        length: found.len(),
        changed: found.modified().ok(),
        log: beside("-wal")?,
        index: beside("-shm")?,
    }))
}

fn metadata(path: &Path) -> std::io::Result<Option<std::fs::Metadata>> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn identity(found: &std::fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

/// Elsewhere an open file can be neither deleted nor replaced.
#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> Identity {
    (0, 0)
}
