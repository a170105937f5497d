//! What the proxy's handle and its connections have in common.

use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::mode::{Ending, Fault, Mode};
use super::port::State;

/// What the proxy's handle and its connections have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) mode: watch::Sender<Mode>,
    /// Counts the calls of [`FaultProxy::cut`](super::FaultProxy::cut); a connection ends when it changes.
    pub(super) cut: watch::Sender<(u64, Ending)>,
    /// Counts the calls of [`FaultProxy::forsake`](super::FaultProxy::forsake).
    pub(super) forsaken: watch::Sender<u64>,
    /// Whether servers find out which forsaken connections their clients have closed.
    pub(super) probed: watch::Sender<bool>,
    /// What the port is, as the listening task has it.
    pub(super) port: watch::Sender<State>,
    pub(super) armed: Mutex<Option<Armed>>,
    pub(super) struck: watch::Sender<usize>,
    pub(super) connections: AtomicUsize,
}

/// A fault that waits for its request.
#[derive(Debug)]
pub(super) struct Armed {
    pub(super) fault: Fault,
    /// Only a request that contains this is hit.
    pub(super) needle: Vec<u8>,
}

impl Shared {
    pub(super) fn armed(&self) -> std::sync::MutexGuard<'_, Option<Armed>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the armed fault if `request` is what it waits for.
    pub(super) fn take_fault(&self, request: &[u8]) -> Option<Fault> {
        let mut armed = self.armed();
        let needle = &armed.as_ref()?.needle;
        let hit = needle.is_empty() || request.windows(needle.len()).any(|part| part == needle);
        if hit {
            armed.take().map(|armed| armed.fault)
        } else {
            None
        }
    }

    pub(super) fn strike(&self) {
        self.struck.send_modify(|count| *count += 1);
    }
}
