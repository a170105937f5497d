//! Typed columns: what filters, orders and assignments are made from.

use std::marker::PhantomData;

use super::entity::{Assignment, Change, Entity};
use super::filter::{Comparison, Condition, Filter, TextMatch};
use super::model::ColumnModel;
use crate::value::{ToValue, Value};

/// A column of the entity `E` that holds values of type `T`. A nullable column has the inner type.
///
/// The derive makes one constant per field: `User::EMAIL`.
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
/// let found = users
///     .find_many()
///     .filter(User::EMAIL.eq("a@example.com"))
///     .order_by(User::NAME.asc())
///     .await?;
/// # Ok(())
/// # }
/// ```
pub struct Column<E, T> {
    position: usize,
    marker: PhantomData<fn() -> (E, T)>,
}

impl<E, T> Clone for Column<E, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E, T> Copy for Column<E, T> {}

impl<E: Entity, T> std::fmt::Debug for Column<E, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", E::table().name, self.model().name)
    }
}

impl<E, T> Column<E, T> {
    /// The column at a position of the table. For the derive.
    pub const fn new(position: usize) -> Self {
        Self {
            position,
            marker: PhantomData,
        }
    }

    /// The column's position in its table.
    pub const fn position(self) -> usize {
        self.position
    }
}

/// A column whose type does not matter: in lists of columns of different types.
pub struct AnyColumn<E> {
    position: usize,
    marker: PhantomData<fn() -> E>,
}

impl<E> AnyColumn<E> {
    /// The column's position in its table.
    pub const fn position(self) -> usize {
        self.position
    }
}

impl<E> Clone for AnyColumn<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for AnyColumn<E> {}

impl<E: Entity> std::fmt::Debug for AnyColumn<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}.{}",
            E::table().name,
            E::table().columns[self.position].name
        )
    }
}

impl<E, T> From<Column<E, T>> for AnyColumn<E> {
    fn from(column: Column<E, T>) -> Self {
        column.any()
    }
}

impl<E, T> Column<E, T> {
    /// The column without its type.
    pub const fn any(self) -> AnyColumn<E> {
        AnyColumn {
            position: self.position,
            marker: PhantomData,
        }
    }
}

impl<E: Entity, T> Column<E, T> {
    /// The column's model.
    pub fn model(self) -> &'static ColumnModel {
        &E::table().columns[self.position]
    }

    /// The column is NULL.
    pub fn is_null(self) -> Filter<E> {
        Filter::new(Condition::IsNull {
            column: self.position,
            negated: false,
        })
    }

    /// The column is not NULL.
    pub fn is_not_null(self) -> Filter<E> {
        Filter::new(Condition::IsNull {
            column: self.position,
            negated: true,
        })
    }

    /// Ascending; NULLs come first.
    pub fn asc(self) -> Order<E> {
        Order {
            column: self.position,
            descending: false,
            marker: PhantomData,
        }
    }

    /// Descending; NULLs come last.
    pub fn desc(self) -> Order<E> {
        Order {
            column: self.position,
            descending: true,
            marker: PhantomData,
        }
    }
}

impl<E: Entity, T: ToValue> Column<E, T> {
    fn compare(self, comparison: Comparison, value: impl Into<T>) -> Filter<E> {
        Filter::new(Condition::Compare {
            column: self.position,
            comparison,
            value: value.into().to_value(),
        })
    }

    /// The column equals `value`. Never true for NULL.
    pub fn eq(self, value: impl Into<T>) -> Filter<E> {
        self.compare(Comparison::Equal, value)
    }

    /// The column differs from `value`. Never true for NULL.
    pub fn ne(self, value: impl Into<T>) -> Filter<E> {
        self.compare(Comparison::NotEqual, value)
    }

    /// The column is less than `value`.
    pub fn lt(self, value: impl Into<T>) -> Filter<E> {
        self.compare(Comparison::Less, value)
    }

    /// The column is at most `value`.
    pub fn le(self, value: impl Into<T>) -> Filter<E> {
        self.compare(Comparison::LessOrEqual, value)
    }

    /// The column is greater than `value`.
    pub fn gt(self, value: impl Into<T>) -> Filter<E> {
        self.compare(Comparison::Greater, value)
    }

    /// The column is at least `value`.
    pub fn ge(self, value: impl Into<T>) -> Filter<E> {
        self.compare(Comparison::GreaterOrEqual, value)
    }

    /// The column is at least `low` and at most `high`.
    pub fn between(self, low: impl Into<T>, high: impl Into<T>) -> Filter<E> {
        self.ge(low).and(self.le(high))
    }

    /// The column equals one of `values`. Never true for an empty list.
    pub fn is_in<I>(self, values: I) -> Filter<E>
    where
        I: IntoIterator,
        I::Item: Into<T>,
    {
        let values = values
            .into_iter()
            .map(|value| value.into().to_value())
            .collect();
        Filter::new(Condition::In {
            column: self.position,
            values,
            negated: false,
        })
    }

    /// The column equals none of `values`. Never true for NULL, unless the list is empty.
    pub fn not_in<I>(self, values: I) -> Filter<E>
    where
        I: IntoIterator,
        I::Item: Into<T>,
    {
        let values = values
            .into_iter()
            .map(|value| value.into().to_value())
            .collect();
        Filter::new(Condition::In {
            column: self.position,
            values,
            negated: true,
        })
    }

    /// Stores `value`; `None` stores NULL.
    pub fn set(self, value: impl Into<Option<T>>) -> Assignment {
        Assignment::set(
            self.position,
            value.into().map_or(Value::Null, |value| value.to_value()),
        )
    }

    /// Adds `by` to what is stored, in one atomic step. A negative number subtracts.
    pub fn increment(self, by: impl Into<T>) -> Assignment {
        Assignment {
            column: self.position,
            change: Change::Add(by.into().to_value()),
        }
    }
}

impl<E: Entity> Column<E, String> {
    fn text(self, matching: TextMatch, text: impl Into<String>) -> Filter<E> {
        Filter::new(Condition::Text {
            column: self.position,
            matching,
            text: text.into(),
        })
    }

    /// The text contains `part`, case-sensitively. Wildcards in it are ordinary characters.
    pub fn contains(self, part: impl Into<String>) -> Filter<E> {
        self.text(TextMatch::Contains, part)
    }

    /// The text starts with `start`, case-sensitively.
    pub fn starts_with(self, start: impl Into<String>) -> Filter<E> {
        self.text(TextMatch::StartsWith, start)
    }

    /// The text ends with `end`, case-sensitively.
    pub fn ends_with(self, end: impl Into<String>) -> Filter<E> {
        self.text(TextMatch::EndsWith, end)
    }
}

/// An order by one column. NULL counts as smaller than every value, on every engine.
pub struct Order<E> {
    /// The column's position in its table.
    pub column: usize,
    /// Whether the greatest comes first.
    pub descending: bool,
    marker: PhantomData<fn() -> E>,
}

impl<E> Order<E> {
    /// An order by the column at a position of the table.
    pub fn at(column: usize, descending: bool) -> Self {
        Self {
            column,
            descending,
            marker: PhantomData,
        }
    }
}

impl<E> Clone for Order<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Order<E> {}

impl<E> std::fmt::Debug for Order<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "#{} {}",
            self.column,
            if self.descending { "desc" } else { "asc" }
        )
    }
}
