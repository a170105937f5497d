//! Who has a connection now, and who has had one for too long.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::status::Holder;
use crate::driver::KillSwitch;

/// What pool and holder tell each other about a connection. It stays with the connection, and its
/// mutex is almost never contended, so that telling costs next to nothing.
#[derive(Default)]
pub(super) struct Note {
    statement: Mutex<Option<Arc<str>>>,
    reclaimed: AtomicBool,
    pub(super) kill: Option<KillSwitch>,
}

impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Note")
            .field("reclaimed", &self.reclaimed)
            .finish_non_exhaustive()
    }
}

impl Note {
    pub(super) fn new(kill: Option<KillSwitch>) -> Self {
        Self {
            kill,
            ..Self::default()
        }
    }

    /// What runs now.
    pub(super) fn set(&self, statement: Option<Arc<str>>) {
        *self
            .statement
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = statement;
    }

    fn statement(&self) -> Option<Arc<str>> {
        self.statement
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the pool has taken the connection back while it was on loan. Set under the pool's
    /// lock.
    pub(super) fn is_reclaimed(&self) -> bool {
        self.reclaimed.load(Ordering::Acquire)
    }
}

/// A loan, as the list of holders knows it.
#[derive(Debug)]
struct Loan {
    site: &'static Location<'static>,
    since: Instant,
    /// The limit of the call that has it.
    until: Instant,
    /// It has been reported as a leak.
    reported: bool,
    note: Arc<Note>,
}

impl Loan {
    fn is_leak(&self, now: Instant, after: Duration) -> bool {
        now.saturating_duration_since(self.since) >= after && now >= self.until
    }

    fn holder(&self, now: Instant) -> Holder {
        Holder {
            site: self.site,
            held: now.saturating_duration_since(self.since),
            statement: self.note.statement(),
        }
    }
}

/// The number of a loan, free for another one after its end.
pub(super) type LoanId = usize;

/// The loans of a pool: as many places as there have been loans at the same time.
#[derive(Debug, Default)]
pub(super) struct Loans {
    places: Vec<Option<Loan>>,
    free: Vec<LoanId>,
}

impl Loans {
    pub(super) fn start(
        &mut self,
        site: &'static Location<'static>,
        since: Instant,
        until: Instant,
        note: Arc<Note>,
    ) -> LoanId {
        let loan = Some(Loan {
            site,
            since,
            until,
            reported: false,
            note,
        });
        match self.free.pop() {
            Some(id) => {
                self.places[id] = loan;
                id
            }
            None => {
                self.places.push(loan);
                self.places.len() - 1
            }
        }
    }

    pub(super) fn end(&mut self, id: LoanId) {
        if self.places[id].take().is_some() {
            self.free.push(id);
        }
    }

    /// The loans that have become leaks since this was asked last.
    pub(super) fn new_leaks(&mut self, now: Instant, after: Duration) -> Vec<Holder> {
        let mut leaks = Vec::new();
        for loan in self.places.iter_mut().flatten() {
            if !loan.reported && loan.is_leak(now, after) {
                loan.reported = true;
                leaks.push(loan.holder(now));
            }
        }
        leaks
    }

    /// Ends the loans that are leaks, and marks their connections as taken back.
    pub(super) fn reclaim(&mut self, now: Instant, after: Duration) -> Vec<(Holder, Arc<Note>)> {
        let mut taken = Vec::new();
        for (id, place) in self.places.iter_mut().enumerate() {
            if let Some(loan) = place.take_if(|loan| loan.is_leak(now, after)) {
                self.free.push(id);
                loan.note.reclaimed.store(true, Ordering::Release);
                taken.push((loan.holder(now), loan.note));
            }
        }
        taken
    }

    /// The holders, longest first.
    pub(super) fn holders(&self, now: Instant) -> Vec<Holder> {
        let mut holders: Vec<_> = self
            .places
            .iter()
            .flatten()
            .map(|loan| loan.holder(now))
            .collect();
        holders.sort_by_key(|holder| std::cmp::Reverse(holder.held));
        holders
    }
}
