//! How far a long piece of work is, and stopping it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mainstay::{Error, ErrorKind, Outcome, Result};

/// Held by a piece of work and by whoever shows how far it is, or stops it. Cloning gives another
/// handle on the same.
///
/// ```
/// use mainstay_backup::control::Control;
///
/// let control = Control::new();
/// control.begin("copying", Some(100));
/// control.add(40);
/// assert_eq!(control.snapshot().done, 40);
/// control.cancel();
/// assert!(control.check().is_err());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_cancelled: AtomicBool,
    done: AtomicU64,
    stage: Mutex<Stage>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Stage {
    name: &'static str,
    number: u32,
    total: Option<u64>,
}

/// How far a piece of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// What is being done, such as "copying"; empty before anything is.
    pub stage: &'static str,
    /// Which of the stages it is, counted from 1.
    pub number: u32,
    /// The bytes that are done in this stage.
    pub done: u64,
    /// The bytes there are in this stage, as far as that is known; it may be an estimate.
    pub total: Option<u64>,
}

impl Control {
    /// Nothing done yet, and nothing stopped.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next stage begins.
    pub fn begin(&self, name: &'static str, total: Option<u64>) {
        let mut stage = self.0.stage.lock().unwrap_or_else(PoisonError::into_inner);
        *stage = Stage {
            name,
            number: stage.number + 1,
            total,
        };
        self.0.done.store(0, Ordering::Relaxed);
    }

    /// So many more bytes of the stage are done.
    pub fn add(&self, bytes: u64) {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How far it is.
    pub fn snapshot(&self) -> Snapshot {
        let stage = *self.0.stage.lock().unwrap_or_else(PoisonError::into_inner);
        Snapshot {
            stage: stage.name,
            number: stage.number,
            done: self.0.done.load(Ordering::Relaxed),
            total: stage.total,
        }
    }

    /// Asks the work to stop. It stops at the next place where it can, and leaves nothing half done.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Relaxed)
    }

    /// Where the work can stop.
    ///
    /// # Errors
    /// When it was asked to.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(
                Error::new(ErrorKind::Unexpected, "stopped before it was done")
                    .with_outcome(Outcome::NotApplied),
            );
        }
        Ok(())
    }
}
