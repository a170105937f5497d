//! Who waits for the work a thread does.
//!
//! SQLite works on threads of its own, and its callers are futures that may be dropped. A thread
//! that works for somebody says so with [`serving`]; SQLite asks again and again, while a
//! statement runs and while it waits for a lock, whether that caller is still there, and once more
//! at the commit: a call that was given up before does not take effect any more (`fate`).

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::InterruptHandle;
use tokio::time::Instant;

use super::fate::Fate;
use super::watch::{Found, Watch};
use crate::error::Error;

/// How many instructions of SQLite's machine pass between two looks at the caller.
pub(super) const INSTRUCTIONS: i32 = 1000;

/// The steps of waiting for another process, in milliseconds; the last one repeats.
const STEPS: [u64; 8] = [1, 2, 5, 10, 15, 20, 25, 25];

/// Somebody who waits for an answer. Clones are the same caller.
#[derive(Debug, Clone, Default)]
pub(super) struct Caller(Arc<Asked>);

/// What a caller asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    gone: AtomicBool,
    /// Since when it waits in the writer's queue.
    since: Option<Instant>,
    fate: Fate,
}

impl Caller {
    /// One who waits in the writer's queue from now on.
    pub(super) fn queued() -> Self {
        Self(Arc::new(Asked {
            since: Some(Instant::now()),
            ..Asked::default()
        }))
    }

    pub(super) fn is_gone(&self) -> bool {
        self.0.gone.load(Ordering::Relaxed)
    }
}

impl Deref for Caller {
    type Target = Fate;

    fn deref(&self) -> &Fate {
        &self.0.fate
    }
}

/// Held by the caller's future: when it is dropped before [`stay`](Self::stay), the caller is gone.
pub(super) struct Presence {
    caller: Caller,
    interrupt: Option<Arc<InterruptHandle>>,
    left: bool,
}

impl Presence {
    pub(super) fn of(caller: &Caller) -> Self {
        Self {
            caller: caller.clone(),
            interrupt: None,
            left: true,
        }
    }

    /// Also interrupts a connection that nobody else uses: quicker than the look at the caller,
    /// which some long operations of SQLite never come to.
    pub(super) fn interrupting(mut self, handle: Arc<InterruptHandle>) -> Self {
        self.interrupt = Some(handle);
        self
    }

    /// The answer is there: nothing is to be stopped any more.
    pub(super) fn stay(mut self) {
        self.left = false;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if self.left {
            self.caller.give_up();
            self.caller.0.gone.store(true, Ordering::Relaxed);
            if let Some(handle) = &self.interrupt {
                handle.interrupt();
            }
        }
    }
}

thread_local! {
    /// The caller this thread works for, and how long it waits for other processes.
    static SERVED: RefCell<Option<(Caller, Duration)>> = const { RefCell::new(None) };

    /// Since when this thread waits for the lock of another process, until it has had it again.
    static LOCKED_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };

    /// How many more looks at the caller there may be before a statement is stopped, while this
    /// thread runs one for itself. It then waits for nobody either.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Works within a number of looks at the caller, for a caller who is this thread itself and so
/// cannot be gone. Also says how many looks there were.
pub(super) fn within<T>(looks: u32, work: impl FnOnce() -> T) -> (T, u32) {
    struct Restore(Option<u32>);
    impl Drop for Restore {
        fn drop(&mut self) {
            LEFT.set(self.0);
        }
    }
    let _restore = Restore(LEFT.replace(Some(looks)));
    let value = work();
    (value, looks - LEFT.get().unwrap_or(0))
}

/// Works for `caller`, waiting up to `busy_timeout` for other processes.
pub(super) fn serving<T>(caller: &Caller, busy_timeout: Duration, work: impl FnOnce() -> T) -> T {
    struct Restore(Option<(Caller, Duration)>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SERVED.set(self.0.take());
        }
    }
    let before = SERVED.replace(Some((caller.clone(), busy_timeout)));
    let _restore = Restore(before);
    work()
}

thread_local! {
    /// When the statement that runs on this thread has to give way to others.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Works until `limit` only, where there is one: then what runs is interrupted.
pub(super) fn until<T>(limit: Option<Instant>, work: impl FnOnce() -> T) -> T {
    struct Restore(Option<Instant>);
    impl Drop for Restore {
        fn drop(&mut self) {
            UNTIL.set(self.0);
        }
    }
    let _restore = Restore(UNTIL.replace(limit));
    work()
}

/// How long what runs on this thread may go on; `None` when nothing limits it.
pub(super) fn left() -> Option<Duration> {
    let until = UNTIL.get()?;
    Some(until.saturating_duration_since(Instant::now()))
}

/// Makes a connection that writes ask for the caller of its thread before each commit. From then on
/// the call counts as under way: what was given up before is rolled back.
pub(super) fn watch_commits(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    connection.commit_hook(Some(must_not_commit))
}

fn must_not_commit() -> bool {
    UNDOES.get()
        || moved().is_some()
        || SERVED.with_borrow(|served| served.as_ref().is_some_and(|(caller, _)| !caller.end()))
}

thread_local! {
    /// The file this thread writes to.
    static WATCHED: RefCell<Option<Arc<Watch>>> = const { RefCell::new(None) };
}

/// From now on this thread commits only to the file that is at its path.
pub(super) fn commit_to(watch: &Arc<Watch>) {
    WATCHED.set(Some(Arc::clone(watch)));
}

/// Why this thread commits nothing, where the file it writes to is not at its path.
pub(super) fn moved() -> Option<Error> {
    WATCHED.with_borrow(|watched| {
        let watch = watched.as_ref()?;
        match watch.standing() {
            Found::Same => None,
            standing => Some(watch.error(standing)),
        }
    })
}

thread_local! {
    /// What this thread ends now is to be rolled back.
    static UNDOES: Cell<bool> = const { Cell::new(false) };
}

/// Ends a statement half way, so that nothing of it is kept: SQLite commits a write that is its own
/// transaction however it ends, unless it fails.
pub(super) fn undoing(end: impl FnOnce()) {
    UNDOES.set(true);
    end();
    UNDOES.set(false);
}

/// The writer has the file's lock, or has found it free.
pub(super) fn is_unlocked() {
    LOCKED_SINCE.set(None);
}

/// Makes a connection ask for the caller of its thread.
pub(super) fn watch(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    connection.progress_handler(INSTRUCTIONS, Some(is_over))?;
    connection.busy_handler(Some(wait_for_other_process))
}

fn is_over() -> bool {
    is_gone() || left().is_some_and(|left| left.is_zero())
}

fn is_gone() -> bool {
    match LEFT.get() {
        Some(0) => return true,
        Some(left) => {
            LEFT.set(Some(left - 1));
            return false;
        }
        None => {}
    }
    SERVED.with_borrow(|served| served.as_ref().is_some_and(|(caller, _)| caller.is_gone()))
}

/// SQLite's busy handler: waits a step, or gives up when the time is used or the caller gone.
///
/// Those who wait in the writer's queue meanwhile wait for the same lock. So each has waited since
/// it came, not since its turn, and all are told in time.
fn wait_for_other_process(attempt: i32) -> bool {
    if LEFT.get().is_some() {
        return false;
    }
    let Some((caller, limit)) = SERVED.with_borrow(Clone::clone) else {
        return false;
    };
    let now = Instant::now();
    let locked = LOCKED_SINCE.get().unwrap_or(now);
    LOCKED_SINCE.set(Some(locked));
    let attempt = usize::try_from(attempt).unwrap_or(0);
    let step = match caller.0.since {
        Some(since) => step(
            attempt,
            limit.saturating_sub(now.saturating_duration_since(since.max(locked))),
        ),
        None => step(attempt, limit.saturating_sub(waited(attempt))),
    };
    if step.is_zero() || caller.is_gone() {
        return false;
    }
    std::thread::sleep(step);
    !caller.is_gone()
}

/// How long to wait at the given attempt, when so much time is left.
fn step(attempt: usize, left: Duration) -> Duration {
    let next = STEPS
        .get(attempt)
        .copied()
        .unwrap_or(STEPS[STEPS.len() - 1]);
    left.min(Duration::from_millis(next))
}

/// How long all attempts before took together.
fn waited(attempts: usize) -> Duration {
    let last = STEPS[STEPS.len() - 1];
    let steps: u64 = STEPS.iter().take(attempts).sum();
    Duration::from_millis(steps + last * attempts.saturating_sub(STEPS.len()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_add_up_to_the_limit() {
        for limit in [0, 1, 7, 100, 5000] {
            let limit = Duration::from_millis(limit);
            let total: Duration = (0..10_000)
                .map(|attempt| step(attempt, limit.saturating_sub(waited(attempt))))
                .sum();
            assert_eq!(total, limit);
        }
    }

    #[test]
    fn a_number_of_looks_is_kept_and_waits_for_nobody() {
        let (stopped, used) = within(2, || {
            assert!(!wait_for_other_process(0));
            [is_gone(), is_gone(), is_gone(), is_gone()]
        });
        assert_eq!((stopped, used), ([false, false, true, true], 2));
        assert!(LEFT.get().is_none());
        let panicked =
            std::panic::catch_unwind(|| within(1, || std::panic::resume_unwind(Box::new(()))));
        assert!(panicked.is_err());
        assert!(LEFT.get().is_none());
    }

    #[test]
    fn a_thread_serves_one_caller_at_a_time_and_forgets_it() {
        let (outer, inner) = (Caller::default(), Caller::default());
        drop(Presence::of(&inner));
        Presence::of(&outer).stay();
        serving(&outer, Duration::ZERO, || {
            assert!(!is_gone());
            serving(&inner, Duration::ZERO, || assert!(is_gone()));
            assert!(!is_gone());
        });
        let panicked = std::panic::catch_unwind(|| {
            serving(&Caller::default(), Duration::ZERO, || {
                std::panic::resume_unwind(Box::new(()))
            })
        });
        assert!(panicked.is_err());
        assert!(SERVED.with_borrow(Option::is_none));
    }
}
