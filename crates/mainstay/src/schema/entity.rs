//! The traits that the derives implement.
//!
//! An entity is a plain struct. New rows, changes and shorter reads are structs with some of its
//! fields, matched by name:
//!
//! ```
//! use chrono::{DateTime, Utc};
//! use mainstay::{Entity, Insert, Patch, Projection, TextEnum};
//! use uuid::Uuid;
//!
//! #[derive(Debug, Clone, Copy, PartialEq, TextEnum)]
//! enum Status {
//!     Open,
//!     Done,
//! }
//!
//! #[derive(Debug, Clone, Entity)]
//! #[entity(table = "users")]
//! struct User {
//!     #[entity(key, auto)]
//!     id: Uuid,
//!     #[entity(unique, max = 254, email, lowercase)]
//!     email: String,
//! }
//!
//! #[derive(Debug, Clone, Entity)]
//! #[entity(unique(user_id, title), index(status, id))]
//! struct Goal {
//!     #[entity(key, auto)]
//!     id: Uuid,
//!     #[entity(references(User::id, on_delete = cascade))]
//!     user_id: Uuid,
//!     #[entity(min = 1, max = 200, message(min = "Title is required"))]
//!     title: String,
//!     #[entity(enumeration, default = "open")]
//!     status: Status,
//!     #[entity(multiline)]
//!     notes: Option<String>,
//!     #[entity(created_at)]
//!     created_at: DateTime<Utc>,
//!     #[entity(version)]
//!     version: i64,
//! }
//!
//! #[derive(Insert)]
//! #[insert(Goal)]
//! struct NewGoal {
//!     user_id: Uuid,
//!     title: String,
//!     status: Option<Status>, // None: the default
//!     notes: Option<String>,  // None: NULL
//! }
//!
//! #[derive(Default, Patch)]
//! #[patch(Goal)]
//! struct GoalPatch {
//!     status: Option<Status>,        // None: left as it is
//!     notes: Option<Option<String>>, // Some(None): NULL
//!     #[patch(expected_version)]
//!     version: Option<i64>,
//! }
//!
//! #[derive(Projection)]
//! #[projection(Goal)]
//! struct GoalTitle {
//!     id: Uuid,
//!     title: String,
//! }
//!
//! let done = Goal::STATUS.eq(Status::Done);
//! let patch = GoalPatch { status: Some(Status::Done), ..GoalPatch::default() };
//! assert_eq!(patch.assignments(), [Goal::STATUS.set(Status::Done)]);
//! assert_eq!(GoalTitle::COLUMNS, [0, 2]);
//! assert_eq!(Goal::table().name, "goals");
//! ```

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::model::TableModel;
use crate::error::Result;
use crate::value::Row;
use crate::value::{ToValue, Value};

/// A struct that is a row of a table. Implemented by `#[derive(Entity)]`.
pub trait Entity: FromRow + Clone + Sync {
    /// The type of the primary key: a single value or a tuple.
    type Key: Key;

    /// The model of the table.
    fn table() -> &'static TableModel;

    /// The primary key of this row.
    fn key(&self) -> Self::Key;

    /// All values, in column order.
    fn values(&self) -> Vec<Value>;
}

/// A struct that can be read from a row whose columns are in the order of its fields.
pub trait FromRow: Sized + Send + 'static {
    /// Reads the struct.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) when a cell does not fit its field.
    fn from_row(row: &Row<'_>) -> Result<Self>;
}

/// A struct with some of an entity's columns. Implemented by `#[derive(Projection)]`.
pub trait Projection<E: Entity>: FromRow {
    /// Positions of the columns in the entity's table, in the order of the fields.
    const COLUMNS: &'static [usize];
}

/// What an assignment does to its column.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Stores the value.
    Set(Value),
    /// Adds the value to what is stored, atomically.
    Add(Value),
}

/// A change of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The column's position in its table.
    pub column: usize,
    /// What happens to it.
    pub change: Change,
}

impl Assignment {
    /// Stores `value` in the column at `column`.
    pub fn set(column: usize, value: Value) -> Self {
        Self {
            column,
            change: Change::Set(value),
        }
    }
}

/// A row to be made. Implemented by `#[derive(Insert)]`, and by each entity for itself.
pub trait Insert<E: Entity>: Send {
    /// The columns given. What is missing is filled in: keys, timestamps, version, defaults, NULL.
    fn assignments(self) -> Vec<Assignment>;
}

/// A change of some columns. Implemented by `#[derive(Patch)]` and by lists of assignments.
pub trait Patch<E: Entity>: Send {
    /// The columns changed. Fields that are not given are not in the list.
    fn assignments(self) -> Vec<Assignment>;

    /// The version the caller has seen, for entities with an optimistic version column.
    fn expected_version(&self) -> Option<i64> {
        None
    }
}

/// For a patch's `Option<Option<T>>` in JSON: a missing field is `None`, and `null` is
/// `Some(None)`. Without it serde reads both as `None`.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct GoalPatch {
///     #[serde(default, deserialize_with = "mainstay::schema::entity::given")]
///     notes: Option<Option<String>>,
/// }
///
/// let patch: GoalPatch = serde_json::from_str("{}")?;
/// assert_eq!(patch.notes, None);
/// let patch: GoalPatch = serde_json::from_str(r#"{"notes": null}"#)?;
/// assert_eq!(patch.notes, Some(None));
/// # Ok::<_, serde_json::Error>(())
/// ```
///
/// # Errors
/// Those of the inner type.
pub fn given<'de, T, D>(deserializer: D) -> std::result::Result<Option<T>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl<E: Entity> Patch<E> for Vec<Assignment> {
    fn assignments(self) -> Vec<Assignment> {
        self
    }
}

impl<E: Entity, const N: usize> Patch<E> for [Assignment; N] {
    fn assignments(self) -> Vec<Assignment> {
        self.into()
    }
}

/// The value of a primary key.
pub trait Key: Clone + Send + Sync + std::fmt::Debug + 'static {
    /// The values of the key's columns, in key order.
    fn values(&self) -> Vec<Value>;
}

macro_rules! single_key {
    ($($ty:ty),*) => {
        $(impl Key for $ty {
            fn values(&self) -> Vec<Value> {
                vec![self.to_value()]
            }
        })*
    };
}

single_key!(Uuid, String, i32, i64, DateTime<Utc>, chrono::NaiveDate);

macro_rules! composite_key {
    ($($name:ident: $position:tt),*) => {
        impl<$($name: Key + ToValue),*> Key for ($($name,)*) {
            fn values(&self) -> Vec<Value> {
                vec![$(self.$position.to_value()),*]
            }
        }
    };
}

composite_key!(A: 0, B: 1);
composite_key!(A: 0, B: 1, C: 2);
composite_key!(A: 0, B: 1, C: 2, D: 3);
