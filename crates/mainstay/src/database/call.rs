//! Calls: what every operation returns, and the options it carries.

use std::future::IntoFuture;
use std::panic::Location;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::driver::BoxFuture;
use crate::error::Result;

/// The options of one call.
#[derive(Debug, Clone, Copy)]
pub struct CallOptions {
    /// The longest the call may take, waiting for a connection included. `None` means the
    /// configured `timeouts.statement`.
    pub timeout: Option<Duration>,
    /// Where the call was made, for pool reports and logs.
    pub site: &'static Location<'static>,
    /// Whether the call may be sent together with others that run at the same time.
    pub coalesce: bool,
    /// Whether the call may be tried again, where that is safe.
    pub retry: bool,
    /// When the call has to be over, once it runs and if it says so itself: one limit for all the
    /// statements it needs.
    pub(crate) until: Option<Instant>,
}

impl CallOptions {
    /// The defaults, at the caller's place in the code.
    #[track_caller]
    pub fn here() -> Self {
        Self {
            timeout: None,
            site: Location::caller(),
            coalesce: true,
            retry: true,
            until: None,
        }
    }

    /// When the call, or its next statement, has to be over.
    pub(crate) fn deadline(&self, default: Duration) -> Instant {
        self.until
            .unwrap_or_else(|| clock::after(self.timeout.unwrap_or(default)))
    }

    /// The same, where it is known what time it is.
    pub(crate) fn deadline_from(&self, now: Instant, default: Duration) -> Instant {
        self.until
            .unwrap_or_else(|| clock::later(now, self.timeout.unwrap_or(default)))
    }

    /// What is left of the call's own limit.
    pub(crate) fn left(&self) -> Option<Duration> {
        match self.until {
            Some(until) => Some(until.saturating_duration_since(Instant::now())),
            None => self.timeout,
        }
    }
}

type Run<T> = Box<dyn FnOnce(CallOptions) -> BoxFuture<'static, Result<T>> + Send>;

/// An operation that has not started yet. It runs when it is awaited.
///
/// Dropping the future at any point leaves no open transaction and no lost connection. A write
/// whose future was dropped may or may not have taken effect.
///
/// ```no_run
/// # use std::time::Duration;
/// # use mainstay::{Repository, Result};
/// # #[derive(Debug, Clone, mainstay::Entity)]
/// # #[entity(table = "users")]
/// # struct User {
/// #     #[entity(key, auto)]
/// #     id: uuid::Uuid,
/// #     #[entity(max = 254)]
/// #     email: String,
/// #     #[entity(max = 100)]
/// #     name: String,
/// #     #[entity(default = 0)]
/// #     total_xp: i64,
/// # }
/// # async fn example(users: Repository<User>, id: uuid::Uuid) -> Result<()> {
/// let user = users.find_by_id(id).timeout(Duration::from_millis(200)).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "an operation does nothing until it is awaited"]
pub struct Request<T> {
    options: CallOptions,
    run: Run<T>,
}

impl<T> std::fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<T> Request<T> {
    /// An operation made from a function that starts it.
    pub(crate) fn new<F>(
        options: CallOptions,
        run: impl FnOnce(CallOptions) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Self {
            options,
            run: Box::new(move |options| Box::pin(run(options))),
        }
    }

    /// The longest the call may take, waiting for a connection included.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    /// Tries the call once: a conflict or an outage is told at once. See the guide on resilience.
    pub fn no_retry(mut self) -> Self {
        self.options.retry = false;
        self
    }

    /// Sends the call by itself, whatever other calls run at the same time.
    ///
    /// Where every statement is a round trip, concurrent reads by key and single-row inserts of one
    /// entity are joined into one statement each; see the guide on tuning. Other calls never are,
    /// and this changes nothing about them.
    pub fn no_coalesce(mut self) -> Self {
        self.options.coalesce = false;
        self
    }
}

impl<T> IntoFuture for Request<T> {
    type Output = Result<T>;
    type IntoFuture = BoxFuture<'static, Result<T>>;

    fn into_future(mut self) -> Self::IntoFuture {
        // Without a limit of its own it keeps that of the work it is part of.
        if let Some(limit) = self.options.timeout {
            self.options.until = Some(clock::after(limit));
        }
        (self.run)(self.options)
    }
}
