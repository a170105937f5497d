//! The circuit breaker of one role, shared by all calls of the handle.
//!
//! In the usual state, closed and everything answered, a call reads one atomic and counts itself in
//! another. The lock is taken when something fails, when the breaker is not closed, and once for
//! each piece of the breaker's window.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};
use crate::observe;
use crate::resilience::breaker::{Breaker, Options, Sample, State, Ticket};

/// Which connections a breaker watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// All: the pool's connections read and write.
    All,
    /// Those that read.
    Reader,
    /// The engine's only writer.
    Writer,
}

impl Role {
    /// The name in logs, metrics and health reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Reader => "reader",
            Self::Writer => "writer",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Gate {
    pub(super) role: Role,
    /// The breaker's phase, doubled, and one more unless it is closed.
    word: AtomicU64,
    /// Calls answered since the last look at the breaker.
    answered: AtomicU64,
    /// Until when they may be counted together, in nanoseconds since `origin`.
    together_until: AtomicU64,
    origin: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    breaker: Breaker,
    /// Over which time it counts.
    window: Duration,
    state: State,
    since: Instant,
    /// The last failure and its moment, for those who are refused.
    last: Option<(Instant, Error)>,
    /// The service has not answered yet, so that there is no saying how long it will not.
    unseen: bool,
}

impl Inner {
    fn last_error(&self) -> Option<Error> {
        self.last.as_ref().map(|(_, error)| error.clone())
    }
}

/// What a breaker says of itself at a moment.
#[derive(Debug, Clone)]
pub(crate) struct GateStatus {
    pub(crate) state: State,
    pub(crate) since: Duration,
    pub(crate) again: Option<Duration>,
    pub(crate) rates: Option<(f64, f64)>,
    pub(crate) last: Option<Error>,
}

impl Gate {
    pub(super) fn new(role: Role, options: Options, now: Instant) -> Self {
        let breaker = Breaker::new(options, now);
        let gate = Self {
            role,
            word: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            together_until: AtomicU64::new(0),
            origin: now,
            inner: Mutex::new(Inner {
                breaker,
                window: options.window,
                state: State::Closed,
                since: now,
                last: None,
                unseen: false,
            }),
        };
        gate.publish(&mut gate.lock());
        gate
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The state is consistent between any two statements, so a panic elsewhere changes nothing.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nanos(&self, at: Instant) -> u64 {
        let passed = at.saturating_duration_since(self.origin).as_nanos();
        u64::try_from(passed).unwrap_or(u64::MAX)
    }

    /// Lets a call through, or says why not.
    pub(super) fn admit(&self) -> Result<Ticket, Error> {
        let word = self.word.load(Ordering::Acquire);
        if word & 1 == 0 {
            return Ok(Ticket::of_phase(word >> 1));
        }
        let now = Instant::now();
        let mut inner = self.lock();
        let admitted = inner.breaker.admit(now);
        let changed = self.settle(&mut inner, now);
        let result = admitted.map_err(|after| self.refusal(&inner, now, after));
        drop(inner);
        self.tell(changed);
        result
    }

    /// A call has ended. Returns how many answered calls that makes since this was last asked.
    pub(super) fn record(
        &self,
        now: Instant,
        ticket: Ticket,
        sample: Sample,
        error: Option<&Error>,
        unit: impl FnOnce() -> f64,
    ) -> u64 {
        let is_usual = sample == Sample::Answered
            && self.word.load(Ordering::Acquire) & 1 == 0
            && self.nanos(now) < self.together_until.load(Ordering::Acquire);
        if is_usual {
            self.answered.fetch_add(1, Ordering::Relaxed);
            return 0;
        }
        let unit = match sample {
            Sample::Answered | Sample::Nothing => 0.0,
            Sample::Slow | Sample::Failed => unit(),
        };
        let mut inner = self.lock();
        let answered = self.answered.swap(0, Ordering::Relaxed);
        // They ended before this moment, and within the piece of the window that is filled now.
        let then = now.min(inner.breaker.window_ends() - Duration::from_nanos(1));
        inner.breaker.record_answered(then, answered);
        inner.breaker.record(now, ticket, sample, unit);
        if let (Sample::Failed | Sample::Slow, Some(error)) = (sample, error) {
            inner.last = Some((now, error.clone()));
        }
        let changed = self.settle(&mut inner, now);
        drop(inner);
        self.tell(changed);
        answered + u64::from(sample == Sample::Answered)
    }

    /// A call was dropped.
    pub(super) fn release(&self, ticket: Ticket) {
        if ticket.has_place() {
            self.lock().breaker.release(ticket);
        }
    }

    /// Opens it before its first call: the service does not answer.
    pub(super) fn start_open(&self, now: Instant, error: &Error, unit: f64) {
        let mut inner = self.lock();
        inner.breaker.trip(now, unit);
        inner.last = Some((now, error.clone()));
        inner.unseen = true;
        let changed = self.settle(&mut inner, now);
        drop(inner);
        self.tell(changed);
    }

    /// For how long it has not been closed. For ever, when it never was.
    pub(super) fn trouble_for(&self, now: Instant) -> Option<Duration> {
        let inner = self.lock();
        let since = inner.breaker.trouble_since()?;
        if inner.unseen {
            return Some(Duration::MAX);
        }
        Some(now.saturating_duration_since(since))
    }

    /// What it does, and how many calls were answered since this was last asked.
    pub(super) fn status(&self, now: Instant) -> (GateStatus, u64) {
        let mut inner = self.lock();
        let answered = self.answered.swap(0, Ordering::Relaxed);
        let then = now.min(inner.breaker.window_ends() - Duration::from_nanos(1));
        inner.breaker.record_answered(then, answered);
        let changed = self.settle(&mut inner, now);
        let again = inner.breaker.open_until();
        let status = GateStatus {
            state: inner.state,
            since: now.saturating_duration_since(inner.since),
            again: again.map(|until| until.saturating_duration_since(now)),
            rates: inner.breaker.rates(now),
            last: inner.last_error(),
        };
        drop(inner);
        self.tell(changed);
        (status, answered)
    }

    /// Notes a change of state, and returns it.
    fn settle(&self, inner: &mut Inner, now: Instant) -> Option<(State, State, Option<Error>)> {
        let state = inner.breaker.state(now);
        self.publish(inner);
        if state == inner.state {
            return None;
        }
        let before = std::mem::replace(&mut inner.state, state);
        inner.since = now;
        if state == State::Closed {
            inner.last = None;
            inner.unseen = false;
        }
        // What failed long before the trouble is not what it comes of.
        let window = inner.window;
        inner
            .last
            .take_if(|(at, _)| before == State::Closed && now > *at + window);
        Some((before, state, inner.last_error()))
    }

    /// What calls read without the lock.
    fn publish(&self, inner: &mut Inner) {
        let engaged = u64::from(inner.breaker.trouble_since().is_some());
        let word = inner.breaker.phase() << 1 | engaged;
        self.word.store(word, Ordering::Release);
        let ends = self.nanos(inner.breaker.window_ends());
        self.together_until.store(ends, Ordering::Release);
    }

    fn tell(&self, changed: Option<(State, State, Option<Error>)>) {
        if let Some((before, after, last)) = changed {
            observe::breaker(self.role.as_str(), before, after, last.as_ref());
        }
    }

    fn refusal(&self, inner: &Inner, now: Instant, after: Duration) -> Error {
        let since = inner.breaker.trouble_since().unwrap_or(now);
        let trouble = now.saturating_duration_since(since);
        let mut detail = format!(
            "the circuit breaker (role: {}) is {}, and the database has been in trouble for \
             {trouble:.1?}",
            self.role.as_str(),
            inner.state.as_str(),
        );
        let last = inner.last_error();
        if let Some(last) = &last {
            detail.push_str(&format!("; last: {last}"));
        }
        let error = Error::new(ErrorKind::CircuitOpen, detail)
            .with_hint("nothing was sent; see the last failure, and come back after Retry-After")
            .with_retry_after(after.max(Duration::from_millis(1)));
        match last {
            Some(last) => error.with_source(last),
            None => error,
        }
    }
}
