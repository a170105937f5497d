//! The exit codes, in one place, and errors as they are printed.

use std::fmt;
use std::process::ExitCode;

use mainstay::config::ConfigError;
use mainstay::{Error, ErrorKind};

/// How a command ended. Scripts may rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// It did what was asked.
    Ok = 0,
    /// It failed.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// It is not allowed in this profile or without being asked for.
    Refused = 3,
    /// The database cannot be reached or does not let the program in.
    Unreachable = 4,
    /// It was interrupted by Ctrl-C.
    Interrupted = 130,
    /// It was ended by SIGTERM before it was done. A service that is serving finishes its work and
    /// ends with [`Exit::Ok`]. Other commands end by the signal itself, which shells tell as the
    /// same number.
    Terminated = 143,
}

/// The exit codes as `--help` shows them.
pub const HELP: &str = "\
Exit codes:
  0    done
  1    failed; also when the migrations do not fit the database, whatever code is printed
  2    the command line or the configuration is wrong; of `schema check`, any error
  3    refused: not allowed in this profile, or not without being asked for
  4    the database cannot be reached or does not let the program in
  130  interrupted by Ctrl-C
  143  ended by SIGTERM
A service that is serving finishes its work on the first Ctrl-C or SIGTERM and ends with 0.";

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// The stable code, for an error of the database layer.
    pub code: Option<&'static str>,
    /// What happened.
    pub what: String,
    /// Where: table, columns and constraint, as far as known.
    pub place: Option<String>,
    /// What to do next.
    pub next: Option<String>,
}

impl Failure {
    /// A failure in words.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            code: None,
            what: what.into(),
            place: None,
            next: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Whether it says that the database is not there, which time may change.
    pub(crate) fn is_outage(&self) -> bool {
        const KINDS: [ErrorKind; 7] = [
            ErrorKind::Unreachable,
            ErrorKind::ConnectionLost,
            ErrorKind::TooManyConnections,
            ErrorKind::CircuitOpen,
            ErrorKind::PoolTimeout,
            ErrorKind::Overloaded,
            ErrorKind::Deadline,
        ];
        KINDS
            .iter()
            .any(|kind| self.code == Some(Error::new(*kind, "").code()))
    }

    /// The same failure with another way to end.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "error [{code}]: {}", self.what)?,
            None => write!(f, "error: {}", self.what)?,
        }
        if let Some(place) = &self.place {
            write!(f, "\n  where: {place}")?;
        }
        match &self.next {
            Some(next) => write!(f, "\n  next: {next}"),
            None => Ok(()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Configuration => Exit::Usage,
            ErrorKind::Unreachable
            | ErrorKind::ConnectionLost
            | ErrorKind::CredentialsRefused
            | ErrorKind::DatabaseMissing
            | ErrorKind::Tls
            | ErrorKind::TooManyConnections => Exit::Unreachable,
            _ => Exit::Failed,
        };
        let place = error.table().map(|table| {
            let columns: Vec<_> = error.columns().collect();
            let mut place = table.to_owned();
            if !columns.is_empty() {
                place.push_str(&format!(" ({})", columns.join(", ")));
            }
            if let Some(constraint) = error.constraint() {
                place.push_str(&format!(" [{constraint}]"));
            }
            place
        });
        let what = match error.detail() {
            "" => error.public_message(),
            detail => detail.to_owned(),
        };
        Self {
            exit,
            code: Some(error.code()),
            what,
            place,
            next: error.hint().map(str::to_owned),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_code() {
        let all = [
            Exit::Ok,
            Exit::Failed,
            Exit::Usage,
            Exit::Refused,
            Exit::Unreachable,
            Exit::Interrupted,
            Exit::Terminated,
        ];
        for exit in all {
            let line = format!("\n  {:<5}", exit.code());
            assert!(HELP.contains(&line), "{exit:?}");
        }
    }

    #[test]
    fn an_error_is_printed_with_place_and_next_step() {
        let error = Error::new(ErrorKind::Duplicate, "a user has this address")
            .with_table("users")
            .with_columns(["email"])
            .with_constraint("users_email_key")
            .with_hint("choose another");
        let failure = Failure::from(error);
        assert_eq!(failure.exit, Exit::Failed);
        assert_eq!(
            failure.to_string(),
            "error [DUPLICATE_ENTRY]: a user has this address\n  \
             where: users (email) [users_email_key]\n  next: choose another"
        );
    }

    #[test]
    fn kinds_end_in_their_own_way() {
        let exit = |kind| Failure::from(Error::new(kind, "x")).exit;
        assert_eq!(exit(ErrorKind::Unreachable), Exit::Unreachable);
        assert_eq!(exit(ErrorKind::CredentialsRefused), Exit::Unreachable);
        assert_eq!(exit(ErrorKind::Configuration), Exit::Usage);
        assert_eq!(exit(ErrorKind::Deadline), Exit::Failed);
        assert_eq!(Failure::new(Exit::Refused, "no").to_string(), "error: no");
    }
}
