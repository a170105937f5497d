//! Work on a thread, given up when nobody waits for it any more.

use mainstay::{Error, ErrorKind, Result};

use crate::control::Control;

/// Runs blocking work on a thread. When the future is dropped, the work is asked to stop.
pub(super) async fn blocking<T: Send + 'static>(
    control: &Control,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = attended(control, tokio::task::spawn_blocking(work)).await;
    done.unwrap_or_else(|error| {
        Err(Error::new(
            ErrorKind::Unexpected,
            format!("the thread that did the work ended early: {error}"),
        ))
    })
}

/// Waits for work that a thread does. When the future is dropped, the work is asked to stop.
pub(super) async fn attended<F: Future>(control: &Control, work: F) -> F::Output {
    let mut guard = CancelOnDrop(Some(control));
    let done = work.await;
    guard.0 = None;
    done
}

/// Asks the work to stop unless it is told that it ended.
struct CancelOnDrop<'a>(Option<&'a Control>);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(control) = self.0 {
            control.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_work_that_nobody_waits_for_is_asked_to_stop() {
        let control = Control::new();
        let failed = blocking(&control, || {
            Err::<(), _>(Error::new(ErrorKind::Unexpected, "no"))
        })
        .await;
        failed.expect_err("it failed");
        assert!(!control.is_cancelled());
        let forgotten = attended(&control, std::future::pending::<()>());
        let soon = std::time::Duration::from_millis(1);
        tokio::time::timeout(soon, forgotten)
            .await
            .expect_err("dropped");
        assert!(control.is_cancelled());
    }
}
