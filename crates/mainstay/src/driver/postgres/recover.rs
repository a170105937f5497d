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
//!
//! # A session that does not answer
//!
//! It is given up, and nothing more is waited for: a goodbye would come behind answers that do not
//! come, so its socket is closed as it is. Where it has a transaction open, another session sees to
//! the [end](super::ending) of it, in the background.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use super::connection::PostgresConnection;
use super::dial::GOODBYE;
use super::ending::{Closing, Forsaken};
use crate::driver::contract::{BoxFuture, Connection, Recovery};

/// How long the server may take to end what it is doing by itself.
const KNOCK: Duration = Duration::from_millis(30);
/// How long a cancel request may take, dialing included.
const CANCEL: Duration = Duration::from_secs(3);
/// How long the server may take to be ready after a cancel request. The pool waits no longer before
/// it opens another connection, which finds the locks of this one.
const READY: Duration = Duration::from_secs(1);

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
        self.forget_owed_begin();
        let patience = if dropped { KNOCK } else { READY };
        let ready = match timeout(patience, self.settle()).await {
            Ok(ready) => Some(ready),
            Err(_) if !dropped => None,
            Err(_) if self.cancel().await => timeout(READY, self.settle()).await.ok(),
            Err(_) => None,
        };
        match ready {
            Some(true) if !self.is_broken() => {}
            // The server has ended the session, or refuses to bring it into order.
            Some(_) => return self.discard(),
            None => {
                leave(self, None);
                return self.discard();
            }
        }
        self.in_flight = false;
        self.in_transaction = false;
        self.failure = None;
        Recovery::Ready
    }

    /// A transaction of which nothing was sent need not be ended.
    fn forget_owed_begin(&mut self) {
        if std::mem::take(&mut self.owes_begin) {
            self.in_transaction = false;
        }
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

/// Asks the server to stop what a session that is being dropped is doing, and gives the session up
/// if that is of no use. The session's key goes with it, so a request that comes late hits nobody.
pub(super) fn cancel_in_background(connection: &mut PostgresConnection) {
    connection.forget_owed_begin();
    let token = connection.client.cancel_token();
    let dialer = Arc::clone(&connection.dialer);
    let address = connection.address.clone();
    let request = async move {
        let sent = timeout(GOODBYE, dialer.cancel(&token, &address)).await;
        matches!(sent, Ok(Ok(())))
    };
    leave(connection, Some(Box::pin(request)));
}

/// Gives up a session whose answer has not come. `request` may still bring the answer, if it is
/// taken.
fn leave(connection: &mut PostgresConnection, request: Option<BoxFuture<'static, bool>>) {
    let socket = Closing(connection.socket.clone());
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    let is_open = connection.in_transaction;
    let held = is_open.then(|| connection.account.mark()).flatten();
    let Some((mark, server)) = held else {
        drop(socket);
        if let Some(request) = request {
            runtime.spawn(request);
        }
        return;
    };
    let forsaken = Forsaken {
        dialer: Arc::clone(&connection.dialer),
        server,
        mark,
    };
    // Nobody waits for it, and it ends with the runtime.
    runtime.spawn(async move {
        // Before its own task loses patience.
        let goodbye = Instant::now() + GOODBYE - 2 * KNOCK;
        if let Some(request) = request
            && request.await
            && closes(&socket, goodbye.min(Instant::now() + READY)).await
        {
            return;
        }
        forsaken.end(socket).await;
    });
}

/// Whether a session that is being dropped comes to its end in time: all was answered, and then its
/// goodbye was sent; or the connection has broken.
async fn closes(socket: &Closing, until: Instant) -> bool {
    while Instant::now() < until {
        if socket.is_closed() {
            return true;
        }
        sleep(KNOCK).await;
    }
    false
}
