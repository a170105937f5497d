//! Whether the database takes writes, as far as it has said so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind};
use crate::observe;
use crate::resilience::write_stop::{Options, Passed, WriteStop};

#[derive(Debug)]
pub(crate) struct Writes {
    /// Whether writes are stopped, so that nobody takes the lock while they are not.
    stopped: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    stop: WriteStop,
    why: Option<Error>,
}

impl Writes {
    pub(super) fn new(options: Options) -> Self {
        Self {
            stopped: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                stop: WriteStop::new(options),
                why: None,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The state is consistent between any two statements, so a panic elsewhere changes nothing.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn admit(&self) -> Result<Passed, Error> {
        if !self.stopped.load(Ordering::Acquire) {
            return Ok(Passed::Freely);
        }
        let mut inner = self.lock();
        let now = Instant::now();
        inner
            .stop
            .admit(now)
            .map_err(|after| refusal(inner.why.as_ref(), after))
    }

    /// The database has refused a write for the state it is in.
    pub(super) fn refused(&self, now: Instant, passed: Passed, error: &Error, unit: f64) {
        let mut inner = self.lock();
        let is_new = inner.stop.since().is_none();
        inner.stop.refused(now, passed, unit);
        inner.why = Some(error.clone());
        self.stopped.store(true, Ordering::Release);
        drop(inner);
        if is_new {
            observe::writes_stopped(error);
        }
    }

    pub(super) fn written(&self, now: Instant, passed: Passed) {
        if passed == Passed::Freely {
            return;
        }
        let mut inner = self.lock();
        let since = inner.stop.since();
        if inner.stop.written(passed) {
            inner.why = None;
            self.stopped.store(false, Ordering::Release);
            drop(inner);
            let lasted = since.map(|since| now.saturating_duration_since(since));
            observe::writes_resumed(lasted.unwrap_or_default());
        }
    }

    pub(super) fn released(&self, passed: Passed) {
        if passed == Passed::AsProbe {
            self.lock().stop.released(passed);
        }
    }

    /// Since when writes are refused, when the next one is tried, and why.
    pub(super) fn status(&self, now: Instant) -> Option<(Duration, Duration, Error)> {
        let inner = self.lock();
        let since = now.saturating_duration_since(inner.stop.since()?);
        let again = inner.stop.until()?.saturating_duration_since(now);
        Some((since, again, inner.why.clone()?))
    }
}

fn refusal(why: Option<&Error>, after: Duration) -> Error {
    let kind = why.map_or(ErrorKind::ReadOnly, Error::kind);
    let mut detail = "writes are refused for the moment, reads go on".to_owned();
    if let Some(why) = why {
        detail.push_str(&format!("; the database said: {}", why.detail()));
    }
    let error = Error::new(kind, detail).with_retry_after(after.max(Duration::from_millis(1)));
    let Some(why) = why else { return error };
    let error = match why.hint() {
        Some(hint) => error.with_hint(hint.to_owned()),
        None => error,
    };
    match why.native_code() {
        Some(code) => error.with_native_code(code.to_owned()),
        None => error,
    }
}
