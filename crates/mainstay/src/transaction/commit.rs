//! COMMIT, and finding out what became of it where the answer does not come.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::ledger::Entry;
use super::runner::expired;
use crate::database::lease::Lease;
use crate::database::{Database, line};
use crate::driver::Witness;
use crate::error::{Error, ErrorKind, Outcome, Result, RetryClass};

/// Who can tell what became of a transaction.
enum Informant {
    /// Its row in the ledger, which is also there after a failover.
    Ledger(Entry),
    /// The engine's own account.
    Engine(Witness),
}

impl Informant {
    async fn ask(self, db: &Database, deadline: Instant) -> Outcome {
        match self {
            Self::Ledger(entry) => entry.settle(db).await,
            Self::Engine(witness) => witness(deadline).await,
        }
    }
}

/// Commits. Where somebody can find out what became of it, half of the time that is left is for
/// that, should the answer not come.
pub(super) async fn commit(
    entry: Option<Entry>,
    db: &Database,
    mut lease: Lease,
    limit: Duration,
    deadline: Instant,
) -> Result<()> {
    let informant = match entry {
        Some(entry) => Some(Informant::Ledger(entry)),
        None => lease.witness().map(Informant::Engine),
    };
    let Some(informant) = informant else {
        return commit_until(deadline, db, lease, limit).await;
    };
    let now = Instant::now();
    let until = if db.capabilities().round_trips {
        now + deadline.saturating_duration_since(now) / 2
    } else {
        // A caller who gives up knows what became of it.
        deadline
    };
    let error = match commit_until(until, db, lease, limit).await {
        Err(error) if error.outcome() == Outcome::Unknown => error,
        known => return known,
    };
    match informant.ask(db, deadline).await {
        Outcome::Applied => Ok(()),
        Outcome::NotApplied => Err(Error::new(
            ErrorKind::ConnectionLost,
            "the answer to COMMIT was lost, and the transaction had not been committed",
        )
        .with_outcome(Outcome::NotApplied)
        .with_retry(RetryClass::Safe)
        .with_source(error)),
        Outcome::Unknown => Err(error),
    }
}

async fn commit_until(
    until: Instant,
    db: &Database,
    mut lease: Lease,
    limit: Duration,
) -> Result<()> {
    let started = Instant::now();
    match timeout_at(until, lease.commit()).await {
        Ok(result) => result.map_err(|error| line::complete(&db.shared, error, None)),
        Err(_) => match lease.outcome_of_dropped().await {
            Outcome::Applied => Ok(()),
            Outcome::NotApplied => Err(expired(limit)),
            Outcome::Unknown => Err(Error::new(
                ErrorKind::CommitUnknown,
                format!(
                    "COMMIT was sent, but not answered within {:.1?}",
                    started.elapsed()
                ),
            )
            .with_hint("look for what the transaction wrote before doing it again")),
        },
    }
}

/// The error of a transaction that wrote nothing: whether its COMMIT went through does not matter.
pub(super) fn nothing_to_resolve(error: Error) -> Error {
    let error = match error.kind() {
        ErrorKind::CommitUnknown => {
            Error::new(ErrorKind::ConnectionLost, error.detail().to_owned())
        }
        _ => error,
    };
    error.with_outcome(Outcome::NotApplied)
}
