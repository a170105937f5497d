//! A folder for files that are to be gone again whatever happens.
//!
//! It goes with its value. One of a process that was killed is found by its name when the next is
//! made beside it: nobody holds the lock in it. The locks are on a file of their own, never on a
//! database.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use mainstay::{Entropy, Error, ErrorKind, Result};

use super::error::of_io;

const LOCK: &str = "lock";

/// Another name is tried so often.
const ATTEMPTS: usize = 8;

/// A folder of our own.
#[derive(Debug)]
pub(super) struct Workspace {
    folder: PathBuf,
    /// Held for as long as the folder is in use.
    _lock: File,
}

impl Workspace {
    /// Makes a folder whose name begins with `prefix`, and removes those of the same prefix that
    /// nobody uses any more.
    pub(super) fn create(parent: &Path, prefix: &str, entropy: &dyn Entropy) -> Result<Self> {
        sweep(parent, prefix);
        for _ in 0..ATTEMPTS {
            let mut random = [0; 6];
            entropy.fill(&mut random);
            let word: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            let folder = parent.join(format!("{prefix}{word}"));
            match make(&folder) {
                Ok(Some(lock)) => {
                    return Ok(Self {
                        folder,
                        _lock: lock,
                    });
                }
                // Somebody has the name, or took the folder for one that was left over.
                Ok(None) => {}
                Err(error) => return Err(of_io("cannot make the folder", &folder, error)),
            }
        }
        Err(Error::new(
            ErrorKind::Unexpected,
            format!(
                "no name is free for a folder {prefix}* in {}",
                parent.display()
            ),
        ))
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(
                target: "mainstay::backup",
                %error,
                folder = %self.folder.display(),
                "a folder is left over; it is removed when the next is made"
            );
        }
    }
}

fn make(folder: &Path) -> io::Result<Option<File>> {
    #[allow(unused_mut, reason = "only where there are modes")]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(error),
    }
    let name = folder.join(LOCK);
    let lock = match File::create_new(&name) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let _ = std::fs::remove_dir(folder);
            return Err(error);
        }
    };
    match lock.try_lock() {
        // Nobody removes it from now on, but that may have happened just before.
        Ok(()) if name.exists() => Ok(Some(lock)),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes what processes that are no more have left over, and names the folders.
pub(super) fn sweep(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut gone = Vec::new();
    let Ok(entries) = std::fs::read_dir(parent) else {
        return gone;
    };
    for entry in entries.flatten() {
        let is_ours = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(prefix));
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let folder = entry.path();
        match File::open(folder.join(LOCK)) {
            Ok(lock) if lock.try_lock().is_ok() => {
                let removed = std::fs::remove_dir_all(&folder);
                tracing::info!(
                    target: "mainstay::backup",
                    folder = %folder.display(),
                    is_removed = removed.is_ok(),
                    "a folder was left over"
                );
                if removed.is_ok() {
                    gone.push(folder);
                }
            }
            Ok(_) => {}
            // One that is being made is no longer empty in a moment, and then this does nothing.
            Err(_) => drop(std::fs::remove_dir(&folder)),
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use mainstay::SeededEntropy;

    use super::*;

    #[test]
    fn it_goes_with_its_value_and_what_was_left_over_goes_with_the_next() {
        let parent = tempfile::tempdir().expect("a folder");
        let entropy = SeededEntropy::new(7);
        let create = || Workspace::create(parent.path(), "a.db.capture-", &entropy);
        let count = || {
            std::fs::read_dir(parent.path())
                .expect("it is there")
                .count()
        };
        let first = create().expect("made");
        std::fs::write(first.path().join("copy"), "x").expect("written");
        let second = create().expect("made");
        assert_eq!(count(), 2, "one that is in use stays");
        drop(second);
        assert_eq!(count(), 1);
        // As a killed process leaves it: the files are there, and nobody holds the lock.
        let left = parent.path().join("a.db.capture-left");
        std::fs::create_dir(&left).expect("made");
        std::fs::write(left.join(LOCK), "").expect("written");
        std::fs::write(left.join("copy"), "x").expect("written");
        std::fs::create_dir(parent.path().join("b.db.capture-other")).expect("made");
        let third = create().expect("made");
        assert!(!left.exists());
        assert_eq!(count(), 3, "the first, the other's and the third");
        drop((first, third));
        assert_eq!(count(), 1);
    }
}
