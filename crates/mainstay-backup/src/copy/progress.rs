//! What a copy tells while it is under way, for whoever shows it.

use std::time::Duration;

/// Is told what a copy does. Called from the copy itself, which goes on when the call returns.
pub trait Progress: Send + Sync {
    /// Something has happened.
    fn on(&self, event: Event<'_>);
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// What an unfinished copy has written is removed.
    Emptying {
        /// How many tables.
        tables: usize,
    },
    /// A table begins to be filled.
    Begun {
        /// The table.
        table: &'a str,
        /// Which of them it is, counted from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// About how many rows it has.
        rows: Option<u64>,
    },
    /// More of its rows are written.
    Rows {
        /// The table.
        table: &'a str,
        /// How many there are by now.
        rows: u64,
        /// About how many bytes they are.
        bytes: u64,
    },
    /// It is filled. What it holds stands once the tables that belong to it are filled as well.
    Filled {
        /// The table.
        table: &'a str,
        /// How many rows it has.
        rows: u64,
        /// How long it took.
        took: Duration,
    },
    /// Both sides are read again.
    Comparing {
        /// The table.
        table: &'a str,
        /// Which of them it is, counted from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
}
