//! A catalog's pieces as SQL.
//!
//! Every piece can be written by itself, so that a CREATE and an ALTER statement that mean the
//! same column read the same. Names are quoted; texts of SQL are written as the catalog has them.
//!
//! - `table`: a table, and what its statement makes with it
//! - [`mod@column`]: the line of a column
//! - [`constraint`]: keys, foreign keys and checks; `index`: indexes
//! - `other`: objects beside tables; `words`: names and texts in quotes

pub mod column;
pub mod constraint;
mod index;
mod other;
mod table;
mod words;

pub use column::{column, column_of};
pub use constraint::{KeyKind, add_foreign_key, check, foreign_key, key};
pub use index::index;
pub use other::other;
pub use table::{comments, table};
pub use words::{names, text};
