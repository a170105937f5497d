//! Rehearses migrations on a copy with as many rows as production has: up, down, and up again.
//!
//! Everything in the copy may be changed or lost. What the rehearsal looks at: how long each
//! statement takes, which locks are seen meanwhile, whether the schema is the same after going
//! back and forth, and whether what was in the tables still is.
//!
//! Pure:
//! - `condition`: the conditions of checks; `reading`: read from their text; `words`: its tokens
//! - `kind`: what values a column takes; `make`: values from numbers
//! - `rows`: the rows that a table is filled with; `layout`: how they are made, from the catalog;
//!   `wrong`: the error of those that cannot be made
//! - `touched`: what the statements of migrations write
//! - [`report`]: what a rehearsal came to
//! - `engine`: what differs between the engines
//!
//! With a database:
//! - `fill`: fills tables; `measure`: what is in them
//! - `watch`: times and locks of what runs
//! - `course`: the course of a rehearsal

mod condition;
mod course;
mod engine;
mod fill;
mod kind;
mod layout;
mod make;
mod measure;
mod reading;
pub mod report;
mod rows;
mod touched;
mod watch;
mod words;
mod wrong;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use course::rehearse;
pub use fill::PARENTS;
pub use report::Rehearsal;

use crate::progress::Progress;

/// Where a rehearsal begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Start {
    /// With what is not applied in the copy.
    #[default]
    Pending,
    /// With the migration of this version, applied or not. The copy is brought to where it was
    /// before it.
    Version(String),
    /// With the first. The copy is brought to where it was before any.
    First,
}

/// Is told in words what a rehearsal does.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// How migrations are rehearsed.
#[derive(Clone)]
pub struct Options {
    /// Which migrations are rehearsed: those from here on.
    pub start: Start,
    /// How many rows tables are to have. Rows are made until there are so many; a table that one of
    /// these refers to and that is empty gets [`PARENTS`].
    pub rows: BTreeMap<String, u64>,
    /// What made rows are made from: the same number makes the same rows.
    pub seed: u64,
    /// The longest that one way through all of the migrations may take. It is not cut short, but
    /// told.
    pub limit: Duration,
    /// The longest that one way may take before it is given up.
    pub timeout: Duration,
    /// Who is told what the migrations do.
    pub progress: Option<Arc<dyn Progress>>,
    /// Who is told what else is done.
    pub tell: Option<Tell>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            start: Start::Pending,
            rows: BTreeMap::new(),
            seed: 1,
            limit: Duration::from_secs(30),
            timeout: Duration::from_secs(3_600),
            progress: None,
            tell: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("start", &self.start)
            .field("rows", &self.rows)
            .field("seed", &self.seed)
            .field("limit", &self.limit)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
