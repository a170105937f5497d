//! The wait of a caller who is not served at once.

use std::panic::Location;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::explain::{self, Limit};
use super::guard::PoolGuard;
use super::phases::Phases;
use super::queue::{Grant, Ticket, Waiter};
use super::shared::Shared;
use super::state::State;
use super::{clock, closed};
use crate::error::{Error, Result};

/// A caller's place in the queue. Left when dropped.
struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    ticket: Ticket,
    answer: oneshot::Receiver<Grant>,
    site: &'static Location<'static>,
    /// The limit of the caller's call.
    deadline: Instant,
    joined: Instant,
    /// Until when it waits.
    until: Instant,
    limit: Limit,
    rounds_before: u64,
    phases_before: Phases,
}

/// Waits for a connection.
pub(super) async fn wait(
    shared: &Arc<Shared>,
    deadline: Instant,
    site: &'static Location<'static>,
) -> Result<PoolGuard> {
    let mut waiting = Waiting::join(shared, deadline, site)?;
    loop {
        match timeout_at(waiting.until, &mut waiting.answer).await {
            Ok(Ok(Grant::Lent(guard))) => return Ok(guard),
            Ok(Ok(Grant::Failed(error))) => return Err(error),
            Ok(Ok(Grant::Again)) => waiting.join_again()?,
            // The queue was cleared.
            Ok(Err(_)) => return Err(closed()),
            Err(_) => return Err(waiting.give_up()),
        }
    }
}

impl<'a> Waiting<'a> {
    fn join(
        shared: &'a Arc<Shared>,
        deadline: Instant,
        site: &'static Location<'static>,
    ) -> Result<Self> {
        let now = Instant::now();
        let mut state = shared.state();
        if state.closed {
            return Err(closed());
        }
        let options = state.options;
        let before = state.queue.len();
        if before >= options.max_waiting {
            state.totals.shed += 1;
            drop(state);
            return Err(explain::queue_full(&shared.status()));
        }
        let mut longest = options.acquire;
        if before >= options.max && !options.shed_target.is_zero() {
            longest = state.shedding.limit(now, longest);
        }
        let limit = if longest < options.acquire {
            Limit::Shed
        } else {
            Limit::Own
        };
        let (sender, answer) = oneshot::channel();
        let mut waiting = Self {
            shared,
            ticket: state.queue.ticket(),
            answer,
            site,
            deadline,
            joined: now,
            until: clock::after(longest),
            limit,
            rounds_before: state.dials.failed_rounds,
            phases_before: state.phases.read(now),
        };
        if deadline < waiting.until {
            waiting.until = deadline;
            waiting.limit = Limit::Own;
        }
        waiting.enter(&mut state, sender);
        let plan = state.plan(now);
        drop(state);
        shared.carry_out(plan);
        Ok(waiting)
    }

    fn enter(&self, state: &mut State, sender: oneshot::Sender<Grant>) {
        state.queue.join(
            self.ticket,
            Waiter {
                sender,
                site: self.site,
                until: self.deadline,
                joined: self.joined,
                rounds_before: self.rounds_before,
            },
        );
    }

    /// Takes the same place once more.
    fn join_again(&mut self) -> Result<()> {
        let (sender, answer) = oneshot::channel();
        self.answer = answer;
        let mut state = self.shared.state();
        if state.closed {
            return Err(closed());
        }
        self.enter(&mut state, sender);
        let plan = state.plan(Instant::now());
        drop(state);
        self.shared.carry_out(plan);
        Ok(())
    }

    fn give_up(&self) -> Error {
        let now = Instant::now();
        let spent = {
            let mut state = self.shared.state();
            match self.limit {
                Limit::Own => state.totals.timeouts += 1,
                Limit::Shed => state.totals.shed += 1,
            }
            state.phases.read(now).since(&self.phases_before)
        };
        let waited = now.saturating_duration_since(self.joined);
        explain::waited(waited, &spent, self.limit, &self.shared.status())
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.queue.leave(self.ticket);
            state.queue_has_changed();
        }
        // An answer that was on its way: a connection goes back by itself, a request is passed on.
        self.answer.close();
        if let Ok(Grant::Again) = self.answer.try_recv() {
            self.shared.nudge();
        }
    }
}
