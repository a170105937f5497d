//! Typed repositories: the same code on the handle and inside a transaction.
//!
//! - `handle`: [`Repository`]; `mod.rs`: its reads by key
//! - [`known`]: `find_by_id`, and its answers from memory in an outage
//! - [`find`]: `find_many` with filter, order, take, skip; projections
//! - [`page`]: offset pages and keyset pages; `cursor`: where a keyset page ended
//! - [`stream`]: large results in constant memory
//! - [`create`]: making rows; `many`: a lot of them, written in `bulk`, prepared `ahead`
//! - `rows`: rows of tables known only when the program runs
//! - [`mod@write`]: changing and deleting rows
//! - `coalesce`: concurrent reads by key and inserts of one row, sent together
//! - [`batch`]: several writes known beforehand, sent as one
//! - `fill`: what Mainstay adds to a write: keys, timestamps, version, defaults
//! - [`upsert`]: insert or update
//! - `resolve`: creates whose reply was lost
//! - [`relation`]: related rows in one query per relation
//! - [`aggregate`]: count, sum, average, smallest, greatest, with groups
//! - `foreign_key`: names the foreign key where the engine does not
//! - `render`: operations as SQL, pure

pub mod aggregate;
mod ahead;
pub mod batch;
mod bulk;
mod coalesce;
pub mod create;
mod cursor;
mod fill;
pub mod find;
mod foreign_key;
mod handle;
pub mod known;
mod many;
pub mod page;
pub mod relation;
pub(crate) mod render;
mod resolve;
mod rows;
pub mod stream;
pub mod upsert;
pub mod write;

pub use aggregate::{Aggregate, AggregateRow};
pub use batch::BatchRequest;
pub use find::FindMany;
pub use handle::Repository;
pub use known::{FindById, Known, Stale};
pub use page::{Cursor, CursorPage, Page};
pub use relation::Related;
pub use stream::RowStream;

use crate::database::{CallOptions, Database, Executor, Request};
use crate::error::Result;
use crate::schema::{Entity, Filter, Key};
use crate::transaction::Tx;
use render::Selection;

impl Database {
    /// The repository of an entity, each call a transaction of its own.
    pub fn repository<E: Entity>(&self) -> Repository<E> {
        Repository::new(self)
    }
}

impl Tx {
    /// The repository of an entity, within the transaction.
    pub fn repository<E: Entity>(&self) -> Repository<E> {
        Repository::new(self)
    }
}

impl<E: Entity> Repository<E> {
    /// The row with a key, or `None`.
    #[doc(alias = "findById")]
    #[doc(alias = "findUnique")]
    #[track_caller]
    pub fn find_by_id(&self, key: E::Key) -> FindById<E> {
        FindById::new(self.executor.clone(), key, CallOptions::here())
    }

    /// The row with a key, locked until the transaction ends, or `None`.
    ///
    /// Where the engine has no row locks a writing transaction excludes all others, which is
    /// stronger. Only useful inside a transaction.
    #[track_caller]
    pub fn find_for_update(&self, key: E::Key) -> Request<Option<E>> {
        self.request(CallOptions::here(), move |executor, options| async move {
            Self::select_by_key(&executor, &key, true, &options).await
        })
    }

    /// Whether there is a row with a key.
    #[track_caller]
    pub fn exists(&self, key: E::Key) -> Request<bool> {
        self.request(CallOptions::here(), move |executor, options| async move {
            let table = Self::table(&executor);
            let statement = table.exists_by_key(key.values())?;
            Ok(!executor
                .fetch(statement, |_| Ok(()), &options)
                .await?
                .is_empty())
        })
    }

    /// All rows that a filter matches, unordered unless asked; see [`FindMany`].
    #[doc(alias = "findMany")]
    #[track_caller]
    pub fn find_many(&self) -> FindMany<E> {
        FindMany::new(self.executor.clone(), CallOptions::here())
    }

    /// The first row that a filter matches in order of the key, or `None`.
    #[doc(alias = "findFirst")]
    #[track_caller]
    pub fn find_one(&self, filter: Filter<E>) -> Request<Option<E>> {
        self.request(CallOptions::here(), move |executor, options| async move {
            let found = FindMany::<E>::new(executor, options)
                .filter(filter)
                .by_key()
                .take(1)
                .await?;
            Ok(found.into_iter().next())
        })
    }

    /// How many rows a filter matches.
    #[track_caller]
    pub fn count(&self, filter: Filter<E>) -> Request<u64> {
        self.request(CallOptions::here(), move |executor, options| async move {
            Self::count_rows(&executor, Some(&filter), &options).await
        })
    }

    pub(crate) async fn count_rows(
        executor: &Executor,
        filter: Option<&Filter<E>>,
        options: &CallOptions,
    ) -> Result<u64> {
        let statement = Self::table(executor).count(filter.map(|filter| &filter.condition))?;
        let counts = executor
            .fetch(statement, |row| row.get::<i64>(0), options)
            .await?;
        Ok(counts.first().map_or(0, |count| count.unsigned_abs()))
    }

    pub(crate) async fn select_by_key(
        executor: &Executor,
        key: &E::Key,
        for_update: bool,
        options: &CallOptions,
    ) -> Result<Option<E>> {
        let table = Self::table(executor);
        let statement = if for_update {
            let mut selection = Selection::whole(E::table());
            selection.condition = Some(table.key_condition(key.values()));
            selection.for_update = true;
            table.select(&selection)?
        } else {
            table.select_by_key(key.values())?
        };
        let found = executor
            .fetch(statement, |row| E::from_row(row), options)
            .await?;
        Ok(found.into_iter().next())
    }
}
