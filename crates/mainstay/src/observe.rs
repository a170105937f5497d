//! What happened, told to `tracing`. Told by all, asks none.

use std::panic::Location;
use std::time::Duration;

use crate::driver::Done;
use crate::error::{Error, ErrorKind, Result};

/// A statement has ended. Values of parameters are never logged.
pub(crate) fn statement(
    log_all: bool,
    sql: &str,
    elapsed: Duration,
    result: &Result<Done>,
    site: &'static Location<'static>,
) {
    match result {
        Ok(done) if log_all => tracing::debug!(
            target: "mainstay::statement",
            elapsed_us = elapsed.as_micros() as u64, rows = done.rows, site = %site, "{sql}"
        ),
        Ok(_) => {}
        Err(error) if is_expected(error) => tracing::debug!(
            target: "mainstay::statement",
            elapsed_us = elapsed.as_micros() as u64, code = error.code(), site = %site, "{sql}"
        ),
        Err(error) => tracing::error!(
            target: "mainstay::statement",
            elapsed_us = elapsed.as_micros() as u64, code = error.code(), %error, site = %site,
            "{sql}"
        ),
    }
}

/// Refusals that belong to normal work and say nothing about the service's health.
fn is_expected(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Duplicate
            | ErrorKind::NotFound
            | ErrorKind::ForeignKey
            | ErrorKind::Validation
            | ErrorKind::NotNull
            | ErrorKind::Check
            | ErrorKind::ValueTooLong
            | ErrorKind::OutOfRange
            | ErrorKind::InvalidValue
            | ErrorKind::WriteConflict
    )
}
