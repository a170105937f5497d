//! What a database has: its tables, columns, keys and the rest, as the engine itself tells them.
//!
//! A catalog is read from a live database, never from the text of a migration: so the engine has
//! put every type, default and condition into its own normal form, and two catalogs of the same
//! engine can be compared word by word. SQLite keeps what it was told instead; there the normal
//! form is made here.
//!
//! - [`mod@model`]: the data
//! - [`mod@read`]: reads it, in one transaction that only reads; `engine` says how the engines
//!   differ, the folders `sqlite`, `postgres` and `mysql` know one each
//! - `parse`: pieces of CREATE statements as engines tell them, into data; pure
//! - [`render`]: the data into SQL, piece by piece; pure
//! - [`mod@dump`]: the whole of it as statements that make it again, in the `order` in which they
//!   run; pure
//! - `fingerprint`: a hash of it; pure

pub mod dump;
mod engine;
mod fingerprint;
pub mod model;
mod mysql;
mod order;
mod parse;
mod postgres;
pub mod read;
pub mod render;
mod sqlite;

pub use dump::dump;
pub use model::{
    Catalog, Check, Column, ForeignKey, Generated, Identity, Index, IndexPart, Key, Other, Table,
    Trigger, View,
};
pub use read::read;
