//! A TCP proxy that breaks connections on request.
//!
//! A [`FaultProxy`] listens on a port of its own and passes every connection on to one server. A
//! [`Mode`] changes how it treats all traffic until it is changed again; a [`Fault`] strikes once.
//!
//! It knows nothing of the protocols above TCP. A "request" is whatever arrives from the client in one
//! piece, which for small statements is the statement.
//!
//! What is in this folder:
//! - `port`: open, closed, or full.
//! - `relay`: one connection's two directions.
//! - `tests`: all of it against an echo server.

mod port;
mod relay;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use port::{Port, State};

/// How the proxy treats all connections until told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Forward,
    /// Every piece of data waits this long, in both directions.
    Latency(Duration),
    /// Connections are accepted and stay open, but nothing passes. What was sent meanwhile passes
    /// once the mode changes.
    Hang,
    /// Replies disappear, requests pass, connections stay open.
    SwallowReplies,
    /// New connections are refused, as by a machine on which nothing listens. Those that exist go on.
    Refuse,
    /// New connections are not answered, as behind a firewall that drops what passes: a client dials
    /// until it gives up. Those that exist go on.
    Ignore,
}

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In an orderly way, as by a process that ended: the client reads end of file.
    Close,
    /// By a reset, as by a machine that knows nothing of the connection.
    Reset,
}

/// What happens once, to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends before the request reaches the server.
    LoseRequest(Ending),
    /// The request reaches the server, the connection ends when its reply arrives.
    LoseReply(Ending),
}

/// A proxy in front of one server. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What the proxy's handle and its connections have in common.
#[derive(Debug)]
struct Shared {
    mode: watch::Sender<Mode>,
    /// Counts the calls of [`FaultProxy::cut`]; a connection ends when it changes.
    cut: watch::Sender<(u64, Ending)>,
    /// Counts the calls of [`FaultProxy::forsake`].
    forsaken: watch::Sender<u64>,
    /// Whether servers find out which forsaken connections their clients have closed.
    probed: watch::Sender<bool>,
    /// What the port is, as the listening task has it.
    port: watch::Sender<State>,
    armed: Mutex<Option<Armed>>,
    struck: watch::Sender<usize>,
    connections: AtomicUsize,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    /// Only a request that contains this is hit.
    needle: Vec<u8>,
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1 and passes connections on to `target`.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let (port, address) = Port::start().await?;
        let shared = Arc::new(Shared {
            mode: watch::Sender::new(Mode::Forward),
            cut: watch::Sender::new((0, Ending::Close)),
            forsaken: watch::Sender::new(0),
            probed: watch::Sender::new(false),
            port: watch::Sender::new(State::Open),
            armed: Mutex::new(None),
            struck: watch::Sender::new(0),
            connections: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(port, target, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the mode. When this returns the port is as the mode wants it.
    pub async fn set_mode(&self, mode: Mode) {
        self.shared.mode.send_replace(mode);
        let wanted = State::of(mode);
        let mut port = self.shared.port.subscribe();
        // The sender lives in `self`, so that this cannot fail.
        let _ = port.wait_for(|state| *state == wanted).await;
    }

    /// Ends all connections that exist now.
    pub fn cut(&self, ending: Ending) {
        self.shared.cut.send_modify(|(count, how)| {
            *count += 1;
            *how = ending;
        });
    }

    /// Leaves all connections that exist now half open: they stay, but nothing passes on them any
    /// more, in neither direction, as when a firewall has forgotten them. New ones are not affected.
    /// Neither side learns that the other has closed its own, until [`cut`](Self::cut) or
    /// [`probe_forsaken`](Self::probe_forsaken).
    pub fn forsake(&self) {
        self.shared.probed.send_replace(false);
        self.shared.forsaken.send_modify(|count| *count += 1);
    }

    /// Has the server find out which forsaken connections their clients have closed, now and until
    /// others are forsaken: what its keepalive does in the end, after hours perhaps. Those that their
    /// clients keep stay as they are.
    pub fn probe_forsaken(&self) {
        self.shared.probed.send_replace(true);
    }

    /// Lets `fault` strike the next request on any connection.
    pub fn inject(&self, fault: Fault) {
        self.inject_on(b"", fault);
    }

    /// Lets `fault` strike the next request that contains `needle`, `COMMIT` for instance. Works only
    /// where the connection is not encrypted.
    pub fn inject_on(&self, needle: &[u8], fault: Fault) {
        *self.shared.armed() = Some(Armed {
            fault,
            needle: needle.to_owned(),
        });
    }

    /// Takes back a fault that has not struck yet, and says whether there was one.
    pub fn disarm(&self) -> bool {
        self.shared.armed().take().is_some()
    }

    /// How many faults have struck so far. One that loses a reply strikes when it ends the connection.
    pub fn struck(&self) -> usize {
        *self.shared.struck.borrow()
    }

    /// Waits until `count` faults have struck since the start.
    pub async fn wait_struck(&self, count: usize) {
        let mut struck = self.shared.struck.subscribe();
        let _ = struck.wait_for(|number| *number >= count).await;
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // The task owns the connections' tasks, and ends them with itself.
        self.task.abort();
    }
}

impl Shared {
    fn armed(&self) -> std::sync::MutexGuard<'_, Option<Armed>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the armed fault if `request` is what it waits for.
    fn take_fault(&self, request: &[u8]) -> Option<Fault> {
        let mut armed = self.armed();
        let needle = &armed.as_ref()?.needle;
        let hit = needle.is_empty() || request.windows(needle.len()).any(|part| part == needle);
        if hit {
            armed.take().map(|armed| armed.fault)
        } else {
            None
        }
    }

    fn strike(&self) {
        self.struck.send_modify(|count| *count += 1);
    }
}

/// Takes connections, and keeps the port as the mode wants it.
async fn accept(mut port: Port, target: SocketAddr, shared: Arc<Shared>) {
    let mut mode = shared.mode.subscribe();
    let mut relays = JoinSet::new();
    loop {
        let wanted = State::of(*mode.borrow_and_update());
        if port.state() != wanted {
            match port.become_state(wanted).await {
                Ok(()) => {
                    shared.port.send_replace(wanted);
                }
                // Somebody took the port meanwhile. Tried again until they leave.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
            continue;
        }
        tokio::select! {
            changed = mode.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            accepted = port.accept() => match accepted {
                Ok(client) => {
                    relays.spawn(relay::run(client, target, Arc::clone(&shared)));
                }
                // Out of file descriptors, for instance: others may be released.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            // Collects relays that have ended.
            Some(_) = relays.join_next() => {}
        }
    }
}
