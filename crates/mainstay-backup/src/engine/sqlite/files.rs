//! Names of files, room for them, and writing them through to the disk.

use std::fs::File;
use std::path::{Path, PathBuf};

use mainstay::{Error, ErrorKind, Result};

use super::error::of_io;

/// Left free beside what is written.
const SPARE: u64 = 1024 * 1024;

/// As many links are followed as a file system does.
const LINKS: usize = 40;

/// Where the database's file is or would be, with all links followed. Opens nothing.
pub(super) fn locate(path: &Path) -> Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let (folder, name) = parts(&path)?;
        let folder = folder
            .canonicalize()
            .map_err(|error| of_io("cannot find the folder", folder, error))?;
        path = folder.join(name);
        match path.read_link() {
            Ok(to) => path = folder.join(to),
            Err(_) => return Ok(path),
        }
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!("{}: too many links", path.display()),
    ))
}

/// The same for a file that must be there.
pub(super) fn existing(path: &Path) -> Result<PathBuf> {
    let path = locate(path)?;
    match path.try_exists() {
        Ok(true) => Ok(path),
        Ok(false) => Err(Error::new(
            ErrorKind::DatabaseMissing,
            format!("{} does not exist", path.display()),
        )
        .with_hint("check the path; restore a backup if the file was lost")),
        Err(error) => Err(of_io("cannot look at", &path, error)),
    }
}

/// The folder and the name of a file.
pub(super) fn parts(path: &Path) -> Result<(&Path, &str)> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok((folder, name)),
        None => Err(Error::new(
            ErrorKind::Configuration,
            format!("{} is not the path of a database file", path.display()),
        )
        .with_hint("give a file whose name is Unicode")),
    }
}

/// What SQLite keeps beside a file, by its ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Writes through to the disk that files were made, renamed or removed in a folder.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    // Elsewhere a folder cannot be opened, and need not.
    if cfg!(unix) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| of_io("cannot sync", folder, error))?;
    }
    Ok(())
}

/// Removes a file if it is there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(of_io("cannot remove", path, error))
        }
        _ => Ok(()),
    }
}

/// The bytes that may still be written in a folder. `None` where the system does not say.
pub(super) fn room(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let found = rustix::fs::statvfs(folder).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Refuses what does not fit into a folder, before any of it is written.
pub(super) fn require_room(folder: &Path, bytes: u64, what: &str) -> Result<()> {
    match room(folder) {
        Some(free) if free < bytes.saturating_add(SPARE) => Err(Error::new(
            ErrorKind::DiskFull,
            format!(
                "{what} takes {} MB, and {} has {} MB left",
                megabytes(bytes),
                folder.display(),
                free / (1024 * 1024)
            ),
        )
        .with_hint("free space on that disk")),
        _ => Ok(()),
    }
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn links_are_followed_also_to_what_is_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("it is there");
        std::fs::create_dir(root.join("data")).expect("a folder");
        let link = root.join("app.db");
        std::os::unix::fs::symlink("data/real.db", &link).expect("a link");
        assert_eq!(locate(&link).expect("found"), root.join("data/real.db"));
        let missing = existing(&link).expect_err("not there");
        assert_eq!(missing.kind(), ErrorKind::DatabaseMissing);
        std::os::unix::fs::symlink("round.db", root.join("round.db")).expect("a link");
        let round = locate(&root.join("round.db")).expect_err("for ever");
        assert_eq!(round.kind(), ErrorKind::Configuration);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_numbers() {
        let folder = tempfile::tempdir().expect("a folder");
        require_room(folder.path(), 1000, "a copy").expect("there is room");
        if room(folder.path()).is_none() {
            return;
        }
        let error = require_room(folder.path(), u64::MAX / 2, "a copy").expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::DiskFull);
        assert!(error.detail().contains("a copy takes"), "{error}");
    }
}
