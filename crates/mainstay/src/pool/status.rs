//! What a pool says of itself.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// A pool at one moment.
#[derive(Debug, Clone)]
pub struct PoolStatus {
    /// The most connections at a time.
    pub max: usize,
    /// How many are kept open when nobody needs them.
    pub min: usize,
    /// Open connections: idle, on loan, being made or being cleaned up.
    pub open: usize,
    /// Connections that nobody uses.
    pub idle: usize,
    /// Callers in the queue.
    pub waiting: usize,
    /// Connections made since the pool exists.
    pub opened_total: u64,
    /// Callers whose wait in the queue took too long.
    pub timeouts_total: u64,
    /// Who has a connection, longest first.
    pub holders: Vec<Holder>,
}

impl PoolStatus {
    /// Connections on loan.
    pub fn in_use(&self) -> usize {
        self.holders.len()
    }
}

/// Who has a connection.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The call that acquired it.
    pub site: &'static Location<'static>,
    /// For how long.
    pub held: Duration,
    /// The statement it runs now, without values.
    pub statement: Option<Arc<str>>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held for {:.1?} by {}", self.held, self.site)?;
        if let Some(statement) = &self.statement {
            let mut shown: String = statement.chars().take(80).collect();
            if shown.len() < statement.len() {
                shown.push_str("...");
            }
            write!(f, " running {shown}")?;
        }
        Ok(())
    }
}
