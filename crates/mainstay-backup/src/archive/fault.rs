//! What can be wrong with an archive, in words.

use std::fmt::Display;
use std::ops::Range;

use mainstay::{Error, ErrorKind};

use super::manifest::{Engine, FORMAT};

const ANOTHER: &str = "take another copy of this backup, or an earlier backup";

fn damaged(detail: String) -> Error {
    Error::new(ErrorKind::BackupDamaged, detail).with_hint(ANOTHER)
}

fn refused(detail: String, hint: impl Into<String>) -> Error {
    Error::new(ErrorKind::BackupRefused, detail).with_hint(hint.into())
}

pub(crate) fn no_archive() -> Error {
    refused(
        "this is not a Mainstay archive: neither its beginning nor its end is one's".into(),
        "name a file that `backup create` wrote",
    )
}

pub(crate) fn newer(format: u32) -> Error {
    refused(
        format!("the archive has format {format}, and this version reads formats up to {FORMAT}"),
        "use the version of Mainstay that wrote it, or a later one",
    )
}

pub(crate) fn header() -> Error {
    damaged("the archive's header (bytes 0 to 63) is damaged".into())
}

pub(crate) fn trailer() -> Error {
    damaged("the archive's trailer (its last 96 bytes) is damaged".into())
}

pub(crate) fn truncated(length: u64) -> Error {
    damaged(format!(
        "the archive is incomplete: it ends after {length} bytes, without its trailer"
    ))
}

pub(crate) fn length(expected: u64, length: u64) -> Error {
    damaged(format!(
        "the archive has {length} bytes, and had {expected} when it was written"
    ))
}

pub(crate) fn manifest(what: impl Display) -> Error {
    damaged(format!("the archive's manifest is damaged: {what}"))
}

/// The manifest is whole and does not go with the rest.
pub(crate) fn exchanged(what: &str) -> Error {
    damaged(format!("{what}: part of the archive was exchanged"))
}

/// A chunk, by its index and the bytes it takes up with its head.
pub(crate) fn chunk(index: u64, of: u64, bytes: Range<u64>, what: &str) -> Error {
    damaged(format!(
        "chunk {index} of {of} (bytes {} to {}) is damaged: {what}",
        bytes.start,
        bytes.end.saturating_sub(1)
    ))
}

pub(crate) fn ends_early(index: u64, of: u64, at: u64) -> Error {
    damaged(format!(
        "the archive ends at byte {at}, within chunk {index} of {of}"
    ))
}

/// All chunks are as they were written, and what they hold cannot be unpacked.
pub(crate) fn unpack(cause: impl Display) -> Error {
    damaged(format!(
        "the chunks are whole, but what they hold cannot be unpacked: {cause}"
    ))
}

pub(crate) fn raw_length(expected: u64, found: &str) -> Error {
    damaged(format!(
        "the archive unpacks to {found} bytes, and its manifest says {expected}"
    ))
}

pub(crate) fn key_missing() -> Error {
    refused(
        "the archive is encrypted, and no key was given".into(),
        "give the file with the age identity (AGE-SECRET-KEY-1...) of one of its recipients",
    )
}

pub(crate) fn wrong_key() -> Error {
    refused(
        "the archive is encrypted, and none of the keys that were given opens it".into(),
        "give the age identity of one of the recipients it was encrypted to",
    )
}

pub(crate) fn other_engine(archive: Engine, database: Engine) -> Error {
    refused(
        format!("the archive is of {archive}, and the database is {database}"),
        "restore it to a database of its own engine; `mainstay copy` moves data between engines",
    )
}
