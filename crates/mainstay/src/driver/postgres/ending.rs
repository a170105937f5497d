//! Ends a session that was given up without an answer, from another one.
//!
//! The server may not know that the session was given up: where a firewall has forgotten the
//! connection, nothing that we send on it arrives, nor does its end. A session that is idle inside
//! its transaction then keeps its locks until the server's keepalive looks, two hours as it comes;
//! and a cancel request stops statements, not transactions. (MariaDB's `kill` is the same for it.)
//!
//! # Why nobody else's session is ended
//!
//! - Only on the same server in the same stretch of its life: after a crash numbers are given out
//!   again.
//! - By the transaction's id, which no other session can hold.
//! - Where the id is not known, because the answer to the first write is what did not come: by the
//!   process and the moment it was started. That counts only where the session's key names the same
//!   process, so that no pooler has lent it to others meanwhile, and our socket stays open until
//!   then, so that none can have done so since.
//!
//! Both are learnt with the question who the server is. A session that has not asked it yet, or was
//! not answered, is not ended: nothing that it was told would name it for certain, and all that it
//! can do is to close its socket.
//!
//! A COMMIT may be on its way. It is decided then, one way or the other, which is also what the
//! [witness](super::witness) does before it answers; both ask for the same. One that waits for a
//! standby has been committed already, and is left alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout_at};

use super::account::{Process, Server};
use super::connection::PostgresConnection;
use super::dial::Dialer;
use super::driver::connect;
use crate::driver::connect::may_come;
use crate::driver::contract::Connection;
use crate::driver::row::Ignore;
use crate::driver::statement::{Access, Statement};
use crate::error::Result;
use crate::value::Value;

/// How long somebody tries. A server that cannot be reached may be so for the same reason.
const PATIENCE: Duration = Duration::from_secs(15);

/// The pauses between attempts: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// A user may end sessions of his own, and sees what they do.
const END: &str = "SELECT pg_catalog.pg_terminate_backend(pid) \
     FROM pg_catalog.pg_stat_activity \
     WHERE backend_xid = $1::pg_catalog.text::pg_catalog.xid8::pg_catalog.xid \
     AND wait_event IS DISTINCT FROM 'SyncRep'";

/// The same by process; see [`Process`].
const END_PROCESS: &str = "SELECT pg_catalog.pg_terminate_backend(pid) \
     FROM pg_catalog.pg_stat_activity \
     WHERE pid = $1::pg_catalog.text::pg_catalog.int4 \
     AND (pg_catalog.date_part('epoch', backend_start) * 1000000)::pg_catalog.int8 \
         = $2::pg_catalog.text::pg_catalog.int8 \
     AND state IS DISTINCT FROM 'idle' AND wait_event IS DISTINCT FROM 'SyncRep'";

/// By what a session is known that has a transaction open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Transaction(u64),
    Process(Process),
}

/// A session of which nobody hears any more.
pub(super) struct Forsaken {
    pub(super) dialer: Arc<Dialer>,
    pub(super) server: Arc<Server>,
    pub(super) mark: Mark,
}

impl Forsaken {
    /// Ends the session, and closes its socket when nothing depends on it any more.
    pub(super) async fn end(self, socket: Closing) {
        let socket = match self.mark {
            Mark::Transaction(_) => {
                drop(socket);
                None
            }
            Mark::Process(_) => Some(socket),
        };
        let deadline = Instant::now() + PATIENCE;
        let mut pause = PAUSES.0;
        let reason = loop {
            let error = match timeout_at(deadline, self.attempt(deadline)).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(_) => break "it took too long".to_owned(),
            };
            if !may_come(&error) || Instant::now() + pause >= deadline {
                break error.to_string();
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        };
        drop(socket);
        tracing::warn!(
            session = ?self.mark,
            reason,
            "a session whose call was dropped could not be ended on the server; its transaction \
             and locks last until the server notices that the connection is closed"
        );
    }

    async fn attempt(&self, deadline: Instant) -> Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut session = connect(&self.dialer, left).await?;
        if Server::of(&mut session).await?.as_ref() != Some(&*self.server) {
            tracing::warn!(
                session = ?self.mark,
                "the session to end is on another server behind the same address, or has ended \
                 with a restart"
            );
            return Ok(());
        }
        let ended = match self.mark {
            Mark::Transaction(id) => end_transaction(&mut session, id).await?,
            Mark::Process(process) => end_process(&mut session, process).await?,
        };
        tracing::debug!(
            session = ?self.mark,
            ended,
            "a session that did not answer was ended from another one"
        );
        Box::new(session).close().await;
        Ok(())
    }
}

/// Closes a socket when it is dropped.
pub(super) struct Closing(pub(super) AbortHandle);

impl Closing {
    /// Whether it is closed already.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends the session that holds a transaction's id, unless it has committed and waits for a standby.
/// Says how many those were.
pub(super) async fn end_transaction(session: &mut PostgresConnection, id: u64) -> Result<u64> {
    run(session, END, vec![Value::Text(id.to_string())]).await
}

async fn end_process(session: &mut PostgresConnection, process: Process) -> Result<u64> {
    let values = [i64::from(process.number), process.started];
    let values = values.map(|value| Value::Text(value.to_string()));
    run(session, END_PROCESS, values.to_vec()).await
}

async fn run(session: &mut PostgresConnection, sql: &'static str, by: Vec<Value>) -> Result<u64> {
    let statement = Statement::new(sql, by, Access::Read);
    let done = session.run(statement, &mut Ignore).await?;
    Ok(done.rows)
}
