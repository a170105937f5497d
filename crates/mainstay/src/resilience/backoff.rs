//! How long to wait before trying again: exponential backoff with full jitter.
//!
//! Full jitter spreads callers that failed together over the whole interval (M. Brooker,
//! "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

use std::time::Duration;

/// An exponential backoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure.
    pub base: Duration,
    /// The longest wait ever.
    pub cap: Duration,
}

impl Backoff {
    /// The wait after failure number `failures` (from 1), for a random `unit` in 0..1.
    pub fn delay(&self, failures: u32, unit: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(20));
        self.base
            .saturating_mul(doubled)
            .min(self.cap)
            .mul_f64(unit.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_interval_doubles_up_to_the_cap() {
        let backoff = Backoff {
            base: Duration::from_millis(5),
            cap: Duration::from_millis(40),
        };
        let longest: Vec<_> = (1..=5).map(|n| backoff.delay(n, 1.0).as_millis()).collect();
        assert_eq!(longest, [5, 10, 20, 40, 40]);
        assert_eq!(backoff.delay(3, 0.0), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn never_beyond_the_cap(failures in 0_u32..u32::MAX, unit in -1.0..2.0_f64) {
            let backoff = Backoff { base: Duration::from_millis(5), cap: Duration::from_secs(1) };
            prop_assert!(backoff.delay(failures, unit) <= backoff.cap);
        }
    }
}
