//! What happened, told to `tracing`. Told by all, asks none.

use std::fmt;
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
            elapsed_us = elapsed.as_micros() as u64, rows = done.rows, site = %site, "{}", OneLine(sql)
        ),
        Ok(_) => {}
        Err(error) if is_expected(error) => tracing::debug!(
            target: "mainstay::statement",
            elapsed_us = elapsed.as_micros() as u64, code = error.code(), site = %site, "{}", OneLine(sql)
        ),
        Err(error) => tracing::error!(
            target: "mainstay::statement",
            elapsed_us = elapsed.as_micros() as u64, code = error.code(), %error, site = %site,
            "{}", OneLine(sql)
        ),
    }
}

/// The longest statement a log line shows, in characters.
const SHOWN: usize = 500;

/// A statement on one line: runs of white space as one space, and the end left out when long.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = SHOWN;
        for (position, word) in self.0.split_whitespace().enumerate() {
            let space = if position == 0 { "" } else { " " };
            let length = word.chars().count() + space.len();
            if length > left {
                return f.write_str(" ...");
            }
            left -= length;
            write!(f, "{space}{word}")?;
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_takes_one_line_of_bounded_length() {
        assert_eq!(
            OneLine("SELECT 1\n  FROM\tt").to_string(),
            "SELECT 1 FROM t"
        );
        let long = "SELECT ".repeat(1000);
        let shown = OneLine(&long).to_string();
        assert!(
            shown.len() <= SHOWN + 4 && shown.ends_with(" ..."),
            "{shown}"
        );
    }
}
