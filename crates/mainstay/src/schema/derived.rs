//! What the code written by the derives calls. Not for use by hand; it may change in any release.
//!
//! Functions take a typed [`Column`] together with a value or field, so that a field of the wrong
//! type is a plain "mismatched types" at the field.
//!
//! Mistakes that only the compiler can see are compile errors.
//!
//! A field of a new row has the column's type:
//!
//! ```compile_fail,E0308
//! # use mainstay::{Entity, Insert, Patch, Projection, TextEnum};
//! # use uuid::Uuid;
//! # #[derive(Clone, Entity)]
//! # struct User {
//! #     #[entity(key, auto)]
//! #     id: Uuid,
//! #     name: String,
//! #     notes: Option<String>,
//! # }
//! #[derive(Insert)]
//! #[insert(User)]
//! struct New {
//!     name: i64,
//! }
//! ```
//!
//! and is a column:
//!
//! ```compile_fail,E0599
//! # use mainstay::{Entity, Insert, Patch, Projection, TextEnum};
//! # use uuid::Uuid;
//! # #[derive(Clone, Entity)]
//! # struct User {
//! #     #[entity(key, auto)]
//! #     id: Uuid,
//! #     name: String,
//! #     notes: Option<String>,
//! # }
//! #[derive(Insert)]
//! #[insert(User)]
//! struct New {
//!     nmae: String,
//! }
//! ```
//!
//! NULL is set only where it may be:
//!
//! ```compile_fail,E0080
//! # use mainstay::{Entity, Insert, Patch, Projection, TextEnum};
//! # use uuid::Uuid;
//! # #[derive(Clone, Entity)]
//! # struct User {
//! #     #[entity(key, auto)]
//! #     id: Uuid,
//! #     name: String,
//! #     notes: Option<String>,
//! # }
//! #[derive(Patch)]
//! #[patch(User)]
//! struct Change {
//!     name: Option<Option<String>>,
//! }
//! ```
//!
//! An expected version needs a version:
//!
//! ```compile_fail,E0080
//! # use mainstay::{Entity, Insert, Patch, Projection, TextEnum};
//! # use uuid::Uuid;
//! # #[derive(Clone, Entity)]
//! # struct User {
//! #     #[entity(key, auto)]
//! #     id: Uuid,
//! #     name: String,
//! #     notes: Option<String>,
//! # }
//! #[derive(Patch)]
//! #[patch(User)]
//! struct Change {
//!     #[patch(expected_version)]
//!     version: Option<i64>,
//! }
//! ```
//!
//! A column that can be NULL is read into an `Option`:
//!
//! ```compile_fail,E0080
//! # use mainstay::{Entity, Insert, Patch, Projection, TextEnum};
//! # use uuid::Uuid;
//! # #[derive(Clone, Entity)]
//! # struct User {
//! #     #[entity(key, auto)]
//! #     id: Uuid,
//! #     name: String,
//! #     notes: Option<String>,
//! # }
//! #[derive(Projection)]
//! #[projection(User)]
//! struct Part {
//!     notes: String,
//! }
//! ```
//!
//! A foreign key has the type of what it refers to:
//!
//! ```compile_fail,E0308
//! # use mainstay::{Entity, Insert, Patch, Projection, TextEnum};
//! # use uuid::Uuid;
//! # #[derive(Clone, Entity)]
//! # struct User {
//! #     #[entity(key, auto)]
//! #     id: Uuid,
//! #     name: String,
//! #     notes: Option<String>,
//! # }
//! #[derive(Clone, Entity)]
//! struct Goal {
//!     #[entity(key)]
//!     id: Uuid,
//!     #[entity(references(User::id))]
//!     user_id: i64,
//! }
//! ```
//!
//! An enum's default is one of its words:
//!
//! ```compile_fail,E0080
//! # use mainstay::{Entity, Insert, Patch, Projection, TextEnum};
//! # use uuid::Uuid;
//! # #[derive(Clone, Entity)]
//! # struct User {
//! #     #[entity(key, auto)]
//! #     id: Uuid,
//! #     name: String,
//! #     notes: Option<String>,
//! # }
//! #[derive(Clone, Copy, TextEnum)]
//! enum Status {
//!     Open,
//! }
//! #[derive(Clone, Entity)]
//! struct Goal {
//!     #[entity(key)]
//!     id: Uuid,
//!     #[entity(enumeration, default = "opne")]
//!     status: Status,
//! }
//! ```

use super::column::Column;
use super::entity::{Assignment, Entity};
use super::model::{Automatic, TableModel};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Row;
use crate::value::decode::mismatch;
use crate::value::{Cell, FromCell, TextEnum, ToValue, Value};

/// The types of columns under the names the derive knows them by.
pub mod types {
    pub use rust_decimal::Decimal;
    pub use std::primitive::{bool, f64, i32, i64};
    pub use std::string::String;
    pub use uuid::Uuid;

    pub use chrono::NaiveDate;

    /// Bytes.
    pub type Bytes = Vec<u8>;
    /// An instant.
    pub type Instant = chrono::DateTime<chrono::Utc>;
    /// A JSON document.
    pub type Json = serde_json::Value;
}

/// Reads a column that is not NULL.
///
/// # Errors
/// `DECODE_ERROR`, naming table and column.
#[inline]
pub fn read<E: Entity, T: FromCell>(
    row: &Row<'_>,
    position: usize,
    column: Column<E, T>,
) -> Result<T> {
    row.get_typed(position, &column.model().ty)
        .map_err(|error| error.with_table(E::table().name))
}

/// Reads a column that can be NULL.
///
/// # Errors
/// `DECODE_ERROR`, naming table and column.
#[inline]
pub fn read_nullable<E: Entity, T: FromCell>(
    row: &Row<'_>,
    position: usize,
    column: Column<E, T>,
) -> Result<Option<T>> {
    row.get_typed(position, &column.model().ty)
        .map_err(|error| error.with_table(E::table().name))
}

/// Stores a value.
pub fn set<E: Entity, T: ToValue>(column: Column<E, T>, value: T) -> Assignment {
    Assignment::set(column.position(), value.to_value())
}

/// Stores a value or NULL.
pub fn set_nullable<E: Entity, T: ToValue>(column: Column<E, T>, value: Option<T>) -> Assignment {
    Assignment::set(column.position(), value.to_value())
}

/// Stores a value. `None` is NULL where the column can be NULL, and "not given" elsewhere.
pub fn set_or_leave<E: Entity, T: ToValue>(
    column: Column<E, T>,
    value: Option<T>,
) -> Option<Assignment> {
    match value {
        Some(value) => Some(set(column, value)),
        None if column.model().nullable => Some(set_nullable(column, None)),
        None => None,
    }
}

/// All columns of a row.
pub fn all_columns<E: Entity>(row: &E) -> Vec<Assignment> {
    row.values()
        .into_iter()
        .enumerate()
        .map(|(position, value)| Assignment::set(position, value))
        .collect()
}

/// Holds for columns of one type only.
pub const fn same_type<A, B, T>(_: Column<A, T>, _: Column<B, T>) {}

/// Whether `word` is one of `words`.
pub const fn is_word(words: &[&str], word: &str) -> bool {
    let mut i = 0;
    while i < words.len() {
        if same_bytes(words[i].as_bytes(), word.as_bytes()) {
            return true;
        }
        i += 1;
    }
    false
}

/// `==` is not for constants yet.
const fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut i = 0;
    while i < left.len() {
        if left[i] != right[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Whether the table has a version column.
pub const fn has_version(table: &TableModel) -> bool {
    let mut i = 0;
    while i < table.columns.len() {
        if matches!(table.columns[i].automatic, Automatic::Version) {
            return true;
        }
        i += 1;
    }
    false
}

/// The value of an enum stored as a word.
pub fn word_value<T: TextEnum>(word: T) -> Value {
    Value::Text(word.as_str().to_owned())
}

/// Reads an enum stored as a word.
///
/// # Errors
/// `DECODE_ERROR` when the cell holds none of its words.
pub fn read_word<T: TextEnum>(cell: Cell<'_>) -> Result<T> {
    let expected = || format!("one of {}", T::VARIANTS.join(", "));
    match cell {
        Cell::Text(text) => {
            T::from_str_opt(&text).ok_or_else(|| mismatch("another text", &expected()))
        }
        other => Err(mismatch(other.type_name(), &expected())),
    }
}

/// The variant of a word.
///
/// # Errors
/// [`ErrorKind::InvalidValue`] when there is none.
pub fn parse_word<T: TextEnum>(word: &str) -> Result<T> {
    T::from_str_opt(word).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidValue,
            format!("must be one of {}", T::VARIANTS.join(", ")),
        )
    })
}
