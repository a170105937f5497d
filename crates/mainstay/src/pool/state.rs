//! What is known of a pool at one moment, and what is to be done next. Changed under one lock and
//! without waiting for anything: what takes time is told in a [`Plan`].

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::dials::{Dial, DialId, Dials};
use super::loans::{LoanId, Loans, Note};
use super::options::PoolOptions;
use super::phases::{Phase, PhaseClock};
use super::queue::{Grant, Queue};
use crate::driver::Connection;
use crate::error::{Error, ErrorKind};
use crate::resilience::shedding::{Options as SheddingOptions, Shedding};

/// The most idle connections that are asked at the same time whether they work.
const CHECKS_AT_ONCE: usize = 16;

/// After how many failed attempts in a row a caller whom nobody else's connection can serve is
/// told, although there are others.
const PATIENCE: u64 = 3;

/// A connection that nobody uses.
pub(super) struct Idle {
    pub(super) connection: Box<dyn Connection>,
    pub(super) expires: Instant,
    /// Since when nobody has used it.
    pub(super) since: Instant,
    /// When it worked last.
    pub(super) proven: Instant,
    pub(super) note: Arc<Note>,
}

impl Idle {
    pub(super) fn is_expired(&self, now: Instant) -> bool {
        now >= self.expires
    }
}

/// What a place in the pool is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Lent(LoanId),
    Checking,
    Recovering,
    Dialling(DialId),
}

/// What has happened since the pool exists.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) opened: u64,
    pub(super) closed: u64,
    pub(super) broken: u64,
    pub(super) timeouts: u64,
    pub(super) shed: u64,
    pub(super) leaks: u64,
    pub(super) reclaimed: u64,
}

/// A caller and the connection for it.
pub(super) type Handover = (oneshot::Sender<Grant>, Idle, LoanId);

/// What is to be done outside of the lock.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) close: Vec<Box<dyn Connection>>,
    pub(super) lend: Vec<Handover>,
    pub(super) check: Vec<Idle>,
    pub(super) dial: Vec<Dial>,
    /// When to look again.
    pub(super) retry: Option<Instant>,
    pub(super) fail: Vec<(oneshot::Sender<Grant>, Error)>,
}

pub(super) struct State {
    pub(super) options: PoolOptions,
    pub(super) closed: bool,
    pub(super) idle: VecDeque<Idle>,
    pub(super) loans: Loans,
    pub(super) queue: Queue,
    pub(super) dials: Dials,
    /// Places taken: idle connections and those in some [`Role`].
    pub(super) open: usize,
    pub(super) checking: usize,
    pub(super) recovering: usize,
    /// A connection was lost at this moment: those that have not worked since may be lost, too.
    suspect: Option<Instant>,
    /// When a caller in the queue got a connection last.
    served: Option<Instant>,
    pub(super) totals: Totals,
    pub(super) phases: PhaseClock,
    pub(super) shedding: Shedding,
}

impl State {
    pub(super) fn new(options: PoolOptions, now: Instant) -> Self {
        Self {
            options,
            closed: false,
            idle: VecDeque::new(),
            loans: Loans::default(),
            queue: Queue::default(),
            dials: Dials::default(),
            open: 0,
            checking: 0,
            recovering: 0,
            suspect: None,
            served: None,
            totals: Totals::default(),
            phases: PhaseClock::new(now),
            shedding: Shedding::new(SheddingOptions {
                target: options.shed_target,
                interval: options.shed_interval,
            }),
        }
    }

    fn is_suspect(&self, idle: &Idle) -> bool {
        self.suspect.is_some_and(|since| idle.proven < since)
    }

    /// Whether a connection can be lent without asking whether it works.
    pub(super) fn is_sure(&self, idle: &Idle, now: Instant) -> bool {
        !idle.connection.is_broken()
            && !idle.is_expired(now)
            && now.saturating_duration_since(idle.proven) < self.options.health_check_after
            && !self.is_suspect(idle)
    }

    /// A connection was lost. What took it may have taken the others.
    pub(super) fn suspect_all(&mut self, now: Instant) {
        self.suspect = Some(now);
    }

    /// A place is not used for this any more.
    pub(super) fn end(&mut self, role: Role) {
        match role {
            Role::Lent(loan) => self.loans.end(loan),
            Role::Checking => self.checking -= 1,
            Role::Recovering => self.recovering -= 1,
            Role::Dialling(id) => self.dials.end(id),
        }
    }

    /// A place becomes free.
    pub(super) fn release(&mut self, role: Role, broken: bool, now: Instant) {
        self.end(role);
        match role {
            // There was no connection yet.
            Role::Dialling(_) => self.open -= 1,
            _ => self.forget(broken, now),
        }
    }

    /// One open connection less.
    pub(super) fn forget(&mut self, broken: bool, now: Instant) {
        self.open -= 1;
        self.totals.closed += 1;
        if broken {
            self.totals.broken += 1;
            self.suspect_all(now);
        }
    }

    /// Whether one more connection may stay.
    pub(super) fn has_room(&self) -> bool {
        !self.closed && self.open <= self.options.max
    }

    /// A queue no longer than the pool is large is served within one turn: it does not stand.
    pub(super) fn queue_has_changed(&mut self) {
        if self.queue.len() <= self.options.max {
            self.shedding.queue_is_empty();
        }
    }

    /// Notes that an attempt to open a connection has failed, and tells those whom that leaves
    /// without hope.
    pub(super) fn dial_failed(
        &mut self,
        started: Instant,
        now: Instant,
        error: Error,
        unit: f64,
    ) -> Vec<(oneshot::Sender<Grant>, Error)> {
        let kind = error.kind();
        if kind == ErrorKind::Unreachable && !self.dials.is_failing() {
            self.suspect_all(now);
        }
        self.dials.failed(started, now, error, unit);
        let Some(error) = self.dials.explained(now) else {
            return Vec::new();
        };
        let supply = self.dials.underway() + self.checking;
        let others = self.open - self.dials.underway();
        let (rounds, served) = (self.dials.failed_rounds, self.served);
        let full = kind == ErrorKind::TooManyConnections;
        let hopeless = self.queue.pop_while(|left, waiter| {
            let stuck = served.is_none_or(|at| at < waiter.joined);
            let tried = rounds - waiter.rounds_before >= PATIENCE;
            match others {
                // The server may have room again in a moment.
                0 if full => tried,
                0 => tried || left > supply,
                _ => !full && tried && stuck,
            }
        });
        self.queue_has_changed();
        hopeless
            .into_iter()
            .map(|waiter| (waiter.sender, error.clone()))
            .collect()
    }

    /// What is to be done now.
    pub(super) fn plan(&mut self, now: Instant) -> Plan {
        let mut plan = Plan::default();
        if !self.closed {
            self.clear_out(now, &mut plan);
            self.serve(now, &mut plan);
            self.check(now, &mut plan);
            self.dial(now, &mut plan);
        }
        self.note_phase(now);
        plan
    }

    /// Takes out what cannot be lent any more.
    fn clear_out(&mut self, now: Instant, plan: &mut Plan) {
        let mut at = 0;
        while let Some(idle) = self.idle.get(at) {
            let broken = idle.connection.is_broken();
            if !broken && !idle.is_expired(now) {
                at += 1;
                continue;
            }
            if let Some(idle) = self.idle.remove(at) {
                plan.close.push(idle.connection);
            }
            self.forget(broken, now);
        }
    }

    /// Lends what there is to those who wait.
    fn serve(&mut self, now: Instant, plan: &mut Plan) {
        while !self.queue.is_empty() {
            let sure = self.idle.iter().rposition(|idle| self.is_sure(idle, now));
            let Some(idle) = sure.and_then(|at| self.idle.remove(at)) else {
                break;
            };
            match self.hand_over(idle, now) {
                Ok(handover) => plan.lend.push(handover),
                Err(idle) => self.idle.push_back(idle),
            }
        }
    }

    /// Lends a connection to the caller who has waited longest.
    pub(super) fn hand_over(&mut self, idle: Idle, now: Instant) -> Result<Handover, Idle> {
        let waiter = self.queue.pop();
        self.queue_has_changed();
        let Some(waiter) = waiter else {
            return Err(idle);
        };
        self.served = Some(now);
        let note = Arc::clone(&idle.note);
        let loan = self.loans.start(waiter.site, now, waiter.until, note);
        Ok((waiter.sender, idle, loan))
    }

    /// Has idle connections asked whether they work: all of them when one was lost, else as many
    /// as callers wait for.
    fn check(&mut self, now: Instant, plan: &mut Plan) {
        let supply = self.checking + self.dials.underway();
        let mut wanted = self.queue.len().saturating_sub(supply);
        let mut at = self.idle.len();
        while at > 0 && self.checking < CHECKS_AT_ONCE {
            at -= 1;
            let idle = &self.idle[at];
            let due = self.is_suspect(idle) || (wanted > 0 && !self.is_sure(idle, now));
            if due && let Some(idle) = self.idle.remove(at) {
                self.checking += 1;
                wanted = wanted.saturating_sub(1);
                plan.check.push(idle);
            }
        }
    }

    /// Has connections opened: for those who wait, and up to the minimum.
    fn dial(&mut self, now: Instant, plan: &mut Plan) {
        let supply = self.checking + self.dials.underway();
        let wanted = self.queue.len().saturating_sub(supply);
        let missing = self.options.min.saturating_sub(self.open);
        let room = self.options.max.saturating_sub(self.open);
        let count = wanted.max(missing).min(room).min(self.dials.room());
        if count == 0 {
            return;
        }
        if let Some(at) = self.dials.wait_until(now) {
            if !self.dials.retry_pending {
                self.dials.retry_pending = true;
                plan.retry = Some(at);
            }
            return;
        }
        for _ in 0..count {
            plan.dial.push(self.take_place_for_dial(now));
        }
    }

    pub(super) fn take_place_for_dial(&mut self, now: Instant) -> Dial {
        self.open += 1;
        self.dials.start(now)
    }

    pub(super) fn note_phase(&mut self, now: Instant) {
        let phase = if self.dials.underway() > 0 {
            Phase::Dial
        } else if self.checking > 0 {
            Phase::Ping
        } else if self.dials.retry_pending {
            Phase::Pause
        } else if self.recovering > 0 {
            Phase::Recovery
        } else {
            Phase::Queue
        };
        self.phases.turn(phase, now);
    }

    /// Takes out idle connections beyond the minimum that nobody has used for long.
    pub(super) fn retire(&mut self, now: Instant, plan: &mut Plan) {
        let limit = self.options.idle;
        while self.open > self.options.min {
            let unused = |idle: &Idle| now.saturating_duration_since(idle.since) >= limit;
            let Some(at) = self.idle.iter().position(unused) else {
                break;
            };
            if let Some(idle) = self.idle.remove(at) {
                plan.close.push(idle.connection);
            }
            self.forget(false, now);
        }
    }

    /// Takes out idle connections, the longest idle first, while there are more than the pool's
    /// size.
    pub(super) fn close_surplus(&mut self, now: Instant, plan: &mut Plan) {
        while self.open > self.options.max {
            let Some(idle) = self.idle.pop_front() else {
                break;
            };
            plan.close.push(idle.connection);
            self.forget(false, now);
        }
    }
}
