//! A connection on loan.

use std::sync::Arc;

use tokio::time::Instant;

use super::place::Place;
use super::state::Idle;
use super::{explain, tasks};
use crate::driver::Connection;
use crate::error::Result;

/// A connection on loan from a [`Pool`](super::Pool).
///
/// Whoever asks for the connection leaves it in doubt, until [`set_in_doubt`](Self::set_in_doubt)
/// says that its calls and transactions have ended. A guard that is dropped while marked
/// [in doubt](Self::set_in_doubt) has its connection brought into order first (see the
/// [contract](crate::driver::contract)); only then is it lent again, and until then it has its
/// place in the pool.
pub struct PoolGuard {
    lent: Option<(Place, Idle)>,
    in_doubt: bool,
    used: bool,
    /// What time it is, where that is known: it was lent, or came to its end, a moment ago.
    now: Option<Instant>,
}

impl std::fmt::Debug for PoolGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolGuard")
            .field("in_doubt", &self.in_doubt)
            .finish_non_exhaustive()
    }
}

impl PoolGuard {
    pub(super) fn new(place: Place, idle: Idle, now: Option<Instant>) -> Self {
        Self {
            lent: Some((place, idle)),
            in_doubt: false,
            used: false,
            now,
        }
    }

    /// When it was lent, if that was a moment ago.
    pub(crate) fn lent_at(&self) -> Option<Instant> {
        self.now.filter(|_| !self.used)
    }

    /// Its last call ended just now, and it goes back.
    pub(crate) fn ended_at(&mut self, now: Instant) {
        self.now = Some(now);
    }

    /// The connection. From now on it is in doubt.
    ///
    /// # Errors
    /// `CONNECTION_LOST` when the pool has taken the connection back, because it was on loan for
    /// too long.
    pub fn connection(&mut self) -> Result<&mut dyn Connection> {
        let (_, idle) = self
            .lent
            .as_mut()
            .expect("the connection is taken only when the guard is dropped");
        if idle.note.is_reclaimed() {
            return Err(explain::reclaimed());
        }
        self.in_doubt = true;
        self.used = true;
        self.now = None;
        Ok(&mut *idle.connection)
    }

    /// Says whether a call or a transaction is under way, so that dropping the guard now would
    /// leave the connection in an unknown state.
    pub fn set_in_doubt(&mut self, in_doubt: bool) {
        self.in_doubt = in_doubt;
    }

    /// Has the connection closed instead of lent again: its settings may have been changed.
    pub fn retire(&mut self) {
        self.now = None;
        if let Some((_, idle)) = &mut self.lent {
            idle.expires = Instant::now();
        }
    }

    /// Tells the list of holders what runs now.
    pub fn note_statement(&self, statement: Option<Arc<str>>) {
        if let Some((_, idle)) = &self.lent {
            idle.note.set(statement);
        }
    }
}

impl Drop for PoolGuard {
    fn drop(&mut self) {
        let Some((place, mut idle)) = self.lent.take() else {
            return;
        };
        let now = self.now.unwrap_or_else(Instant::now);
        let broken = idle.connection.is_broken();
        if self.in_doubt && !broken {
            // Its user has gone; what is left is cleaning up. Without a runtime nobody can: then
            // the connection is dropped, which ends its transaction.
            idle.note.set(None);
            match place.into_recovery(&idle) {
                Ok(place) => {
                    let shared = Arc::clone(place.shared());
                    shared.spawn(tasks::recover(place, idle));
                }
                Err(reclaimed) => reclaimed.give_up(Some(idle), false),
            }
            return;
        }
        if broken || now >= idle.expires {
            place.give_up(Some(idle), broken);
            return;
        }
        if self.used {
            idle.since = now;
            idle.proven = now;
        }
        place.give_back(idle, now);
    }
}
