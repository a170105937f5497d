//! What stores that speak S3 answer, in words.

use mainstay::{Error, ErrorKind, RetryClass};
use object_store::Error as StoreError;
use object_store::client::{HttpError, HttpErrorKind};

use super::cause::{cause, deepest};
use super::place::Target;

/// What a store refused, or that it did not answer.
pub(super) fn of_store(target: &Target, doing: &str, why: &StoreError) -> Option<Error> {
    answered(target, doing, why).or_else(|| unreachable(target, doing, why))
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

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(inner, _)| inner)
}
