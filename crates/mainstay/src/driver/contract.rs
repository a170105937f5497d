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
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::capability::Capabilities;
use super::load::Load;
use super::progress::DialProgress;
use super::row::RowSink;
use super::statement::Statement;
use crate::error::{Error, ErrorKind, Outcome, Result};
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

    /// The same, telling which step is under way, so that whoever waits for the connection can be
    /// told what it waits for.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    fn connect_watched(
        &self,
        limit: Duration,
        _progress: Arc<DialProgress>,
    ) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        self.connect(limit)
    }

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

    /// Why the server has not been reached since the driver was opened. `None` once it has: then
    /// dialect, capabilities and server info are its own; before they are what is expected.
    fn not_reached(&self) -> Option<Error> {
        None
    }

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

    /// Runs a short read at once, on the caller's own thread, where the engine runs in this
    /// process. It holds the thread for a millisecond at most. When it does not come to its end
    /// here, [`run`](Self::run) is the way.
    fn run_inline(&mut self, _statement: &Statement, _sink: &mut dyn RowSink) -> Inline {
        Inline::NotTried
    }

    /// Runs statements that take effect together or not at all, outside of any transaction. The
    /// sink is told whose rows follow: [`RowSink::statement`] before each statement's answer is
    /// looked at, and before that of the commit.
    ///
    /// A driver sends them in as few round trips as it can. The first failure ends the batch,
    /// and nothing of it is kept, unless the error's outcome says otherwise.
    fn run_batch<'a>(
        &'a mut self,
        batch: Batch,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Vec<Done>>> {
        Box::pin(async move {
            self.begin(BeginOptions::default()).await?;
            let count = batch.statements.len();
            let mut all = Vec::with_capacity(batch.statements.len());
            for (index, statement) in batch.statements.into_iter().enumerate() {
                sink.statement(index);
                match self.run(statement, sink).await {
                    Ok(done) => all.push(done),
                    Err(error) => {
                        // When this fails too, the connection is broken or is recovered.
                        let _ = self.rollback().await;
                        return Err(error);
                    }
                }
            }
            sink.statement(count);
            self.commit().await?;
            Ok(all)
        })
    }

    /// Adds rows in bulk within the open transaction, where [`Capabilities::bulk_load`] says so.
    /// Returns how many, or none having [declined](Load::decline). After an error the transaction, or its savepoint, is only to be rolled
    /// back: some of the rows may be in it.
    ///
    /// # Errors
    /// Those of an INSERT; `UNSUPPORTED` where the engine has no such way.
    fn load(&mut self, _load: Load) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async {
            Err(Error::new(
                ErrorKind::Unsupported,
                "the engine has no way to load rows in bulk",
            ))
        })
    }

    /// Keeps the connection for statements outside of any transaction, each for itself, until
    /// [`let_go`](Self::let_go) or [`recover`](Self::recover). Where writes queue, it waits for its
    /// turn, nobody else writes meanwhile, and settings that are changed end with it.
    /// At `until` it ends, whatever became of whoever holds it.
    fn hold(&mut self, _until: Option<Instant>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// Ends [`hold`](Self::hold).
    fn let_go(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

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

    /// What became of the call that was just dropped, where that is certain: it never began, or it
    /// is rolled back, or it has taken effect. To be asked before [`recover`](Self::recover), and
    /// answered in a moment.
    fn outcome_of_dropped(&mut self) -> BoxFuture<'_, Outcome> {
        Box::pin(async { Outcome::Unknown })
    }

    /// Whether the connection is known to be dead, without asking the server.
    fn is_broken(&self) -> bool;

    /// Brings the connection into order after a dropped call or an abandoned transaction.
    fn recover(&mut self) -> BoxFuture<'_, Recovery>;

    /// A way to end the session while somebody else has the connection, where there is one. Whoever
    /// has it then sees the connection as lost.
    fn kill_switch(&self) -> Option<KillSwitch> {
        None
    }

    /// Somebody who can find out how the open transaction ended, should the answer to its COMMIT
    /// not come; to be asked for just before. `None` where the engine keeps no account of its
    /// transactions, or nothing is known by which it could be asked about this one.
    fn witness(&self) -> Option<Witness> {
        None
    }

    /// Closes the connection politely.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Ends a session from outside: frees on the server what it holds, as far as the server answers.
pub type KillSwitch = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Finds out how a transaction ended, until the given time. To be asked once nobody works on its
/// connection any more: where the transaction is still open, it is ended.
///
/// "Applied" means that it was committed, "not applied" that it was not and never will be.
pub type Witness = Box<dyn FnOnce(Instant) -> BoxFuture<'static, Outcome> + Send + Sync>;

/// Statements that take effect together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The statements, in the order they run.
    pub statements: Vec<Statement>,
    /// The longest that one of them may wait for a lock, in what the engine counts in: where that
    /// is whole seconds, less than one means not to wait at all.
    /// `None` means as long as the session's setting says. An engine without such a limit
    /// ignores it.
    pub lock_wait: Option<Duration>,
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

/// What came of a read that was to run on its caller's thread.
#[derive(Debug)]
pub enum Inline {
    /// It ran to its end.
    Ran {
        /// What came of it.
        result: Result<Done>,
        /// How much of the thread's time it took, of about 128 that a task may take before it lets
        /// others have the thread.
        work: u32,
    },
    /// It was too long. The sink has forgotten its rows.
    GivenUp,
    /// It is not a read to run here: by its hints, because its sink cannot
    /// [restart](RowSink::restart), because it would have to wait, or because of what the
    /// connection is. The sink has no rows.
    NotTried,
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
    /// Whether it shares its commit with nobody: it is known to be long. Matters only where
    /// transactions that write are committed in groups.
    pub alone: bool,
    /// Whether [`Connection::witness`] will not be asked, so that nothing need be done for it.
    pub unwitnessed: bool,
    /// When it is given up. Matters only where transactions that write exclude each other: one that
    /// its caller has forgotten is then rolled back, so that others go on.
    pub until: Option<Instant>,
}
