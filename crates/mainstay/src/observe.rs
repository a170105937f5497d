//! What happened, told to `tracing`. Told by all, asks none.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::driver::Done;
use crate::error::{Error, ErrorKind, Result};
use crate::resilience::breaker::State;
use crate::resilience::retry::Cause;

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
        // It may be tried again, and then its caller sees nothing of this.
        Err(error) if Cause::of(error).is_some() => tracing::warn!(
            target: "mainstay::statement",
            elapsed_us = elapsed.as_micros() as u64, code = error.code(), %error, site = %site,
            "{}", OneLine(sql)
        ),
        Err(error) => tracing::error!(
            target: "mainstay::statement",
            elapsed_us = elapsed.as_micros() as u64, code = error.code(), %error, site = %site,
            "{}", OneLine(sql)
        ),
    }
}

/// A statement took long.
pub(crate) fn slow(sql: &str, took: Duration, limit: Duration, site: &'static Location<'static>) {
    tracing::warn!(
        target: "mainstay::slow",
        event = "statement.slow",
        elapsed_ms = took.as_millis() as u64, limit_ms = limit.as_millis() as u64, site = %site,
        "{}", OneLine(sql)
    );
}

/// A circuit breaker has changed its state.
pub(crate) fn breaker(role: &'static str, before: State, after: State, last: Option<&Error>) {
    let (before, last) = (before.as_str(), last.map(tracing::field::display));
    match after {
        State::Open => tracing::warn!(
            target: "mainstay::breaker", event = "breaker.opened", role, before, last,
            "the circuit breaker has opened: calls are refused"
        ),
        State::HalfOpen => tracing::info!(
            target: "mainstay::breaker", event = "breaker.half_open", role, before,
            "the circuit breaker lets a few calls through as probes"
        ),
        State::Ramping => tracing::info!(
            target: "mainstay::breaker", event = "breaker.ramping", role, before,
            "the database answers again: the circuit breaker lets more and more calls through"
        ),
        State::Closed => tracing::info!(
            target: "mainstay::breaker", event = "breaker.closed", role, before,
            "the circuit breaker has closed: all calls pass"
        ),
    }
}

/// The database takes no writes.
pub(crate) fn writes_stopped(why: &Error) {
    tracing::warn!(
        target: "mainstay::writes", event = "writes.stopped", code = why.code(), error = %why,
        "the database takes no writes: they are refused until one succeeds"
    );
}

/// The database takes writes again.
pub(crate) fn writes_resumed(after: Duration) {
    tracing::info!(
        target: "mainstay::writes", event = "writes.resumed", after_ms = after.as_millis() as u64,
        "the database takes writes again"
    );
}

/// A call is tried again.
pub(crate) fn retry(number: u32, pause: Duration, cause: &Error, site: &'static Location<'static>) {
    tracing::debug!(
        target: "mainstay::retry", event = "retry", number, code = cause.code(), error = %cause,
        pause_ms = pause.as_millis() as u64, site = %site,
        "the call failed without effect and is tried again"
    );
}

/// A read was answered from memory.
pub(crate) fn stale(
    table: &'static str,
    age: Duration,
    why: &Error,
    site: &'static Location<'static>,
) {
    tracing::debug!(
        target: "mainstay::stale", event = "answer.stale", table, code = why.code(), error = %why,
        age_ms = age.as_millis() as u64, site = %site,
        "the database does not answer: the row is given as it was last known"
    );
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
