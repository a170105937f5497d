//! What all handles and guards of a pool share.

use std::collections::{HashMap, VecDeque};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::options::PoolOptions;
use super::status::{Holder, PoolStatus};
use crate::clock;
use crate::driver::{Connection, Driver};
use crate::entropy::Entropy;

/// A connection that nobody uses.
pub(super) struct Idle {
    pub(super) connection: Box<dyn Connection>,
    pub(super) born: Instant,
    pub(super) expires: Instant,
    pub(super) since: Instant,
}

impl Idle {
    pub(super) fn is_expired(&self, now: Instant) -> bool {
        now >= self.expires
    }
}

/// A loan, as the list of holders knows it.
struct Loan {
    site: &'static Location<'static>,
    since: Instant,
    statement: Option<Arc<str>>,
}

pub(super) struct Shared {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) waiting: AtomicUsize,
    pub(super) open: AtomicUsize,
    pub(super) opened: AtomicU64,
    pub(super) timeouts: AtomicU64,
    pub(super) returned: Notify,
    entropy: Arc<dyn Entropy>,
    closed: AtomicBool,
    /// Permits to take away as they come back, after the pool was made smaller.
    surplus: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    options: PoolOptions,
    idle: VecDeque<Idle>,
    loans: HashMap<u64, Loan>,
    next_loan: u64,
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
        options.max = options.max.clamp(1, Semaphore::MAX_PERMITS);
        options.min = options.min.min(options.max);
        Self {
            driver,
            permits: Arc::new(Semaphore::new(options.max)),
            waiting: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            opened: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            returned: Notify::new(),
            entropy,
            closed: AtomicBool::new(false),
            surplus: AtomicUsize::new(0),
            state: Mutex::new(State {
                options,
                idle: VecDeque::new(),
                loans: HashMap::new(),
                next_loan: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements, so a panic elsewhere changes nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn options(&self) -> PoolOptions {
        self.state().options.clone()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn close_to_callers(&self) {
        {
            // Under the lock, so that nothing is given back after this.
            let _state = self.state();
            self.closed.store(true, Ordering::Release);
        }
        self.permits.close();
    }

    /// The most recently used connection: the others age and are retired.
    pub(super) fn pop_idle(&self) -> Option<Idle> {
        self.state().idle.pop_back()
    }

    /// Takes a connection back, or closes it when the pool is closed.
    pub(super) fn give_back(&self, idle: Idle) {
        let mut state = self.state();
        if self.is_closed() {
            drop(state);
            self.discard(idle.connection);
        } else {
            state.idle.push_back(idle);
        }
    }

    /// Closes idle connections, the longest idle first, while there are more than the pool's size.
    pub(super) fn close_surplus(&self) {
        let mut surplus = Vec::new();
        {
            let mut state = self.state();
            let open = self.open.load(Ordering::Acquire);
            while open > state.options.max + surplus.len() {
                let Some(idle) = state.idle.pop_front() else {
                    break;
                };
                surplus.push(idle);
            }
        }
        for idle in surplus {
            self.discard(idle.connection);
        }
    }

    /// Takes out the idle connections that are too old, and those idle too long beyond the
    /// minimum.
    pub(super) fn take_retired(&self, now: Instant) -> Vec<Idle> {
        let mut state = self.state();
        let options = state.options.clone();
        let mut spare = self
            .open
            .load(Ordering::Acquire)
            .saturating_sub(options.min);
        let mut kept = VecDeque::with_capacity(state.idle.len());
        let mut retired = Vec::new();
        for idle in state.idle.drain(..) {
            let too_long = now.saturating_duration_since(idle.since) >= options.idle;
            if idle.connection.is_broken() || idle.is_expired(now) {
                retired.push(idle);
            } else if spare > 0 && too_long {
                spare -= 1;
                retired.push(idle);
            } else {
                kept.push_back(idle);
            }
        }
        state.idle = kept;
        retired
    }

    /// When a connection made now was born and is to be replaced.
    pub(super) fn lifetime(&self, options: &PoolOptions) -> (Instant, Instant) {
        let born = Instant::now();
        let jitter = options.lifetime_jitter.clamp(0.0, 1.0) * self.entropy.unit();
        let lifetime = options.lifetime.as_secs_f64() * (1.0 - jitter);
        let lifetime = Duration::try_from_secs_f64(lifetime).unwrap_or(options.lifetime);
        (born, clock::after(lifetime))
    }

    pub(super) fn jitter(&self) -> f64 {
        self.entropy.unit()
    }

    /// Closes a connection in the background.
    pub(super) fn discard(&self, connection: Box<dyn Connection>) {
        self.forget_one();
        close_in_background(connection);
    }

    /// One open connection less.
    pub(super) fn forget_one(&self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
        self.returned.notify_waiters();
    }

    pub(super) fn lend(&self, site: &'static Location<'static>) -> u64 {
        let mut state = self.state();
        let loan = state.next_loan;
        state.next_loan += 1;
        state.loans.insert(
            loan,
            Loan {
                site,
                since: Instant::now(),
                statement: None,
            },
        );
        loan
    }

    pub(super) fn note_statement(&self, loan: u64, statement: Option<Arc<str>>) {
        if let Some(loan) = self.state().loans.get_mut(&loan) {
            loan.statement = statement;
        }
    }

    pub(super) fn end_loan(&self, loan: u64) {
        self.state().loans.remove(&loan);
    }

    pub(super) fn resize(&self, max: usize, min: usize) {
        let max = max.clamp(1, Semaphore::MAX_PERMITS);
        {
            // Two at once would count from the same size, so the permits change under the lock.
            let mut state = self.state();
            let before = state.options.max;
            state.options.max = max;
            state.options.min = min.min(max);
            if max > before {
                // Permits still owed from an earlier shrink are forgiven first.
                let forgiven = self.pay_surplus(max - before);
                self.permits.add_permits(max - before - forgiven);
            } else {
                let taken = self.permits.forget_permits(before - max);
                self.surplus
                    .fetch_add(before - max - taken, Ordering::AcqRel);
            }
        }
        self.close_surplus();
    }

    /// Lowers the surplus by up to `most`, and says by how much.
    pub(super) fn pay_surplus(&self, most: usize) -> usize {
        let mut paid = 0;
        let _ = self
            .surplus
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |owed| {
                paid = owed.min(most);
                Some(owed - paid)
            });
        paid
    }

    pub(super) fn status(&self) -> PoolStatus {
        let state = self.state();
        let mut holders: Vec<_> = state
            .loans
            .values()
            .map(|loan| Holder {
                site: loan.site,
                held: loan.since.elapsed(),
                statement: loan.statement.clone(),
            })
            .collect();
        holders.sort_by_key(|holder| std::cmp::Reverse(holder.held));
        PoolStatus {
            max: state.options.max,
            min: state.options.min,
            open: self.open.load(Ordering::Acquire),
            idle: state.idle.len(),
            waiting: self.waiting.load(Ordering::Acquire),
            opened_total: self.opened.load(Ordering::Relaxed),
            timeouts_total: self.timeouts.load(Ordering::Relaxed),
            holders,
        }
    }
}

/// Closes a connection on a task of its own; without a runtime it is just dropped, which the
/// server notices.
pub(super) fn close_in_background(connection: Box<dyn Connection>) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(connection.close());
    }
}

/// Counts one while it lives.
pub(super) struct CountGuard<'a>(&'a AtomicUsize);

impl<'a> CountGuard<'a> {
    pub(super) fn new(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::AcqRel);
        Self(counter)
    }
}

impl Drop for CountGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Counts a connection as open while it is being made, and afterwards if it is kept.
pub(super) struct OpenCount {
    shared: Option<Arc<Shared>>,
}

impl OpenCount {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::AcqRel);
        Self {
            shared: Some(shared),
        }
    }

    pub(super) fn keep(mut self) {
        self.shared = None;
    }
}

impl Drop for OpenCount {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.forget_one();
        }
    }
}
