//! Errors on their way through `std::io`.

use std::error::Error as StdError;
use std::io;

use mainstay::{Error, ErrorKind};

/// Puts one of our errors into one of `std::io`, for `Read` and `Write`.
pub(crate) fn into_io(error: Error) -> io::Error {
    io::Error::other(error)
}

/// Gets our error out of one of `std::io` again; any other becomes one, with what was being done.
pub(crate) fn from_io(doing: &str, error: io::Error) -> Error {
    if let Some(ours) = ours(&error) {
        return ours;
    }
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ErrorKind::DiskFull
        }
        io::ErrorKind::PermissionDenied => ErrorKind::AccessDenied,
        io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
        _ => ErrorKind::Unexpected,
    };
    Error::new(kind, format!("{doing}: {error}")).with_source(error)
}

/// Says of an error what it is about.
pub(crate) fn at(name: &str, error: Error) -> Error {
    let mut told = Error::new(error.kind(), format!("{name}: {}", error.detail()))
        .with_outcome(error.outcome())
        .with_retry(error.retry());
    if let Some(hint) = error.hint() {
        told = told.with_hint(hint.to_owned());
    }
    if let Some(code) = error.native_code() {
        told = told.with_native_code(code.to_owned());
    }
    told.with_source(error)
}

/// Our error, if one is at the bottom of it.
pub(crate) fn ours(error: &io::Error) -> Option<Error> {
    let mut next = error
        .get_ref()
        .map(|inner| inner as &(dyn StdError + 'static));
    while let Some(inner) = next {
        if let Some(ours) = inner.downcast_ref::<Error>() {
            return Some(ours.clone());
        }
        next = match inner.downcast_ref::<io::Error>() {
            Some(deeper) => deeper
                .get_ref()
                .map(|inner| inner as &(dyn StdError + 'static)),
            None => inner.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_errors_come_out_as_they_went_in() {
        let error = Error::new(ErrorKind::BackupDamaged, "chunk 7");
        let wrapped = io::Error::other(into_io(error));
        let out = from_io("reading", wrapped);
        assert_eq!(out.kind(), ErrorKind::BackupDamaged);
        assert_eq!(out.detail(), "chunk 7");
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let error = from_io("writing", io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.kind(), ErrorKind::DiskFull);
        let error = from_io("writing", io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert!(error.detail().starts_with("writing: "));
    }
}
