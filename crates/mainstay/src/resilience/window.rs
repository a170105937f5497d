//! Counters over the last stretch of time.

use std::time::Duration;

use tokio::time::Instant;

/// In how many pieces a window forgets.
const PIECES: usize = 10;

/// So many counters, each of which tells what was added within the last `length`, forgetting a
/// tenth of it at a time.
#[derive(Debug, Clone)]
pub(super) struct Window<const COUNTERS: usize> {
    piece: Duration,
    pieces: [[u64; COUNTERS]; PIECES],
    /// The piece that is filled now, and when it ends.
    current: usize,
    ends: Instant,
}

impl<const COUNTERS: usize> Window<COUNTERS> {
    pub(super) fn new(length: Duration, now: Instant) -> Self {
        let piece = (length / PIECES as u32).max(Duration::from_millis(1));
        Self {
            piece,
            pieces: [[0; COUNTERS]; PIECES],
            current: 0,
            ends: now + piece,
        }
    }

    /// Forgets what is too old.
    pub(super) fn forget(&mut self, now: Instant) {
        if now < self.ends {
            return;
        }
        let late = now.saturating_duration_since(self.ends).as_nanos();
        let passed = late / self.piece.as_nanos() + 1;
        if passed >= PIECES as u128 {
            self.clear(now);
            return;
        }
        for _ in 0..passed {
            self.current = (self.current + 1) % PIECES;
            self.pieces[self.current] = [0; COUNTERS];
            self.ends += self.piece;
        }
    }

    pub(super) fn add(&mut self, now: Instant, counter: usize, count: u64) {
        self.forget(now);
        let slot = &mut self.pieces[self.current][counter];
        *slot = slot.saturating_add(count);
    }

    /// What was counted, as of the last call that said what time it is.
    pub(super) fn sum(&self, counter: usize) -> u64 {
        let counts = self.pieces.iter().map(|piece| piece[counter]);
        counts.fold(0, u64::saturating_add)
    }

    pub(super) fn clear(&mut self, now: Instant) {
        self.pieces = [[0; COUNTERS]; PIECES];
        self.ends = now + self.piece;
    }

    /// When the current piece ends: until then, nothing is forgotten.
    pub(super) fn ends(&self) -> Instant {
        self.ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Everything of the last nine tenths is counted, and nothing older than the whole.
        #[test]
        fn what_is_recent_is_counted(
            added in prop::collection::vec((0_u64..700, 0_u64..5), 0..50),
            then in 0_u64..2000,
        ) {
            let length = Duration::from_secs(1);
            let mut now = Instant::now();
            let mut window = Window::<1>::new(length, now);
            let mut history = Vec::new();
            for (pause, count) in added {
                now += Duration::from_millis(pause);
                window.add(now, 0, count);
                history.push((now, count));
            }
            now += Duration::from_millis(then);
            window.forget(now);
            let within = |limit: Duration| -> u64 {
                let recent = history.iter().filter(|(at, _)| now - *at < limit);
                recent.map(|(_, count)| count).sum()
            };
            let sum = window.sum(0);
            prop_assert!(sum >= within(length * 9 / 10), "{sum}");
            prop_assert!(sum <= within(length), "{sum}");
        }
    }
}
