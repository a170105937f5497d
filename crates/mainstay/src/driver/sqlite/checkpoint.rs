//! Checkpoints: what commits wrote to the log moves into the database file.
//!
//! A checkpoint writes and syncs the file, which takes milliseconds. So a thread with a connection
//! of its own does them beside the writer, which goes on appending. Such a checkpoint never waits
//! for anybody, and so it rarely reaches the log's end while others write; the log starts from its
//! beginning again only when it has been moved to the end and nobody reads from it. Beyond a limit
//! the writer therefore moves the rest by itself, between two groups, while nothing is appended.
//!
//! The thread also looks after the file itself (`watch`).
//!
//! This is the only owner of checkpoints: automatic ones are off on every connection.

use std::cell::Cell;
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use tokio::sync::mpsc::WeakUnboundedSender;

use super::caller::{Caller, serving};
use super::classify::classify;
use super::job::Job;
use super::open;
use super::options::SqliteOptions;
use super::session::{Role, Session};
use super::watch::{Found, LOOK, Watch};
use crate::error::{Error, ErrorKind, Result};

/// A checkpoint each time the log has grown by this many pages: SQLite's own default.
const PAGES: u32 = 1000;

/// Beyond this the writer sees to it that the log starts again: 16 MB of pages of 4 KB. Far enough
/// beyond `PAGES` that the writer's part is the small rest, a few times less often than a
/// checkpoint; and small enough that readers, who look pages up in the log, do not slow down.
const LIMIT: u32 = 4 * PAGES;

/// The log's file is cut to this many bytes when it starts again, after one long transaction made
/// it larger.
pub(super) const LOG_BYTES: u32 = 32 * 1024 * 1024;

/// How long the writer waits for readers of the log, so that it can start again.
const READERS: Duration = Duration::from_millis(5);

thread_local! {
    /// Pages in the log after the last commit on this thread.
    static IN_LOG: Cell<u32> = const { Cell::new(0) };
}

/// Makes a connection note how long the log is after each of its commits.
pub(super) fn watch(connection: &Connection) {
    connection.wal_hook(Some(note));
}

fn note(_: &Wal, pages: c_int) -> rusqlite::Result<()> {
    IN_LOG.set(u32::try_from(pages).unwrap_or(0));
    Ok(())
}

/// What the thread does, for the writer to see.
#[derive(Debug, Default)]
struct Progress {
    /// Whether a checkpoint is under way.
    busy: AtomicBool,
    /// How many of the log's pages are in the file.
    moved: AtomicU32,
}

impl Progress {
    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    fn moved(&self) -> u32 {
        self.moved.load(Ordering::Relaxed)
    }
}

/// The log, as the writer keeps it.
#[derive(Debug)]
pub(super) struct Log {
    requests: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    progress: Arc<Progress>,
    /// How long the log was when the last checkpoint was asked for.
    asked_at: u32,
    /// How long the log was when the writer last tried to start it again.
    tried_at: u32,
}

impl Log {
    /// Starts the thread.
    pub(super) fn start(
        options: &SqliteOptions,
        watch: &Arc<Watch>,
        jobs: WeakUnboundedSender<Job>,
    ) -> Result<Self> {
        let (requests, received) = sync_channel(1);
        let progress = Arc::new(Progress::default());
        let keeper = Keeper {
            options: options.clone(),
            session: None,
            progress: Arc::clone(&progress),
            watch: Arc::clone(watch),
            jobs,
        };
        let thread = std::thread::Builder::new()
            .name("sqlite-checkpoint".to_owned())
            .spawn(move || keeper.work(&received))
            .map_err(|error| {
                Error::new(
                    ErrorKind::Unreachable,
                    format!("the checkpoint thread cannot be started: {error}"),
                )
                .with_hint("raise the limit of threads (ulimit -u)")
            })?;
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread),
            progress,
            asked_at: 0,
            tried_at: 0,
        })
    }

    /// Looks after the log between two jobs of the writer.
    pub(super) fn tend(&mut self, writer: &Connection) {
        let pages = IN_LOG.get();
        if pages < self.asked_at {
            // It has started again.
            (self.asked_at, self.tried_at) = (0, 0);
        }
        if pages >= self.asked_at + PAGES {
            self.ask(pages);
        }
        // After a panic nothing is under way any more, whatever was noted.
        let runs = self
            .thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished());
        if pages < LIMIT || (runs && self.progress.is_busy()) {
            return;
        }
        // The less is left, the shorter the writer is away. Twice the limit means that the thread
        // does not keep up with those who write, and they have to wait for the disk.
        let left = pages.saturating_sub(self.progress.moved());
        if runs && left > PAGES && pages < 2 * LIMIT {
            if pages >= self.asked_at + PAGES / 4 {
                self.ask(pages);
            }
        } else if pages >= self.tried_at + PAGES {
            self.tried_at = pages;
            self.start_again(writer);
        }
    }

    /// The writer has another file, whose log is empty.
    pub(super) fn renew(&mut self) {
        IN_LOG.set(0);
        self.progress.moved.store(0, Ordering::Relaxed);
        (self.asked_at, self.tried_at) = (0, 0);
    }

    /// Asks the thread for a checkpoint. A request that waits already is as good.
    fn ask(&mut self, pages: u32) {
        if let Some(requests) = &self.requests {
            // Nobody may be there to take it: then the writer does the work, at the limit.
            let _ = requests.try_send(());
            self.asked_at = pages;
        }
    }

    /// Moves the rest, and waits a moment until nobody reads from the log. The next commit then
    /// writes to its beginning.
    fn start_again(&mut self, writer: &Connection) {
        match checkpoint(writer, "PRAGMA wal_checkpoint(RESTART)", READERS) {
            Ok((false, _)) => {
                self.renew();
            }
            // A reader stays in the log. Tried again when it has grown.
            Ok((true, _)) => {}
            Err(error) => tracing::warn!(%error, "the log cannot be moved into the database file"),
        }
    }

    /// Ends the thread, after the checkpoint it is at.
    pub(super) fn end(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

/// Runs a checkpoint. Returns whether others kept it from its end, and how many of the log's pages
/// are in the file.
pub(super) fn checkpoint(
    connection: &Connection,
    sql: &str,
    wait: Duration,
) -> Result<(bool, u32)> {
    let nobody = Caller::default();
    // One that is kept busy says so in its row and is no error: what is left in the log is as
    // durable there.
    let (busy, moved): (i64, i64) = serving(&nobody, wait, || {
        connection
            .prepare_cached(sql)?
            .query_row([], |row| Ok((row.get(0)?, row.get(2)?)))
    })
    .map_err(|error| classify(&error))?;
    Ok((busy != 0, u32::try_from(moved).unwrap_or(0)))
}

/// The thread's side.
struct Keeper {
    options: SqliteOptions,
    /// With the number of the file it is on.
    session: Option<(u64, Session)>,
    progress: Arc<Progress>,
    watch: Arc<Watch>,
    jobs: WeakUnboundedSender<Job>,
}

impl Keeper {
    fn work(mut self, requests: &Receiver<()>) {
        loop {
            let request = requests.recv_timeout(LOOK);
            let standing = self.watch.look();
            if self.watch.is_at_rest()
                && let Some(jobs) = self.jobs.upgrade()
            {
                // A closed queue needs no other file.
                let _ = jobs.send(Job::Wake);
            }
            match request {
                Ok(()) if standing == Found::Same => {}
                Ok(()) | Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.progress.busy.store(true, Ordering::Release);
            if let Err(error) = self.move_pages() {
                // The disk may be full. Commits go on, and the next request tries again, with a
                // connection that is new.
                tracing::warn!(
                    %error,
                    path = %self.options.path.display(),
                    "a checkpoint failed; it is tried again when the log has grown"
                );
                self.session = None;
            }
            self.progress.busy.store(false, Ordering::Release);
        }
    }

    fn move_pages(&mut self) -> Result<()> {
        let number = self.watch.number();
        let session = match self.session.take() {
            Some((of, session)) if of == number => session,
            _ => open::open(&self.options, Role::Reader, &Caller::default())?,
        };
        let connection = self.session.insert((number, session)).1.connection();
        let (_, moved) = checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)", Duration::ZERO)?;
        self.progress.moved.store(moved, Ordering::Relaxed);
        Ok(())
    }
}
