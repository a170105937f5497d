//! Errors of targets, in words.

use std::io;
use std::ops::Range;
use std::path::Path;

use mainstay::{Error, ErrorKind};
use object_store::Error as StoreError;

#[cfg(feature = "s3")]
use super::answer::of_store;
use super::cause::{cause, deepest};
use super::place::Target;

/// What failed while reading an object or a list of them.
pub(super) fn reading(target: &Target, name: &str, why: StoreError) -> Error {
    of(target, name, "reading", why)
}

/// What failed while writing an object or removing it.
pub(super) fn writing(target: &Target, name: &str, why: StoreError) -> Error {
    of(target, name, "writing", why)
}

fn of(target: &Target, name: &str, doing: &str, why: StoreError) -> Error {
    let what = match name {
        "" => target.to_string(),
        name => format!("{target}: {name}"),
    };
    let doing = format!("{doing} {what}");
    let error = of_store(target, &doing, &why)
        .or_else(|| cause::<io::Error>(&why).and_then(|cause| of_io(&doing, cause)))
        .unwrap_or_else(|| match &why {
            StoreError::NotFound { .. } => not_found(&what),
            _ => failed(&doing, deepest(&why)),
        });
    error.with_source(why)
}

fn not_found(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("{what} does not exist"))
}

fn failed(doing: &str, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::BackupTarget, format!("{doing} failed: {why}"))
}

#[cfg(not(feature = "s3"))]
fn of_store(_: &Target, _: &str, _: &StoreError) -> Option<Error> {
    None
}

/// What failed with a file of a folder.
pub(super) fn file(doing: &str, path: &Path, why: io::Error) -> Error {
    let doing = format!("{doing} {}", path.display());
    let error = of_io(&doing, &why).unwrap_or_else(|| failed(&doing, &why));
    error.with_source(why)
}

/// What failed with opening the file of an object.
pub(super) fn opening(path: &Path, why: io::Error) -> Error {
    match why.kind() {
        io::ErrorKind::NotFound => not_found(&path.display().to_string()).with_source(why),
        _ => file("reading", path, why),
    }
}

fn of_io(doing: &str, why: &io::Error) -> Option<Error> {
    use io::ErrorKind as Io;
    let (kind, hint) = match why.kind() {
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => (
            ErrorKind::DiskFull,
            "free space, or prune old backups; what was being written is gone again",
        ),
        Io::PermissionDenied => (
            ErrorKind::BackupTarget,
            "give the user of this process the right to read and write there",
        ),
        Io::ReadOnlyFilesystem => (
            ErrorKind::BackupTarget,
            "the file system is mounted read-only",
        ),
        Io::NotADirectory | Io::AlreadyExists => (
            ErrorKind::BackupTarget,
            "a file stands where a folder belongs",
        ),
        _ => return None,
    };
    Some(Error::new(kind, format!("{doing} failed: {why}")).with_hint(hint))
}

/// The folder itself is not there, or cannot be looked at.
pub(super) fn no_folder(root: &Path, why: StoreError) -> Error {
    match cause(&why).map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) => missing_folder(root),
        _ => of(&Target::folder(root), "", "reading", why),
    }
}

pub(super) fn missing_folder(root: &Path) -> Error {
    Error::new(
        ErrorKind::BackupTarget,
        format!("the folder {} does not exist", root.display()),
    )
    .with_hint("the first backup makes it, if the folder it stands in exists")
}

pub(super) fn missing_parent(root: &Path) -> Error {
    Error::new(
        ErrorKind::BackupTarget,
        format!(
            "the folder {} does not exist, nor does the one it would stand in",
            root.display()
        ),
    )
    .with_hint("make the folder, or mount the disk it is on")
}

pub(super) fn short(target: &Target, name: &str, range: Range<u64>, found: usize) -> Error {
    Error::new(
        ErrorKind::BackupTarget,
        format!(
            "{target}: {name} has {found} of the bytes {} to {}",
            range.start, range.end
        ),
    )
}

#[cfg(not(feature = "s3"))]
pub(super) fn no_s3(bucket: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("s3://{bucket}: this build cannot keep backups in a store that speaks S3"),
    )
    .with_hint("build with the cargo feature `s3` of mainstay-backup")
}
