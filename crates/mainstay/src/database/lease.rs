//! A connection in use by one call or one transaction, from the pool or from the writer's queue.

use std::sync::Arc;

use tokio::time::Instant;

use super::writer_queue::Place;
use crate::driver::{
    Batch, BeginOptions, BoxFuture, Connection, Done, Inline, Load, RowSink, Statement, Witness,
};
use crate::error::{Outcome, Result};
use crate::pool::PoolGuard;

/// Where the connection comes from.
#[derive(Debug)]
enum Source {
    Pooled(PoolGuard),
    /// A place in the queue of an engine's only writer. Dropping it ends its transaction.
    Writer {
        connection: Box<dyn Connection>,
        _place: Place,
    },
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

    pub(crate) fn writer(connection: Box<dyn Connection>, place: Place) -> Self {
        Self {
            source: Source::Writer {
                connection,
                _place: place,
            },
            in_call: false,
            in_transaction: false,
        }
    }

    /// What time it is, for a call that is the first of a lease just made.
    pub(crate) fn now(&self) -> Instant {
        let known = match &self.source {
            Source::Pooled(guard) => guard.lent_at(),
            Source::Writer { .. } => None,
        };
        known.unwrap_or_else(Instant::now)
    }

    /// Its last call ended just now, and it is given back.
    pub(crate) fn ended_at(&mut self, now: Instant) {
        if let Source::Pooled(guard) = &mut self.source {
            guard.ended_at(now);
        }
    }

    /// Whether an earlier call was dropped before it ended.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.in_call
    }

    /// What became of a call that was dropped just now, where that is certain.
    pub(crate) async fn outcome_of_dropped(&mut self) -> Outcome {
        if !self.in_call {
            return Outcome::Unknown;
        }
        match &mut self.source {
            Source::Pooled(guard) => match guard.connection() {
                Ok(connection) => connection.outcome_of_dropped().await,
                Err(_) => Outcome::Unknown,
            },
            Source::Writer { connection, .. } => connection.outcome_of_dropped().await,
        }
    }

    async fn call<'a, T>(
        &'a mut self,
        start: impl FnOnce(&'a mut dyn Connection) -> BoxFuture<'a, Result<T>>,
    ) -> Result<T> {
        let Self {
            source, in_call, ..
        } = self;
        let connection = match source {
            Source::Pooled(guard) => guard.connection()?,
            Source::Writer { connection, .. } => &mut **connection,
        };
        *in_call = true;
        let result = start(connection).await;
        *in_call = false;
        result
    }

    /// Not an `async fn`, whose future would have the statement twice.
    #[allow(clippy::manual_async_fn, reason = "see above")]
    pub(crate) fn run<'a>(
        &'a mut self,
        statement: Statement,
        sink: &'a mut dyn RowSink,
    ) -> impl Future<Output = Result<Done>> + Send + 'a {
        async move {
            self.note(Some(Arc::clone(&statement.sql)));
            let result = self
                .call(move |connection| connection.run(statement, sink))
                .await;
            self.note(None);
            result
        }
    }

    pub(crate) async fn run_batch(
        &mut self,
        batch: Batch,
        sink: &mut dyn RowSink,
    ) -> Result<Vec<Done>> {
        let first = batch.statements.first();
        self.note(first.map(|statement| Arc::clone(&statement.sql)));
        let result = self
            .call(move |connection| connection.run_batch(batch, sink))
            .await;
        self.note(None);
        result
    }

    /// Runs a short read at once; see [`Connection::run_inline`]. Nothing is left in doubt by it.
    pub(crate) fn run_inline(&mut self, statement: &Statement, sink: &mut dyn RowSink) -> Inline {
        match &mut self.source {
            Source::Pooled(guard) => match guard.connection() {
                Ok(connection) => connection.run_inline(statement, sink),
                Err(_) => Inline::NotTried,
            },
            Source::Writer { connection, .. } => connection.run_inline(statement, sink),
        }
    }

    pub(crate) async fn load(&mut self, load: Load) -> Result<u64> {
        self.call(move |connection| connection.load(load)).await
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

    /// Keeps the connection for statements outside of any transaction. A pooled one is closed
    /// afterwards.
    pub(crate) async fn hold(&mut self, until: Instant) -> Result<()> {
        if let Source::Pooled(guard) = &mut self.source {
            guard.retire();
        }
        self.call(|connection| connection.hold(Some(until))).await
    }

    pub(crate) async fn let_go(&mut self) -> Result<()> {
        self.call(|connection| connection.let_go()).await
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

    /// Who can find out how the transaction ended; see [`Connection::witness`].
    pub(crate) fn witness(&mut self) -> Option<Witness> {
        match &mut self.source {
            Source::Pooled(guard) => guard.connection().ok()?.witness(),
            Source::Writer { connection, .. } => connection.witness(),
        }
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
