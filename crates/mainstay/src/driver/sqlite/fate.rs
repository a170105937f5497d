//! What becomes of one call, decided once.
//!
//! A caller may give its call up at any moment, and the writer may come to it at any moment. Which
//! of the two was first is one atomic: whoever gave up before the commit began is told for certain
//! that nothing took effect, and the writer rolls back.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::Outcome;

/// It waits for its turn, or runs. It can still be given up.
const OPEN: u8 = 0;
/// Its caller gave it up first: it never takes effect.
const GIVEN_UP: u8 = 1;
/// It is being committed, and its answer comes in a moment.
const ENDING: u8 = 2;
/// It took effect.
const APPLIED: u8 = 3;
/// It did not.
const UNDONE: u8 = 4;

/// What becomes of one call.
#[derive(Debug, Default)]
pub(super) struct Fate(AtomicU8);

impl Fate {
    fn turn(&self, from: u8, to: u8) -> bool {
        self.0
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The caller's side: it waits no longer.
    pub(super) fn give_up(&self) {
        // Otherwise the writer was first.
        self.turn(OPEN, GIVEN_UP);
    }

    /// Whether its caller gave it up in time: then it must not take effect.
    pub(super) fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Acquire) == GIVEN_UP
    }

    /// The writer's side, before whatever cannot be undone. `false`: it was given up, and must not
    /// take effect.
    pub(super) fn end(&self) -> bool {
        self.turn(OPEN, ENDING) || !self.is_given_up()
    }

    /// It was not committed after all, and runs once more.
    pub(super) fn open_again(&self) {
        self.turn(ENDING, OPEN);
    }

    /// What came of it, before its caller is answered. An error that does not know is none.
    pub(super) fn ended(&self, outcome: Outcome) {
        let end = match outcome {
            Outcome::Applied => APPLIED,
            Outcome::NotApplied => UNDONE,
            Outcome::Unknown => return,
        };
        if !self.is_given_up() {
            self.0.store(end, Ordering::Release);
        }
    }

    /// What a caller who gave up may rely on. `None` while the writer is at its commit.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        match self.0.load(Ordering::Acquire) {
            GIVEN_UP | UNDONE => Some(Outcome::NotApplied),
            APPLIED => Some(Outcome::Applied),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_side_wins() {
        let fate = Fate::default();
        fate.give_up();
        assert!(!fate.end());
        fate.ended(Outcome::Applied);
        assert_eq!(fate.outcome(), Some(Outcome::NotApplied));

        let fate = Fate::default();
        assert!(fate.end() && fate.end());
        fate.give_up();
        assert_eq!(fate.outcome(), None);
        fate.ended(Outcome::Unknown);
        assert_eq!(fate.outcome(), None);
        fate.ended(Outcome::Applied);
        assert_eq!(fate.outcome(), Some(Outcome::Applied));
    }

    #[test]
    fn a_refused_commit_can_be_given_up_again() {
        let fate = Fate::default();
        assert!(fate.end());
        fate.open_again();
        fate.give_up();
        assert!(fate.is_given_up() && !fate.end());
    }
}
