//! What an error means to a careful caller: the rule by which the baselines are judged. Pure, but for
//! the two functions at the end, which hold a future to a deadline.
//!
//! - Before a write can take effect, whatever goes wrong means that it failed. That is so while a
//!   connection is waited for, and in a transaction until COMMIT is sent.
//! - After it was sent, an error with a number from the database means that it failed, unless the
//!   number says that the session ends.
//! - After it was sent, everything else leaves it unknown: a lost connection, a time-out.

use mainstay_faults::{Failure, Told};
use tokio::time::{Instant, timeout_at};

/// How far a call had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Nothing was sent that could take effect.
    Nothing,
    /// The statement, or COMMIT, may have arrived.
    Sent,
}

/// What a library says went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sign {
    /// The database says so, with its number.
    Database(Number),
    /// There was no connection to be had in time.
    Pool,
    /// The connection is lost.
    Lost,
    /// The library itself says so.
    Library(&'static str),
    /// The caller's own time-out.
    Late,
}

/// A number of a database's error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Number {
    SqlState(String),
    MySql(u16),
    Sqlite(String),
}

impl Number {
    /// Whether it says that the session ends, which may be in the middle of a statement.
    fn ends_the_session(&self) -> bool {
        match self {
            Self::SqlState(state) => {
                state.starts_with("08")
                    || matches!(
                        state.as_str(),
                        "40003"
                            | "57P01"
                            | "57P02"
                            | "57P03"
                            | "57P04"
                            | "57P05"
                            | "25P03"
                            | "25P04"
                    )
            }
            Self::MySql(number) => matches!(
                number,
                1053 | 1080 | 1152 | 1156..=1161 | 1184 | 1927 | 2006 | 2013 | 4031
            ),
            Self::Sqlite(_) => false,
        }
    }
}

/// What a caller knows after such an error.
pub(crate) fn failure(reached: Reached, sign: &Sign) -> Failure {
    let code = match sign {
        Sign::Database(Number::SqlState(state)) => format!("SQLSTATE {state}"),
        Sign::Database(Number::MySql(number)) => format!("MySQL {number}"),
        Sign::Database(Number::Sqlite(number)) => format!("SQLite {number}"),
        Sign::Pool => "no connection in time".to_owned(),
        Sign::Lost => "connection lost".to_owned(),
        Sign::Library(what) => (*what).to_owned(),
        Sign::Late => "time-out".to_owned(),
    };
    let told = match (reached, sign) {
        (Reached::Nothing, _) | (Reached::Sent, Sign::Pool) => Told::Failed,
        (Reached::Sent, Sign::Database(number)) if !number.ends_the_session() => Told::Failed,
        (Reached::Sent, _) => Told::Unknown,
    };
    Failure { code, told }
}

/// A write that found no row to change.
pub(crate) fn no_row() -> Failure {
    Failure {
        code: "no such row".to_owned(),
        told: Told::Failed,
    }
}

/// Does something that cannot take effect by itself: waits for a connection, or does what is before
/// COMMIT.
pub(crate) async fn before<T, E>(
    deadline: Instant,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure>
where
    Sign: From<E>,
{
    limited(Reached::Nothing, deadline, work).await
}

/// Does what takes effect: a statement of its own, or COMMIT.
pub(crate) async fn sent<T, E>(
    deadline: Instant,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure>
where
    Sign: From<E>,
{
    limited(Reached::Sent, deadline, work).await
}

async fn limited<T, E>(
    reached: Reached,
    deadline: Instant,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure>
where
    Sign: From<E>,
{
    let done = timeout_at(deadline, work).await;
    done.map_err(|_| failure(reached, &Sign::Late))?
        .map_err(|error| failure(reached, &Sign::from(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(state: &str) -> Sign {
        Sign::Database(Number::SqlState(state.to_owned()))
    }

    fn told(reached: Reached, sign: &Sign) -> Told {
        failure(reached, sign).told
    }

    #[test]
    fn nothing_that_goes_wrong_before_a_write_is_sent_leaves_it_unknown() {
        for sign in [
            Sign::Pool,
            Sign::Lost,
            Sign::Late,
            state("57P01"),
            Sign::Database(Number::MySql(1927)),
        ] {
            assert_eq!(told(Reached::Nothing, &sign), Told::Failed, "{sign:?}");
        }
    }

    #[test]
    fn the_database_knows_that_a_statement_failed() {
        for sign in [
            state("40001"),
            state("40P01"),
            state("25006"),
            Sign::Database(Number::MySql(1213)),
            Sign::Database(Number::MySql(1290)),
            Sign::Database(Number::Sqlite("5".to_owned())),
            Sign::Database(Number::Sqlite("13".to_owned())),
        ] {
            assert_eq!(told(Reached::Sent, &sign), Told::Failed, "{sign:?}");
        }
    }

    #[test]
    fn a_session_that_ends_a_lost_connection_and_a_time_out_leave_a_write_unknown() {
        for sign in [
            state("57P01"),
            state("08006"),
            state("40003"),
            Sign::Database(Number::MySql(1053)),
            Sign::Database(Number::MySql(1927)),
            Sign::Lost,
            Sign::Library("protocol error"),
            Sign::Late,
        ] {
            assert_eq!(told(Reached::Sent, &sign), Told::Unknown, "{sign:?}");
        }
    }

    #[test]
    fn the_report_counts_by_the_databases_own_numbers() {
        let code = |sign: &Sign| failure(Reached::Sent, sign).code;
        assert_eq!(code(&state("40001")), "SQLSTATE 40001");
        assert_eq!(code(&Sign::Database(Number::MySql(1213))), "MySQL 1213");
        assert_eq!(code(&Sign::Late), "time-out");
    }
}
