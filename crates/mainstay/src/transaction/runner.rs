//! Begin, closure, commit or rollback; and again where that is safe.

use std::panic::Location;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::commit::{commit, nothing_to_resolve};
use super::ledger::Entry;
use super::{Tx, current, interrupted};
use crate::clock;
use crate::database::guard::{Admission, Retries};
use crate::database::lease::Lease;
use crate::database::{CallOptions, Database, line};
use crate::driver::{Access, BeginOptions};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// How long a rollback may take after the closure's own error, within the transaction's limit.
/// Beyond it the connection is cleaned up in the background, and the caller is not kept waiting.
const ROLLBACK_LIMIT: Duration = Duration::from_secs(2);

/// How a transaction runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) begin: BeginOptions,
    pub(crate) timeout: Option<Duration>,
    /// How often it runs at most, where the caller has said so.
    pub(crate) attempts: Option<u32>,
    /// Whether a lost COMMIT is found out about by the ledger.
    pub(crate) ledger: bool,
    pub(crate) site: &'static Location<'static>,
}

impl Settings {
    pub(crate) fn for_call(options: &CallOptions) -> Self {
        Self {
            begin: BeginOptions::default(),
            timeout: options.left(),
            attempts: (!options.retry).then_some(1),
            ledger: false,
            site: options.site,
        }
    }
}

/// A failed attempt.
struct Failure<E> {
    /// What the caller gets.
    error: E,
    /// What the database said, whatever error type the closure made of it.
    cause: Option<Error>,
}

impl<E: From<Error>> Failure<E> {
    fn of_database(error: Error) -> Self {
        Self {
            error: error.clone().into(),
            cause: Some(error),
        }
    }

    fn is_put_off(&self) -> bool {
        self.cause.as_ref().is_some_and(Error::is_again_alone)
    }
}

pub(crate) async fn run<T, E, F, Fut>(
    db: &Database,
    mut settings: Settings,
    mut work: F,
) -> Result<T, E>
where
    F: FnMut(Tx) -> Fut + Send,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Send,
    E: From<Error> + Send,
{
    let limit = settings.timeout.unwrap_or(db.shared.timeouts.transaction);
    let deadline = clock::after(limit);
    let access = access(&settings);
    let mut retries = Retries::new(db, access, settings.attempts, deadline, settings.site);
    loop {
        let failure = match attempt_once(db, &settings, limit, deadline, &mut work).await {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        // Put off by the engine's writer, in favour of others: not a conflict, and it will not
        // happen again.
        if failure.is_put_off() && !settings.begin.alone && Instant::now() < deadline {
            settings.begin.alone = true;
            tracing::debug!(site = %settings.site, "the transaction is long and runs again, alone");
            continue;
        }
        let again = match &failure.cause {
            Some(cause) => retries.again(db, cause).await,
            None => false,
        };
        if !again {
            return Err(failure.error);
        }
    }
}

async fn attempt_once<T, E, F, Fut>(
    db: &Database,
    settings: &Settings,
    limit: Duration,
    deadline: Instant,
    work: &mut F,
) -> Result<T, Failure<E>>
where
    F: FnMut(Tx) -> Fut + Send,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Send,
    E: From<Error> + Send,
{
    let entry = if settings.ledger && !settings.begin.read_only {
        // Another caller may be making it, with more time than this one has.
        let opened = match timeout_at(deadline, Entry::open(db, settings, deadline)).await {
            Ok(opened) => opened,
            Err(_) => Err(not_begun(limit)),
        };
        Some(opened.map_err(Failure::of_database)?)
    } else {
        None
    };
    let begun = begin(db, settings, limit, deadline).await;
    let (mut admission, lease) = begun.map_err(Failure::of_database)?;
    let tx = Tx::new(db.clone(), lease, deadline);
    let result = work_and_end(&tx, settings, entry, limit, work).await;
    if !tx.has_written() {
        admission.wrote_nothing();
    }
    let error = match &result {
        Ok(_) => None,
        Err(failure) => match &failure.cause {
            Some(cause) => Some(cause),
            // The closure thought better of it, which tells nothing of the database.
            None => return result,
        },
    };
    // How long it took was the closure's business, but for a statement that was waited for in vain.
    admission.ended(Instant::now(), tx.gave_up_after(), error);
    result
}

async fn work_and_end<T, E, F, Fut>(
    tx: &Tx,
    settings: &Settings,
    entry: Option<Entry>,
    limit: Duration,
    work: &mut F,
) -> Result<T, Failure<E>>
where
    F: FnMut(Tx) -> Fut + Send,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Send,
    E: From<Error> + Send,
{
    let (db, deadline) = (tx.database(), tx.inner.deadline);
    // Whatever happens to this future, no handle of the transaction outlives it.
    let _closing = CloseOnDrop(tx.clone());
    let excludes_writers = !settings.begin.read_only && !db.capabilities().concurrent_writers;
    let outcome = if excludes_writers {
        timeout_at(deadline, current::scope(&db.shared, work(tx.clone()))).await
    } else {
        timeout_at(deadline, work(tx.clone())).await
    };
    let Ok(outcome) = outcome else {
        return Err(Failure::of_database(expired(limit)));
    };
    if let (Ok(_), Some(entry)) = (&outcome, &entry) {
        // A failure poisons the transaction, which shows below.
        let _ = entry.write(tx).await;
    }
    let Ok((lease, poison)) = timeout_at(deadline, tx.finish()).await else {
        return Err(Failure::of_database(expired(limit)));
    };
    let Some(lease) = lease else {
        return Err(Failure::of_database(super::over()));
    };
    match (outcome, poison) {
        (Ok(value), None) if !lease.was_interrupted() => {
            match commit(entry, db, lease, limit, deadline).await {
                Ok(()) => Ok(value),
                Err(error) if settings.begin.read_only => {
                    Err(Failure::of_database(nothing_to_resolve(error)))
                }
                Err(error) => Err(Failure::of_database(error)),
            }
        }
        (Ok(_), poison) => {
            let cause = poison.unwrap_or_else(interrupted);
            let cause = rollback(lease, deadline).await.unwrap_or(cause);
            Err(Failure::of_database(cause))
        }
        (Err(error), cause) => {
            let cause = rollback(lease, deadline).await.or(cause);
            Err(Failure { error, cause })
        }
    }
}

fn access(settings: &Settings) -> Access {
    if settings.begin.read_only {
        Access::Read
    } else {
        Access::Write
    }
}

async fn begin<'a>(
    db: &'a Database,
    settings: &Settings,
    limit: Duration,
    deadline: Instant,
) -> Result<(Admission<'a>, Lease)> {
    let options = CallOptions {
        coalesce: false,
        retry: false,
        timeout: None,
        site: settings.site,
        until: None,
    };
    let (admission, mut lease) = db
        .admitted(access(settings), Instant::now(), deadline, &options)
        .await?;
    let how = BeginOptions {
        until: Some(deadline),
        // The ledger will be.
        unwitnessed: settings.ledger,
        ..settings.begin
    };
    let started = Instant::now();
    let begun = match timeout_at(deadline, lease.begin(how)).await {
        Ok(result) => result.map_err(|error| line::complete(&db.shared, error, None)),
        Err(_) => Err(not_begun(limit)),
    };
    match begun {
        Ok(()) => Ok((admission, lease)),
        Err(error) => {
            let ended = Instant::now();
            // Where writers exclude each other, the wait was for one of them.
            let took = if db.capabilities().concurrent_writers {
                ended - started
            } else {
                Duration::ZERO
            };
            admission.ended(ended, took, Some(&error));
            Err(error)
        }
    }
}

/// Rolls back, without keeping the caller waiting for a server that does not answer: the lease
/// knows that it is in doubt and cleans up by itself.
///
/// Returns why the transaction is to run again, where it was put off: the closure's own error may
/// have come of what others did that is undone as well.
async fn rollback(mut lease: Lease, deadline: Instant) -> Option<Error> {
    if lease.was_interrupted() {
        return None;
    }
    let until = deadline.min(Instant::now() + ROLLBACK_LIMIT);
    match timeout_at(until, lease.rollback()).await {
        Ok(Err(error)) if error.is_again_alone() => Some(error),
        Ok(Err(error)) => {
            tracing::debug!(%error, "rollback failed; the connection is cleaned up");
            None
        }
        Ok(Ok(())) | Err(_) => None,
    }
}

pub(super) fn expired(limit: Duration) -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        format!("the transaction took longer than its limit of {limit:.1?} and was rolled back"),
    )
    .with_hint("do less in it, or raise timeouts.transaction")
}

/// Nothing has begun that could be open, so this is no closed transaction.
fn not_begun(limit: Duration) -> Error {
    Error::new(
        ErrorKind::Deadline,
        format!("the transaction did not begin within its limit of {limit:.1?}"),
    )
    .with_hint(
        "the database is busy or does not answer: see what holds it, or raise timeouts.transaction",
    )
    .with_outcome(Outcome::NotApplied)
}

struct CloseOnDrop(Tx);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
        self.0.forget_touched();
    }
}
