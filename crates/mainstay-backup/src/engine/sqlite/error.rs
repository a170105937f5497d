//! What SQLite and the file system say, in our errors.

use std::io;
use std::path::Path;

use mainstay::{Error, ErrorKind};
use rusqlite::ffi;

/// The primary code of an error that SQLite reported.
pub(super) fn code(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code & 0xff)
}

/// An error of SQLite on a file.
pub(super) fn of_sqlite(path: &Path, error: &rusqlite::Error) -> Error {
    let (kind, hint) = match code(error) {
        Some(ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED) => (
            ErrorKind::WriteConflict,
            "find the process that holds its lock (fuser FILE), or raise busy_timeout",
        ),
        Some(ffi::SQLITE_FULL) => (ErrorKind::DiskFull, "free space on the file's disk"),
        Some(ffi::SQLITE_NOTADB) => (
            ErrorKind::Corrupt,
            "the file is of another kind, encrypted or damaged: check the path, or restore a backup",
        ),
        Some(ffi::SQLITE_CORRUPT) => (
            ErrorKind::Corrupt,
            "stop writing, keep a copy of the file with its -wal, and restore a backup",
        ),
        Some(ffi::SQLITE_READONLY) => (
            ErrorKind::ReadOnly,
            "the process must be able to write the file and to create files in its folder",
        ),
        Some(ffi::SQLITE_PERM | ffi::SQLITE_AUTH) => (
            ErrorKind::AccessDenied,
            "check the owner and the mode of the file",
        ),
        Some(ffi::SQLITE_CANTOPEN) => (
            ErrorKind::AccessDenied,
            "check that the process may read and write the file and its folder, and open more \
             files (ulimit -n)",
        ),
        Some(ffi::SQLITE_IOERR) => (
            ErrorKind::Database,
            "the disk or the file system failed: see the system's log",
        ),
        _ => (ErrorKind::Database, "see what SQLite says of it"),
    };
    let made = Error::new(kind, format!("{}: {error}", path.display())).with_hint(hint);
    match error.sqlite_error() {
        Some(native) => made.with_native_code(native.extended_code.to_string()),
        None => made,
    }
}

/// An error of the file system: what was being done, to which file.
pub(super) fn of_io(doing: &str, path: &Path, error: io::Error) -> Error {
    let (kind, hint) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::DiskFull, "free space on the disk")
        }
        io::ErrorKind::NotFound => (ErrorKind::Unreachable, "check that the folder is there"),
        io::ErrorKind::PermissionDenied => (
            ErrorKind::AccessDenied,
            "check the owners and modes of the file and its folder",
        ),
        io::ErrorKind::ReadOnlyFilesystem => (
            ErrorKind::ReadOnly,
            "the folder must be on a file system that can be written",
        ),
        _ => (
            ErrorKind::Unexpected,
            "the disk or the file system failed: see the system's log",
        ),
    };
    Error::new(kind, format!("{doing} {}: {error}", path.display()))
        .with_hint(hint)
        .with_source(error)
}
