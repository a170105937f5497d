//! Order after a dropped call.
//!
//! # Why a cancel request cannot hit the next user's statement
//!
//! A cancel request travels on a connection of its own. The server process that takes it signals
//! the session's process first and closes the connection afterwards, so once we see that
//! connection closed, the signal has been delivered to the session's process. A process looks at
//! its signals before it reads its next message, and PostgreSQL ignores a cancel signal that
//! arrives while it waits for one. So the order is: send the request, wait for its connection to
//! close, and only then send the next message and wait for its answer. What is sent after the
//! close cannot be hit. When the close is not seen, the session is discarded.
//!
//! A statement that was sent before the request (the first knock) can be hit, so its result counts
//! for nothing once a request was sent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::connection::PostgresConnection;
use super::dial::GOODBYE;
use crate::driver::contract::{Connection, Recovery};

/// How long the server may take to end what it is doing by itself.
const KNOCK: Duration = Duration::from_millis(30);
/// How long a cancel request may take, dialing included.
const CANCEL: Duration = Duration::from_secs(3);
/// How long the server may take to be ready after a cancel request.
const READY: Duration = Duration::from_secs(3);

/// Ends what is open, and takes back what a half-done call may have set or locked: the next user
/// must find the session as it was opened.
const CLEAN: &str = "ROLLBACK; RESET SESSION AUTHORIZATION; RESET ALL; \
     SELECT pg_catalog.pg_advisory_unlock_all()";

impl PostgresConnection {
    pub(super) async fn bring_into_order(&mut self) -> Recovery {
        // An earlier recovery was itself dropped between request and close.
        if self.is_broken() || self.cancelling {
            return self.discard();
        }
        let dropped = self.in_flight;
        self.in_flight = true;
        self.owes_begin = false;
        let patience = if dropped { KNOCK } else { READY };
        let ready = match timeout(patience, self.settle()).await {
            Ok(ready) => ready,
            Err(_) if !dropped => false,
            Err(_) => {
                self.cancel().await && timeout(READY, self.settle()).await.unwrap_or_default()
            }
        };
        if !ready || self.is_broken() {
            return self.discard();
        }
        self.in_flight = false;
        self.in_transaction = false;
        self.failure = None;
        Recovery::Ready
    }

    fn discard(&mut self) -> Recovery {
        self.broken = true;
        Recovery::Discard
    }

    /// Waits until the server has answered everything, with the session in order.
    async fn settle(&mut self) -> bool {
        let answers = join_all(self.preparing.iter_mut().map(|one| one.answer.as_mut())).await;
        for (preparing, answer) in self.preparing.drain(..).zip(answers) {
            if let Ok(prepared) = answer {
                self.statements.put(preparing.sql, prepared);
            }
        }
        let client = Arc::clone(&self.client);
        client.batch_execute(CLEAN).await.is_ok()
    }

    /// Sends a cancel request and waits for its connection to close. Where that fails, the session
    /// is of no further use.
    pub(super) async fn cancel(&mut self) -> bool {
        self.cancelling = true;
        let token = self.client.cancel_token();
        let dialer = Arc::clone(&self.dialer);
        let address = self.address.clone();
        let request = dialer.cancel(&token, &address);
        let closed = matches!(timeout(CANCEL, request).await, Ok(Ok(())));
        if closed {
            self.cancelling = false;
        } else {
            self.broken = true;
        }
        closed
    }
}

/// Asks the server to stop what a session that is being dropped is doing. The session's key goes
/// with it, so a request that comes late hits nobody.
pub(super) fn cancel_in_background(connection: &PostgresConnection) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    let token = connection.client.cancel_token();
    let dialer = Arc::clone(&connection.dialer);
    let address = connection.address.clone();
    runtime.spawn(async move {
        let _ = timeout(GOODBYE, dialer.cancel(&token, &address)).await;
    });
}
