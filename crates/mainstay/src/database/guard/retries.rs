//! The tries of one call: whether there is another, and the pause before it.

use std::panic::Location;

use tokio::time::{Instant, sleep};

use crate::database::Database;
use crate::driver::Access;
use crate::error::Error;
use crate::observe;
use crate::resilience::retry::{Cause, Tries};

/// Counts the tries of one call or transaction.
#[derive(Debug)]
pub(crate) struct Retries {
    tries: Tries,
    access: Access,
    deadline: Instant,
    site: &'static Location<'static>,
    /// Whether it was let wait for the breaker. Waiting sends nothing, so that it is paid for once:
    /// the budget bounds how many wait.
    waits: bool,
}

impl Retries {
    /// Starts with the first try. `most` is what the caller has said of their number.
    pub(crate) fn new(
        db: &Database,
        access: Access,
        most: Option<u32>,
        deadline: Instant,
        site: &'static Location<'static>,
    ) -> Self {
        let options = &db.shared.guards.options;
        let most = if options.retry { most } else { Some(1) };
        Self {
            tries: Tries::new(options.policy, most),
            access,
            deadline,
            site,
            waits: false,
        }
    }

    /// Whether there is another try after a failure with this cause; if so, returns when it is
    /// time for it.
    pub(crate) async fn again(&mut self, db: &Database, error: &Error) -> bool {
        let guards = &db.shared.guards;
        let Some(cause) = Cause::of(error) else {
            return false;
        };
        let now = Instant::now();
        if cause == Cause::Refused && guards.is_long_outage(self.access, now) {
            return false;
        }
        let unit = db.shared.entropy.unit();
        let Some(pause) = self.tries.failed(cause, error.retry_after(), unit) else {
            return false;
        };
        if now + pause >= self.deadline {
            return false;
        }
        let is_paid = cause == Cause::Refused && self.waits;
        if !is_paid && !guards.take_retry(cause, now) {
            return false;
        }
        self.waits |= cause == Cause::Refused;
        observe::retry(self.tries.made(), pause, error, self.site);
        sleep(pause).await;
        true
    }
}
