//! When a queue sheds callers instead of keeping them waiting.
//!
//! A queue that is empty now and then takes up bursts, and whoever waits in it is served soon. A
//! queue that has not been empty for a while does not go away by waiting: everybody in it only
//! waits longer. So while the queue has been empty within the last `interval`, a caller may wait
//! as long as its caller is willing to; otherwise only for `target`, so that the callers the
//! service can serve are served soon and the others are told soon.
//!
//! After "Controlling Queue Delay" (K. Nichols, V. Jacobson, ACM Queue, 2012), in the form for
//! servers of "Fail at Scale" (B. Maurer, ACM Queue, 2015).

use std::time::Duration;

use tokio::time::Instant;

/// When a queue counts as overloaded, and how long one may wait in it then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The longest wait in a queue that stands.
    pub target: Duration,
    /// A queue that has not been empty for this long stands.
    pub interval: Duration,
}

/// The state of one queue.
///
/// ```
/// # use std::time::Duration;
/// # use mainstay::resilience::shedding::{Options, Shedding};
/// let target = Duration::from_millis(50);
/// let interval = Duration::from_millis(500);
/// let longest = Duration::from_secs(5);
/// let mut queue = Shedding::new(Options { target, interval });
/// let start = tokio::time::Instant::now();
/// assert_eq!(queue.limit(start, longest), longest);
/// // Somebody has been waiting all the time since.
/// assert_eq!(queue.limit(start + interval, longest), target);
/// queue.queue_is_empty();
/// assert_eq!(queue.limit(start + interval, longest), longest);
/// ```
#[derive(Debug, Clone)]
pub struct Shedding {
    options: Options,
    /// Since when somebody has been waiting at any moment. `None` while nobody waits.
    standing: Option<Instant>,
}

impl Shedding {
    /// A queue in which nobody waits.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            standing: None,
        }
    }

    /// How long a caller who joins the queue now may wait, where `longest` is what it is ready to
    /// wait.
    ///
    /// To be called once for each caller that waits, and not for those who are served at once.
    pub fn limit(&mut self, now: Instant, longest: Duration) -> Duration {
        let since = *self.standing.get_or_insert(now);
        if now.saturating_duration_since(since) >= self.options.interval {
            self.options.target.min(longest)
        } else {
            longest
        }
    }

    /// Nobody waits now: the last one was served or has given up, or a caller was served at once.
    pub fn queue_is_empty(&mut self) {
        self.standing = None;
    }

    /// Whether a caller who came now would be let wait for the short target only.
    pub fn is_shedding(&self, now: Instant) -> bool {
        self.standing
            .is_some_and(|since| now.saturating_duration_since(since) >= self.options.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONGEST: Duration = Duration::from_secs(5);
    const OPTIONS: Options = Options {
        target: Duration::from_millis(50),
        interval: Duration::from_millis(500),
    };

    #[test]
    fn a_caller_after_a_long_silence_may_wait_long() {
        let mut queue = Shedding::new(OPTIONS);
        let start = Instant::now();
        queue.queue_is_empty();
        let later = start + Duration::from_secs(3600);
        assert_eq!(queue.limit(later, LONGEST), LONGEST);
        assert!(!queue.is_shedding(later));
        assert!(queue.is_shedding(later + OPTIONS.interval));
    }

    #[test]
    fn nobody_waits_longer_than_it_is_ready_to() {
        let mut queue = Shedding::new(OPTIONS);
        let start = Instant::now();
        let short = Duration::from_millis(1);
        assert_eq!(queue.limit(start, short), short);
        assert_eq!(queue.limit(start + OPTIONS.interval, short), short);
    }

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Joins,
        Empties,
    }

    fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
        let event = prop_oneof![Just(Event::Joins), Just(Event::Joins), Just(Event::Empties)];
        prop::collection::vec((0_u64..400, event), 0..60)
    }

    proptest! {
        /// The limit is short exactly when the queue was empty at no moment of the last interval.
        #[test]
        fn the_limit_follows_the_last_empty_moment(events in events()) {
            let mut queue = Shedding::new(OPTIONS);
            let mut now = Instant::now();
            // The moment up to which the queue was empty last, if it is not empty now.
            let mut empty_until: Option<Instant> = None;
            for (pause, event) in events {
                now += Duration::from_millis(pause);
                match event {
                    Event::Joins => {
                        let until = *empty_until.get_or_insert(now);
                        let expected = if now - until >= OPTIONS.interval {
                            OPTIONS.target
                        } else {
                            LONGEST
                        };
                        prop_assert_eq!(queue.is_shedding(now), expected == OPTIONS.target);
                        prop_assert_eq!(queue.limit(now, LONGEST), expected);
                    }
                    Event::Empties => {
                        queue.queue_is_empty();
                        empty_until = None;
                        prop_assert!(!queue.is_shedding(now));
                    }
                }
            }
        }

        /// A queue that never empties sheds everybody from the end of the interval on.
        #[test]
        fn a_standing_queue_sheds_until_it_is_empty(pauses in prop::collection::vec(0_u64..400, 1..60)) {
            let mut queue = Shedding::new(OPTIONS);
            let start = Instant::now();
            let mut now = start;
            let _ = queue.limit(now, LONGEST);
            for pause in pauses {
                now += Duration::from_millis(pause);
                let is_short = queue.limit(now, LONGEST) == OPTIONS.target;
                prop_assert_eq!(is_short, now - start >= OPTIONS.interval);
            }
            queue.queue_is_empty();
            prop_assert_eq!(queue.limit(now, LONGEST), LONGEST);
        }
    }
}
