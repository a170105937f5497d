//! The folder in which a server is recovered: nothing half is left in it.

use std::fs;
use std::path::Path;

use mainstay::{Error, ErrorKind, Result};

use crate::failure::from_io;

/// Works in a folder that is empty or not there, and leaves it so if the work fails.
///
/// # Errors
/// `CONFIGURATION_ERROR` when there is something in it: nothing is recovered over data. Those of the
/// work.
pub(super) fn emptied_on_failure<T>(folder: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let is_ours = !folder.exists();
    if !is_ours {
        refuse_used(folder)?;
    }
    let worked = work();
    if worked.is_err() {
        // The server is stopped by now. What cannot be removed is in the caller's folder.
        let removed = match is_ours {
            true => fs::remove_dir_all(folder),
            false => empty(folder),
        };
        if let Err(error) = removed
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(
                target: "mainstay::backup", %error, folder = %folder.display(),
                "what was recovered in part was not removed"
            );
        }
    }
    worked
}

/// Refuses a folder with something in it: it would be in the way, and removed if this fails.
fn refuse_used(folder: &Path) -> Result<()> {
    let doing = || format!("looking at the folder {}", folder.display());
    let told = |why| from_io(&doing(), why);
    if fs::read_dir(folder).map_err(told)?.next().is_none() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!("the folder {} is not empty", folder.display()),
    )
    .with_hint("name a folder that is empty or not there: nothing is recovered over data"))
}

/// Removes what is in a folder.
fn empty(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(folder: &Path) -> Error {
        let failed = emptied_on_failure(folder, || {
            fs::create_dir_all(folder.join("data")).expect("made");
            fs::write(folder.join("data/half"), "x").expect("written");
            Err::<(), _>(Error::new(ErrorKind::DiskFull, "no room"))
        });
        failed.expect_err("it fails")
    }

    #[test]
    fn it_is_left_as_it_was() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("new");
        assert_eq!(fail(&folder).kind(), ErrorKind::DiskFull);
        assert!(!folder.exists());
        fs::create_dir(&folder).expect("made");
        assert_eq!(fail(&folder).kind(), ErrorKind::DiskFull);
        assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 0);
        fs::write(folder.join("theirs"), "y").expect("written");
        assert_eq!(fail(&folder).kind(), ErrorKind::Configuration);
        assert!(folder.join("theirs").exists());
        let worked = emptied_on_failure(&outer.path().join("other"), || {
            fs::create_dir(outer.path().join("other")).expect("made");
            Ok(())
        });
        worked.expect("it works");
        assert!(outer.path().join("other").exists());
    }
}
