//! The repository itself.

use std::marker::PhantomData;

use super::render::Table;
use crate::database::{CallOptions, Executor, Request};
use crate::error::Result;
use crate::schema::{Entity, TableModel};

/// The rows of one entity. Cheap to make and to clone.
///
/// Made from the handle, each call is a transaction of its own; made from a transaction, calls
/// belong to it.
///
/// ```no_run
/// # use mainstay::{Database, Result};
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
/// # async fn example(db: Database, id: uuid::Uuid) -> Result<()> {
/// let users = db.repository::<User>();
/// let user = users.find_by_id(id).await?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "BaseRepository")]
pub struct Repository<E> {
    pub(crate) executor: Executor,
    entity: PhantomData<fn() -> E>,
}

impl<E> Clone for Repository<E> {
    fn clone(&self) -> Self {
        Self {
            executor: self.executor.clone(),
            entity: PhantomData,
        }
    }
}

impl<E: Entity> std::fmt::Debug for Repository<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repository<{}>", E::table().name)
    }
}

/// A table as the executor's statements see it.
pub(super) fn table<'a>(executor: &'a Executor, model: &'static TableModel) -> Table<'a> {
    Table {
        model,
        dialect: executor.dialect(),
        capabilities: executor.capabilities(),
        texts: &executor.shared().texts,
    }
}

impl<E: Entity> Repository<E> {
    /// The repository of an entity on a handle or a transaction.
    pub fn new(on: impl Into<Executor>) -> Self {
        Self {
            executor: on.into(),
            entity: PhantomData,
        }
    }

    pub(crate) fn table(executor: &Executor) -> Table<'_> {
        table(executor, E::table())
    }

    pub(crate) fn request<T: Send + 'static, F>(
        &self,
        options: CallOptions,
        work: impl FnOnce(Executor, CallOptions) -> F + Send + 'static,
    ) -> Request<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let executor = self.executor.clone();
        Request::new(options, move |options| work(executor, options))
    }
}
