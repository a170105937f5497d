//! The handle or a transaction, whichever runs the statements. This is what makes the same
//! repository work on both.

use std::sync::Arc;

use super::call::CallOptions;
use super::{Database, Shared};
use crate::driver::{Capabilities, Collect, Done, Row, RowSink, Statement};
use crate::error::Result;
use crate::schema::Dialect;
use crate::transaction::Tx;

/// What runs statements: the handle, each statement for itself, or a transaction.
#[derive(Debug, Clone)]
pub enum Executor {
    /// The handle.
    Database(Database),
    /// A transaction.
    Transaction(Tx),
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

impl Executor {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        match self {
            Self::Database(db) => &db.shared,
            Self::Transaction(tx) => &tx.database().shared,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.shared().driver.dialect()
    }

    pub(crate) fn capabilities(&self) -> &Capabilities {
        self.shared().driver.capabilities()
    }

    /// Runs a statement, giving its rows to `sink`.
    pub(crate) async fn run(
        &self,
        statement: Statement,
        sink: &mut dyn RowSink,
        options: &CallOptions,
    ) -> Result<Done> {
        match self {
            Self::Database(db) => db.run(statement, sink, options).await,
            Self::Transaction(tx) => tx.run(statement, sink, options).await,
        }
    }

    /// Runs SQL without parameters or rows.
    pub(crate) async fn run_script(&self, text: String, options: &CallOptions) -> Result<()> {
        match self {
            Self::Database(db) => db.run_script(&text, options).await,
            Self::Transaction(tx) => tx.run_script(&text, options).await,
        }
    }

    /// Runs a statement and reads all its rows.
    pub(crate) async fn fetch<T: Send>(
        &self,
        statement: Statement,
        read: impl FnMut(&Row<'_>) -> Result<T> + Send,
        options: &CallOptions,
    ) -> Result<Vec<T>> {
        let mut sink = Collect::new(read);
        self.run(statement, &mut sink, options).await?;
        Ok(sink.items)
    }

    /// Runs several statements so that all or none take effect: within the transaction if there
    /// is one, otherwise in one of its own.
    pub(crate) async fn atomically<T, F>(
        &self,
        options: &CallOptions,
        mut work: impl FnMut(Self) -> F + Send,
    ) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T>> + Send,
    {
        match self {
            Self::Transaction(_) => work(self.clone()).await,
            Self::Database(db) => {
                let request = crate::transaction::run(
                    db,
                    crate::transaction::Settings::for_call(options),
                    |tx| work(Self::Transaction(tx)),
                );
                request.await
            }
        }
    }
}
