//! What every call passes before it gets a connection, and what is learnt from how it ends.
//!
//! - `mod.rs`: `Guards`, all of it for one handle; `Admission`, a call that was let through
//! - `gate`: the circuit breaker of one role
//! - `writes`: whether the database takes writes
//! - `retries`: the tries of one call
//! - `options`: what can be set

mod gate;
pub mod options;
mod retries;
mod writes;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub(crate) use gate::GateStatus;
pub use gate::Role;
pub use options::Resilience;
pub(crate) use retries::Retries;

use crate::driver::Access;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorKind, Result};
use crate::resilience::breaker::{Sample, Ticket};
use crate::resilience::budget::Budget;
use crate::resilience::retry::Cause;
use crate::resilience::write_stop::Passed;
use gate::Gate;
use writes::Writes;

/// What has been counted since the handle was opened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) retries: AtomicU64,
    pub(crate) retries_over_budget: AtomicU64,
    pub(crate) refused_by_breaker: AtomicU64,
    pub(crate) writes_refused: AtomicU64,
    pub(crate) deadlines: AtomicU64,
    pub(crate) slow: AtomicU64,
}

impl Counts {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// What stands between the calls of one handle and its connections.
///
/// Where an engine has one writer of its own, that one and the readers fail apart: each has a
/// breaker. Otherwise the same connections read and write, to the same server, and what one call
/// learns holds for all: there is one breaker.
#[derive(Debug)]
pub(crate) struct Guards {
    pub(crate) options: Resilience,
    pub(crate) counts: Counts,
    pooled: Option<Gate>,
    writer: Option<Gate>,
    has_writer: bool,
    writes: Writes,
    budget: Mutex<Budget>,
    conflict_budget: Mutex<Budget>,
    entropy: Arc<dyn Entropy>,
}

impl Guards {
    pub(crate) fn new(options: Resilience, has_writer: bool, entropy: Arc<dyn Entropy>) -> Self {
        let options = options.countable();
        let now = Instant::now();
        let gate = |role| options.breaker.map(|breaker| Gate::new(role, breaker, now));
        Self {
            pooled: gate(if has_writer { Role::Reader } else { Role::All }),
            writer: has_writer.then(|| gate(Role::Writer)).flatten(),
            has_writer,
            writes: Writes::new(options.write_stop),
            budget: Mutex::new(Budget::new(options.budget, now)),
            conflict_budget: Mutex::new(Budget::new(options.conflict_budget, now)),
            counts: Counts::default(),
            options,
            entropy,
        }
    }

    /// The database could not be reached when the handle was opened: calls are refused at once
    /// until it answers.
    pub(crate) fn start_open(&self, error: &Error) {
        let now = Instant::now();
        for gate in [&self.pooled, &self.writer].into_iter().flatten() {
            gate.start_open(now, error, self.entropy.unit());
        }
    }

    fn gate(&self, access: Access) -> Option<&Gate> {
        match access {
            Access::Write if self.has_writer => self.writer.as_ref(),
            _ => self.pooled.as_ref(),
        }
    }

    /// Lets a call through to a connection.
    ///
    /// # Errors
    /// `READ_ONLY` or `DISK_FULL` for a write while the database takes none, `CIRCUIT_OPEN` while
    /// it does not answer.
    pub(crate) fn admit(&self, access: Access) -> Result<Admission<'_>> {
        let mut admission = Admission {
            guards: self,
            access,
            passed: Passed::Freely,
            ticket: None,
        };
        if access == Access::Write {
            admission.passed = self
                .writes
                .admit()
                .inspect_err(|_| Counts::add(&self.counts.writes_refused))?;
        }
        if let Some(gate) = self.gate(access) {
            let ticket = gate
                .admit()
                .inspect_err(|_| Counts::add(&self.counts.refused_by_breaker))?;
            admission.ticket = Some(ticket);
        }
        Ok(admission)
    }

    /// Whether the database has been in trouble for longer than anybody waits.
    fn is_long_outage(&self, access: Access, now: Instant) -> bool {
        let trouble = self.gate(access).and_then(|gate| gate.trouble_for(now));
        trouble.is_some_and(|trouble| trouble >= self.options.patience)
    }

    /// Takes a retry out of its budget.
    fn take_retry(&self, cause: Cause, now: Instant) -> bool {
        let budget = match cause {
            Cause::Conflict => &self.conflict_budget,
            Cause::Outage | Cause::Refused => &self.budget,
        };
        let taken = lock(budget).take(now);
        Counts::add(if taken {
            &self.counts.retries
        } else {
            &self.counts.retries_over_budget
        });
        taken
    }

    /// Calls were answered: retries may be made for them.
    fn earned(&self, now: Instant, answered: u64) {
        if answered > 0 {
            lock(&self.budget).calls(now, answered);
            lock(&self.conflict_budget).calls(now, answered);
        }
    }

    /// The breakers by their roles.
    pub(crate) fn gates(&self, now: Instant) -> Vec<(Role, GateStatus)> {
        let gates = [&self.pooled, &self.writer].into_iter().flatten();
        let looked = gates.map(|gate| {
            let (status, answered) = gate.status(now);
            self.earned(now, answered);
            (gate.role, status)
        });
        looked.collect()
    }

    /// Since when writes are refused, when the next one is tried, and why.
    pub(crate) fn writes_stopped(&self, now: Instant) -> Option<(Duration, Duration, Error)> {
        self.writes.status(now)
    }

    /// How many retries are left at this moment, after faults.
    pub(crate) fn retries_left(&self, now: Instant) -> u64 {
        lock(&self.budget).left(now)
    }
}

fn lock(budget: &Mutex<Budget>) -> MutexGuard<'_, Budget> {
    // The state is consistent between any two statements, so a panic elsewhere changes nothing.
    budget.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call that was let through. Dropping it gives its place back, and says nothing of the database.
#[derive(Debug)]
#[must_use = "an admission that is dropped at once lets nobody else in"]
pub(crate) struct Admission<'a> {
    guards: &'a Guards,
    access: Access,
    passed: Passed,
    /// `None` without a breaker, and once the call has ended.
    ticket: Option<Ticket>,
}

impl Admission<'_> {
    /// The call ended now, after the database had worked for so long.
    pub(crate) fn ended(mut self, now: Instant, took: Duration, error: Option<&Error>) {
        let guards = self.guards;
        if let (Some(ticket), Some(gate)) = (self.ticket.take(), guards.gate(self.access)) {
            let sample = match error {
                None if took < guards.options.slow_call => Sample::Answered,
                None => Sample::Slow,
                Some(error) => sample(error, took, guards.options.slow_call),
            };
            let answered = gate.record(now, ticket, sample, error, || guards.entropy.unit());
            guards.earned(now, answered);
        } else if error.is_none() {
            guards.earned(now, 1);
        }
        let passed = std::mem::replace(&mut self.passed, Passed::Freely);
        match error {
            None => guards.writes.written(now, passed),
            Some(error) if error.is_state_of_server() && self.may_write() => {
                let unit = guards.entropy.unit();
                guards.writes.refused(now, passed, error, unit);
            }
            Some(_) => guards.writes.released(passed),
        }
    }

    /// The call succeeds or fails without having written: as a probe for whether the database takes
    /// writes again, it tells nothing.
    pub(crate) fn wrote_nothing(&mut self) {
        let passed = std::mem::replace(&mut self.passed, Passed::Freely);
        self.guards.writes.released(passed);
    }

    /// Whether it went to a connection that can write.
    fn may_write(&self) -> bool {
        match self.access {
            Access::Read => false,
            Access::Write => true,
            Access::Unknown => !self.guards.has_writer,
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if let (Some(ticket), Some(gate)) = (self.ticket, self.guards.gate(self.access)) {
            gate.release(ticket);
        }
        self.guards.writes.released(self.passed);
    }
}

/// A caller that gave up after this time has waited long enough to blame the database.
const PATIENT: Duration = Duration::from_secs(1);

/// What a failed call says of the database.
///
/// Only what the infrastructure does counts as failed. A refusal of the statement is an answer like
/// any other, also when it was a conflict that took its time. A time-out of the pool, or a refusal
/// because too many wait for it, tells of callers that hold connections for too long: the database
/// may be in the best of health, and refusing everybody would not give one connection back. A
/// deadline that passed soon tells of an impatient caller.
fn sample(error: &Error, took: Duration, slow_call: Duration) -> Sample {
    use ErrorKind as Kind;
    let answered = match error.kind() {
        Kind::Unreachable
        | Kind::ConnectionLost
        | Kind::TooManyConnections
        | Kind::CommitUnknown => return Sample::Failed,
        Kind::Deadline if took >= PATIENT => return Sample::Slow,
        Kind::WriteConflict => return Sample::Answered,
        // Made on this side of the connection.
        Kind::Closed
        | Kind::PoolTimeout
        | Kind::Overloaded
        | Kind::Deadline
        | Kind::CircuitOpen
        | Kind::TransactionClosed
        | Kind::Validation
        | Kind::Configuration
        | Kind::BackupDamaged
        | Kind::BackupRefused
        | Kind::BackupTarget
        | Kind::Unsupported
        | Kind::CredentialsRefused
        | Kind::Tls
        | Kind::Unexpected => Sample::Nothing,
        Kind::Duplicate
        | Kind::NotFound
        | Kind::ForeignKey
        | Kind::NotNull
        | Kind::Check
        | Kind::ValueTooLong
        | Kind::OutOfRange
        | Kind::InvalidValue
        | Kind::MissingValue
        | Kind::TableMissing
        | Kind::ColumnMissing
        | Kind::AccessDenied
        | Kind::DatabaseMissing
        | Kind::DatabaseExists
        | Kind::ReadOnly
        | Kind::DiskFull
        | Kind::Corrupt
        | Kind::Decode
        | Kind::Database
        | Kind::Unknown => Sample::Answered,
    };
    if took >= slow_call {
        Sample::Slow
    } else {
        answered
    }
}
