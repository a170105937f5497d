//! What may be tried again, and after what pause. Whether there is a budget for it is another
//! question, and so is whether there is time.
//!
//! Everything here follows from what an error says of itself: [`Error::retry`], that the cause
//! passes, and [`Error::outcome`], that nothing took effect. A call whose outcome is unknown is
//! never repeated, whatever it was.

use std::time::Duration;

use super::backoff::Backoff;
use crate::error::{Error, ErrorKind, Outcome, RetryClass};

/// Why a call failed, as far as it matters for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Others were in the way, or had more right: a deadlock, a serialization failure, a lock.
    Conflict,
    /// The database could not be reached, has no connection to give, or went away before the call
    /// took effect.
    Outage,
    /// The circuit breaker refused it; the error says when to ask again.
    Refused,
}

impl Cause {
    /// The cause of a failed call that may be tried again.
    ///
    /// A pool time-out is none: it has taken its time, and those who hold the connections are not
    /// helped by one more in the queue. Neither is a passed deadline: no time is left.
    pub fn of(error: &Error) -> Option<Self> {
        if error.retry() != RetryClass::Safe || error.outcome() != Outcome::NotApplied {
            return None;
        }
        match error.kind() {
            ErrorKind::WriteConflict => Some(Self::Conflict),
            ErrorKind::Unreachable | ErrorKind::ConnectionLost | ErrorKind::TooManyConnections => {
                Some(Self::Outage)
            }
            ErrorKind::CircuitOpen => Some(Self::Refused),
            _ => None,
        }
    }
}

/// How often, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How often a call runs at most, counting conflicts with others.
    pub conflicts: u32,
    /// The pauses after conflicts.
    pub conflict: Backoff,
    /// The pauses while the database cannot be reached. There is no limit to their number but the
    /// call's deadline and the budget.
    pub outage: Backoff,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            conflicts: 5,
            conflict: Backoff {
                base: Duration::from_millis(10),
                cap: Duration::from_millis(500),
            },
            outage: Backoff {
                base: Duration::from_millis(20),
                cap: Duration::from_millis(500),
            },
        }
    }
}

/// The tries of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    policy: Policy,
    /// The most tries of all, where the caller has said so.
    most: Option<u32>,
    made: u32,
    conflicts: u32,
    outages: u32,
}

impl Tries {
    /// Starts with the first try.
    pub fn new(policy: Policy, most: Option<u32>) -> Self {
        Self {
            policy,
            most,
            made: 1,
            conflicts: 0,
            outages: 0,
        }
    }

    /// How often it ran.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// Counts a failure. Returns how long to pause before the next try, or `None` when there is
    /// none. `after` is what the error said of when to come again, and `unit` a random number in
    /// 0..1.
    pub fn failed(&mut self, cause: Cause, after: Option<Duration>, unit: f64) -> Option<Duration> {
        if self.most.is_some_and(|most| self.made >= most) {
            return None;
        }
        let pause = match cause {
            Cause::Conflict => {
                self.conflicts += 1;
                if self.conflicts >= self.policy.conflicts {
                    return None;
                }
                self.policy.conflict.delay(self.conflicts, unit)
            }
            Cause::Outage => {
                self.outages = self.outages.saturating_add(1);
                self.policy.outage.delay(self.outages, unit)
            }
            // It says itself when; the jitter keeps those who wait for one moment apart.
            Cause::Refused => {
                after.unwrap_or_default() + self.policy.outage.base.mul_f64(unit.clamp(0.0, 1.0))
            }
        };
        self.made = self.made.saturating_add(1);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_may_have_taken_effect_is_never_repeated() {
        for kind in ErrorKind::ALL {
            for outcome in [Outcome::Unknown, Outcome::Applied] {
                let error = Error::new(*kind, "").with_outcome(outcome);
                assert_eq!(Cause::of(&error), None, "{kind:?} {outcome:?}");
            }
        }
    }

    #[test]
    fn only_what_passes_is_repeated() {
        for kind in ErrorKind::ALL {
            let expected = match kind {
                ErrorKind::WriteConflict => Some(Cause::Conflict),
                ErrorKind::Unreachable
                | ErrorKind::ConnectionLost
                | ErrorKind::TooManyConnections => Some(Cause::Outage),
                ErrorKind::CircuitOpen => Some(Cause::Refused),
                _ => None,
            };
            let error = Error::new(*kind, "");
            assert_eq!(Cause::of(&error), expected, "{kind:?}");
            let told = error.with_retry(RetryClass::Never);
            assert_eq!(Cause::of(&told), None, "{kind:?}");
        }
    }

    proptest! {
        #[test]
        fn conflicts_and_the_callers_own_limit_end_it(
            causes in prop::collection::vec(0..3_u8, 0..40),
            most in prop::option::of(1_u32..10),
            unit in 0.0..1.0_f64,
        ) {
            let policy = Policy::default();
            let mut tries = Tries::new(policy, most);
            let mut conflicts = 0;
            for cause in causes {
                let cause = [Cause::Conflict, Cause::Outage, Cause::Refused][usize::from(cause)];
                let after = Duration::from_secs(1);
                conflicts += u32::from(cause == Cause::Conflict);
                let made = tries.made();
                let pause = tries.failed(cause, Some(after), unit);
                let over = most.is_some_and(|most| made >= most)
                    || (cause == Cause::Conflict && conflicts >= policy.conflicts);
                prop_assert_eq!(pause.is_none(), over);
                let Some(pause) = pause else { break };
                prop_assert_eq!(tries.made(), made + 1);
                match cause {
                    Cause::Conflict => prop_assert!(pause <= policy.conflict.cap),
                    Cause::Outage => prop_assert!(pause <= policy.outage.cap),
                    Cause::Refused => prop_assert!(pause >= after && pause < after * 2),
                }
            }
        }
    }
}
