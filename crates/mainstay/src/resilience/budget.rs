//! How much may be tried again: a share of the calls, and a little more.
//!
//! Retries help against faults that are rare. When everything fails, each retry is one more call to
//! something that is in trouble already: with three tries per call the load triples just then. So
//! retries may be a share of the calls of the last seconds, and a small reserve keeps them possible
//! where calls are rare.
//!
//! After Finagle's `RetryBudget`, and "Handling Overload" in "Site Reliability Engineering"
//! (B. Beyer and others, 2016).

use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;

/// How much may be tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Retries per call.
    pub share: f64,
    /// Retries per second, whatever the number of calls.
    pub reserve: u32,
    /// Over which time calls and retries are counted.
    pub window: Duration,
}

impl Default for Options {
    /// A fifth of the calls, and ten a second.
    fn default() -> Self {
        Self {
            share: 0.2,
            reserve: 10,
            window: Duration::from_secs(10),
        }
    }
}

const CALLS: usize = 0;
const RETRIES: usize = 1;

/// The budget of one handle.
#[derive(Debug, Clone)]
pub struct Budget {
    options: Options,
    counted: Window<2>,
}

impl Budget {
    /// A budget that has seen no call.
    pub fn new(options: Options, now: Instant) -> Self {
        Self {
            options,
            counted: Window::new(options.window, now),
        }
    }

    /// So many calls have been made.
    pub fn calls(&mut self, now: Instant, count: u64) {
        self.counted.add(now, CALLS, count);
    }

    /// Takes one retry out of the budget. `false`: there is none left.
    pub fn take(&mut self, now: Instant) -> bool {
        let is_left = self.left(now) > 0;
        if is_left {
            self.counted.add(now, RETRIES, 1);
        }
        is_left
    }

    /// How many retries are left at this moment.
    pub fn left(&mut self, now: Instant) -> u64 {
        self.counted.forget(now);
        let earned = self.counted.sum(CALLS) as f64 * self.options.share.max(0.0);
        let reserve = f64::from(self.options.reserve) * self.options.window.as_secs_f64();
        ((earned + reserve) as u64).saturating_sub(self.counted.sum(RETRIES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPTIONS: Options = Options {
        share: 0.2,
        reserve: 1,
        window: Duration::from_secs(10),
    };

    #[test]
    fn a_share_of_the_calls_and_the_reserve() {
        let now = Instant::now();
        let mut budget = Budget::new(OPTIONS, now);
        assert_eq!(budget.left(now), 10);
        budget.calls(now, 100);
        assert_eq!(budget.left(now), 30);
        assert_eq!((0..50).filter(|_| budget.take(now)).count(), 30);
        // Calls and retries are forgotten alike.
        assert_eq!(budget.left(now + OPTIONS.window), 10);
    }

    #[test]
    fn without_share_and_reserve_nothing_is_tried_again() {
        let now = Instant::now();
        let options = Options {
            share: 0.0,
            reserve: 0,
            ..OPTIONS
        };
        let mut budget = Budget::new(options, now);
        budget.calls(now, 1_000_000);
        assert!(!budget.take(now));
    }

    proptest! {
        /// Over any stretch, retries are at most the share of all calls plus twice the reserve of
        /// a window for each window begun.
        #[test]
        fn retries_stay_a_share(steps in prop::collection::vec((0_u64..500, 0_u64..20, 0_u64..20), 1..80)) {
            let start = Instant::now();
            let mut now = start;
            let mut budget = Budget::new(OPTIONS, now);
            let (mut calls, mut retries) = (0, 0);
            for (pause, made, wanted) in steps {
                now += Duration::from_millis(pause);
                budget.calls(now, made);
                calls += made;
                let left = budget.left(now);
                let got = (0..wanted).filter(|_| budget.take(now)).count() as u64;
                prop_assert_eq!(got, wanted.min(left));
                retries += got;
                // A share counts for as long as its call does, and a retry is forgotten as late.
                let windows = 1 + (now - start).as_secs() / 9;
                let most = calls as f64 * OPTIONS.share * 2.0 + (windows * 20) as f64;
                prop_assert!(retries as f64 <= most, "{retries} of {calls}");
            }
        }
    }
}
