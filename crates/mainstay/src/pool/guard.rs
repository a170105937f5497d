//! A connection on loan.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::shared::{Idle, Shared, close_in_background};
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
        }
    }

    fn connection(&mut self) -> &mut dyn Connection {
        let connection = self.connection.as_mut();
        &mut **connection.expect("the connection is taken only when the slot is dropped")
    }

    /// Closes the connection instead of giving it back.
    fn discard(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.shared.forget_one();
            close_in_background(connection);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let now = Instant::now();
            if self.shared.is_closed() || connection.is_broken() || now >= self.expires {
                self.shared.discard(connection);
            } else {
                let (born, expires) = (self.born, self.expires);
                self.shared.push_idle(Idle {
                    connection,
                    born,
                    expires,
                    since: now,
                });
            }
        }
        // The permit last: who gets it must find the connection.
        if let Some(permit) = self.permit.take()
            && self.shared.pay_surplus(1) == 1
        {
            permit.forget();
            if let Some(idle) = self.shared.pop_idle() {
                self.shared.discard(idle.connection);
            }
        }
        self.shared.returned.notify_waiters();
    }
}

/// A connection on loan from a [`Pool`](super::Pool).
///
/// A guard that is dropped while marked [in doubt](Self::set_in_doubt) has its connection brought
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

    /// The connection.
    pub fn connection(&mut self) -> &mut dyn Connection {
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
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // No runtime, nobody to clean up: closing the connection ends its transaction.
            slot.discard();
            return;
        };
        runtime.spawn(async move {
            let recovered = timeout(RECOVERY_LIMIT, slot.connection().recover()).await;
            if !matches!(recovered, Ok(Recovery::Ready)) {
                slot.discard();
            }
        });
    }
}
