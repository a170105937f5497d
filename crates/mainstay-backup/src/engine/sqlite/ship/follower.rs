//! A reader that waits until what it reads is shipped, and notes meanwhile when commits are made.
//!
//! A copy may take an hour. What is committed in that time stays in the log, and is read when the
//! copy is in the archive; but by then nobody could tell any more when it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mainstay::{Error, ErrorKind, Result};

use super::reader::{Gap, Limits, Reader};

/// How often it is looked for commits: how exactly their times are known.
pub(super) const POLL: Duration = Duration::from_millis(25);

/// Follows the log of a database.
#[derive(Debug)]
pub(crate) struct Follower {
    stop: Arc<AtomicBool>,
    /// `None`: it was taken over.
    thread: Option<JoinHandle<Result<Waited>>>,
    limits: Limits,
}

/// What came of waiting.
#[derive(Debug)]
pub(super) struct Waited {
    pub(super) reader: Reader,
    /// What is in the log does not follow any more, and why.
    pub(super) gap: Option<Gap>,
}

impl Follower {
    /// Waits with a reader.
    pub(super) fn start(reader: Reader) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (of_thread, limits) = (Arc::clone(&stop), reader.limits());
        let thread = std::thread::Builder::new()
            .name("sqlite-follow".to_owned())
            .spawn(move || wait(reader, &of_thread))
            .map_err(|error| {
                Error::new(
                    ErrorKind::Unexpected,
                    format!("the thread that follows the log cannot be started: {error}"),
                )
                .with_hint("raise the limit of threads (ulimit -u)")
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
            limits,
        })
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// Takes the reader over. Blocks for a moment.
    pub(super) fn take(mut self) -> Result<Waited> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        thread
            .and_then(|thread| thread.join().ok())
            .unwrap_or_else(|| {
                Err(Error::new(
                    ErrorKind::Unexpected,
                    "the thread that follows the log ended early",
                ))
            })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // The thread ends by itself, and with it what it holds.
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn wait(mut reader: Reader, stop: &AtomicBool) -> Result<Waited> {
    let mut gap = None;
    while gap.is_none() && !stop.load(Ordering::Relaxed) {
        gap = reader.watch()?;
        std::thread::sleep(POLL);
    }
    Ok(Waited { reader, gap })
}
