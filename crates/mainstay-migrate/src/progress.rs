//! What a run tells while it is under way, for whoever shows it.

use std::time::Duration;

use crate::plan::Step;

/// Is told what a run does. Called from the run itself, which goes on when the call returns.
///
/// A transaction that is tried again tells its migration again.
pub trait Progress: Send + Sync {
    /// Something has happened.
    fn on(&self, event: Event<'_>);
}

/// What has happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Another instance is migrating this database; this one waits.
    Waiting {
        /// For how long already.
        since: Duration,
    },
    /// A migration begins, or goes on behind the statements that are [done](Step::done).
    Begun {
        /// The migration.
        step: &'a Step,
    },
    /// One of its statements begins.
    StatementBegun {
        /// The migration.
        step: &'a Step,
        /// Which of its statements, counted from 0.
        position: usize,
    },
    /// The statement has ended well.
    StatementDone {
        /// The migration.
        step: &'a Step,
        /// Which of its statements, counted from 0.
        position: usize,
        /// How long it took.
        took: Duration,
    },
    /// The migration is done and recorded.
    Ended {
        /// The migration.
        step: &'a Step,
        /// How long all of it took.
        took: Duration,
    },
}
