//! What an application's seed looks like.

use mainstay::driver::BoxFuture;
use mainstay::{Database, Result};
use serde::Serialize;

/// Writes the data an application starts with.
///
/// A seed finds what it would write by its natural key and leaves that alone, so that running it
/// again changes nothing.
pub trait Seed: Send + Sync {
    /// Writes what is missing.
    fn run<'a>(&'a self, db: &'a Database) -> BoxFuture<'a, Result<SeedReport>>;
}

/// What a seed did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SeedReport {
    /// Rows written per table, in the order of writing.
    pub inserted: Vec<(&'static str, u64)>,
    /// Rows that were there already.
    pub existing: u64,
}

impl SeedReport {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts rows that were written.
    pub fn inserted(&mut self, table: &'static str, rows: u64) {
        match self.inserted.iter_mut().find(|(name, _)| *name == table) {
            Some((_, sum)) => *sum += rows,
            None => self.inserted.push((table, rows)),
        }
    }

    /// Counts rows that were there already.
    pub fn existing(&mut self, rows: u64) {
        self.existing += rows;
    }

    /// All rows that were written.
    pub fn total(&self) -> u64 {
        self.inserted.iter().map(|(_, rows)| rows).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::SeedReport;

    #[test]
    fn rows_add_up_per_table() {
        let mut report = SeedReport::new();
        report.inserted("users", 1);
        report.inserted("goals", 2);
        report.inserted("users", 3);
        report.existing(5);
        assert_eq!(report.inserted, [("users", 4), ("goals", 2)]);
        assert_eq!((report.total(), report.existing), (6, 5));
    }
}
