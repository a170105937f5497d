//! Finding out how a transaction ended whose COMMIT was not answered.
//!
//! The server keeps account: `pg_xact_status` says of a recent id `in progress`, `committed` or
//! `aborted`, and NULL where the account no longer reaches back. It looks first whether the
//! transaction is still running and only then into the account, from version 14 on; before, it
//! says `committed` a moment before others can see it. So `committed` counts once the id is
//! visible, too. An id that was not given out yet is an error (22023).
//!
//! `in progress` is not the end: COMMIT may still be on its way to the server. The old session is
//! therefore [ended](super::ending), unless it has committed already and waits for a standby. It is
//! known by the id that it holds, which no other session can have at the same time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::account::Server;
use super::connection::PostgresConnection;
use super::dial::Dialer;
use super::driver::connect;
use super::ending::end_transaction;
use crate::driver::connect::may_come;
use crate::driver::contract::Connection;
use crate::driver::row::Collect;
use crate::driver::statement::{Access, Statement};
use crate::error::{Outcome, Result};
use crate::value::{Row, Value};

const STATUS: &str = "SELECT pg_catalog.pg_xact_status(of.id), \
     pg_catalog.pg_visible_in_snapshot(of.id, pg_catalog.pg_current_snapshot()) \
     FROM (SELECT $1::pg_catalog.text::pg_catalog.xid8 AS id) AS of";

/// What the server says of an id that it has not given out yet.
const NOT_GIVEN_OUT: &str = "22023";

/// The pauses between questions: the first, and the longest. A server that comes back is rarely
/// asked by one only.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// Somebody who can find out how one transaction ended.
pub(super) struct Inquiry {
    pub(super) dialer: Arc<Dialer>,
    /// The transaction's id.
    pub(super) id: u64,
    /// Who gave it out.
    pub(super) server: Arc<Server>,
}

/// What the server says of the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    InProgress,
    Committed,
    Aborted,
    /// It is older than the account.
    Forgotten,
    NotGivenOut,
}

impl Inquiry {
    /// Asks until there is an answer, by new sessions where one is lost or none can be had.
    pub(super) async fn until(self, deadline: Instant) -> Outcome {
        let mut pause = PAUSES.0;
        loop {
            let error = match timeout_at(deadline, self.ask(deadline)).await {
                Ok(Ok(outcome)) => {
                    tracing::info!(
                        ?outcome,
                        "COMMIT was not answered, and the server was asked"
                    );
                    return outcome;
                }
                Ok(Err(error)) => error,
                Err(_) => return Outcome::Unknown,
            };
            if !may_come(&error) {
                tracing::warn!(%error, "the server cannot be asked what became of a transaction");
                return Outcome::Unknown;
            }
            if Instant::now() + pause >= deadline {
                return Outcome::Unknown;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn ask(&self, deadline: Instant) -> Result<Outcome> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut session = connect(&self.dialer, left).await?;
        let Some(now) = Server::of(&mut session).await? else {
            return Ok(Outcome::Unknown);
        };
        if (&now.system, &now.timeline) != (&self.server.system, &self.server.timeline) {
            return Ok(Outcome::Unknown);
        }
        let crashed = now.since != self.server.since;
        let mut pause = PAUSES.0;
        loop {
            match (self.status(&mut session).await?, crashed) {
                (Status::Committed, false) => return Ok(Outcome::Applied),
                // A crash undoes what is not in the account, also where the id is another's now.
                (Status::Aborted, _) | (Status::NotGivenOut, true) => {
                    return Ok(Outcome::NotApplied);
                }
                // The id may have been given out again since the crash.
                (Status::Committed, true) => return Ok(Outcome::Unknown),
                (Status::NotGivenOut, false) | (Status::Forgotten, _) => {
                    return Ok(Outcome::Unknown);
                }
                (Status::InProgress, _) => {}
            }
            // It may be about to end by itself, and need not be asked more often.
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
            if !crashed {
                end_transaction(&mut session, self.id).await?;
            }
        }
    }

    async fn status(&self, session: &mut PostgresConnection) -> Result<Status> {
        let read = |row: &Row<'_>| Ok((row.get::<Option<String>>(0)?, row.get::<bool>(1)?));
        let mut found = Collect::new(read);
        let about = vec![Value::Text(self.id.to_string())];
        let asked = Statement::new(STATUS, about, Access::Read);
        let asked = session.run(asked, &mut found).await;
        if let Err(error) = asked {
            return match error.native_code() {
                Some(NOT_GIVEN_OUT) => Ok(Status::NotGivenOut),
                _ => Err(error),
            };
        }
        Ok(match found.items.pop() {
            Some((Some(status), visible)) => match (status.as_str(), visible) {
                ("committed", true) => Status::Committed,
                ("aborted", _) => Status::Aborted,
                _ => Status::InProgress,
            },
            _ => Status::Forgotten,
        })
    }
}
