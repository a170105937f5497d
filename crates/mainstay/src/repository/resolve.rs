//! Creates whose reply was lost: whether the row is there is found out, not guessed.
//!
//! A key that Mainstay made is nobody else's. So the same INSERT once more settles it, whatever
//! became of the first: it makes the row, and then the first never took effect and never can,
//! because the key is taken; or it is refused as a duplicate, and the row under that key is the
//! one the first has made. A first one that is still under way holds the key, and the second waits
//! for it. The idea of claiming the key instead of looking it up is that a row that is not there
//! yet may still come. A row that was made and then deleted by somebody, all before the second
//! attempt, is made again. Many rows that are made together need one such key among them.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::fill::FilledRow;
use crate::database::coalesce::call::is_refusal;
use crate::database::{CallOptions, Executor};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::resilience::backoff::Backoff;

/// The pause before the key is claimed: a connection that was lost is rarely alone.
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(20),
    cap: Duration::from_millis(500),
};

/// An insert that failed.
pub(super) struct Failed {
    pub(super) error: Error,
    /// Its row, unless there is no time left to do anything with it.
    pub(super) row: Option<FilledRow>,
}

/// Whether it may be found out what became of a call: its reply was lost, and it was no part of a
/// transaction, for then it is the transaction that was lost.
pub(super) fn is_lost(executor: &Executor, error: &Error) -> bool {
    error.kind() != ErrorKind::Decode
        && error.outcome() == Outcome::Unknown
        && matches!(executor, Executor::Database(_))
}

/// The end of a create with a key that Mainstay made, whose reply was lost: what became of it is
/// found out within the time limit that the options name.
///
/// `again` does the same once more, all or nothing; `read` gives what the call is answered with if
/// the row with the key is there.
///
/// # Errors
/// The first error, as it was, when nothing could be found out in time.
pub(super) async fn settle<T, A, R>(
    executor: &Executor,
    mut lost: Error,
    options: &CallOptions,
    again: impl Fn(CallOptions) -> A,
    read: impl Fn(CallOptions) -> R,
) -> Result<T>
where
    A: Future<Output = Result<T>>,
    R: Future<Output = Result<Option<T>>>,
{
    let shared = executor.shared();
    let options = CallOptions {
        coalesce: false,
        ..executor.with_one_deadline(options)
    };
    let deadline = options.deadline(shared.timeouts.statement);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let pause = BACKOFF.delay(attempts, shared.entropy.unit());
        if Instant::now() + pause >= deadline {
            return Err(lost);
        }
        sleep(pause).await;
        let error = match again(options).await {
            Ok(made) => {
                tell(
                    &options,
                    attempts,
                    "it had not taken effect and was done now",
                );
                return Ok(made);
            }
            Err(error) => error,
        };
        if error.kind() == ErrorKind::Duplicate {
            match read(options).await {
                Ok(Some(made)) => {
                    tell(&options, attempts, "it had taken effect");
                    return Ok(made);
                }
                // Refused for another unique key. Should that row go before the first attempt
                // arrives, this one may still come.
                Ok(None) => return Err(error.with_outcome(lost.outcome())),
                // It is there, and cannot be read.
                Err(error) if error.kind() == ErrorKind::Decode => {
                    return Err(error.with_outcome(Outcome::Applied));
                }
                Err(_) => {}
            }
        } else if is_refusal(&error) && error.kind() != ErrorKind::WriteConflict {
            return Err(error.with_outcome(lost.outcome()));
        }
        if error.kind() == ErrorKind::Closed {
            return Err(lost);
        }
        if error.outcome() == Outcome::Unknown {
            lost = error;
        }
    }
}

fn tell(options: &CallOptions, attempts: u32, what: &'static str) {
    tracing::info!(
        site = %options.site,
        attempts,
        "the reply to a create was lost: {what}"
    );
}
