//! Errors that are not a server's answer to a statement, and what became of the statement.

use mysql_async::{DriverError, Error as Native};

use super::classify;
use crate::error::{Error, ErrorKind, Outcome};

/// What was going on when a fault struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum During {
    /// Nothing that could change data had been sent.
    Harmless,
    /// A statement that may write had been sent, or may have been.
    Write,
    /// COMMIT had been sent, or may have been.
    Commit,
}

/// The error of a fault. The number of a server's error is looked at by the caller.
pub(super) fn explain(native: &Native, during: During, table: Option<&'static str>) -> Error {
    let error = match native {
        Native::Server(server) if !classify::is_connection_loss(server.code) => {
            return classify::classify(server, table);
        }
        Native::Driver(
            DriverError::MixedParams
            | DriverError::Params(_)
            | DriverError::StmtParamsMismatch { .. },
        ) => {
            return Error::new(
                ErrorKind::Unsupported,
                "the statement has parameters written :name, which this engine's driver takes \
                 for named ones",
            )
            .with_hint("write every parameter as ?, and put a literal colon in quotes");
        }
        Native::Driver(DriverError::LocalInfile(_)) => {
            Error::new(ErrorKind::Unsupported, "LOAD DATA LOCAL is switched off")
        }
        Native::Server(server) => classify::classify(server, table),
        other => Error::new(ErrorKind::ConnectionLost, describe(other)),
    };
    match during {
        During::Harmless => error,
        During::Write => error.with_outcome(Outcome::Unknown),
        During::Commit => commit_unknown("the connection was lost during COMMIT", &error),
    }
}

/// The error of an answer that came when COMMIT had begun, and does not say what became of it.
pub(super) fn after_commit(error: &Error) -> Error {
    commit_unknown("the server stopped during COMMIT or right after it", error)
}

fn commit_unknown(what: &str, error: &Error) -> Error {
    let unknown = Error::new(
        ErrorKind::CommitUnknown,
        format!("{what}: {}", error.detail()),
    );
    match error.native_code() {
        Some(code) => unknown.with_native_code(code.to_owned()),
        None => unknown,
    }
}

/// A fault in words, without payloads: those could hold data.
pub(super) fn describe(native: &Native) -> String {
    match native {
        Native::Io(error) => error.to_string(),
        Native::Driver(DriverError::UnexpectedPacket { .. }) => {
            "the server sent a packet that makes no sense here".to_owned()
        }
        Native::Driver(DriverError::FromValue { .. } | DriverError::FromRow { .. }) => {
            "the server sent a value of an unexpected type".to_owned()
        }
        Native::Driver(error) => error.to_string(),
        Native::Server(server) => format!("error {} of the server", server.code),
        Native::Url(_) | Native::Other(_) => "the client library failed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::RetryClass;

    fn reset() -> Native {
        Native::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    }

    #[test]
    fn what_was_going_on_decides_the_outcome() {
        let read = explain(&reset(), During::Harmless, None);
        assert_eq!(
            (read.kind(), read.outcome(), read.retry()),
            (
                ErrorKind::ConnectionLost,
                Outcome::NotApplied,
                RetryClass::Safe
            )
        );
        let write = explain(&reset(), During::Write, None);
        assert_eq!(
            (write.kind(), write.outcome(), write.retry()),
            (
                ErrorKind::ConnectionLost,
                Outcome::Unknown,
                RetryClass::AfterResolving
            )
        );
        let commit = explain(&reset(), During::Commit, None);
        assert_eq!(
            (commit.kind(), commit.outcome()),
            (ErrorKind::CommitUnknown, Outcome::Unknown)
        );
    }

    #[test]
    fn an_answer_is_known_even_to_a_commit() {
        let deadlock = Native::Server(mysql_async::ServerError {
            code: 1213,
            message: "Deadlock found".to_owned(),
            state: "40001".to_owned(),
        });
        let error = explain(&deadlock, During::Commit, None);
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::WriteConflict, Outcome::NotApplied)
        );
    }
}
