//! Transactions that keep the log from starting again before it has been read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mainstay::{Error, ErrorKind, Result};
use rusqlite::{Connection, ffi};
use tokio::time::Instant;

use super::log::identity;
use crate::engine::sqlite::error::{code, of_io, of_sqlite};
use crate::engine::sqlite::open;

/// Between two attempts at something that others have for moments.
pub(super) const BETWEEN: Duration = Duration::from_micros(300);

/// How far a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Probe {
    /// Frames that are committed.
    pub(super) frames: u64,
    /// Those of them that are in the database's file.
    pub(super) moved: u64,
}

/// Our connections on a database that is followed.
#[derive(Debug)]
pub(super) struct Hold {
    path: PathBuf,
    /// The file that was opened.
    file: (u64, u64),
    /// One of them is in a transaction.
    readers: [Connection; 2],
    /// Which.
    holds: usize,
    /// Never in a transaction: asks how far the log is, and moves it.
    prober: Connection,
    writer: Connection,
}

impl Hold {
    /// Opens a database, and begins to hold its log.
    pub(super) fn begin(path: &Path, wait: Duration) -> Result<Self> {
        let file = path
            .metadata()
            .map_err(|error| of_io("cannot look at", path, error))?;
        // What is in the log stays there, so that the next follower can go on in it.
        let reader = || open::keeping_log(path, wait);
        let sql = |error: rusqlite::Error| of_sqlite(path, &error);
        let hold = Self {
            path: path.to_owned(),
            file: identity(&file),
            readers: [reader()?, reader()?],
            holds: 0,
            prober: reader()?,
            writer: open::open(path, Duration::ZERO).map_err(sql)?,
        };
        // It writes nothing, so it moves nothing either.
        hold.writer
            .pragma_update(None, "wal_autocheckpoint", 0)
            .map_err(sql)?;
        let mode: String = hold
            .prober
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .map_err(sql)?;
        if mode != "wal" {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{} has no log to follow: its journal mode is {mode}",
                    path.display()
                ),
            )
            .with_hint("start the service on it once, which turns it to WAL"));
        }
        begin_reading(&hold.readers[0]).map_err(sql)?;
        Ok(hold)
    }

    fn sql(&self, error: &rusqlite::Error) -> Error {
        of_sqlite(&self.path, error)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn page_size(&self) -> Result<u32> {
        self.prober
            .pragma_query_value(None, "page_size", |row| row.get(0))
            .map_err(|error| self.sql(&error))
    }

    /// Whether the file that was opened is still the one at its path.
    pub(super) fn is_in_place(&self) -> bool {
        // A file system that does not say changes nothing.
        match self.path.metadata() {
            Ok(found) => identity(&found) == self.file,
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }

    /// How far the log is now.
    pub(super) fn probe(&self) -> Result<Probe> {
        self.checkpoint("PRAGMA wal_checkpoint(NOOP)")
    }

    /// Moves what it can without waiting for anybody.
    pub(super) fn move_frames(&self) -> Result<Probe> {
        self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)")
    }

    /// Moves so many frames, which are all there are. `false`: others are in the way.
    pub(super) fn move_all(&self, frames: u64) -> Result<bool> {
        let probe = self.move_frames()?;
        Ok(probe.frames == frames && probe.moved == frames)
    }

    fn checkpoint(&self, sql: &str) -> Result<Probe> {
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        self.prober
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.query_row([], |row| {
                    Ok(Probe {
                        frames: number(row.get(1)?),
                        moved: number(row.get(2)?),
                    })
                })
            })
            .map_err(|error| self.sql(&error))
    }

    /// Begins another transaction beside the one that holds. What is in the log until it has begun
    /// has to be read before that one [ends](Self::let_go).
    pub(super) fn begin_another(&self) -> Result<()> {
        begin_reading(&self.readers[1 - self.holds]).map_err(|error| self.sql(&error))
    }

    /// Ends the transaction that held: the other one holds.
    pub(super) fn let_go(&mut self) -> Result<()> {
        self.readers[self.holds]
            .execute_batch("ROLLBACK")
            .map_err(|error| self.sql(&error))?;
        self.holds = 1 - self.holds;
        Ok(())
    }

    /// Keeps writers out. `false`: somebody kept writing for as long as was waited.
    pub(super) fn stop_writers(&self, wait: Duration) -> Result<bool> {
        let until = Instant::now() + wait;
        loop {
            match self.writer.execute_batch("BEGIN IMMEDIATE") {
                Ok(()) => return Ok(true),
                Err(error) if code(&error) == Some(ffi::SQLITE_BUSY) => {}
                Err(error) => return Err(self.sql(&error)),
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            // SQLite itself would look less and less often, and miss the gaps of a busy writer.
            std::thread::sleep(BETWEEN);
        }
    }

    /// Writers go on.
    pub(super) fn let_writers_on(&self) -> Result<()> {
        self.writer
            .execute_batch("ROLLBACK")
            .map_err(|error| self.sql(&error))
    }

    /// Does something while nobody writes. `None`: somebody kept writing for as long as was waited.
    pub(super) fn without_writers<T>(
        &self,
        wait: Duration,
        work: impl FnOnce(&Self) -> Result<T>,
    ) -> Result<Option<T>> {
        if !self.stop_writers(wait)? {
            return Ok(None);
        }
        let done = work(self);
        let ended = self.let_writers_on();
        let done = done?;
        ended.map(|()| Some(done))
    }
}

fn begin_reading(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    open::first_look(connection)
}
