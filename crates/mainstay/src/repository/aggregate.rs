//! Aggregates: count, sum, average, smallest, greatest, with groups.

use std::future::IntoFuture;
use std::marker::PhantomData;

use sea_query::{Expr, ExprTrait};

use super::handle::Repository;
use crate::database::{CallOptions, Executor};
use crate::driver::{BoxFuture, OwnedRow, Row, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::column::AnyColumn;
use crate::schema::filter::Condition;
use crate::schema::{Column, Entity, Filter};
use crate::value::{ColumnType, FromCell};

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Count,
    Sum(usize),
    Average(usize),
    Smallest(usize),
    Greatest(usize),
}

/// An aggregate query. It runs when it is awaited, and gives one row per group in the order of the
/// groups, or exactly one row without groups.
///
/// ```no_run
/// # use chrono::{DateTime, Utc};
/// # use mainstay::{Repository, Result};
/// # use uuid::Uuid;
/// # #[derive(Debug, Clone, mainstay::Entity)]
/// # #[entity(table = "goals")]
/// # struct Goal {
/// #     #[entity(key, auto)]
/// #     id: uuid::Uuid,
/// #     user_id: uuid::Uuid,
/// #     target_date: Option<chrono::DateTime<chrono::Utc>>,
/// # }
/// # async fn example(goals: Repository<Goal>) -> Result<()> {
/// let per_user = goals
///     .aggregate()
///     .group_by([Goal::USER_ID.any()])
///     .count()
///     .greatest(Goal::TARGET_DATE)
///     .await?;
/// for row in &per_user {
///     let user: Uuid = row.group(0)?;
///     let goals: i64 = row.value(0)?;
///     let last: Option<DateTime<Utc>> = row.value(1)?;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a query does nothing until it is awaited"]
pub struct Aggregate<E> {
    executor: Executor,
    options: CallOptions,
    condition: Option<Condition>,
    groups: Vec<usize>,
    terms: Vec<Term>,
    entity: PhantomData<fn() -> E>,
}

impl<E: Entity> std::fmt::Debug for Aggregate<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aggregate")
            .field("table", &E::table().name)
            .finish_non_exhaustive()
    }
}

/// One row of an aggregate: the group's columns, then the computed values in the order asked.
#[derive(Debug, Clone)]
pub struct AggregateRow {
    row: OwnedRow,
    types: Vec<ColumnType>,
    groups: usize,
}

impl AggregateRow {
    fn get<T: FromCell>(&self, position: usize) -> Result<T> {
        let ty = self.types.get(position).copied().unwrap_or(ColumnType::I64);
        Row::new(&self.row).get_typed(position, &ty)
    }

    /// A column of the group, in the order of `group_by`.
    ///
    /// # Errors
    /// `DECODE_ERROR` when it is not of this type.
    pub fn group<T: FromCell>(&self, position: usize) -> Result<T> {
        self.get(position)
    }

    /// A computed value, in the order asked. All but counts are NULL for a group without values:
    /// read them as `Option`.
    ///
    /// # Errors
    /// `DECODE_ERROR` when it is not of this type.
    pub fn value<T: FromCell>(&self, position: usize) -> Result<T> {
        self.get(self.groups + position)
    }
}

impl<E: Entity> Repository<E> {
    /// Starts an aggregate query.
    #[doc(alias = "groupBy")]
    #[track_caller]
    pub fn aggregate(&self) -> Aggregate<E> {
        Aggregate {
            executor: self.executor.clone(),
            options: CallOptions::here(),
            condition: None,
            groups: Vec::new(),
            terms: Vec::new(),
            entity: PhantomData,
        }
    }
}

impl<E: Entity> Aggregate<E> {
    /// Only rows that match.
    pub fn filter(mut self, filter: Filter<E>) -> Self {
        self.condition = Some(match self.condition.take() {
            None => filter.condition,
            Some(before) => Filter::<E>::new(before).and(filter).condition,
        });
        self
    }

    /// One row per combination of these columns.
    pub fn group_by(mut self, columns: impl IntoIterator<Item = AnyColumn<E>>) -> Self {
        self.groups
            .extend(columns.into_iter().map(AnyColumn::position));
        self
    }

    /// How many rows there are; an `i64`.
    pub fn count(mut self) -> Self {
        self.terms.push(Term::Count);
        self
    }

    /// The sum of a number column; an `i64`, `f64` or `Decimal` like the column.
    pub fn sum<T>(mut self, column: Column<E, T>) -> Self {
        self.terms.push(Term::Sum(column.position()));
        self
    }

    /// The average of an integer or `f64` column; an `f64`.
    pub fn average<T>(mut self, column: Column<E, T>) -> Self {
        self.terms.push(Term::Average(column.position()));
        self
    }

    /// The smallest value of a column.
    pub fn smallest<T>(mut self, column: Column<E, T>) -> Self {
        self.terms.push(Term::Smallest(column.position()));
        self
    }

    /// The greatest value of a column.
    pub fn greatest<T>(mut self, column: Column<E, T>) -> Self {
        self.terms.push(Term::Greatest(column.position()));
        self
    }

    /// Tries the call once: a conflict or an outage is told at once.
    pub fn no_retry(mut self) -> Self {
        self.options.retry = false;
        self
    }

    /// The longest the call may take, waiting for a connection included.
    pub fn timeout(mut self, limit: std::time::Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    async fn run(self) -> Result<Vec<AggregateRow>> {
        let (statement, types) = self.statement()?;
        let groups = self.groups.len();
        let read = move |row: &Row<'_>| -> Result<AggregateRow> {
            Ok(AggregateRow {
                row: row.to_owned()?,
                types: types.clone(),
                groups,
            })
        };
        self.executor.fetch(statement, read, &self.options).await
    }

    /// The query, and the types of its columns.
    fn statement(&self) -> Result<(Statement, Vec<ColumnType>)> {
        let table = Repository::<E>::table(&self.executor);
        let columns = E::table().columns;
        let mut types: Vec<_> = self
            .groups
            .iter()
            .map(|column| columns[*column].ty)
            .collect();
        let mut terms = Vec::with_capacity(self.terms.len());
        for term in &self.terms {
            let found = expression(*term, |column| {
                let model = &columns[column];
                if table.dialect.orders_as_stored(&model.ty) {
                    return Ok((Expr::col(model.name), model.ty));
                }
                Err(unsupported::<E>(
                    model.name,
                    "has no order or sum on this engine",
                ))
            })?;
            let (expression, ty) = check::<E>(*term, found)?;
            terms.push(expression);
            types.push(ty);
        }
        let statement = table.aggregate(&self.groups, &terms, self.condition.as_ref())?;
        Ok((statement, types))
    }
}

fn expression(
    term: Term,
    column: impl Fn(usize) -> Result<(Expr, ColumnType)>,
) -> Result<(Expr, ColumnType)> {
    Ok(match term {
        Term::Count => (Expr::cust("COUNT(*)"), ColumnType::I64),
        Term::Sum(position) => {
            let (expression, ty) = column(position)?;
            let ty = if ty == ColumnType::I32 {
                ColumnType::I64
            } else {
                ty
            };
            (expression.sum(), ty)
        }
        Term::Average(position) => (column(position)?.0.avg(), ColumnType::F64),
        Term::Smallest(position) => {
            let (expression, ty) = column(position)?;
            (expression.min(), ty)
        }
        Term::Greatest(position) => {
            let (expression, ty) = column(position)?;
            (expression.max(), ty)
        }
    })
}

/// Refuses what only some engines can compute, on all of them.
fn check<E: Entity>(term: Term, found: (Expr, ColumnType)) -> Result<(Expr, ColumnType)> {
    let of = |column: usize| {
        (
            E::table().columns[column].name,
            E::table().columns[column].ty,
        )
    };
    let (name, fits) = match term {
        Term::Count => return Ok(found),
        Term::Sum(column) => {
            let (name, ty) = of(column);
            let fits = matches!(
                ty,
                ColumnType::I32 | ColumnType::I64 | ColumnType::F64 | ColumnType::Decimal { .. }
            );
            (name, fits)
        }
        Term::Average(column) => {
            let (name, ty) = of(column);
            (
                name,
                matches!(ty, ColumnType::I32 | ColumnType::I64 | ColumnType::F64),
            )
        }
        Term::Smallest(column) | Term::Greatest(column) => {
            let (name, ty) = of(column);
            let refused = matches!(
                ty,
                ColumnType::Bool | ColumnType::Uuid | ColumnType::Json | ColumnType::Bytes
            );
            (name, !refused)
        }
    };
    if fits {
        Ok(found)
    } else {
        Err(unsupported::<E>(name, "has no such aggregate"))
    }
}

fn unsupported<E: Entity>(column: &'static str, what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("a column of its type {what}"),
    )
    .with_table(E::table().name)
    .with_columns([column])
}

impl<E: Entity> IntoFuture for Aggregate<E> {
    type Output = Result<Vec<AggregateRow>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
