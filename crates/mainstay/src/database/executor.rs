//! The handle, a transaction or a held connection, whichever runs the statements. This is what
//! makes the same repository work on the first two.

use std::sync::Arc;

use super::call::CallOptions;
use super::exclusive::Exclusive;
use super::stale::Touched;
use super::{Database, Shared};
use crate::driver::{BeginOptions, Capabilities, Collect, Done, Load, Row, RowSink, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;
use crate::transaction::Tx;

/// What runs statements: the handle, each statement for itself, or a transaction.
#[derive(Debug, Clone)]
pub enum Executor {
    /// The handle.
    Database(Database),
    /// A transaction.
    Transaction(Tx),
    /// A connection held outside of any transaction.
    Exclusive(Exclusive),
}

/// A write under way. Dropping it tells what it may have changed.
#[must_use = "what is forgotten at once may be remembered before the write ends"]
pub(crate) struct Touching<'a> {
    executor: &'a Executor,
    what: Touched,
}

impl Touching<'_> {
    /// It is known to have changed no more than this.
    pub(crate) fn no_more_than(&mut self, what: impl FnOnce() -> Touched) {
        if self.executor.shared().stale.is_used() && self.what != Touched::All {
            self.what = what();
        }
    }
}

impl Drop for Touching<'_> {
    fn drop(&mut self) {
        let shared = self.executor.shared();
        match self.executor {
            Executor::Transaction(tx) => {
                tx.touched(std::mem::replace(&mut self.what, Touched::All));
            }
            Executor::Database(_) | Executor::Exclusive(_) => {
                shared.stale.forget(&shared.schema, &self.what);
            }
        }
    }
}

impl From<&Database> for Executor {
    fn from(db: &Database) -> Self {
        Self::Database(db.clone())
    }
}

impl From<&Tx> for Executor {
    fn from(tx: &Tx) -> Self {
        Self::Transaction(tx.clone())
    }
}

impl From<&Exclusive> for Executor {
    fn from(held: &Exclusive) -> Self {
        Self::Exclusive(held.clone())
    }
}

impl Executor {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        match self {
            Self::Database(db) => &db.shared,
            Self::Transaction(tx) => &tx.database().shared,
            Self::Exclusive(held) => &held.database().shared,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.shared().driver.dialect()
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        self.shared().driver.capabilities()
    }

    /// Begins a write that may change what is remembered: it is forgotten when the write ends, or
    /// with the transaction.
    pub(crate) fn touching(&self, what: impl FnOnce() -> Touched) -> Touching<'_> {
        let what = if self.shared().stale.is_used() {
            what()
        } else {
            // Should somebody begin to use the memory meanwhile.
            Touched::All
        };
        Touching {
            executor: self,
            what,
        }
    }

    /// Runs a statement, giving its rows to `sink`.
    ///
    /// Not an `async fn`, whose future would have the statement twice.
    #[allow(clippy::manual_async_fn, reason = "see above")]
    pub(crate) fn run<'a>(
        &'a self,
        statement: Statement,
        sink: &'a mut dyn RowSink,
        options: &'a CallOptions,
    ) -> impl Future<Output = Result<Done>> + Send + 'a {
        async move {
            match self {
                Self::Database(db) => db.run(statement, sink, options).await,
                Self::Transaction(tx) => tx.run(statement, sink, options).await,
                Self::Exclusive(held) => held.run(statement, sink, options).await,
            }
        }
    }

    /// Loads rows in bulk, within the transaction there has to be.
    pub(crate) async fn load(&self, load: Load, options: &CallOptions) -> Result<u64> {
        match self {
            Self::Transaction(tx) => tx.load(load, options).await,
            Self::Database(_) | Self::Exclusive(_) => Err(Error::new(
                ErrorKind::Unexpected,
                "rows are loaded in bulk within a transaction only",
            )),
        }
    }

    /// Runs SQL without parameters or rows.
    pub(crate) async fn run_script(&self, text: String, options: &CallOptions) -> Result<()> {
        match self {
            Self::Database(db) => db.run_script(&text, options).await,
            Self::Transaction(tx) => tx.run_script(&text, options).await,
            Self::Exclusive(held) => held.run_script(&text, options).await,
        }
    }

    /// Runs a statement and reads all its rows.
    ///
    /// Not an `async fn` either.
    #[allow(clippy::manual_async_fn, reason = "see above")]
    pub(crate) fn fetch<'a, T: Send + 'a>(
        &'a self,
        statement: Statement,
        read: impl FnMut(&Row<'_>) -> Result<T> + Send + 'a,
        options: &'a CallOptions,
    ) -> impl Future<Output = Result<Vec<T>>> + Send + 'a {
        async move {
            let mut sink = Collect::new(read);
            self.run(statement, &mut sink, options).await?;
            Ok(sink.items)
        }
    }

    /// The error of statements that belong together, on a connection held outside of transactions.
    pub(crate) fn not_together() -> Error {
        Error::new(
            ErrorKind::Unsupported,
            "several statements as one, on a connection held outside of transactions",
        )
    }

    /// Runs several statements so that all or none take effect: within the transaction if there
    /// is one, otherwise in one of its own.
    pub(crate) async fn atomically<T, F>(
        &self,
        options: &CallOptions,
        work: impl FnMut(Self) -> F + Send,
    ) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T>> + Send,
    {
        // To its caller it is one statement, and has the time of one.
        let options = self.with_one_deadline(options);
        let result = self
            .atomically_with(BeginOptions::default(), &options, work)
            .await;
        result.map_err(|error| match self {
            Self::Database(_) if error.kind() == ErrorKind::TransactionClosed => {
                Error::new(ErrorKind::Deadline, error.detail().to_owned())
                    .with_outcome(error.outcome())
                    .with_hint("give the call more time, or see why the statement is slow")
            }
            _ => error,
        })
    }

    /// The options with the end of the call's time fixed now, whatever statements it needs.
    pub(crate) fn with_one_deadline(&self, options: &CallOptions) -> CallOptions {
        CallOptions {
            until: Some(options.deadline(self.shared().timeouts.statement)),
            ..*options
        }
    }

    /// The same, saying how the transaction begins if there is none.
    pub(crate) async fn atomically_with<T, F>(
        &self,
        begin: BeginOptions,
        options: &CallOptions,
        mut work: impl FnMut(Self) -> F + Send,
    ) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T>> + Send,
    {
        match self {
            Self::Transaction(_) => work(self.clone()).await,
            Self::Exclusive(_) => Err(Self::not_together()),
            Self::Database(db) => {
                let settings = crate::transaction::Settings {
                    begin,
                    ..crate::transaction::Settings::for_call(options)
                };
                crate::transaction::run(db, settings, |tx| work(Self::Transaction(tx))).await
            }
        }
    }
}
