//! What can be set about retries, the circuit breaker and slow statements.

use std::time::Duration;

use crate::clock::FAR;
use crate::resilience::{breaker, budget, retry, write_stop};

/// How a handle behaves when the database is in trouble.
#[derive(Debug, Clone, PartialEq)]
pub struct Resilience {
    /// Whether anything is tried again. A call can refuse it for itself with `no_retry()`.
    pub retry: bool,
    /// How often and how soon.
    pub policy: retry::Policy,
    /// How much in all, after faults of connections and servers.
    pub budget: budget::Options,
    /// How much in all, after conflicts between callers, which are part of normal work.
    pub conflict_budget: budget::Options,
    /// For how long of an outage calls wait for the circuit breaker, within their deadlines. From
    /// then on they are refused at once.
    pub patience: Duration,
    /// When the circuit breaker opens and closes. `None` switches it off.
    pub breaker: Option<breaker::Options>,
    /// From when on an answer counts as slow for the circuit breaker. A call that is given up at
    /// its deadline does so after a second.
    pub slow_call: Duration,
    /// How long writes are refused after the database has said that it takes none.
    pub write_stop: write_stop::Options,
    /// From when on a statement is logged as slow.
    pub slow_after: Duration,
}

impl Resilience {
    /// The same, with times that can be added to an instant.
    pub(super) fn countable(mut self) -> Self {
        let clamp = |time: &mut Duration| *time = (*time).min(FAR);
        for backoff in [&mut self.policy.conflict, &mut self.policy.outage] {
            clamp(&mut backoff.base);
            clamp(&mut backoff.cap);
        }
        for budget in [&mut self.budget, &mut self.conflict_budget] {
            clamp(&mut budget.window);
        }
        if let Some(breaker) = &mut self.breaker {
            clamp(&mut breaker.window);
            clamp(&mut breaker.open);
            clamp(&mut breaker.open_cap);
            clamp(&mut breaker.probe_limit);
            clamp(&mut breaker.ramp);
        }
        clamp(&mut self.write_stop.stop);
        clamp(&mut self.write_stop.cap);
        clamp(&mut self.write_stop.probe_limit);
        self
    }
}

impl Default for Resilience {
    fn default() -> Self {
        Self {
            retry: true,
            policy: retry::Policy::default(),
            budget: budget::Options::default(),
            conflict_budget: budget::Options {
                share: 0.8,
                reserve: 100,
                ..budget::Options::default()
            },
            patience: Duration::from_secs(10),
            breaker: Some(breaker::Options::default()),
            slow_call: Duration::from_secs(10),
            write_stop: write_stop::Options::default(),
            slow_after: Duration::from_millis(500),
        }
    }
}
