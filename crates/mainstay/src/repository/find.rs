//! `find_many`: filter, order, take, skip, projection.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

use super::handle::Repository;
use super::render::{By, Selection, Table};
use crate::database::{CallOptions, Executor};
use crate::driver::BoxFuture;
use crate::error::Result;
use crate::schema::{Entity, Filter, FromRow, Order, Projection};

/// A query for rows of `E`, read as `T`. It runs when it is awaited.
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
/// #     #[entity(max = 100)]
/// #     name: String,
/// #     #[entity(default = 0)]
/// #     total_xp: i64,
/// # }
/// # async fn example(users: Repository<User>) -> Result<()> {
/// let best = users
///     .find_many()
///     .filter(User::TOTAL_XP.ge(100))
///     .order_by(User::TOTAL_XP.desc())
///     .take(10)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a query does nothing until it is awaited"]
pub struct FindMany<E, T = E> {
    pub(super) executor: Executor,
    pub(super) options: CallOptions,
    pub(super) selection: Selection,
    rows: PhantomData<fn() -> (E, T)>,
}

impl<E: Entity, T> std::fmt::Debug for FindMany<E, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FindMany")
            .field("table", &E::table().name)
            .finish_non_exhaustive()
    }
}

impl<E: Entity> FindMany<E> {
    pub(super) fn new(executor: Executor, options: CallOptions) -> Self {
        Self {
            executor,
            options,
            selection: Selection::whole(E::table()),
            rows: PhantomData,
        }
    }

    /// Reads only the columns of a smaller struct.
    #[doc(alias = "select")]
    pub fn project<P: Projection<E>>(self) -> FindMany<E, P> {
        let mut selection = self.selection;
        selection.columns = P::COLUMNS.to_vec();
        FindMany {
            executor: self.executor,
            options: self.options,
            selection,
            rows: PhantomData,
        }
    }
}

impl<E: Entity, T> FindMany<E, T> {
    /// Only rows that match. Several filters must all match.
    #[doc(alias = "where")]
    pub fn filter(mut self, filter: Filter<E>) -> Self {
        let condition = match self.selection.condition.take() {
            None => filter.condition,
            Some(before) => Filter::<E>::new(before).and(filter).condition,
        };
        self.selection.condition = Some(condition);
        self
    }

    /// Orders by a column; further orders decide among rows that are equal so far.
    #[doc(alias = "orderBy")]
    pub fn order_by(mut self, order: Order<E>) -> Self {
        self.selection.order.push(By {
            column: order.column,
            descending: order.descending,
        });
        self
    }

    /// Orders by the primary key, behind any other order.
    pub fn by_key(mut self) -> Self {
        for column in E::table().primary_key {
            if !self.selection.order.iter().any(|by| by.column == *column) {
                self.selection.order.push(By {
                    column: *column,
                    descending: false,
                });
            }
        }
        self
    }

    /// At most so many rows.
    pub fn take(mut self, rows: u64) -> Self {
        self.selection.take = Some(rows);
        self
    }

    /// Leaves out the first so many rows.
    pub fn skip(mut self, rows: u64) -> Self {
        self.selection.skip = Some(rows);
        self
    }

    /// Locks the rows until the transaction ends. Only useful inside a transaction.
    pub fn for_update(mut self) -> Self {
        self.selection.for_update = true;
        self
    }

    /// Tries the call once: a conflict or an outage is told at once.
    pub fn no_retry(mut self) -> Self {
        self.options.retry = false;
        self
    }

    /// The longest the call may take, waiting for a connection included.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    pub(super) fn table(&self) -> Table<'_> {
        Repository::<E>::table(&self.executor)
    }
}

impl<E: Entity, T: FromRow> FindMany<E, T> {
    pub(super) async fn run(self) -> Result<Vec<T>> {
        let statement = self.table().select(&self.selection)?;
        self.executor
            .fetch(statement, |row| T::from_row(row), &self.options)
            .await
    }
}

impl<E: Entity, T: FromRow> IntoFuture for FindMany<E, T> {
    type Output = Result<Vec<T>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
