//! A follower on a thread, and what it read into the archive.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Error, Result};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::batch::Batch;
use super::follower::{Follower, POLL, Waited};
use super::reader::{Gap, Reader};
use crate::archive::{Log, Segment, SegmentMeta};
use crate::control::Control;

/// Between two attempts at a target that fails.
const AGAIN: Duration = Duration::from_secs(1);

/// Why shipping ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was stopped. All that was committed before is in the archive.
    Stopped,
    /// What is in the database's log does not follow on what is in the archive's, and why. What is
    /// there is good; for what comes a new base is needed.
    Gap(String),
}

/// What the thread and the task share.
struct Shared {
    batch: Mutex<Batch>,
    /// Once all that is committed by now is read, the thread ends.
    stop: AtomicBool,
    /// Nobody waits for it any more.
    is_abandoned: AtomicBool,
}

impl Shared {
    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the thread when the task is dropped.
struct AbandonOnDrop(Arc<Shared>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.is_abandoned.store(true, Ordering::Relaxed);
    }
}

/// Ships what is committed, until it is stopped or there is a gap. What is committed is in the
/// archive after `interval` at most, as long as the target answers fast enough.
///
/// `first` is the number of the first segment, `newest` up to when the archive has everything, and
/// `sent` is told of each segment, and why one could not be sent. A target that fails is tried again;
/// meanwhile the database's log grows, up to the follower's limit.
///
/// # Errors
/// Those of reading the database's log; and, when it is stopped, of the target.
pub(crate) async fn ship(
    follower: Follower,
    log: &Log,
    first: u64,
    newest: DateTime<Utc>,
    interval: Duration,
    stop: &Control,
    mut sent: impl FnMut(std::result::Result<&Segment, &Error>),
) -> Result<Ended> {
    let enough = follower.limits().ahead / 2;
    let waited = tokio::task::spawn_blocking(move || follower.take()).await;
    let Waited { reader, gap } = waited.map_err(Error::unexpected)??;
    if let Some(gap) = gap {
        return Ok(Ended::Gap(gap));
    }
    let shared = Arc::new(Shared {
        batch: Mutex::new(reader.batch(newest)),
        stop: AtomicBool::new(false),
        is_abandoned: AtomicBool::new(false),
    });
    let _end = AbandonOnDrop(Arc::clone(&shared));
    let of_thread = Arc::clone(&shared);
    let mut thread = tokio::task::spawn_blocking(move || follow(reader, &of_thread));
    let mut outbox = Outbox {
        log,
        sequence: first,
        unsent: None,
        last_failed: None,
    };
    // What is read is sent twice in the interval: the other half is for the target to answer.
    let pause = interval / 2;
    loop {
        let is_due = || shared.batch().len() >= enough || stop.is_cancelled();
        let ended = wait(&mut thread, pause, is_due).await;
        if stop.is_cancelled() {
            shared.stop.store(true, Ordering::Relaxed);
        }
        let is_end = ended.is_some() || stop.is_cancelled();
        let done = outbox.send(&shared, is_end, &mut sent).await;
        match ended {
            Some(ended) => {
                let gap = ended?;
                return done.map(|()| gap.map_or(Ended::Stopped, Ended::Gap));
            }
            None => done?,
        }
    }
}

/// Waits for the next time to send; `Some`: the thread has ended.
async fn wait(
    thread: &mut JoinHandle<Result<Option<Gap>>>,
    pause: Duration,
    is_due: impl Fn() -> bool,
) -> Option<Result<Option<Gap>>> {
    let until = Instant::now() + pause;
    loop {
        if let Ok(ended) = tokio::time::timeout(POLL, &mut *thread).await {
            return Some(joined(ended));
        }
        if Instant::now() >= until || is_due() {
            return None;
        }
    }
}

fn joined(
    ended: std::result::Result<Result<Option<Gap>>, tokio::task::JoinError>,
) -> Result<Option<Gap>> {
    ended.unwrap_or_else(|error| Err(Error::unexpected(error)))
}

/// The thread's side.
fn follow(mut reader: Reader, shared: &Shared) -> Result<Option<Gap>> {
    while !shared.is_abandoned.load(Ordering::Relaxed) {
        // What is committed before it is stopped is read after.
        let is_last = shared.stop.load(Ordering::Relaxed);
        let begun = Instant::now();
        let gap = reader.tick(&mut shared.batch())?;
        if gap.is_some() || (is_last && reader.has_all()) {
            tracing::debug!(
                target: "mainstay::backup",
                longest_ms = reader.longest.as_millis() as u64,
                "followed a log; so long writers were kept out at most"
            );
            return Ok(gap);
        }
        std::thread::sleep(POLL.saturating_sub(begun.elapsed()));
    }
    Ok(None)
}

/// What is on its way to the archive.
struct Outbox<'a> {
    log: &'a Log,
    sequence: u64,
    unsent: Option<(SegmentMeta, Vec<u8>)>,
    last_failed: Option<Instant>,
}

impl Outbox<'_> {
    /// Sends what there is. What failed is kept for later, unless this is the end.
    async fn send(
        &mut self,
        shared: &Shared,
        is_last: bool,
        sent: &mut impl FnMut(std::result::Result<&Segment, &Error>),
    ) -> Result<()> {
        let is_early = self.last_failed.is_some_and(|at| at.elapsed() < AGAIN);
        if is_early && !is_last {
            return Ok(());
        }
        loop {
            if self.unsent.is_none() {
                let mut batch = shared.batch();
                if batch.is_empty() {
                    return Ok(());
                }
                self.unsent = Some(batch.take().into_segment(self.sequence));
                self.sequence += 1;
            }
            let Some((meta, bytes)) = &self.unsent else {
                return Ok(());
            };
            match self.log.append(meta.clone(), bytes.clone()).await {
                Ok(segment) => {
                    (self.unsent, self.last_failed) = (None, None);
                    sent(Ok(&segment));
                }
                Err(error) if is_last => return Err(error),
                Err(error) => {
                    sent(Err(&error));
                    self.last_failed = Some(Instant::now());
                    return Ok(());
                }
            }
        }
    }
}
