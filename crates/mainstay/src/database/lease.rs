//! A connection in use by one call or one transaction, from the pool or from the writer's queue.

use std::sync::Arc;

use crate::driver::{BeginOptions, BoxFuture, Connection, Done, RowSink, Statement};
use crate::error::Result;
use crate::pool::PoolGuard;

/// Where the connection comes from.
#[derive(Debug)]
enum Source {
    Pooled(PoolGuard),
    /// A place in the queue of an engine's only writer. Dropping it ends its transaction.
    Writer(Box<dyn Connection>),
}

/// A connection in use. Remembers whether a call or a transaction is under way, so that dropping
/// it at any point leaves the connection in order.
#[derive(Debug)]
pub(crate) struct Lease {
    source: Source,
    in_call: bool,
    in_transaction: bool,
}

impl Lease {
    pub(crate) fn pooled(guard: PoolGuard) -> Self {
        Self {
            source: Source::Pooled(guard),
            in_call: false,
            in_transaction: false,
        }
    }

    pub(crate) fn writer(connection: Box<dyn Connection>) -> Self {
        Self {
            source: Source::Writer(connection),
            in_call: false,
            in_transaction: false,
        }
    }

    /// Whether an earlier call was dropped before it ended.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.in_call
    }

    async fn call<'a, T>(
        &'a mut self,
        start: impl FnOnce(&'a mut dyn Connection) -> BoxFuture<'a, Result<T>>,
    ) -> Result<T> {
        self.in_call = true;
        let Self {
            source, in_call, ..
        } = self;
        let connection = match source {
            Source::Pooled(guard) => guard.connection(),
            Source::Writer(connection) => &mut **connection,
        };
        let result = start(connection).await;
        *in_call = false;
        result
    }

    pub(crate) async fn run(
        &mut self,
        statement: Statement,
        sink: &mut dyn RowSink,
    ) -> Result<Done> {
        self.note(Some(Arc::clone(&statement.sql)));
        let result = self
            .call(move |connection| connection.run(statement, sink))
            .await;
        self.note(None);
        result
    }

    fn note(&self, statement: Option<Arc<str>>) {
        if let Source::Pooled(guard) = &self.source {
            guard.note_statement(statement);
        }
    }

    pub(crate) async fn run_script(&mut self, sql: &str) -> Result<()> {
        self.call(move |connection| connection.run_script(sql))
            .await
    }

    pub(crate) async fn begin(&mut self, options: BeginOptions) -> Result<()> {
        self.in_transaction = true;
        self.call(|connection| connection.begin(options)).await
    }

    pub(crate) async fn savepoint(&mut self, name: &str) -> Result<()> {
        self.call(move |connection| connection.savepoint(name))
            .await
    }

    pub(crate) async fn release(&mut self, name: &str) -> Result<()> {
        self.call(move |connection| connection.release(name)).await
    }

    pub(crate) async fn rollback_to(&mut self, name: &str) -> Result<()> {
        self.call(move |connection| connection.rollback_to(name))
            .await
    }

    pub(crate) async fn commit(&mut self) -> Result<()> {
        self.call(|connection| connection.commit()).await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(crate) async fn rollback(&mut self) -> Result<()> {
        self.call(|connection| connection.rollback()).await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(crate) async fn ping(&mut self) -> Result<()> {
        self.call(|connection| connection.ping()).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Source::Pooled(guard) = &mut self.source {
            guard.set_in_doubt(self.in_call || self.in_transaction);
        }
    }
}
