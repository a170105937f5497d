//! Who follows the log of a database into a target: one at a time, or the two would write the same
//! segments.

use std::fs::{File, TryLockError};

use mainstay::Result;

use super::dispatch::Driver;
use super::hold::Hold;

/// Held for as long as a log is followed. It ends with the program, however that ends.
#[derive(Debug)]
pub(crate) enum Claim {
    File {
        /// Held for its lock.
        _lock: File,
    },
    Server(Hold),
}

impl Claim {
    /// Lets it go, and waits until everybody knows.
    pub(crate) async fn release(self) {
        if let Self::Server(hold) = self {
            hold.release().await;
        }
    }
}

impl Driver {
    /// Claims the log of the database, for the target that is told. `None` if somebody has it.
    ///
    /// # Errors
    /// Those of connecting to a server, and of a file beside a SQLite database.
    pub(crate) async fn claim(&self, target: &str) -> Result<Option<Claim>> {
        Ok(match self {
            Self::Sqlite(engine) => {
                let lock = engine.claim(target)?;
                lock.map(|lock| Claim::File { _lock: lock })
            }
            Self::Postgres(engine) => engine.claim(target).await?.map(Claim::Server),
            Self::MySql(engine) => engine.claim(target).await?.map(Claim::Server),
        })
    }
}

/// Locks a file, unless somebody has.
pub(super) fn lock(file: File) -> std::io::Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
