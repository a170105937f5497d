//! What all handles and guards of a pool share.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::closed;
use super::dials::Dial;
use super::guard::PoolGuard;
use super::loans::{LoanId, Note};
use super::options::PoolOptions;
use super::place::Place;
use super::queue::Grant;
use super::state::{Idle, Plan, Role, State};
use super::status::PoolStatus;
use super::tasks;
use crate::clock;
use crate::driver::{Connection, Driver};
use crate::entropy::Entropy;
use crate::error::{Error, ErrorKind, Result};

/// The longest time for closing a connection. A server that has not answered by then is left to
/// notice by itself.
const GOODBYE: Duration = Duration::from_secs(5);

pub(super) struct Shared {
    pub(super) driver: Arc<dyn Driver>,
    /// A place has become free, for whoever closes the pool.
    pub(super) returned: Notify,
    /// An attempt to open a connection has come to its end, for whoever warms the pool.
    pub(super) dialled: Notify,
    /// The pool was closed, for its own tasks.
    pub(super) ended: Notify,
    /// Connections that have left the pool and are not closed yet.
    closing: AtomicUsize,
    /// Those of them that are being closed now.
    goodbyes: AtomicUsize,
    entropy: Arc<dyn Entropy>,
    closed: AtomicBool,
    /// Where tasks run that are started outside of any runtime.
    runtime: Option<Handle>,
    state: Mutex<State>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(
        driver: Arc<dyn Driver>,
        mut options: PoolOptions,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        options.max = options.max.max(1);
        options.min = options.min.min(options.max);
        Self {
            driver,
            returned: Notify::new(),
            dialled: Notify::new(),
            ended: Notify::new(),
            closing: AtomicUsize::new(0),
            goodbyes: AtomicUsize::new(0),
            entropy,
            closed: AtomicBool::new(false),
            runtime: Handle::try_current().ok(),
            state: Mutex::new(State::new(options, Instant::now())),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements, so a panic elsewhere changes nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn options(&self) -> PoolOptions {
        self.state().options
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Refuses callers from now on, those in the queue included.
    pub(super) fn close_to_callers(&self) {
        {
            let mut state = self.state();
            state.closed = true;
            state.queue.clear();
            self.closed.store(true, Ordering::Release);
        }
        self.ended.notify_waiters();
        self.dialled.notify_waiters();
    }

    /// Lends the most recently used connection, if nobody waits before the caller and it is known
    /// to work. One look under the lock: every call passes here.
    pub(super) fn take(
        &self,
        site: &'static Location<'static>,
        now: Instant,
        until: Instant,
    ) -> Result<Option<(Idle, LoanId)>> {
        let mut state = self.state();
        if state.closed {
            return Err(closed());
        }
        if !state.queue.is_empty() {
            return Ok(None);
        }
        match state.idle.pop_back() {
            Some(idle) if state.is_sure(&idle, now) => {
                let note = Arc::clone(&idle.note);
                let loan = state.loans.start(site, now, until, note);
                Ok(Some((idle, loan)))
            }
            Some(unsure) => {
                state.idle.push_back(unsure);
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Takes a connection back: the caller who waits longest gets it.
    pub(super) fn give_back(self: &Arc<Self>, role: Role, idle: Idle, now: Instant) {
        let mut state = self.state();
        if is_reclaimed(role, &idle.note) {
            drop(state);
            self.close_reclaimed(idle.connection);
            return;
        }
        state.end(role);
        if !state.has_room() {
            state.forget(false, now);
            drop(state);
            self.close(idle.connection);
            self.returned.notify_waiters();
            return;
        }
        // Nothing but a loan came to its end, and nobody waits: the usual case.
        let usual = matches!(role, Role::Lent(_)) && state.queue.is_empty();
        if usual {
            state.idle.push_back(idle);
            return;
        }
        // What has worked just now is lent even where every idle connection is to be asked.
        let handover = if idle.proven >= now || state.is_sure(&idle, now) {
            match state.hand_over(idle, now) {
                Ok(handover) => Some(handover),
                Err(idle) => {
                    state.idle.push_back(idle);
                    None
                }
            }
        } else {
            state.idle.push_back(idle);
            None
        };
        let mut plan = match (&handover, role) {
            (Some(_), Role::Lent(_)) => Plan::default(),
            _ => state.plan(now),
        };
        drop(state);
        plan.lend.extend(handover);
        self.carry_out(plan);
    }

    /// Takes back the place of a connection that is not to be used any more.
    pub(super) fn give_up(self: &Arc<Self>, role: Role, gone: Option<Idle>, broken: bool) {
        let now = Instant::now();
        let mut state = self.state();
        if let Some(idle) = gone.as_ref()
            && is_reclaimed(role, &idle.note)
        {
            drop(state);
            gone.into_iter()
                .for_each(|idle| self.close_reclaimed(idle.connection));
            return;
        }
        state.release(role, broken, now);
        let mut plan = state.plan(now);
        drop(state);
        plan.close.extend(gone.map(|idle| idle.connection));
        self.carry_out(plan);
        self.returned.notify_waiters();
        if matches!(role, Role::Dialling(_)) {
            self.dialled.notify_waiters();
        }
    }

    /// Takes back the place of a task that was dropped before its end. What is to be done next is
    /// left to the caller who waits longest: this runtime may be the one that ends.
    pub(super) fn abandon(&self, role: Role) {
        let (now, unit) = (Instant::now(), self.entropy.unit());
        let mut hopeless = Vec::new();
        {
            let mut state = self.state();
            state.release(role, true, now);
            // At once again, it would most probably end the same way.
            if matches!(role, Role::Dialling(_)) && std::thread::panicking() {
                let error = Error::new(ErrorKind::Unexpected, "opening a connection has panicked");
                hopeless = state.dial_failed(now, now, error, unit);
            }
            state.note_phase(now);
        }
        for (sender, error) in hopeless {
            let _ = sender.send(Grant::Failed(error));
        }
        self.returned.notify_waiters();
        self.dialled.notify_waiters();
        self.nudge();
    }

    /// Has the caller who waits longest look again.
    pub(super) fn nudge(&self) {
        loop {
            let Some(waiter) = self.state().queue.pop() else {
                return;
            };
            if waiter.sender.send(Grant::Again).is_ok() {
                return;
            }
        }
    }

    /// A loan turns into a recovery. False when the connection was taken back.
    pub(super) fn start_recovery(&self, role: Role, note: &Note) -> bool {
        let mut state = self.state();
        if is_reclaimed(role, note) {
            return false;
        }
        state.end(role);
        state.recovering += 1;
        state.note_phase(Instant::now());
        true
    }

    /// A connection was opened.
    pub(super) fn opened(self: &Arc<Self>, dial: &Dial, connection: Box<dyn Connection>) {
        let now = Instant::now();
        let idle = self.newborn(connection, now);
        {
            let mut state = self.state();
            state.totals.opened += 1;
            state.dials.succeeded();
        }
        self.give_back(Role::Dialling(dial.id), idle, now);
        self.dialled.notify_waiters();
    }

    /// Opening a connection has failed.
    pub(super) fn not_opened(self: &Arc<Self>, dial: &Dial, error: Error) {
        let (now, unit) = (Instant::now(), self.entropy.unit());
        let mut state = self.state();
        state.release(Role::Dialling(dial.id), false, now);
        let failed = state.dial_failed(dial.started, now, error, unit);
        let mut plan = state.plan(now);
        drop(state);
        plan.fail = failed;
        self.carry_out(plan);
        self.returned.notify_waiters();
        self.dialled.notify_waiters();
    }

    /// A connection that was made now, and when it is to be replaced.
    fn newborn(&self, connection: Box<dyn Connection>, now: Instant) -> Idle {
        let options = self.options();
        let jitter = options.lifetime_jitter.clamp(0.0, 1.0) * self.entropy.unit();
        let lifetime = options.lifetime.as_secs_f64() * (1.0 - jitter);
        let lifetime = Duration::try_from_secs_f64(lifetime).unwrap_or(options.lifetime);
        let note = Arc::new(Note::new(connection.kill_switch()));
        Idle {
            connection,
            expires: clock::after(lifetime),
            since: now,
            proven: now,
            note,
        }
    }

    /// Looks at what is to be done, and does it.
    pub(super) fn tend(self: &Arc<Self>) {
        let plan = self.state().plan(Instant::now());
        self.carry_out(plan);
    }

    pub(super) fn carry_out(self: &Arc<Self>, plan: Plan) {
        for connection in plan.close {
            self.close(connection);
        }
        for (sender, idle, loan) in plan.lend {
            let place = Place::new(Arc::clone(self), Role::Lent(loan));
            // Until the caller's task has its turn, time passes.
            let guard = PoolGuard::new(place, idle, None);
            // Where the caller has gone, the guard in the answer gives the connection back.
            let _ = sender.send(Grant::Lent(guard));
        }
        for (sender, error) in plan.fail {
            let _ = sender.send(Grant::Failed(error));
        }
        for idle in plan.check {
            let place = Place::new(Arc::clone(self), Role::Checking);
            self.spawn(tasks::check(place, idle));
        }
        for dial in plan.dial {
            let place = Place::new(Arc::clone(self), Role::Dialling(dial.id));
            self.spawn(tasks::dial(place, dial));
        }
        if let Some(at) = plan.retry {
            self.spawn(tasks::retry(tasks::Retry::new(self), at));
        }
    }

    /// Starts a task of the pool. Without a runtime it is dropped, which its place notices.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match Handle::try_current()
            .ok()
            .as_ref()
            .or(self.runtime.as_ref())
        {
            Some(runtime) => drop(runtime.spawn(task)),
            None => drop(task),
        }
    }

    /// Closes a connection in the background; without a runtime it is just dropped, which the
    /// server notices.
    pub(super) fn close(self: &Arc<Self>, connection: Box<dyn Connection>) {
        let closing = Closing::new(Arc::clone(self));
        let goodbye = Goodbye::new(Arc::clone(self));
        self.spawn(async move {
            let _ = timeout(GOODBYE, connection.close()).await;
            drop(closing);
            drop(goodbye);
        });
    }

    /// How many connections are being closed now.
    pub(super) fn goodbyes(&self) -> usize {
        self.goodbyes.load(Ordering::Acquire)
    }

    /// Counts a connection as leaving the pool without having left it.
    pub(super) fn one_closing(&self) {
        self.closing.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn one_closed(&self) {
        self.closing.fetch_sub(1, Ordering::AcqRel);
    }

    fn close_reclaimed(self: &Arc<Self>, connection: Box<dyn Connection>) {
        self.close(connection);
        self.one_closed();
    }

    pub(super) fn resize(self: &Arc<Self>, max: usize, min: usize) {
        let now = Instant::now();
        let max = max.max(1);
        let mut state = self.state();
        state.options.max = max;
        state.options.min = min.min(max);
        let mut plan = state.plan(now);
        state.close_surplus(now, &mut plan);
        drop(state);
        self.carry_out(plan);
    }

    pub(super) fn status(&self) -> PoolStatus {
        let now = Instant::now();
        let state = self.state();
        PoolStatus {
            max: state.options.max,
            min: state.options.min,
            open: state.open,
            idle: state.idle.len(),
            waiting: state.queue.len(),
            dialling: state.dials.dialling(now),
            checking: state.checking,
            recovering: state.recovering,
            closing: self.closing.load(Ordering::Acquire),
            shedding: state.shedding.is_shedding(now),
            last_dial_failure: state.dials.failures(now),
            opened_total: state.totals.opened,
            closed_total: state.totals.closed,
            broken_total: state.totals.broken,
            dial_failures_total: state.dials.failed_total,
            timeouts_total: state.totals.timeouts,
            shed_total: state.totals.shed,
            leaks_total: state.totals.leaks,
            reclaimed_total: state.totals.reclaimed,
            holders: state.loans.holders(now),
        }
    }
}

/// Whether the pool has given the place of this loan to others.
fn is_reclaimed(role: Role, note: &Note) -> bool {
    matches!(role, Role::Lent(_)) && note.is_reclaimed()
}

/// A connection is being closed while it lives.
struct Goodbye(Arc<Shared>);

impl Goodbye {
    fn new(shared: Arc<Shared>) -> Self {
        shared.goodbyes.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for Goodbye {
    fn drop(&mut self) {
        self.0.goodbyes.fetch_sub(1, Ordering::AcqRel);
        self.0.returned.notify_waiters();
    }
}

/// Counts a connection as closing while it lives.
pub(super) struct Closing(Arc<Shared>);

impl Closing {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.one_closing();
        Self(shared)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.one_closed();
    }
}
