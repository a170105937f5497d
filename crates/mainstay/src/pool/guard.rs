//! A connection on loan.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::shared::{Idle, Shared};
use crate::driver::{Connection, Recovery};

/// How long a connection may take to recover from a dropped call before it is given up.
const RECOVERY_LIMIT: Duration = Duration::from_secs(10);

/// A place in the pool together with its connection. Goes back to the pool when dropped.
pub(super) struct Slot {
    shared: Arc<Shared>,
    permit: Option<OwnedSemaphorePermit>,
    connection: Option<Box<dyn Connection>>,
    born: Instant,
    expires: Instant,
    /// A call on the connection has not ended. It is closed rather than given back, whatever drops
    /// the slot: a panic, or a runtime that shuts down during the recovery.
    in_doubt: bool,
}

impl Slot {
    pub(super) fn new(
        shared: Arc<Shared>,
        permit: OwnedSemaphorePermit,
        connection: Box<dyn Connection>,
        born: Instant,
        expires: Instant,
    ) -> Self {
        Self {
            shared,
            permit: Some(permit),
            connection: Some(connection),
            born,
            expires,
            in_doubt: false,
        }
    }

    fn connection(&mut self) -> &mut dyn Connection {
        let connection = self.connection.as_mut();
        &mut **connection.expect("the connection is taken only when the slot is dropped")
    }

    /// Asks whether the connection works. One that does not answer in time is not given back.
    pub(super) async fn is_alive(&mut self, limit: Duration) -> bool {
        self.in_doubt = true;
        let answer = timeout(limit, self.connection().ping()).await;
        self.in_doubt = !matches!(answer, Ok(Ok(())));
        !self.in_doubt
    }

    /// Closes the connection and keeps the place.
    pub(super) fn give_up(mut self) -> OwnedSemaphorePermit {
        if let Some(connection) = self.connection.take() {
            self.shared.discard(connection);
        }
        let permit = self.permit.take();
        permit.expect("the permit is taken only when the slot is given up or dropped")
    }

    /// Brings the connection into order, so that it can be given back.
    async fn recover(mut self) {
        self.in_doubt = true;
        let recovered = timeout(RECOVERY_LIMIT, self.connection().recover()).await;
        self.in_doubt = !matches!(recovered, Ok(Recovery::Ready));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let now = Instant::now();
            if self.in_doubt || connection.is_broken() || now >= self.expires {
                self.shared.discard(connection);
            } else {
                self.shared.give_back(Idle {
                    connection,
                    born: self.born,
                    expires: self.expires,
                    since: now,
                });
            }
        }
        // The permit last: who gets it must find the connection.
        if let Some(permit) = self.permit.take()
            && self.shared.pay_surplus(1) == 1
        {
            permit.forget();
            self.shared.close_surplus();
        }
        self.shared.returned.notify_waiters();
    }
}

/// A connection on loan from a [`Pool`](super::Pool).
///
/// Whoever asks for the connection leaves it in doubt, until [`set_in_doubt`](Self::set_in_doubt)
/// says that its calls and transactions have ended. A guard that is dropped while marked [in doubt](Self::set_in_doubt) has its connection brought
/// into order first (see the [contract](crate::driver::contract)); only then is it lent again,
/// and until then it counts as in use.
pub struct PoolGuard {
    slot: Option<Slot>,
    loan: u64,
    shared: Arc<Shared>,
    in_doubt: bool,
}

impl std::fmt::Debug for PoolGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolGuard")
            .field("loan", &self.loan)
            .finish_non_exhaustive()
    }
}

impl PoolGuard {
    pub(super) fn new(slot: Slot, site: &'static Location<'static>) -> Self {
        let shared = Arc::clone(&slot.shared);
        let loan = shared.lend(site);
        Self {
            slot: Some(slot),
            loan,
            shared,
            in_doubt: false,
        }
    }

    /// The connection. From now on it is in doubt.
    pub fn connection(&mut self) -> &mut dyn Connection {
        self.in_doubt = true;
        self.slot
            .as_mut()
            .expect("the slot is taken only when the guard is dropped")
            .connection()
    }

    /// Says whether a call or a transaction is under way, so that dropping the guard now would
    /// leave the connection in an unknown state.
    pub fn set_in_doubt(&mut self, in_doubt: bool) {
        self.in_doubt = in_doubt;
    }

    /// Tells the list of holders what runs now.
    pub fn note_statement(&self, statement: Option<Arc<str>>) {
        self.shared.note_statement(self.loan, statement);
    }
}

impl Drop for PoolGuard {
    fn drop(&mut self) {
        self.shared.end_loan(self.loan);
        let Some(mut slot) = self.slot.take() else {
            return;
        };
        if !self.in_doubt || slot.connection().is_broken() {
            return;
        }
        slot.in_doubt = true;
        // Without a runtime nobody can clean up: the connection is closed, which ends its
        // transaction.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(slot.recover());
        }
    }
}
