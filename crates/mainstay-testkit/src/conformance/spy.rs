//! A driver that counts what passes through it to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use mainstay::config::Config;
use mainstay::driver::{
    Batch, BeginOptions, BoxFuture, Capabilities, Connection, Done, Driver, Inline, Load, Recovery,
    RowSink, ServerInfo, Statement, Witness, connect,
};
use mainstay::schema::Dialect;
use mainstay::{Error, Outcome, Result};

/// What has been counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    statements: AtomicU64,
    pings: AtomicU64,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Counts {
    /// Statements run, those of transactions included, BEGIN and COMMIT not.
    pub(crate) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    pub(crate) fn pings(&self) -> u64 {
        self.pings.load(Ordering::Relaxed)
    }

    /// The most pooled connections that were open at the same time.
    pub(crate) fn most_open(&self) -> usize {
        self.most_open.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(crate) struct Spy {
    inner: Arc<dyn Driver>,
    counts: Arc<Counts>,
}

impl Spy {
    /// The driver of a configuration, with a spy in front.
    pub(crate) async fn open(config: &Config) -> Result<(Arc<dyn Driver>, Arc<Counts>), Error> {
        let counts = Arc::<Counts>::default();
        let spy = Self {
            inner: connect::open(config, true).await?,
            counts: Arc::clone(&counts),
        };
        Ok((Arc::new(spy), counts))
    }
}

impl Driver for Spy {
    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn connect(&self, limit: Duration) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        Box::pin(async move {
            let inner = self.inner.connect(limit).await?;
            let open = self.counts.open.fetch_add(1, Ordering::AcqRel) + 1;
            self.counts.most_open.fetch_max(open, Ordering::AcqRel);
            Ok(self.wrap(inner, true))
        })
    }

    fn writer(&self) -> Option<Box<dyn Connection>> {
        Some(self.wrap(self.inner.writer()?, false))
    }

    fn server_info(&self) -> ServerInfo {
        self.inner.server_info()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.close()
    }
}

impl Spy {
    fn wrap(&self, inner: Box<dyn Connection>, pooled: bool) -> Box<dyn Connection> {
        Box::new(Watched {
            inner: Some(inner),
            pooled,
            counts: Arc::clone(&self.counts),
        })
    }
}

#[derive(Debug)]
struct Watched {
    /// `None` once closed.
    inner: Option<Box<dyn Connection>>,
    pooled: bool,
    counts: Arc<Counts>,
}

impl Watched {
    fn inner(&mut self) -> &mut dyn Connection {
        self.inner
            .as_deref_mut()
            .expect("nobody uses a connection after closing it")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.pooled {
            self.counts.open.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Connection for Watched {
    fn run_inline(&mut self, statement: &Statement, sink: &mut dyn RowSink) -> Inline {
        let inline = self.inner().run_inline(statement, sink);
        if matches!(inline, Inline::Ran { .. }) {
            self.counts.statements.fetch_add(1, Ordering::Relaxed);
        }
        inline
    }

    fn run<'a>(
        &'a mut self,
        statement: Statement,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Done>> {
        self.counts.statements.fetch_add(1, Ordering::Relaxed);
        self.inner().run(statement, sink)
    }

    fn run_batch<'a>(
        &'a mut self,
        batch: Batch,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Vec<Done>>> {
        let count = batch.statements.len() as u64;
        self.counts.statements.fetch_add(count, Ordering::Relaxed);
        self.inner().run_batch(batch, sink)
    }

    fn load(&mut self, load: Load) -> BoxFuture<'_, Result<u64>> {
        self.counts.statements.fetch_add(1, Ordering::Relaxed);
        self.inner().load(load)
    }

    fn run_script<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        self.counts.statements.fetch_add(1, Ordering::Relaxed);
        self.inner().run_script(sql)
    }

    fn begin(&mut self, options: BeginOptions) -> BoxFuture<'_, Result<()>> {
        self.inner().begin(options)
    }

    fn savepoint<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        self.inner().savepoint(name)
    }

    fn release<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        self.inner().release(name)
    }

    fn rollback_to<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        self.inner().rollback_to(name)
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        self.inner().commit()
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        self.inner().rollback()
    }

    fn ping(&mut self) -> BoxFuture<'_, Result<()>> {
        self.counts.pings.fetch_add(1, Ordering::Relaxed);
        self.inner().ping()
    }

    fn outcome_of_dropped(&mut self) -> BoxFuture<'_, Outcome> {
        self.inner().outcome_of_dropped()
    }

    fn is_broken(&self) -> bool {
        self.inner.as_ref().is_none_or(|inner| inner.is_broken())
    }

    fn recover(&mut self) -> BoxFuture<'_, Recovery> {
        self.inner().recover()
    }

    fn witness(&self) -> Option<Witness> {
        self.inner.as_ref()?.witness()
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        let inner = self.inner.take();
        Box::pin(async move {
            if let Some(inner) = inner {
                inner.close().await;
            }
            drop(self);
        })
    }
}
