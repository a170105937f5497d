//! What callers in the queue wait for, and for how long of their time.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// What the pool waits for while callers wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// For connections on loan.
    Queue,
    /// For connections being opened.
    Dial,
    /// For the answer of an idle connection.
    Ping,
    /// For one that recovers from a dropped call.
    Recovery,
    /// For the next attempt to open one, after attempts have failed.
    Pause,
}

/// Time by what it was spent on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Phases([Duration; 5]);

impl Phases {
    pub(super) fn of(&self, phase: Phase) -> Duration {
        self.0[phase as usize]
    }

    /// What has been added since an earlier reading.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let mut spent = *self;
        for (now, before) in spent.0.iter_mut().zip(earlier.0) {
            *now = now.saturating_sub(before);
        }
        spent
    }
}

impl fmt::Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            "in the queue",
            "while a connection was being opened",
            "while an idle connection was being checked",
            "while a connection recovered from a dropped call",
            "between attempts to open a connection",
        ];
        let mut first = true;
        for (spent, words) in self.0.iter().zip(words) {
            // Less is noise.
            if *spent >= Duration::from_millis(1) {
                let comma = if first { "" } else { ", " };
                write!(f, "{comma}{spent:.1?} {words}")?;
                first = false;
            }
        }
        if first {
            f.write_str("in the queue")?;
        }
        Ok(())
    }
}

/// Adds up the time of a pool by phase.
#[derive(Debug)]
pub(super) struct PhaseClock {
    totals: Phases,
    current: Phase,
    since: Instant,
}

impl PhaseClock {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            totals: Phases::default(),
            current: Phase::Queue,
            since: now,
        }
    }

    /// From now on the pool waits for something else.
    pub(super) fn turn(&mut self, phase: Phase, now: Instant) {
        self.totals = self.read(now);
        self.since = now;
        self.current = phase;
    }

    pub(super) fn read(&self, now: Instant) -> Phases {
        let mut totals = self.totals;
        totals.0[self.current as usize] += now.saturating_duration_since(self.since);
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_to_the_phase_it_was_spent_in() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut clock = PhaseClock::new(start);
        let joined = clock.read(at(100));
        clock.turn(Phase::Dial, at(300));
        clock.turn(Phase::Queue, at(400));
        let spent = clock.read(at(1100)).since(&joined);
        assert_eq!(spent.of(Phase::Queue), Duration::from_millis(900));
        assert_eq!(spent.of(Phase::Dial), Duration::from_millis(100));
        assert_eq!(spent.of(Phase::Ping), Duration::ZERO);
        assert_eq!(
            spent.to_string(),
            "900.0ms in the queue, 100.0ms while a connection was being opened"
        );
    }
}
