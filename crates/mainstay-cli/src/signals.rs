//! Ctrl-C and SIGTERM.

use tokio::sync::watch;

use crate::exit::Exit;

/// Tells when the process is asked to stop. Cloning gives another listener.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// How the process ends if the signal ends it.
    asked: watch::Receiver<Option<Exit>>,
}

impl Shutdown {
    /// Waits until the process is asked to stop. Owned, as servers want it.
    pub async fn wait(self) {
        self.signal().await;
    }

    /// Waits as [`Shutdown::wait`] does, and tells how a process ends that the signal ends.
    pub(crate) async fn signal(mut self) -> Exit {
        loop {
            if let Some(exit) = *self.asked.borrow_and_update() {
                return exit;
            }
            // An error means that nobody can ask any more, which comes at the end of the program.
            if self.asked.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Whether it has been asked.
    pub fn is_asked(&self) -> bool {
        self.asked.borrow().is_some()
    }
}

/// Listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    task: Option<tokio::task::JoinHandle<()>>,
    // Kept, so that `wait` waits when no signals are listened to.
    _ask: watch::Sender<Option<Exit>>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Starts to listen: the first signal asks to stop, a second Ctrl-C ends the process at once.
/// Without `listens`, as in tests, nothing asks.
pub(crate) fn listen(listens: bool) -> (Listener, Shutdown) {
    let (ask, asked) = watch::channel(None);
    let task = listens.then(|| {
        let ask = ask.clone();
        tokio::spawn(async move {
            let exit = first_signal().await;
            ask.send_replace(Some(exit));
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
        })
    });
    (Listener { task, _ask: ask }, Shutdown { asked })
}

#[cfg(unix)]
async fn first_signal() -> Exit {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                () = ctrl_c() => Exit::Interrupted,
                _ = terminate.recv() => Exit::Terminated,
            }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be listened to");
            ctrl_c().await;
            Exit::Interrupted
        }
    }
}

#[cfg(not(unix))]
async fn first_signal() -> Exit {
    ctrl_c().await;
    Exit::Interrupted
}

/// Never ends where Ctrl-C cannot be listened to.
async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
