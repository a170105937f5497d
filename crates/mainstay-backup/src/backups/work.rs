//! Blocking work on a thread, given up when nobody waits for it any more.

use mainstay::{Error, ErrorKind, Result};

use crate::control::Control;

/// Runs blocking work on a thread. When the future is dropped, the work is asked to stop.
pub(super) async fn blocking<T: Send + 'static>(
    control: &Control,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let guard = CancelOnDrop::new(control);
    let done = tokio::task::spawn_blocking(work).await;
    guard.done();
    done.unwrap_or_else(|error| {
        Err(Error::new(
            ErrorKind::Unexpected,
            format!("the thread that did the work ended early: {error}"),
        ))
    })
}

/// Asks the work to stop unless it is told that it ended.
pub(super) struct CancelOnDrop(Option<Control>);

impl CancelOnDrop {
    pub(super) fn new(control: &Control) -> Self {
        Self(Some(control.clone()))
    }

    /// It has ended by itself.
    pub(super) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(control) = &self.0 {
            control.cancel();
        }
    }
}
