//! Errors of targets, in words.

use std::error::Error as StdError;
use std::io;
use std::ops::Range;
use std::path::Path;

use mainstay::{Error, ErrorKind, RetryClass};
use object_store::Error as StoreError;
use object_store::client::{HttpError, HttpErrorKind};

use super::Target;

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
    let error = answered(target, &doing, &why)
        .or_else(|| unreachable(target, &doing, &why))
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

/// What a store answered, by the code in its answer; some answers have only a status.
fn answered(target: &Target, doing: &str, why: &StoreError) -> Option<Error> {
    let text = why.to_string();
    let code = between(&text, "<Code>", "</Code>");
    let message = between(&text, "<Message>", "</Message>");
    let (what, hint) = match (code, why) {
        (Some("NoSuchBucket"), _) => (
            "the bucket does not exist".to_owned(),
            "make the bucket first; AWS_ENDPOINT_URL and AWS_REGION have to be those of its store",
        ),
        (
            Some(
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "ExpiredToken"
                | "InvalidToken"
                | "TokenRefreshRequired"
                | "NotSignedUp",
            ),
            _,
        )
        | (None, StoreError::Unauthenticated { .. }) => (
            "the store refused the keys".to_owned(),
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN for keys that expire",
        ),
        (Some("AccessDenied" | "AllAccessDisabled"), _)
        | (None, StoreError::PermissionDenied { .. }) => (
            "the store denied it".to_owned(),
            "the keys need the rights to list the bucket, and to get, put and delete in the prefix",
        ),
        (Some("RequestTimeTooSkewed"), _) => (
            "the store's clock and this machine's differ too much".to_owned(),
            "set the clock of this machine right",
        ),
        (
            Some(
                "PermanentRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
            ),
            _,
        ) => (
            "the bucket is in another region".to_owned(),
            "set AWS_REGION to the bucket's region",
        ),
        (Some("QuotaExceeded" | "XMinioStorageFull" | "EntityTooLarge"), _) => {
            let code = code.unwrap_or_default();
            return Some(
                Error::new(ErrorKind::DiskFull, format!("{doing} failed: {code}"))
                    .with_native_code(code.to_owned())
                    .with_hint("free space in the store, or prune old backups"),
            );
        }
        (Some("NoSuchKey"), _) | (None, _) => return None,
        (Some(_), _) => (
            format!("the store answered: {}", message.unwrap_or_default()),
            "look the store's code up in its documentation",
        ),
    };
    let code = code.unwrap_or_default();
    let told = match code {
        "" => format!("{target}: {doing} failed: {what}"),
        code => format!("{target}: {doing} failed: {what} ({code})"),
    };
    let error = Error::new(ErrorKind::BackupTarget, told).with_hint(hint);
    Some(match code {
        "" => error,
        code => error.with_native_code(code.to_owned()),
    })
}

/// No answer, or half of one.
fn unreachable(target: &Target, doing: &str, why: &StoreError) -> Option<Error> {
    let error = cause::<HttpError>(why)?;
    let what = match error.kind() {
        HttpErrorKind::Connect => "it cannot be reached",
        HttpErrorKind::Timeout => "it did not answer in time",
        HttpErrorKind::Request | HttpErrorKind::Interrupted => "the connection broke",
        _ => return None,
    };
    Some(
        Error::new(
            ErrorKind::BackupTarget,
            format!("{target}: {doing} failed: {what}: {}", deepest(why)),
        )
        .with_retry(RetryClass::Safe)
        .with_hint("it was tried several times: look at the network and at AWS_ENDPOINT_URL"),
    )
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
        Io::NotADirectory => (
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

/// The first error of a type on the way to the bottom.
fn cause<T: StdError + 'static>(why: &StoreError) -> Option<&T> {
    causes(why).find_map(|cause| cause.downcast_ref())
}

fn deepest(why: &StoreError) -> String {
    let last = causes(why).last();
    last.map_or_else(|| why.to_string(), ToString::to_string)
}

fn causes(why: &StoreError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(why);
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(inner, _)| inner)
}
