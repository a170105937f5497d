//! Refuses writes for a while after the database has refused one for a reason of its own: it is
//! read-only, or its disk is full.
//!
//! The first refusal stops writes for a short time; then one write passes as a probe. Refused
//! again, the time doubles, with jitter; successful, all writes pass.

use std::time::Duration;

use tokio::time::Instant;

/// How long writes are stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The first time; doubled each time the probe is refused.
    pub stop: Duration,
    /// The longest.
    pub cap: Duration,
    /// A probe that takes longer makes place for another one.
    pub probe_limit: Duration,
}

impl Default for Options {
    /// From one second up to two. What is asked is one write, so there is little to spare by waiting
    /// longer, and a service that can write again is in full use within five seconds.
    fn default() -> Self {
        Self {
            stop: Duration::from_secs(1),
            cap: Duration::from_secs(2),
            probe_limit: Duration::from_secs(2),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Stopped {
    since: Instant,
    until: Instant,
    times: u32,
    /// When the probe that is under way started.
    probe: Option<Instant>,
}

/// Whether writes pass.
#[derive(Debug, Clone)]
pub struct WriteStop {
    options: Options,
    stopped: Option<Stopped>,
}

/// A write that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a probe that ends without being told of keeps others out for a while"]
pub enum Passed {
    /// Nothing is known against it.
    Freely,
    /// To find out whether writes work again.
    AsProbe,
}

impl WriteStop {
    /// Writes pass.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            stopped: None,
        }
    }

    /// Lets a write through.
    ///
    /// # Errors
    /// When to ask again, if it is refused.
    pub fn admit(&mut self, now: Instant) -> Result<Passed, Duration> {
        let Some(stopped) = &mut self.stopped else {
            return Ok(Passed::Freely);
        };
        if now < stopped.until {
            return Err(stopped.until - now);
        }
        let free_at = stopped.probe.map(|since| since + self.options.probe_limit);
        match free_at {
            Some(free_at) if now < free_at => Err(free_at - now),
            _ => {
                stopped.probe = Some(now);
                Ok(Passed::AsProbe)
            }
        }
    }

    /// The database has refused a write for a reason of its own. `unit` is a random number in 0..1.
    pub fn refused(&mut self, now: Instant, passed: Passed, unit: f64) {
        let times = match self.stopped {
            // Others that were under way when the first one was refused tell nothing new.
            Some(stopped) if passed == Passed::Freely && now < stopped.until => return,
            Some(stopped) => stopped.times.saturating_add(1),
            None => 0,
        };
        let doubled = 2_u32.saturating_pow(times.min(20));
        let longest = self
            .options
            .stop
            .saturating_mul(doubled)
            .min(self.options.cap);
        let spread = 0.5 + 0.5 * unit.clamp(0.0, 1.0);
        self.stopped = Some(Stopped {
            since: self.stopped.map_or(now, |stopped| stopped.since),
            until: now + longest.mul_f64(spread),
            times,
            probe: None,
        });
    }

    /// A write took effect. Says whether that ended a stop.
    pub fn written(&mut self, passed: Passed) -> bool {
        passed == Passed::AsProbe && self.stopped.take().is_some()
    }

    /// A write ended in a way that tells nothing, or was dropped.
    pub fn released(&mut self, passed: Passed) {
        if let (Passed::AsProbe, Some(stopped)) = (passed, &mut self.stopped) {
            stopped.probe = None;
        }
    }

    /// Since when writes are stopped.
    pub fn since(&self) -> Option<Instant> {
        self.stopped.map(|stopped| stopped.since)
    }

    /// When the next write is let through at the earliest.
    pub fn until(&self) -> Option<Instant> {
        self.stopped.map(|stopped| stopped.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_probe_at_a_time_decides() {
        let mut writes = WriteStop::new(Options::default());
        let start = Instant::now();
        assert_eq!(writes.admit(start), Ok(Passed::Freely));
        writes.refused(start, Passed::Freely, 1.0);
        assert_eq!(writes.admit(start), Err(SECOND));
        let later = start + SECOND;
        assert_eq!(writes.admit(later), Ok(Passed::AsProbe));
        assert!(writes.admit(later).is_err());
        writes.released(Passed::AsProbe);
        assert_eq!(writes.admit(later), Ok(Passed::AsProbe));
        writes.refused(later, Passed::AsProbe, 1.0);
        assert_eq!(writes.admit(later), Err(SECOND * 2));
        assert_eq!(writes.since(), Some(start));
        let later = later + SECOND * 2;
        assert_eq!(writes.admit(later), Ok(Passed::AsProbe));
        assert!(writes.written(Passed::AsProbe));
        assert_eq!(writes.admit(later), Ok(Passed::Freely));
        assert!(!writes.written(Passed::Freely));
    }

    #[test]
    fn those_who_were_under_way_do_not_lengthen_it() {
        let mut writes = WriteStop::new(Options::default());
        let start = Instant::now();
        for _ in 0..100 {
            writes.refused(start, Passed::Freely, 1.0);
        }
        assert_eq!(writes.admit(start + SECOND), Ok(Passed::AsProbe));
    }

    proptest! {
        /// However probes end, even never, another one follows within the cap and the limit.
        #[test]
        fn there_is_always_a_next_probe(steps in prop::collection::vec((0_u64..4000, 0..4_u8, 0.0..1.0_f64), 0..60)) {
            let options = Options::default();
            let mut writes = WriteStop::new(options);
            let mut now = Instant::now();
            writes.refused(now, Passed::Freely, 0.5);
            for (pause, then, unit) in steps {
                now += Duration::from_millis(pause);
                match writes.admit(now) {
                    Err(after) => prop_assert!(after <= options.cap.max(options.probe_limit)),
                    Ok(passed) => match then {
                        0 => writes.refused(now, passed, unit),
                        1 => writes.released(passed),
                        2 => { let _ = writes.written(passed); }
                        _ => {}
                    },
                }
            }
        }
    }
}
