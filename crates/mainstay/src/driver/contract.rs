//! What a driver is.
//!
//! # Contract
//!
//! 1. **Errors are classified.** Every error a driver returns is a [`crate::Error`] with its kind,
//!    the engine's own code, and whatever the engine names of table, constraint and columns. The
//!    engine's text goes into the detail; values of parameters never do.
//! 2. **A failed statement leaves its transaction usable for rollback only.** The layer above
//!    refuses later statements; a driver need not. It may be asked to roll back to a savepoint.
//! 3. **COMMIT's answer is checked.** When the engine ended the transaction by a rollback,
//!    `commit` fails with what is known, outcome "not applied". When the connection breaks between
//!    sending COMMIT and its answer, the error's outcome is "unknown".
//! 4. **Connection loss is told apart.** A fault before anything was sent has outcome "not
//!    applied". A fault after a write was sent, with no answer, has outcome "unknown". Reads have
//!    outcome "not applied" always.
//! 5. **Any future may be dropped.** After a dropped call nobody uses the connection before
//!    [`Connection::recover`] has said [`Recovery::Ready`]. `recover` rolls back what is open and
//!    makes sure that the server is ready again and no cancel request is under way; when it cannot,
//!    it says [`Recovery::Discard`] and the connection is closed.
//! 6. **No time-outs inside.** The layer above bounds every call by dropping its future, except
//!    for [`Driver::connect`], which is given the time it may take and tells apart why it failed.
//! 7. **No blocking of the runtime.** A driver for a blocking engine uses threads of its own.
//! 8. **Every session is set up alike**: READ COMMITTED (or stronger where the engine has nothing
//!    less), UTC, strict types, foreign keys on, found rows counted rather than changed ones.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::capability::Capabilities;
use super::row::RowSink;
use super::statement::Statement;
use crate::error::Result;
use crate::schema::Dialect;

/// A boxed future that can be sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Makes connections to one database.
pub trait Driver: Send + Sync + std::fmt::Debug {
    /// The dialect its statements are written in.
    fn dialect(&self) -> Dialect;

    /// What the engine can do.
    fn capabilities(&self) -> &Capabilities;

    /// Opens a connection for the pool, within `limit`. Where the engine has one writer of its
    /// own, these are its readers.
    ///
    /// # Errors
    /// `SERVER_UNREACHABLE` (dial), `CREDENTIALS_REFUSED`, `ACCESS_DENIED`, `DATABASE_MISSING`,
    /// `TLS_ERROR`, `TOO_MANY_CONNECTIONS`; the detail says which step failed and against which
    /// host, port and user.
    fn connect(&self, limit: Duration) -> BoxFuture<'_, Result<Box<dyn Connection>>>;

    /// A connection that writes, where the engine has one writer of its own that queues its work;
    /// `None` where pooled connections write.
    ///
    /// Cheap to make and to drop: it is a place in the writer's queue.
    fn writer(&self) -> Option<Box<dyn Connection>>;

    /// Tells the writer of [`writer`](Self::writer) from others: handles on one file share one.
    fn writer_id(&self) -> Option<usize> {
        None
    }

    /// What the server says of itself: version, connection limit.
    fn server_info(&self) -> ServerInfo;

    /// Ends what the driver keeps of its own (writer thread), after finishing what is queued.
    fn close(&self) -> BoxFuture<'_, Result<()>>;
}

/// What a server says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// The version in the server's own words.
    pub version: String,
    /// How many connections it takes in all, where it has such a limit.
    pub max_connections: Option<u32>,
}

/// One connection.
pub trait Connection: Send + std::fmt::Debug {
    /// Runs a statement, giving each row to `sink` as it arrives.
    ///
    /// Outside [`begin`](Self::begin) and [`commit`](Self::commit) the statement is a transaction
    /// of its own.
    fn run<'a>(
        &'a mut self,
        statement: Statement,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Done>>;

    /// Runs SQL without parameters or rows, several statements at once where the engine takes
    /// them: DDL and session settings.
    fn run_script<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Starts a transaction.
    fn begin(&mut self, options: BeginOptions) -> BoxFuture<'_, Result<()>>;

    /// Sets a savepoint. Names are made by the layer above and need no quoting.
    fn savepoint<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Forgets a savepoint and keeps what was done since.
    fn release<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Undoes what was done since a savepoint, and forgets it.
    fn rollback_to<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Commits, and checks that the engine did.
    fn commit(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Rolls back.
    fn rollback(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Asks whether the connection works.
    fn ping(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Whether the connection is known to be dead, without asking the server.
    fn is_broken(&self) -> bool;

    /// Brings the connection into order after a dropped call or an abandoned transaction.
    fn recover(&mut self) -> BoxFuture<'_, Recovery>;

    /// Closes the connection politely.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// What became of a connection after a dropped call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// It is ready for the next user.
    Ready,
    /// It must be closed.
    Discard,
}

/// What a statement did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows changed; for queries, rows returned. An update that finds a row but changes nothing
    /// counts it.
    pub rows: u64,
    /// The key the database made, where it made one and tells.
    pub last_insert_id: Option<i64>,
}

/// How a transaction sees the work of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Isolation {
    /// Each statement sees what is committed when it starts.
    #[default]
    ReadCommitted,
    /// All statements see one snapshot.
    RepeatableRead,
    /// As if transactions ran one after another.
    Serializable,
}

/// How a transaction starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BeginOptions {
    /// The isolation level. An engine may give a stronger one.
    pub isolation: Isolation,
    /// Whether writes are refused.
    pub read_only: bool,
}
