//! One connection for statements outside of any transaction: VACUUM, pragmas, table rebuilds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

use super::lease::Lease;
use super::sql::{Sql, script};
use super::{CallOptions, Database, Request, line};
use crate::clock;
use crate::driver::{Access, Done, RowSink, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::transaction::current;

/// How long giving the connection back may keep the caller waiting.
const GIVING_BACK: Duration = Duration::from_secs(2);

/// A connection held by [`Database::exclusive`]. Each statement is its own transaction.
#[derive(Debug, Clone)]
pub struct Exclusive {
    held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    db: Database,
    deadline: Instant,
    /// `None` once it is over.
    lease: Mutex<Option<Lease>>,
    /// It is over, although a statement may have the lease at this moment.
    over: AtomicBool,
}

impl Held {
    fn clear_if_over(&self) {
        if self.over.load(Ordering::SeqCst)
            && let Ok(mut lease) = self.lease.try_lock()
        {
            *lease = None;
        }
    }
}

/// The lease, for as long as one statement needs it.
struct Turn<'a> {
    held: &'a Held,
    lease: Option<MutexGuard<'a, Option<Lease>>>,
}

impl Turn<'_> {
    fn lease(&mut self) -> Result<&mut Lease> {
        let lease = self.lease.as_mut().and_then(|lease| lease.as_mut());
        match lease {
            Some(_) if self.held.over.load(Ordering::SeqCst) => Err(over()),
            Some(lease) if lease.was_interrupted() => Err(Error::new(
                ErrorKind::TransactionClosed,
                "an earlier call on the held connection was dropped before it ended",
            )
            .with_hint("await every call; use its timeout() instead of dropping it")),
            Some(lease) => Ok(lease),
            None => Err(over()),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Let go before looking: whoever ends it sets the mark before trying the lock.
        self.lease = None;
        self.held.clear_if_over();
    }
}

impl Database {
    /// Runs a closure that has one connection for itself, outside of any transaction: for VACUUM,
    /// pragmas and table rebuilds, which refuse to run inside of one. Each of its statements takes
    /// effect by itself, and stays when a later one fails.
    ///
    /// On an engine with one writer (SQLite) nobody else writes until the closure has returned; it
    /// waits for its turn, and writing through the handle meanwhile is refused as in a transaction.
    /// On the others it is a connection of the pool. Settings that the closure changes end with it:
    /// the connection is closed, or opened anew.
    ///
    /// The whole is limited by the configured `timeouts.transaction`, or `.timeout()`. Dropping it
    /// stops what runs and gives the writer back.
    ///
    /// ```
    /// # use mainstay::{Database, Schema, config::ConfigLoader};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = format!("sqlite:{}", folder.path().join("example.db").display());
    /// # let config = ConfigLoader::new().set("url", url).load()?;
    /// # let db = Database::builder().create_if_missing().open(&config).await?;
    /// db.exclusive(|held| async move {
    ///     held.script("PRAGMA auto_vacuum = INCREMENTAL").await?;
    ///     held.script("VACUUM").await
    /// })
    /// .await?;
    /// # db.close(std::time::Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The closure's; `DEADLINE_EXCEEDED` when the limit has passed; those of acquiring a
    /// connection; `TRANSACTION_CLOSED` inside a transaction on an engine with one writer.
    #[track_caller]
    pub fn exclusive<T, F, Fut>(&self, work: F) -> Request<T>
    where
        F: FnOnce(Exclusive) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let db = self.clone();
        Request::new(CallOptions::here(), move |options| async move {
            hold(&db, work, options).await
        })
    }
}

async fn hold<T, F, Fut>(db: &Database, work: F, options: CallOptions) -> Result<T>
where
    F: FnOnce(Exclusive) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let started = Instant::now();
    let deadline = options.deadline(db.shared.timeouts.transaction);
    let (mut admission, mut lease) = db
        .admitted(Access::Write, Instant::now(), deadline, &options)
        .await?;
    let held = match timeout_at(deadline, lease.hold(deadline)).await {
        Ok(held) => held,
        Err(_) => Err(expired(started).with_outcome(Outcome::NotApplied)),
    };
    admission.wrote_nothing();
    // Waiting for one's turn is no sign of trouble.
    admission.ended(Instant::now(), Duration::ZERO, held.as_ref().err());
    held?;
    let exclusive = Exclusive {
        held: Arc::new(Held {
            db: db.clone(),
            deadline,
            lease: Mutex::new(Some(lease)),
            over: AtomicBool::new(false),
        }),
    };
    // Whatever happens to this future, no clone outlives it.
    let _closing = CloseOnDrop(exclusive.clone());
    let work = work(exclusive.clone());
    let outcome = if db.capabilities().concurrent_writers {
        timeout_at(deadline, work).await
    } else {
        timeout_at(deadline, current::scope(&db.shared, work)).await
    };
    let Ok(outcome) = outcome else {
        return Err(expired(started));
    };
    let until = Instant::now() + GIVING_BACK;
    let given_back = timeout_at(until, async {
        match exclusive.held.lease.lock().await.take() {
            Some(mut lease) if !lease.was_interrupted() => lease.let_go().await,
            _ => Ok(()),
        }
    });
    if let Ok(Err(error)) = given_back.await {
        // Each statement has had its own answer.
        tracing::debug!(%error, "a held connection was not given back in order");
    }
    outcome
}

impl Exclusive {
    /// The handle it belongs to.
    pub fn database(&self) -> &Database {
        &self.held.db
    }

    /// Starts a statement written by hand.
    #[track_caller]
    pub fn sql(&self, text: impl Into<String>) -> Sql {
        Sql::new(self.into(), text.into(), CallOptions::here())
    }

    /// Runs a script. See [`Database::script`].
    #[track_caller]
    pub fn script(&self, text: impl Into<String>) -> Request<()> {
        script(self.into(), text.into(), CallOptions::here())
    }

    pub(crate) async fn run(
        &self,
        statement: Statement,
        sink: &mut dyn RowSink,
        options: &CallOptions,
    ) -> Result<Done> {
        let deadline = self.deadline(options);
        let mut turn = self.turn(deadline).await?;
        let (lease, shared) = (turn.lease()?, &self.held.db.shared);
        let ran = line::run_on(shared, lease, statement, sink, deadline, options).await;
        ran.result
    }

    pub(crate) async fn run_script(&self, text: &str, options: &CallOptions) -> Result<()> {
        let deadline = self.deadline(options);
        let mut turn = self.turn(deadline).await?;
        let (lease, shared) = (turn.lease()?, &self.held.db.shared);
        let ran = line::script_on(shared, lease, text, deadline, options).await;
        ran.result.map(|_| ())
    }

    /// A VACUUM may take longer than other statements do.
    fn deadline(&self, options: &CallOptions) -> Instant {
        let whole = self.held.deadline;
        match (options.until, options.timeout) {
            (None, None) => whole,
            (Some(until), _) => until.min(whole),
            (None, Some(limit)) => clock::after(limit).min(whole),
        }
    }

    async fn turn(&self, deadline: Instant) -> Result<Turn<'_>> {
        match timeout_at(deadline, self.held.lease.lock()).await {
            Ok(lease) => Ok(Turn {
                held: &self.held,
                lease: Some(lease),
            }),
            Err(_) => Err(Error::new(
                ErrorKind::Deadline,
                "another statement on the held connection was still running",
            )),
        }
    }
}

struct CloseOnDrop(Exclusive);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.held.over.store(true, Ordering::SeqCst);
        self.0.held.clear_if_over();
    }
}

fn over() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "the connection was given back",
    )
    .with_hint("do all work on it before the closure returns")
}

fn expired(started: Instant) -> Error {
    let took = started.elapsed();
    Error::new(
        ErrorKind::Deadline,
        format!("gave up after {took:.1?}: exclusive work on one connection"),
    )
    .with_hint("give the call more time")
    .with_outcome(Outcome::Unknown)
}
