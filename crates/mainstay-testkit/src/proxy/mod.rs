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
//! - `mode`: what it does to connections; `shared`: what they know of that.
//! - `relay`: one connection's two directions.
//! - `tests`: all of it against an echo server.

mod mode;
mod port;
mod relay;
mod shared;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use mode::{Ending, Fault, Mode};

use port::{Port, State};
use shared::{Armed, Shared};

/// A proxy in front of one server. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
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
