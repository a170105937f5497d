//! What a pool says of itself.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::driver::DialStep;
use crate::error::Error;

/// A pool at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PoolStatus {
    /// The most connections at a time.
    pub max: usize,
    /// How many are kept open when nobody needs them.
    pub min: usize,
    /// Open connections: idle, on loan, being opened, being checked or recovering.
    pub open: usize,
    /// Connections that nobody uses.
    pub idle: usize,
    /// Callers in the queue.
    pub waiting: usize,
    /// Connections that are being opened.
    pub dialling: Vec<Dialling>,
    /// Idle connections that are asked whether they still work.
    pub checking: usize,
    /// Connections that recover from a dropped call.
    pub recovering: usize,
    /// Connections that have left the pool and are not closed yet, those taken back from a holder
    /// that still has them included. They are not part of `open`.
    pub closing: usize,
    /// Whether the queue stands, so that those who come now wait for a short time only.
    pub shedding: bool,
    /// The newest failure to open a connection.
    pub last_dial_failure: Option<DialFailures>,
    /// Connections opened since the pool exists.
    pub opened_total: u64,
    /// Connections that have left the pool, for whatever reason.
    pub closed_total: u64,
    /// Those of them that were lost or did not answer.
    pub broken_total: u64,
    /// Attempts to open a connection that have failed.
    pub dial_failures_total: u64,
    /// Callers whose wait took too long.
    pub timeouts_total: u64,
    /// Callers refused because too many waited: at once, or after a short wait.
    pub shed_total: u64,
    /// Loans that took longer than they should.
    pub leaks_total: u64,
    /// Those of them whose connection was taken back.
    pub reclaimed_total: u64,
    /// Who has a connection, longest first.
    pub holders: Vec<Holder>,
}

impl PoolStatus {
    /// Connections on loan.
    pub fn in_use(&self) -> usize {
        self.holders.len()
    }

    /// Whether attempts to open connections fail at this time.
    pub fn is_failing(&self) -> bool {
        self.last_dial_failure
            .as_ref()
            .is_some_and(|failures| failures.failing_for.is_some())
    }
}

/// A connection that is being opened.
#[derive(Debug, Clone, Copy)]
pub struct Dialling {
    /// For how long.
    pub elapsed: Duration,
    /// The step that is under way.
    pub step: DialStep,
    /// For how long.
    pub in_step: Duration,
}

impl fmt::Display for Dialling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "for {:.1?}", self.elapsed)?;
        if self.step != DialStep::Started {
            write!(f, " ({} for {:.1?})", self.step, self.in_step)?;
        }
        Ok(())
    }
}

/// Failed attempts to open a connection.
#[derive(Debug, Clone)]
pub struct DialFailures {
    /// The newest error.
    pub error: Error,
    /// How long ago.
    pub ago: Duration,
    /// How many attempts have failed since the last one that did not.
    pub in_a_row: u32,
    /// For how long attempts have been failing; `None` when the newest one succeeded.
    pub failing_for: Option<Duration>,
}

impl fmt::Display for DialFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the last attempt to open a connection ")?;
        if self.failing_for.is_none() {
            f.write_str("that failed did so ")?;
        } else {
            f.write_str("failed ")?;
        }
        write!(f, "{:.1?} ago", self.ago)?;
        if self.in_a_row > 1 {
            write!(f, ", as {} in a row did", self.in_a_row)?;
        }
        write!(f, ": {}", self.error.detail())
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
