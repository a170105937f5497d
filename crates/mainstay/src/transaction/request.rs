//! `db.transaction(...)` and its options.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

use super::Tx;
use super::runner::{self, Settings};
use crate::database::{CallOptions, Database};
use crate::driver::{BoxFuture, Isolation};
use crate::error::Error;

/// A transaction that has not started yet. It runs when it is awaited.
#[must_use = "a transaction does nothing until it is awaited"]
pub struct TransactionRequest<'a, F> {
    db: Database,
    settings: Settings,
    work: F,
    borrows: PhantomData<&'a ()>,
}

impl<F> std::fmt::Debug for TransactionRequest<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransactionRequest")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Runs a closure as one transaction: committed when it returns `Ok`, rolled back when it
    /// returns an error, panics or is dropped.
    ///
    /// The closure may run more than once: after a serialization failure or a deadlock, or when the
    /// connection was lost before COMMIT was sent, nothing of it took effect, and it is tried again
    /// within the time limit; after conflicts up to five times. So it should have no effects
    /// outside the transaction. Its own error comes back unchanged.
    ///
    /// On an engine with one writer (SQLite), writing through the handle from inside the closure, or
    /// starting another transaction that writes, is refused: it would wait for itself. A task that
    /// the closure spawns is not recognised; waiting for its writes ends with the time limit.
    ///
    /// ```
    /// # use mainstay::{Insert, schema::ddl};
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
    /// # #[derive(Insert)]
    /// # #[insert(User)]
    /// # struct NewUser {
    /// #     email: String,
    /// #     name: String,
    /// # }
    /// # use mainstay::{Database, Schema, config::ConfigLoader};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = format!("sqlite:{}", folder.path().join("example.db").display());
    /// # let config = ConfigLoader::new().set("url", url).load()?;
    /// # let builder = Database::builder().schema(Schema::new().with::<User>());
    /// # let db = builder.create_if_missing().open(&config).await?;
    /// # for sql in ddl::create_all(db.dialect(), db.schema())? {
    /// #     db.script(sql).await?;
    /// # }
    /// # let new = NewUser { email: "ada@example.com".into(), name: "Ada".into() };
    /// # let id = db.repository::<User>().create(new).await?.id;
    /// let user = db
    ///     .transaction(|tx| async move {
    ///         let users = tx.repository::<User>();
    ///         users.update(id, [User::TOTAL_XP.increment(10)]).await
    ///     })
    ///     .await?;
    /// assert_eq!(user.total_xp, 10);
    /// # db.close(std::time::Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The closure's error, or one made from: a statement's error that the closure hid; the
    /// commit's error (`COMMIT_UNKNOWN` when its answer was lost and could not be found out); `TRANSACTION_CLOSED` when the
    /// time limit passed; the errors of acquiring a connection.
    #[doc(alias = "$transaction")]
    #[track_caller]
    pub fn transaction<'a, F, Fut, T, E>(&self, work: F) -> TransactionRequest<'a, F>
    where
        F: FnMut(Tx) -> Fut + Send + 'a,
        Fut: Future<Output = Result<T, E>> + Send + 'a,
        T: Send + 'a,
        E: From<Error> + Send + 'a,
    {
        TransactionRequest {
            db: self.clone(),
            settings: Settings::for_call(&CallOptions::here()),
            work,
            borrows: PhantomData,
        }
    }
}

impl<F> TransactionRequest<'_, F> {
    /// The isolation level. An engine may give a stronger one; the default is READ COMMITTED.
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.settings.begin.isolation = isolation;
        self
    }

    /// Refuses writes, and lets the engine read without the writer.
    pub fn read_only(mut self) -> Self {
        self.settings.begin.read_only = true;
        self
    }

    /// The longest the transaction may take, repetitions and waiting for a connection included.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.settings.timeout = Some(limit);
        self
    }

    /// Has the transaction leave a row of its own in the table `_mainstay_ledger`, by which a
    /// COMMIT whose answer was lost is found out about: the call ends as if the answer had come, or
    /// the closure runs again.
    ///
    /// Without it the engine is asked where it keeps account of its transactions, as PostgreSQL
    /// does; that account ends with a failover to another primary, and is in doubt after a crash.
    /// Where the engine cannot tell, the transaction ends with `COMMIT_UNKNOWN`.
    ///
    /// Costs one statement for each transaction. The table is created when it is first needed, and
    /// rows older than a week are removed. Means nothing for a transaction that only reads.
    ///
    /// ```no_run
    /// # use mainstay::{Database, Result};
    /// # async fn example(db: Database) -> Result<()> {
    /// db.transaction(|tx| async move {
    ///     tx.sql("UPDATE accounts SET balance = balance - 5 WHERE id = 1").execute().await?;
    ///     tx.sql("UPDATE accounts SET balance = balance + 5 WHERE id = 2").execute().await
    /// })
    /// .ledger()
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of creating the table, when it is missing and the user may not.
    pub fn ledger(mut self) -> Self {
        self.settings.ledger = true;
        self
    }

    /// How often the closure runs at most; 1 never repeats it. With 1, on an engine whose
    /// transactions share commits ([`Capabilities::concurrent_writers`] is false), it shares with
    /// nobody: a long one would otherwise be put off in favour of others, and run again.
    ///
    /// [`Capabilities::concurrent_writers`]: crate::driver::Capabilities::concurrent_writers
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.settings.attempts = Some(attempts.max(1));
        self.settings.begin.alone |= attempts <= 1;
        self
    }
}

impl<'a, F, Fut, T, E> IntoFuture for TransactionRequest<'a, F>
where
    F: FnMut(Tx) -> Fut + Send + 'a,
    Fut: Future<Output = Result<T, E>> + Send + 'a,
    T: Send + 'a,
    E: From<Error> + Send + 'a,
{
    type Output = Result<T, E>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            db, settings, work, ..
        } = self;
        Box::pin(async move { runner::run(&db, settings, work).await })
    }
}
