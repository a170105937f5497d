//! Reads by key, and their answers from memory while the database does not answer.

use std::future::IntoFuture;
use std::time::Duration;

use tokio::time::Instant;

use super::coalesce;
use crate::clock;
use crate::database::{CallOptions, Executor, Request};
use crate::driver::BoxFuture;
use crate::error::{Error, ErrorKind, Result};
use crate::observe;
use crate::schema::Entity;

/// A read of the row with a key. It runs when it is awaited.
#[must_use = "a read does nothing until it is awaited"]
pub struct FindById<E: Entity> {
    executor: Executor,
    key: E::Key,
    options: CallOptions,
}

/// Without the key, which may be anybody's data.
impl<E: Entity> std::fmt::Debug for FindById<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FindById")
            .field("table", &E::table().name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<E: Entity> FindById<E> {
    pub(super) fn new(executor: Executor, key: E::Key, options: CallOptions) -> Self {
        Self {
            executor,
            key,
            options,
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

    /// Sends the call by itself; see [`Request::no_coalesce`].
    pub fn no_coalesce(mut self) -> Self {
        self.options.coalesce = false;
        self
    }

    /// Answers with the row as it was last known when the database does not answer, and says so.
    ///
    /// The answers of calls with this option are remembered, up to `stale.capacity` of them for up
    /// to `stale.max_age`. Where there is one, a call waits for the database for `stale.patience`
    /// at most. Only failures of the infrastructure are answered from memory: whatever the
    /// database itself says is passed on. Inside a transaction the option does nothing.
    ///
    /// ```no_run
    /// # use mainstay::{Repository, Result};
    /// # #[derive(Debug, Clone, mainstay::Entity)]
    /// # #[entity(table = "users")]
    /// # struct User {
    /// #     #[entity(key, auto)]
    /// #     id: uuid::Uuid,
    /// #     #[entity(max = 254)]
    /// #     email: String,
    /// # }
    /// # async fn example(users: Repository<User>, id: uuid::Uuid) -> Result<()> {
    /// let user = users.find_by_id(id).or_stale().await?;
    /// if let Some(stale) = &user.stale {
    ///     println!("from {:?} ago, because: {}", stale.age, stale.why);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "stale-if-error")]
    pub fn or_stale(self) -> Request<Known<Option<E>>> {
        let Self {
            executor,
            key,
            options,
        } = self;
        Request::new(options, move |options| async move {
            find::<E>(&executor, key, options).await
        })
    }
}

impl<E: Entity> IntoFuture for FindById<E> {
    type Output = Result<Option<E>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        self.options.until = self.options.timeout.map(clock::after);
        Box::pin(async move {
            coalesce::find_by_key::<E>(&self.executor, self.key, &self.options).await
        })
    }
}

/// An answer that may be from memory.
#[derive(Debug, Clone)]
pub struct Known<T> {
    /// The answer.
    pub value: T,
    /// That it is from memory, if it is.
    pub stale: Option<Stale>,
}

impl<T> Known<T> {
    /// Whether it is from memory.
    pub fn is_stale(&self) -> bool {
        self.stale.is_some()
    }

    fn fresh(value: T) -> Self {
        Self { value, stale: None }
    }
}

/// Why an answer is from memory.
#[derive(Debug, Clone)]
pub struct Stale {
    /// How long ago the database gave it.
    pub age: Duration,
    /// Why it does not give a fresh one.
    pub why: Error,
}

async fn find<E: Entity>(
    executor: &Executor,
    key: E::Key,
    mut options: CallOptions,
) -> Result<Known<Option<E>>> {
    let shared = executor.shared();
    let store = &shared.stale;
    let before = match executor {
        Executor::Database(_) => store.before::<E>(Instant::now(), &key),
        Executor::Transaction(_) | Executor::Exclusive(_) => None,
    };
    let Some((ticket, known)) = before else {
        let found = coalesce::find_by_key::<E>(executor, key, &options).await?;
        return Ok(Known::fresh(found));
    };
    let limit = options.deadline(shared.timeouts.statement);
    options.until = Some(limit);
    if known {
        options.until = Some(limit.min(clock::after(store.options.patience)));
    }
    let mut found = coalesce::find_by_key::<E>(executor, key.clone(), &options).await;
    if let Err(why) = &found
        && is_outage(why.kind())
    {
        let now = Instant::now();
        if let Some((row, age)) = store.last::<E>(now, &ticket) {
            observe::stale(E::table().name, age, why, options.site);
            let why = why.clone();
            return Ok(Known {
                value: Some(row),
                stale: Some(Stale { age, why }),
            });
        }
        // A write has forgotten it meanwhile: there is nothing to fall back on, and more time.
        if known && now < limit {
            options.until = Some(limit);
            found = coalesce::find_by_key::<E>(executor, key, &options).await;
        }
    }
    let found = found?;
    store.answered(Instant::now(), ticket, found.as_ref());
    Ok(Known::fresh(found))
}

/// Whether an error says that the database could not be asked, and nothing else.
fn is_outage(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unreachable
            | ErrorKind::ConnectionLost
            | ErrorKind::CircuitOpen
            | ErrorKind::PoolTimeout
            | ErrorKind::Overloaded
            | ErrorKind::Deadline
            | ErrorKind::TooManyConnections
    )
}
