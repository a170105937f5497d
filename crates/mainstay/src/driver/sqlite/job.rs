//! What waits in the writer's queue.

use tokio::sync::{mpsc, oneshot};

use super::caller::Caller;
use super::rows::{Chunk, Ran};
use crate::driver::{BeginOptions, Statement};
use crate::error::Result;

/// Where an answer goes. A closed one means that its caller is gone.
pub(super) type Answer<T> = oneshot::Sender<Result<T>>;

/// One job: whatever happens between two moments at which nothing is open.
#[derive(Debug)]
pub(super) enum Job {
    /// A statement that is its own transaction.
    Run(Run),
    /// Several statements, each its own transaction.
    Script(Script),
    /// A transaction.
    Transaction(Transaction),
    /// The last handle is closed: finish what is queued and end.
    Close,
    /// Panics, to show that the thread survives.
    #[cfg(test)]
    Panic(Answer<()>),
}

/// A statement to run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) statement: Statement,
    pub(super) caller: Caller,
    /// Where rows go while the statement runs. Only inside a transaction: outside of one, a slow
    /// reader of rows would hold up everybody's writes.
    pub(super) chunks: Option<mpsc::Sender<Chunk>>,
    pub(super) answer: Answer<Ran>,
}

/// A script to run.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) sql: String,
    pub(super) caller: Caller,
    pub(super) answer: Answer<()>,
}

/// A transaction: once begun, the writer serves its commands alone.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) options: BeginOptions,
    pub(super) caller: Caller,
    /// When the other end is dropped, the transaction is rolled back.
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    /// Told when the transaction has begun.
    pub(super) answer: Answer<()>,
}

/// A step of a transaction.
#[derive(Debug)]
pub(super) enum Command {
    /// A statement.
    Run(Run),
    /// Several statements; also savepoints.
    Script(Script),
    /// The end, for good.
    Commit(Answer<()>),
    /// The end, for nothing.
    Rollback(Answer<()>),
}
