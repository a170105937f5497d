//! The proxy's port: open, closed, or full.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::mode::Mode;

/// A connection to a port of this machine that takes longer than this is not answered.
const ANSWERED: Duration = Duration::from_millis(200);

/// What a client meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its connection is taken.
    Open,
    /// It is refused.
    Closed,
    /// It gets no answer: all places in the system's queue are taken, and nobody empties it.
    Full,
}

impl State {
    /// The state that a mode wants.
    pub(super) fn of(mode: Mode) -> Self {
        match mode {
            Mode::Refuse => Self::Closed,
            Mode::Ignore => Self::Full,
            Mode::Forward | Mode::Latency(_) | Mode::Hang | Mode::SwallowReplies => Self::Open,
        }
    }
}

/// An address, and what listens there.
pub(super) struct Port {
    address: SocketAddr,
    state: State,
    listener: Option<TcpListener>,
    /// The connections that take the places of a full port.
    crowd: Vec<TcpStream>,
}

impl Port {
    /// An open port of 127.0.0.1, and its address.
    pub(super) async fn start() -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let port = Self {
            address,
            state: State::Open,
            listener: Some(listener),
            crowd: Vec::new(),
        };
        Ok((port, address))
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Changes the state. After an error the port is closed.
    pub(super) async fn become_state(&mut self, state: State) -> io::Result<()> {
        self.listener = None;
        self.crowd.clear();
        self.state = State::Closed;
        match state {
            State::Closed => {}
            State::Open => self.listener = Some(TcpListener::bind(self.address).await?),
            State::Full => self.fill().await?,
        }
        self.state = state;
        Ok(())
    }

    /// Listens with the shortest queue there is, and takes all of its places.
    async fn fill(&mut self) -> io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        self.listener = Some(socket.listen(1)?);
        while let Ok(connected) = timeout(ANSWERED, TcpStream::connect(self.address)).await {
            self.crowd.push(connected?);
        }
        Ok(())
    }

    /// The next client's connection. Waits for ever unless the port is open.
    pub(super) async fn accept(&self) -> io::Result<TcpStream> {
        match &self.listener {
            Some(listener) if self.state == State::Open => {
                listener.accept().await.map(|(client, _)| client)
            }
            _ => std::future::pending().await,
        }
    }
}
