//! Related rows in one query per relation, however many rows they belong to.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::handle::Repository;
use super::render::{By, Selection};
use crate::database::{CallOptions, Request};
use crate::error::Result;
use crate::schema::filter::Condition;
use crate::schema::{Column, Entity};
use crate::value::{FromCell, ToValue};

/// The most values of one IN list. More go in several queries.
const CHUNK: usize = 1000;

/// Rows by the value that relates them.
#[derive(Debug, Clone)]
pub struct Related<T, E> {
    rows: HashMap<T, Vec<E>>,
}

impl<T: Eq + Hash, E> Related<T, E> {
    /// All rows related to a value, in order of their key.
    pub fn of(&self, value: &T) -> &[E] {
        self.rows.get(value).map_or(&[], Vec::as_slice)
    }

    /// The row related to a value, where there is at most one.
    pub fn one(&self, value: &T) -> Option<&E> {
        self.of(value).first()
    }

    /// Takes out all rows related to a value.
    pub fn take(&mut self, value: &T) -> Vec<E> {
        self.rows.remove(value).unwrap_or_default()
    }
}

impl<E: Entity> Repository<E> {
    /// All rows whose column has one of the values: the children of many parents, or the parents
    /// of many children, in one query (for more than a thousand values, one per thousand).
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
    /// # #[derive(Debug, Clone, mainstay::Entity)]
    /// # #[entity(table = "goals")]
    /// # struct Goal {
    /// #     #[entity(key, auto)]
    /// #     id: uuid::Uuid,
    /// #     user_id: uuid::Uuid,
    /// #     target_date: Option<chrono::DateTime<chrono::Utc>>,
    /// # }
    /// # async fn example(users: Repository<User>, goals: Repository<Goal>) -> Result<()> {
    /// let page = users.find_many().take(50).await?;
    /// let goals = goals.find_related(Goal::USER_ID, page.iter().map(|user| user.id)).await?;
    /// for user in &page {
    ///     println!("{}: {}", user.name, goals.of(&user.id).len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "include")]
    #[track_caller]
    pub fn find_related<T, I>(&self, column: Column<E, T>, values: I) -> Request<Related<T, E>>
    where
        T: ToValue + FromCell + Eq + Hash + Send + 'static,
        I: IntoIterator<Item = T>,
    {
        let values: HashSet<T> = values.into_iter().collect();
        let values: Vec<_> = values.iter().map(ToValue::to_value).collect();
        let column = column.position();
        self.request(CallOptions::here(), move |executor, options| async move {
            let table = Self::table(&executor);
            let ty = &E::table().columns[column].ty;
            let own = E::table().columns.len();
            let mut rows: HashMap<T, Vec<E>> = HashMap::new();
            for chunk in values.chunks(CHUNK) {
                let mut selection = Selection::whole(E::table());
                selection.columns.push(column);
                selection.condition = Some(Condition::In {
                    column,
                    values: chunk.to_vec(),
                    negated: false,
                });
                selection.order = E::table()
                    .primary_key
                    .iter()
                    .map(|column| By {
                        column: *column,
                        descending: false,
                    })
                    .collect();
                let statement = table.select(&selection)?;
                let read = |row: &crate::driver::Row<'_>| -> Result<(T, E)> {
                    Ok((row.get_typed(own, ty)?, E::from_row(row)?))
                };
                for (value, row) in executor.fetch(statement, read, &options).await? {
                    rows.entry(value).or_default().push(row);
                }
            }
            Ok(Related { rows })
        })
    }
}
