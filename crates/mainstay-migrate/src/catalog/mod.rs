//! What a database has: its tables, columns, keys and the rest, as the engine itself tells them.
//!
//! A catalog is read from a live database, never from the text of a migration: so the engine has
//! put every type, default and condition into its own normal form, and two catalogs of the same
//! engine can be compared word by word.
//!
//! - [`mod@model`]: the data

pub mod model;

pub use model::{
    Catalog, Check, Column, ForeignKey, Generated, Identity, Index, IndexPart, Key, Other, Table,
    Trigger, View,
};
