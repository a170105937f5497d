//! Connecting step by step, so that a failure says which step it was; and cancel requests.
//!
//! Dialing is done here rather than by the client library, because its errors do not tell a
//! refused connection from a refused handshake, and because a cancel request must keep its
//! socket until the server has closed it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, CancelToken, Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::classify::{Report, classify};
use super::options::PostgresOptions;
use super::socket::{Shared, Socket};
use super::tls;
use crate::driver::contract::BoxFuture;
use crate::driver::progress::{DialProgress, DialStep};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// How long an ended session may take to say goodbye before its socket is closed.
pub(super) const GOODBYE: Duration = Duration::from_secs(3);

/// Where a connection goes: of a name's addresses, the one that answered.
#[derive(Debug, Clone)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// The steps of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
#[repr(u8)]
enum Step {
    Resolve,
    Dial,
    AskForTls,
    Handshake,
    LogIn,
}

impl Step {
    fn words(self) -> &'static str {
        match self {
            Self::Resolve => "looking up the host name",
            Self::Dial => "dialing",
            Self::AskForTls => "asking for TLS",
            Self::Handshake => "the TLS handshake",
            Self::LogIn => "logging in",
        }
    }

    fn public(self) -> DialStep {
        match self {
            Self::Resolve => DialStep::Lookup,
            Self::Dial => DialStep::Connect,
            Self::AskForTls | Self::Handshake => DialStep::Tls,
            Self::LogIn => DialStep::Authenticate,
        }
    }
}

/// The step that is under way, shared with the TLS connector and with whoever watches.
#[derive(Debug, Clone)]
struct Progress {
    step: Arc<AtomicU8>,
    watched: Arc<DialProgress>,
}

impl Progress {
    fn new(watched: Arc<DialProgress>) -> Self {
        let progress = Self {
            step: Arc::default(),
            watched,
        };
        progress.set(Step::Resolve);
        progress
    }

    fn set(&self, step: Step) {
        self.step.store(step as u8, Ordering::Relaxed);
        self.watched.enter(step.public());
    }

    fn get(&self) -> Step {
        let now = self.step.load(Ordering::Relaxed);
        [Step::Resolve, Step::Dial, Step::AskForTls, Step::Handshake]
            .into_iter()
            .find(|step| *step as u8 == now)
            .unwrap_or(Step::LogIn)
    }
}

/// A session that has just been opened.
pub(super) struct Session {
    pub(super) client: Client,
    /// Drives the socket; ends a while after `closed` is dropped.
    pub(super) task: JoinHandle<()>,
    pub(super) closed: oneshot::Sender<()>,
    /// Why the session ended, once it has.
    pub(super) fate: Arc<OnceLock<String>>,
    pub(super) address: Address,
    /// The server's version in its own words.
    pub(super) version: String,
}

/// Opens sessions with one server.
#[derive(Clone)]
pub(super) struct Dialer {
    pub(super) options: PostgresOptions,
    tls: Option<MakeRustlsConnect>,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.options.fmt(f)
    }
}

impl Dialer {
    /// Reads the certificates.
    pub(super) fn new(options: PostgresOptions) -> Result<Self> {
        let tls = tls::client_config(&options.tls)?;
        Ok(Self {
            // A Unix socket does not leave the machine, and PostgreSQL has no TLS on it.
            tls: tls
                .filter(|_| !options.is_socket())
                .map(MakeRustlsConnect::new),
            options,
        })
    }

    /// Opens a session within `limit`.
    pub(super) async fn connect(&self, limit: Duration) -> Result<Session> {
        let unwatched = Arc::new(DialProgress::new(Instant::now()));
        self.connect_watched(limit, unwatched).await
    }

    /// The same, telling which step is under way.
    pub(super) async fn connect_watched(
        &self,
        limit: Duration,
        watched: Arc<DialProgress>,
    ) -> Result<Session> {
        let progress = Progress::new(watched);
        match timeout(limit, self.steps(&progress, Instant::now() + limit)).await {
            Ok(result) => result,
            Err(_) => Err(self.unreachable(
                progress.get(),
                &format!("no answer within {} ms", limit.as_millis()),
            )),
        }
    }

    async fn steps(&self, progress: &Progress, deadline: Instant) -> Result<Session> {
        let addresses = self.resolve().await?;
        progress.set(Step::Dial);
        let mut last = None;
        let mut untried = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            // A silent address must not eat the time of those behind it.
            let share = deadline.saturating_duration_since(Instant::now()) / untried;
            untried -= 1;
            match timeout(share, dial(address.clone())).await {
                Ok(Ok(socket)) => {
                    return self.log_in(socket, address, progress).await;
                }
                Ok(Err(error)) => last = Some(error.to_string()),
                Err(_) => last = Some(format!("no answer within {} ms", share.as_millis())),
            }
        }
        let why = last.unwrap_or_else(|| "the host name has no address".to_owned());
        Err(self.unreachable(Step::Dial, &why))
    }

    async fn resolve(&self) -> Result<Vec<Address>> {
        let (host, port) = (self.options.host.as_str(), self.options.port);
        if self.options.is_socket() {
            let path = PathBuf::from(host).join(format!(".s.PGSQL.{port}"));
            return Ok(vec![Address::Unix(path)]);
        }
        match tokio::net::lookup_host((host, port)).await {
            Ok(found) => Ok(found.map(Address::Tcp).collect()),
            Err(error) => Err(self.unreachable(Step::Resolve, &error.to_string())),
        }
    }

    async fn log_in(
        &self,
        socket: Socket,
        address: Address,
        progress: &Progress,
    ) -> Result<Session> {
        let config = self.options.config();
        let opened = match &self.tls {
            None => {
                progress.set(Step::LogIn);
                let opened = config.connect_raw(socket, NoTls).await;
                opened.map(|(client, wire)| open(client, wire, address))
            }
            Some(tls) => {
                progress.set(Step::AskForTls);
                let watched = Watched {
                    inner: connector::<Socket>(tls, &self.options.host),
                    progress: progress.clone(),
                };
                let opened = config.connect_raw(socket, watched).await;
                opened.map(|(client, wire)| open(client, wire, address))
            }
        };
        opened.map_err(|error| self.refused(&error, progress.get()))
    }

    /// Asks the server to cancel what the session is doing, and waits until the server has closed
    /// the connection that carried the request. `recover` says why that matters.
    pub(super) async fn cancel(&self, token: &CancelToken, address: &Address) -> Result<(), ()> {
        let socket = dial(address.clone()).await.map_err(drop)?;
        let mut kept = Shared::new(socket);
        let sent = match &self.tls {
            None => token.cancel_query_raw(kept.clone(), NoTls).await,
            Some(tls) => {
                let tls = connector::<Shared>(tls, &self.options.host);
                token.cancel_query_raw(kept.clone(), tls).await
            }
        };
        sent.map_err(drop)?;
        let mut rest = [0; 256];
        loop {
            match kept.read(&mut rest).await {
                Ok(0) => return Ok(()),
                // The server's farewell on TLS.
                Ok(_) => {}
                // A reset is an end too: the server closes without reading ours.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(()),
                Err(_) => return Err(()),
            }
        }
    }

    fn unreachable(&self, step: Step, why: &str) -> Error {
        Error::new(
            ErrorKind::Unreachable,
            format!("{}: {} failed: {why}", self.options.place(), step.words()),
        )
        .with_hint("check host and port, and that the server runs")
    }

    /// The error of a log-in that was refused.
    fn refused(&self, error: &tokio_postgres::Error, step: Step) -> Error {
        let place = self.options.place();
        if let Some(report) = error.as_db_error() {
            let error = classify(Report::from(report), None, Outcome::NotApplied);
            let detail = format!(
                "{place}: user {}, database {}: {}",
                self.options.user,
                self.options.database,
                error.detail()
            );
            let mut refused = Error::new(error.kind(), detail);
            if let Some(code) = error.native_code() {
                refused = refused.with_native_code(code.to_owned());
            }
            return match error.hint() {
                Some(hint) => refused.with_hint(hint.to_owned()),
                None => refused,
            };
        }
        let source = std::error::Error::source(error);
        let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
        let tls = io
            .and_then(std::io::Error::get_ref)
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(tls) = tls {
            let (why, hint) = tls::describe(tls);
            return Error::new(ErrorKind::Tls, format!("{place}: {why}")).with_hint(hint);
        }
        match (step, io) {
            (Step::AskForTls, None) => Error::new(
                ErrorKind::Tls,
                format!("{place}: the server does not offer TLS"),
            )
            .with_hint("switch TLS on in the server, or off in the configuration"),
            (Step::Handshake, Some(io)) => Error::new(
                ErrorKind::Tls,
                format!("{place}: the TLS handshake failed: {io}"),
            ),
            (_, Some(io)) => self.unreachable(step, &io.to_string()),
            (_, None) if error.is_closed() || source.is_none() => {
                self.unreachable(step, &format!("the server broke off: {error}"))
            }
            // What is left comes from the exchange of credentials, before the server judged them.
            (_, None) => Error::new(
                ErrorKind::CredentialsRefused,
                match source {
                    Some(why) => format!("{place}: user {}: {why}", self.options.user),
                    None => format!("{place}: user {}: {error}", self.options.user),
                },
            )
            .with_hint("check the user name and the password"),
        }
    }
}

async fn dial(address: Address) -> std::io::Result<Socket> {
    match address {
        Address::Tcp(at) => {
            let socket = match at {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            let stream: TcpStream = socket.connect(at).await?;
            stream.set_nodelay(true)?;
            super::socket::watch_peer(&stream)?;
            Ok(Socket::new(stream))
        }
        #[cfg(unix)]
        Address::Unix(path) => Ok(Socket::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Address::Unix(_) => Err(std::io::ErrorKind::Unsupported.into()),
    }
}

type Connector<S> = <MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect;

fn connector<S>(tls: &MakeRustlsConnect, host: &str) -> Connector<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut make = tls.clone();
    match MakeTlsConnect::<S>::make_tls_connect(&mut make, host) {
        Ok(connector) => connector,
        Err(never) => match never {},
    }
}

/// Sets the task going that drives the socket.
fn open<T>(client: Client, wire: tokio_postgres::Connection<Socket, T>, address: Address) -> Session
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let version = wire.parameter("server_version").unwrap_or("").to_owned();
    let fate = Arc::new(OnceLock::new());
    let (closed, gone) = oneshot::channel::<()>();
    let told = Arc::clone(&fate);
    let task = tokio::spawn(async move {
        tokio::select! {
            () = drive(wire, &told) => {}
            // A session that nobody holds any more says goodbye, but not for ever: a server that
            // hangs, or sends what nobody reads, is left.
            () = async { let _ = gone.await; tokio::time::sleep(GOODBYE).await } => {}
        }
    });
    Session {
        client,
        task,
        closed,
        fate,
        address,
        version,
    }
}

async fn drive<T>(mut wire: tokio_postgres::Connection<Socket, T>, fate: &OnceLock<String>)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = std::future::poll_fn(|cx| wire.poll_message(cx)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => tracing::debug!(
                code = notice.code().code(),
                severity = notice.severity(),
                "notice from the server: {}",
                notice.message()
            ),
            Ok(_) => {}
            Err(error) => {
                let why = match error.as_db_error() {
                    Some(report) => format!("{} ({})", report.message(), report.code().code()),
                    None => match std::error::Error::source(&error) {
                        Some(source) => format!("{error}: {source}"),
                        None => error.to_string(),
                    },
                };
                // Set once: the first reason is the true one.
                let _ = fate.set(why);
                return;
            }
        }
    }
}

/// A TLS connector that tells how far it has come.
struct Watched<T> {
    inner: T,
    progress: Progress,
}

impl<S, T> TlsConnect<S> for Watched<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
{
    type Stream = T::Stream;
    type Error = T::Error;
    type Future = BoxFuture<'static, Result<T::Stream, T::Error>>;

    fn connect(self, stream: S) -> Self::Future {
        self.progress.set(Step::Handshake);
        let handshake = self.inner.connect(stream);
        Box::pin(async move {
            let stream = handshake.await?;
            self.progress.set(Step::LogIn);
            Ok(stream)
        })
    }
}
