//! Hand-written SQL with bound parameters. It takes the same line as everything else.

use super::call::{CallOptions, Request};
use super::stale::Touched;
use super::written::only_reads;
use super::{Database, Executor};
use crate::driver::row::Ignore;
use crate::driver::{Access, Done, OwnedRow, Row, RowSink, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::FromRow;
use crate::transaction::Tx;
use crate::value::{FromCell, ToValue, Value};

/// A statement written by hand. Placeholders are `?` on every engine (`??` is a question mark).
#[must_use = "a statement does nothing until one of its methods is awaited"]
pub struct Sql {
    executor: Executor,
    text: String,
    values: Vec<Value>,
    options: CallOptions,
}

/// Without the values, which may be anybody's data.
impl std::fmt::Debug for Sql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sql")
            .field("text", &self.text)
            .field("values", &self.values.len())
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Starts a statement written by hand.
    ///
    /// ```
    /// # use mainstay::{Database, Schema, config::ConfigLoader};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = format!("sqlite:{}", folder.path().join("example.db").display());
    /// # let config = ConfigLoader::new().set("url", url).load()?;
    /// # let db = Database::builder().create_if_missing().open(&config).await?;
    /// # db.script("CREATE TABLE users (name TEXT)").await?;
    /// # db.sql("INSERT INTO users VALUES (?)").bind("Ada").execute().await?;
    /// let total: i64 = db
    ///     .sql("SELECT count(*) FROM users WHERE name = ?")
    ///     .bind("Ada")
    ///     .scalar()
    ///     .await?;
    /// # assert_eq!(total, 1);
    /// # db.close(std::time::Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "$queryRaw")]
    #[doc(alias = "$executeRaw")]
    #[track_caller]
    pub fn sql(&self, text: impl Into<String>) -> Sql {
        Sql::new(self.into(), text.into(), CallOptions::here())
    }
}

impl Tx {
    /// Starts a statement written by hand, within the transaction.
    #[track_caller]
    pub fn sql(&self, text: impl Into<String>) -> Sql {
        Sql::new(self.into(), text.into(), CallOptions::here())
    }
}

impl Database {
    /// Runs a script: SQL without parameters or rows, as one unit of text (DDL mostly).
    ///
    /// What several statements in one text mean for atomicity is the engine's business; give one
    /// statement at a time where that matters.
    ///
    /// # Errors
    /// The engine's. On PostgreSQL nothing of a script that fails is kept; on the other engines the
    /// statements before the one that failed are, and [`Error::outcome`] is unknown when there may
    /// be such.
    #[track_caller]
    pub fn script(&self, text: impl Into<String>) -> Request<()> {
        script(self.into(), text.into(), CallOptions::here())
    }
}

impl Tx {
    /// Runs a script within the transaction. See [`Database::script`].
    ///
    /// # Errors
    /// The engine's. It poisons the transaction.
    #[track_caller]
    pub fn script(&self, text: impl Into<String>) -> Request<()> {
        script(self.into(), text.into(), CallOptions::here())
    }
}

pub(super) fn script(executor: Executor, text: String, options: CallOptions) -> Request<()> {
    Request::new(options, move |options| async move {
        let _touching = executor.touching(|| Touched::Sql(text.as_str().into()));
        executor.run_script(text.clone(), &options).await
    })
}

impl Sql {
    pub(crate) fn new(executor: Executor, text: String, options: CallOptions) -> Self {
        Self {
            executor,
            text,
            values: Vec::new(),
            options,
        }
    }

    /// Binds the next placeholder.
    pub fn bind(mut self, value: impl ToValue) -> Self {
        self.values.push(value.to_value());
        self
    }

    /// Binds the next placeholders.
    pub fn bind_all(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        self.values.extend(values);
        self
    }

    /// The longest the call may take.
    pub fn timeout(mut self, limit: std::time::Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    fn request<T: Send + 'static, F>(
        self,
        access: Access,
        work: impl FnOnce(Executor, Statement, CallOptions) -> F + Send + 'static,
    ) -> Request<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let Self {
            executor,
            text,
            values,
            options,
        } = self;
        Request::new(options, move |options| async move {
            let statement = Statement::raw(executor.dialect(), &text, values, access)?;
            let on = executor.clone();
            let writes = access == Access::Write || !only_reads(&text);
            let _touching = writes.then(|| on.touching(|| Touched::Sql(text.as_str().into())));
            work(executor, statement, options).await
        })
    }

    /// Runs it and says how many rows changed.
    pub fn execute(self) -> Request<Done> {
        self.request(Access::Write, |executor, statement, options| async move {
            executor.run(statement, &mut Ignore, &options).await
        })
    }

    /// Runs it and reads every row with a function.
    pub fn fetch_with<T: Send + 'static>(
        self,
        read: impl FnMut(&Row<'_>) -> Result<T> + Send + 'static,
    ) -> Request<Vec<T>> {
        self.request(
            Access::Unknown,
            move |executor, statement, options| async move {
                executor.fetch(statement, read, &options).await
            },
        )
    }

    /// Runs it, gives every row to a sink as it arrives, and gives the sink back: for results that
    /// are larger than memory. A sink that [is full](RowSink::is_full) is waited for, and the
    /// engine with it.
    ///
    /// ```
    /// # use mainstay::{Database, Result, config::ConfigLoader, driver::{Row, RowSink}};
    /// struct Longest(i64);
    ///
    /// impl RowSink for Longest {
    ///     fn row(&mut self, row: &Row<'_>) -> Result<()> {
    ///         self.0 = self.0.max(row.get(0)?);
    ///         Ok(())
    ///     }
    /// }
    /// # #[tokio::main]
    /// # async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = format!("sqlite:{}", folder.path().join("example.db").display());
    /// # let config = ConfigLoader::new().set("url", url).load()?;
    /// # let db = Database::builder().create_if_missing().open(&config).await?;
    /// # db.script("CREATE TABLE users (name TEXT)").await?;
    /// # db.sql("INSERT INTO users VALUES (?)").bind("Ada").execute().await?;
    /// let names = db.sql("SELECT length(name) FROM users");
    /// let longest = names.fetch_into(Longest(0)).await?;
    /// assert_eq!(longest.0, 3);
    /// # db.close(std::time::Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn fetch_into<S: RowSink + 'static>(self, mut sink: S) -> Request<S> {
        self.request(
            Access::Unknown,
            move |executor, statement, options| async move {
                executor.run(statement, &mut sink, &options).await?;
                Ok(sink)
            },
        )
    }

    /// Runs it and reads every row into a struct, columns in the order of its fields.
    pub fn fetch<T: FromRow>(self) -> Request<Vec<T>> {
        self.fetch_with(|row| T::from_row(row))
    }

    /// Runs it and keeps every row as it is.
    pub fn fetch_rows(self) -> Request<Vec<OwnedRow>> {
        self.fetch_with(|row| row.to_owned())
    }

    /// Runs it and reads the first column of the first row.
    ///
    /// The request fails with `NOT_FOUND` when there is no row.
    pub fn scalar<T: FromCell + Send + 'static>(self) -> Request<T> {
        self.request(Access::Unknown, |executor, statement, options| async move {
            let found = executor
                .fetch(statement, |row| row.get::<T>(0), &options)
                .await?;
            found
                .into_iter()
                .next()
                .ok_or_else(|| Error::new(ErrorKind::NotFound, "the statement returned no row"))
        })
    }
}
