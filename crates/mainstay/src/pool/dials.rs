//! The state of opening connections: which are under way, what failed, when to try again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::status::{DialFailures, Dialling};
use crate::driver::DialProgress;
use crate::error::Error;
use crate::resilience::backoff::Backoff;

/// The pauses between attempts while they fail. The cap keeps the return of the server from being
/// noticed late; the jitter keeps many processes from knocking together.
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(50),
    cap: Duration::from_secs(1),
};

/// The most connections that are being opened at the same time. A server that has just started
/// is not helped by all of its clients signing in at once.
pub(super) const AT_ONCE: usize = 8;

/// The number of an attempt.
pub(super) type DialId = u64;

/// A connection that is to be opened.
pub(super) struct Dial {
    pub(super) id: DialId,
    pub(super) started: Instant,
    pub(super) progress: Arc<DialProgress>,
}

/// Attempts that have failed without one that succeeded in between.
#[derive(Debug, Clone)]
struct Failing {
    since: Instant,
    count: u32,
    /// Attempts under way at the same time count as one.
    rounds: u32,
}

#[derive(Default)]
pub(super) struct Dials {
    underway: Vec<(DialId, Instant, Arc<DialProgress>)>,
    next: DialId,
    failing: Option<Failing>,
    /// The newest failure, also after a success.
    last: Option<(Instant, Error)>,
    not_before: Option<Instant>,
    /// A task waits for the moment of the next attempt.
    pub(super) retry_pending: bool,
    pub(super) failed_total: u64,
    /// The same, where attempts under way at the same time count as one.
    pub(super) failed_rounds: u64,
}

impl Dials {
    pub(super) fn start(&mut self, now: Instant) -> Dial {
        self.next += 1;
        let progress = Arc::new(DialProgress::new(now));
        self.underway.push((self.next, now, Arc::clone(&progress)));
        Dial {
            id: self.next,
            started: now,
            progress,
        }
    }

    pub(super) fn end(&mut self, id: DialId) {
        self.underway.retain(|(known, ..)| *known != id);
    }

    pub(super) fn underway(&self) -> usize {
        self.underway.len()
    }

    pub(super) fn succeeded(&mut self) {
        self.failing = None;
        self.not_before = None;
    }

    /// Notes a failure. `unit` is random, 0 to 1.
    pub(super) fn failed(&mut self, started: Instant, now: Instant, error: Error, unit: f64) {
        let last = self.last.as_ref().map(|(at, _)| *at);
        let failing = self.failing.get_or_insert(Failing {
            since: now,
            count: 0,
            rounds: 0,
        });
        failing.count = failing.count.saturating_add(1);
        if failing.rounds == 0 || last.is_none_or(|last| started >= last) {
            failing.rounds = failing.rounds.saturating_add(1);
            self.failed_rounds += 1;
            // At least half of the pause: an attempt takes the server's time, too.
            let pause = BACKOFF.delay(failing.rounds, 0.5 + 0.5 * unit);
            self.not_before = Some(now + pause);
        }
        self.failed_total += 1;
        self.last = Some((now, error));
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    /// How many may be under way now: one while attempts fail.
    pub(super) fn room(&self) -> usize {
        let most = if self.failing.is_some() { 1 } else { AT_ONCE };
        most.saturating_sub(self.underway.len())
    }

    /// The moment to wait for before the next attempt, if it is still to come.
    pub(super) fn wait_until(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|at| *at > now)
    }

    /// The newest error, with what is known of those before it.
    pub(super) fn explained(&self, now: Instant) -> Option<Error> {
        let (_, error) = self.last.as_ref()?;
        let failing = self.failing.as_ref()?;
        if failing.count < 2 {
            return Some(error.clone());
        }
        let error = error.clone().with_more(&format!(
            "{} attempts in a row have failed since {:.1?} ago",
            failing.count,
            now.saturating_duration_since(failing.since)
        ));
        let pause = self
            .wait_until(now)
            .map(|at| at.saturating_duration_since(now));
        Some(error.with_retry_after(pause.unwrap_or_default().max(Duration::from_secs(1))))
    }

    pub(super) fn dialling(&self, now: Instant) -> Vec<Dialling> {
        self.underway
            .iter()
            .map(|(_, since, progress)| {
                let (step, step_since) = progress.current();
                Dialling {
                    elapsed: now.saturating_duration_since(*since),
                    step,
                    in_step: now.saturating_duration_since(step_since),
                }
            })
            .collect()
    }

    pub(super) fn failures(&self, now: Instant) -> Option<DialFailures> {
        let (at, error) = self.last.as_ref()?;
        Some(DialFailures {
            error: error.clone(),
            ago: now.saturating_duration_since(*at),
            in_a_row: self.failing.as_ref().map_or(0, |failing| failing.count),
            failing_for: self
                .failing
                .as_ref()
                .map(|failing| now.saturating_duration_since(failing.since)),
        })
    }
}
