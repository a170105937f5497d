//! How far the opening of a connection has come, for whoever waits for it.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// The steps of opening a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DialStep {
    /// Nothing was done yet, or the driver does not tell its steps.
    Started,
    /// Looking up the host name.
    Lookup,
    /// Connecting to the address, until the server takes the connection. On MariaDB and MySQL that
    /// it has is found out after half a second at the latest, when the network answers; until
    /// then what follows is called so, too.
    Connect,
    /// Agreeing on encryption. On MariaDB and MySQL it is part of signing in.
    Tls,
    /// Signing in.
    Authenticate,
    /// Setting the session up.
    SetUp,
}

impl DialStep {
    /// The step in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Started => "starting",
            Self::Lookup => "looking up the host name",
            Self::Connect => "connecting",
            Self::Tls => "agreeing on TLS",
            Self::Authenticate => "authentication",
            Self::SetUp => "setting the session up",
        }
    }
}

impl fmt::Display for DialStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// The step that is under way and since when: written by the driver, read by the pool.
#[derive(Debug)]
pub struct DialProgress(Mutex<(DialStep, Instant)>);

impl DialProgress {
    /// A connection whose opening starts now.
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new((DialStep::Started, now)))
    }

    /// A step begins.
    pub fn enter(&self, step: DialStep) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (step, Instant::now());
    }

    /// The step that is under way and when it began.
    pub fn current(&self) -> (DialStep, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
