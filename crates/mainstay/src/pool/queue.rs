//! Callers who wait, oldest first.

use std::collections::BTreeMap;
use std::panic::Location;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::guard::PoolGuard;
use crate::error::Error;

/// What a caller in the queue is told.
pub(super) enum Grant {
    /// A connection. Where nobody takes it any more, it goes back by itself.
    Lent(PoolGuard),
    /// No connection can be made.
    Failed(Error),
    /// What the pool was doing for the queue has ended early, with the runtime it ran on: look
    /// again.
    Again,
}

/// A caller who waits.
pub(super) struct Waiter {
    pub(super) sender: oneshot::Sender<Grant>,
    pub(super) site: &'static Location<'static>,
    /// The limit of its call.
    pub(super) until: Instant,
    pub(super) joined: Instant,
    /// How many rounds of attempts to open a connection had failed when it came.
    pub(super) rounds_before: u64,
}

/// The place of a caller: a later one has a higher number.
pub(super) type Ticket = u64;

#[derive(Default)]
pub(super) struct Queue {
    waiters: BTreeMap<Ticket, Waiter>,
    next: Ticket,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.next += 1;
        self.next
    }

    /// Takes the place of the ticket: behind all older ones.
    pub(super) fn join(&mut self, ticket: Ticket, waiter: Waiter) {
        self.waiters.insert(ticket, waiter);
    }

    /// Leaves the queue, if it is still in it.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiters.remove(&ticket);
    }

    /// Takes out the caller that has waited longest and is still there.
    pub(super) fn pop(&mut self) -> Option<Waiter> {
        while let Some((_, waiter)) = self.waiters.pop_first() {
            if !waiter.sender.is_closed() {
                return Some(waiter);
            }
        }
        None
    }

    /// Takes out callers, oldest first, while `condemned` says so.
    pub(super) fn pop_while(
        &mut self,
        mut condemned: impl FnMut(usize, &Waiter) -> bool,
    ) -> Vec<Waiter> {
        let mut popped = Vec::new();
        loop {
            let left = self.waiters.len();
            match self.waiters.first_entry() {
                Some(first) if condemned(left, first.get()) => popped.push(first.remove()),
                _ => return popped,
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.waiters.clear();
    }
}
