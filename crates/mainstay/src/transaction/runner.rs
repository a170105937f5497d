//! Begin, closure, commit or rollback; and again where that is safe.

use std::panic::Location;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::{Tx, current, interrupted};
use crate::clock;
use crate::database::lease::Lease;
use crate::database::{CallOptions, Database, line};
use crate::driver::{Access, BeginOptions};
use crate::error::{Error, ErrorKind, Outcome, Result, RetryClass};
use crate::resilience::backoff::Backoff;

/// How often a closure runs at most unless the request says otherwise.
const ATTEMPTS: u32 = 5;

const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(10),
    cap: Duration::from_millis(500),
};

/// How long a rollback may take after the closure's own error. Beyond it the connection is
/// cleaned up in the background, and the caller is not kept waiting.
const ROLLBACK_LIMIT: Duration = Duration::from_secs(2);

/// How a transaction runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) begin: BeginOptions,
    pub(crate) timeout: Option<Duration>,
    pub(crate) attempts: u32,
    pub(crate) site: &'static Location<'static>,
}

impl Settings {
    pub(crate) fn for_call(options: &CallOptions) -> Self {
        Self {
            begin: BeginOptions::default(),
            timeout: options.left(),
            attempts: ATTEMPTS,
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
}

pub(crate) async fn run<T, E, F, Fut>(
    db: &Database,
    settings: Settings,
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
    let mut attempt = 1;
    loop {
        let failure = match attempt_once(db, &settings, limit, deadline, &mut work).await {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let again = failure.cause.as_ref().is_some_and(may_repeat);
        let pause = BACKOFF.delay(attempt, db.shared.entropy.unit());
        if !again || attempt >= settings.attempts || Instant::now() + pause >= deadline {
            return Err(failure.error);
        }
        tracing::debug!(attempt, site = %settings.site, "the transaction conflicted and is repeated");
        sleep(pause).await;
        attempt += 1;
    }
}

/// Whether the whole transaction may run again: nothing of it took effect, and the cause passes.
fn may_repeat(cause: &Error) -> bool {
    cause.kind() == ErrorKind::WriteConflict
        && cause.retry() == RetryClass::Safe
        && cause.outcome() == Outcome::NotApplied
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
    let lease = begin(db, settings, limit, deadline)
        .await
        .map_err(Failure::of_database)?;
    let tx = Tx::new(db.clone(), lease, deadline);
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
    let Ok((lease, poison)) = timeout_at(deadline, tx.finish()).await else {
        return Err(Failure::of_database(expired(limit)));
    };
    let Some(lease) = lease else {
        return Err(Failure::of_database(super::over()));
    };
    match (outcome, poison) {
        (Ok(value), None) if !lease.was_interrupted() => {
            let committed = commit(db, lease, limit, deadline).await;
            match committed {
                Ok(()) => Ok(value),
                Err(error) if settings.begin.read_only => {
                    Err(Failure::of_database(nothing_to_resolve(error)))
                }
                Err(error) => Err(Failure::of_database(error)),
            }
        }
        (Ok(_), poison) => {
            let cause = poison.unwrap_or_else(interrupted);
            rollback(lease).await;
            Err(Failure::of_database(cause))
        }
        (Err(error), cause) => {
            rollback(lease).await;
            Err(Failure { error, cause })
        }
    }
}

async fn begin(
    db: &Database,
    settings: &Settings,
    limit: Duration,
    deadline: Instant,
) -> Result<Lease> {
    let access = if settings.begin.read_only {
        Access::Read
    } else {
        Access::Write
    };
    let options = CallOptions {
        timeout: None,
        site: settings.site,
        until: None,
    };
    let mut lease = db.lease(access, deadline, &options).await?;
    match timeout_at(deadline, lease.begin(settings.begin)).await {
        Ok(result) => result.map_err(|error| line::complete(&db.shared, error, None))?,
        Err(_) => return Err(expired(limit)),
    }
    Ok(lease)
}

async fn commit(db: &Database, mut lease: Lease, limit: Duration, deadline: Instant) -> Result<()> {
    match timeout_at(deadline, lease.commit()).await {
        Ok(result) => result.map_err(|error| line::complete(&db.shared, error, None)),
        Err(_) => Err(Error::new(
            ErrorKind::CommitUnknown,
            format!("COMMIT was sent, but not answered within the transaction's {limit:.1?}"),
        )
        .with_hint("look for what the transaction wrote before doing it again")),
    }
}

/// The error of a transaction that wrote nothing: whether its COMMIT went through does not matter.
fn nothing_to_resolve(error: Error) -> Error {
    let error = match error.kind() {
        ErrorKind::CommitUnknown => {
            Error::new(ErrorKind::ConnectionLost, error.detail().to_owned())
        }
        _ => error,
    };
    error.with_outcome(Outcome::NotApplied)
}

/// Rolls back, without keeping the caller waiting for a server that does not answer: the lease
/// knows that it is in doubt and cleans up by itself.
async fn rollback(mut lease: Lease) {
    if lease.was_interrupted() {
        return;
    }
    let until = Instant::now() + ROLLBACK_LIMIT;
    if let Ok(Err(error)) = timeout_at(until, lease.rollback()).await {
        tracing::debug!(%error, "rollback failed; the connection is cleaned up");
    }
}

fn expired(limit: Duration) -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        format!("the transaction took longer than its limit of {limit:.1?} and was rolled back"),
    )
    .with_hint("do less in it, or raise timeouts.transaction")
}

struct CloseOnDrop(Tx);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
