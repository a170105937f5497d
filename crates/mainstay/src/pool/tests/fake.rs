//! The driver that only counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::driver::{
    BeginOptions, BoxFuture, Capabilities, Connection, DialProgress, DialStep, Done, Driver,
    KillSwitch, Recovery, RowSink, ServerInfo, Statement,
};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;

/// What happens to the connections, and what is to happen.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Attempts to open one.
    pub(super) dials: AtomicUsize,
    pub(super) dialling: AtomicUsize,
    pub(super) most_dialling: AtomicUsize,
    pub(super) made: AtomicUsize,
    pub(super) live: AtomicUsize,
    pub(super) most: AtomicUsize,
    pub(super) pings: AtomicUsize,
    pub(super) recovered: AtomicUsize,
    pub(super) killed: AtomicUsize,
    /// Connections made before this many restarts are dead.
    pub(super) restarts: AtomicU64,
    pub(super) refuse: AtomicBool,
    /// Refuses because it is full.
    pub(super) full: AtomicBool,
    pub(super) sick: AtomicBool,
    /// The server is frozen: nothing ends.
    pub(super) frozen: AtomicBool,
    /// What `recover` answers.
    pub(super) unrecoverable: AtomicBool,
    /// `ping` takes a second.
    pub(super) slow: AtomicBool,
    /// `recover` panics.
    pub(super) panics: AtomicBool,
    /// `connect` panics.
    pub(super) dial_panics: AtomicBool,
}

impl Counts {
    pub(super) fn set(&self, what: &AtomicBool, to: bool) {
        what.store(to, Ordering::SeqCst);
    }

    /// All connections die; nobody is told.
    pub(super) fn restart(&self) {
        self.restarts.fetch_add(1, Ordering::SeqCst);
    }

    async fn thaw(&self) {
        while self.frozen.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

#[derive(Debug)]
pub(super) struct FakeDriver {
    counts: Arc<Counts>,
    capabilities: Capabilities,
}

impl FakeDriver {
    pub(super) fn new(counts: Arc<Counts>) -> Self {
        Self {
            counts,
            capabilities: Capabilities::of(Dialect::Postgres),
        }
    }
}

#[derive(Debug)]
pub(super) struct FakeConnection {
    counts: Arc<Counts>,
    born: u64,
    known_dead: bool,
}

impl FakeConnection {
    async fn answer(&mut self) -> Result<()> {
        self.counts.thaw().await;
        if self.born < self.counts.restarts.load(Ordering::SeqCst) {
            self.known_dead = true;
        }
        if self.known_dead || self.counts.sick.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::ConnectionLost, "gone"));
        }
        Ok(())
    }
}

impl Drop for FakeConnection {
    fn drop(&mut self) {
        self.counts.live.fetch_sub(1, Ordering::SeqCst);
    }
}

struct OneMore<'a>(&'a AtomicUsize);

impl Drop for OneMore<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T>> {
    Box::pin(async move { Ok(value) })
}

impl Driver for FakeDriver {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    fn connect(&self, limit: Duration) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        let now = tokio::time::Instant::now();
        self.connect_watched(limit, Arc::new(DialProgress::new(now)))
    }
    fn connect_watched(
        &self,
        _: Duration,
        progress: Arc<DialProgress>,
    ) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        Box::pin(async move {
            let counts = &self.counts;
            counts.dials.fetch_add(1, Ordering::SeqCst);
            let now = counts.dialling.fetch_add(1, Ordering::SeqCst) + 1;
            let _one_more = OneMore(&counts.dialling);
            counts.most_dialling.fetch_max(now, Ordering::SeqCst);
            assert!(!counts.dial_panics.load(Ordering::SeqCst), "as asked");
            progress.enter(DialStep::Connect);
            sleep(Duration::from_millis(10)).await;
            if counts.refuse.load(Ordering::SeqCst) {
                return Err(Error::new(ErrorKind::Unreachable, "refused"));
            }
            if counts.full.load(Ordering::SeqCst) {
                return Err(Error::new(ErrorKind::TooManyConnections, "full"));
            }
            progress.enter(DialStep::Authenticate);
            counts.thaw().await;
            counts.made.fetch_add(1, Ordering::SeqCst);
            let live = counts.live.fetch_add(1, Ordering::SeqCst) + 1;
            counts.most.fetch_max(live, Ordering::SeqCst);
            Ok(Box::new(FakeConnection {
                counts: Arc::clone(counts),
                born: counts.restarts.load(Ordering::SeqCst),
                known_dead: false,
            }) as Box<dyn Connection>)
        })
    }
    fn writer(&self) -> Option<Box<dyn Connection>> {
        None
    }
    fn server_info(&self) -> ServerInfo {
        ServerInfo::default()
    }
    fn close(&self) -> BoxFuture<'_, Result<()>> {
        ready(())
    }
}

impl Connection for FakeConnection {
    fn run<'a>(&'a mut self, _: Statement, _: &'a mut dyn RowSink) -> BoxFuture<'a, Result<Done>> {
        ready(Done::default())
    }
    fn run_script<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.answer())
    }
    fn begin(&mut self, _: BeginOptions) -> BoxFuture<'_, Result<()>> {
        ready(())
    }
    fn savepoint<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        ready(())
    }
    fn release<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        ready(())
    }
    fn rollback_to<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        ready(())
    }
    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        ready(())
    }
    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        ready(())
    }
    fn ping(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.counts.pings.fetch_add(1, Ordering::SeqCst);
            if self.counts.slow.load(Ordering::SeqCst) {
                sleep(Duration::from_secs(1)).await;
            }
            self.answer().await
        })
    }
    fn is_broken(&self) -> bool {
        self.known_dead
    }
    fn recover(&mut self) -> BoxFuture<'_, Recovery> {
        Box::pin(async {
            sleep(Duration::from_millis(100)).await;
            self.counts.thaw().await;
            assert!(!self.counts.panics.load(Ordering::SeqCst), "as asked");
            self.counts.recovered.fetch_add(1, Ordering::SeqCst);
            if self.counts.unrecoverable.load(Ordering::SeqCst) {
                Recovery::Discard
            } else {
                Recovery::Ready
            }
        })
    }
    fn kill_switch(&self) -> Option<KillSwitch> {
        let counts = Arc::clone(&self.counts);
        Some(Arc::new(move || {
            let counts = Arc::clone(&counts);
            Box::pin(async move {
                counts.killed.fetch_add(1, Ordering::SeqCst);
            })
        }))
    }
    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.counts.thaw().await;
            drop(self);
        })
    }
}
