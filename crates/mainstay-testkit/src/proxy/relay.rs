//! One connection through the proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::mode::{Ending, Fault, Mode};
use super::shared::Shared;

/// Counts a connection for as long as it lives, also when its task is aborted.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What the two directions of a connection tell each other.
#[derive(Default)]
struct Doom {
    /// The next reply ends the connection, by a reset if the second is set.
    lose_reply: AtomicBool,
    reset: AtomicBool,
}

/// Passes data between `client` and `target` until one of them or a fault ends the connection.
pub(super) async fn run(mut client: TcpStream, target: SocketAddr, shared: Arc<Shared>) {
    let _counted = Counted::new(&shared);
    let mut cut = shared.cut.subscribe();
    cut.mark_unchanged();
    let mut forsaken = shared.forsaken.subscribe();
    forsaken.mark_unchanged();
    // A target that cannot be reached looks to the client like one that hangs up at once.
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    // Pieces are to arrive as they were sent.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));

    let ending = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let doom = Doom::default();
        tokio::select! {
            ending = both(
                requests(from_client, to_server, &shared, &doom),
                replies(from_server, to_client, &shared, &doom),
            ) => Some(ending),
            changed = cut.changed() => {
                Some(if changed.is_ok() { cut.borrow().1 } else { Ending::Close })
            }
            // The sender lives as long as the proxy, whose end also ends this task.
            _ = forsaken.changed() => None,
        }
    };
    let ending = match ending {
        Some(ending) => ending,
        None => tokio::select! {
            () = abandoned(&mut client, &mut server, &shared) => Ending::Close,
            changed = cut.changed() => {
                if changed.is_ok() { cut.borrow().1 } else { Ending::Close }
            }
        },
    };
    if ending == Ending::Reset {
        // Without lingering, closing sends a reset.
        let _ = client.set_zero_linger();
    }
}

/// Keeps both ends of a forsaken connection apart, until both are closed, or the client's is and the
/// server finds out.
async fn abandoned(client: &mut TcpStream, server: &mut TcpStream, shared: &Shared) {
    let mut probed = shared.probed.subscribe();
    let server_gone = async {
        tokio::select! {
            () = discard(server) => {}
            // The sender lives as long as the proxy, whose end also ends this task.
            _ = probed.wait_for(|probed| *probed) => {}
        }
    };
    tokio::join!(discard(client), server_gone);
}

/// Reads what is sent for nobody, until the sender closes the connection.
async fn discard(sender: &mut TcpStream) {
    let mut buffer = vec![0; 16 * 1024];
    while sender.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

/// Runs both directions until both have ended by themselves, or one says how to end the whole.
async fn both(
    one: impl Future<Output = io::Result<Option<Ending>>>,
    other: impl Future<Output = io::Result<Option<Ending>>>,
) -> Ending {
    // Errors travel as Err to stop the other direction at once, and so do faults.
    let flag = |result: io::Result<Option<Ending>>| match result {
        Ok(None) => Ok(()),
        Ok(Some(ending)) => Err(ending),
        // The other side is gone without a word: so are we.
        Err(_) => Err(Ending::Reset),
    };
    let joined = tokio::try_join!(async { flag(one.await) }, async { flag(other.await) });
    joined.err().unwrap_or(Ending::Close)
}

/// From the client to the server.
async fn requests(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    shared: &Shared,
    doom: &Doom,
) -> io::Result<Option<Ending>> {
    let mut mode = shared.mode.subscribe();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        let data = &buffer[..count];
        wait_turn(&mut mode).await;
        if data.is_empty() {
            to.shutdown().await?;
            return Ok(None);
        }
        match shared.take_fault(data) {
            Some(Fault::LoseRequest(ending)) => {
                shared.strike();
                return Ok(Some(ending));
            }
            Some(Fault::LoseReply(ending)) => {
                doom.reset.store(ending == Ending::Reset, Ordering::SeqCst);
                doom.lose_reply.store(true, Ordering::SeqCst);
            }
            None => {}
        }
        to.write_all(data).await?;
    }
}

/// From the server to the client.
async fn replies(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    shared: &Shared,
    doom: &Doom,
) -> io::Result<Option<Ending>> {
    let mut mode = shared.mode.subscribe();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        let data = &buffer[..count];
        if doom.lose_reply.load(Ordering::SeqCst) {
            shared.strike();
            let reset = doom.reset.load(Ordering::SeqCst);
            return Ok(Some(if reset { Ending::Reset } else { Ending::Close }));
        }
        wait_turn(&mut mode).await;
        if data.is_empty() {
            to.shutdown().await?;
            return Ok(None);
        }
        if *mode.borrow() != Mode::SwallowReplies {
            to.write_all(data).await?;
        }
    }
}

/// Waits until data may pass: not while the proxy hangs, and not before the latency is over.
async fn wait_turn(mode: &mut watch::Receiver<Mode>) {
    // The sender lives as long as the proxy, whose end also ends this task.
    let now = match mode.wait_for(|mode| *mode != Mode::Hang).await {
        Ok(mode) => *mode,
        Err(_) => return,
    };
    if let Mode::Latency(delay) = now {
        sleep(delay).await;
    }
}
