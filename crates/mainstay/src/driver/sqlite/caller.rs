//! Who waits for the work a thread does.
//!
//! SQLite works on threads of its own, and its callers are futures that may be dropped. A thread
//! that works for somebody says so with [`serving`]; SQLite asks again and again, while a
//! statement runs and while it waits for a lock, whether that caller is still there.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::InterruptHandle;

/// How many instructions of SQLite's machine pass between two looks at the caller.
const INSTRUCTIONS: i32 = 1000;

/// The steps of waiting for another process, in milliseconds; the last one repeats.
const STEPS: [u64; 8] = [1, 2, 5, 10, 15, 20, 25, 25];

/// Somebody who waits for an answer. Clones are the same caller.
#[derive(Debug, Clone, Default)]
pub(super) struct Caller(Arc<AtomicBool>);

impl Caller {
    pub(super) fn is_gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
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
            self.caller.0.store(true, Ordering::Relaxed);
            if let Some(handle) = &self.interrupt {
                handle.interrupt();
            }
        }
    }
}

thread_local! {
    /// The caller this thread works for, and how long it waits for other processes.
    static SERVED: RefCell<Option<(Caller, Duration)>> = const { RefCell::new(None) };
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

/// Makes a connection ask for the caller of its thread.
pub(super) fn watch(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    connection.progress_handler(INSTRUCTIONS, Some(is_gone))?;
    connection.busy_handler(Some(wait_for_other_process))
}

fn is_gone() -> bool {
    SERVED.with_borrow(|served| served.as_ref().is_some_and(|(caller, _)| caller.is_gone()))
}

/// SQLite's busy handler: waits a step, or gives up when the time is used or the caller gone.
fn wait_for_other_process(attempt: i32) -> bool {
    let Some((caller, limit)) = SERVED.with_borrow(Clone::clone) else {
        return false;
    };
    let step = step(usize::try_from(attempt).unwrap_or(0), limit);
    if step.is_zero() || caller.is_gone() {
        return false;
    }
    std::thread::sleep(step);
    !caller.is_gone()
}

/// How long to wait at the given attempt so that all attempts together take `limit`.
fn step(attempt: usize, limit: Duration) -> Duration {
    let last = STEPS[STEPS.len() - 1];
    let waited: u64 =
        STEPS.iter().take(attempt).sum::<u64>() + last * attempt.saturating_sub(STEPS.len()) as u64;
    let next = STEPS.get(attempt).copied().unwrap_or(last);
    limit
        .saturating_sub(Duration::from_millis(waited))
        .min(Duration::from_millis(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_add_up_to_the_limit() {
        for limit in [0, 1, 7, 100, 5000] {
            let limit = Duration::from_millis(limit);
            let total: Duration = (0..10_000).map(|attempt| step(attempt, limit)).sum();
            assert_eq!(total, limit);
        }
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
