//! The model of tables, made from entities, and what follows from it per dialect.
//!
//! - [`model`]: tables, columns, keys, constraints as plain static data
//! - [`entity`]: the traits the derives implement
//! - [`mod@column`]: typed columns, from which filters and orders are made
//! - [`mod@filter`]: conditions on rows
//! - [`registry`]: all tables of an application; maps constraint names back to columns
//! - [`dialect`]: how the engines differ in storing values and writing SQL
//! - [`ddl`]: CREATE statements of a table
//! - `placeholder`: placeholders of hand-written SQL
//! - `derived`: what the code written by the derives calls

pub mod column;
pub mod ddl;
#[doc(hidden)]
pub mod derived;
pub mod dialect;
pub mod entity;
pub mod filter;
pub mod model;
mod placeholder;
pub mod registry;

pub use column::{AnyColumn, Column, Order};
pub use dialect::Dialect;
pub use entity::{Assignment, Change, Entity, FromRow, Insert, Key, Patch, Projection};
pub use filter::Filter;
pub use model::{
    Automatic, CheckModel, ColumnModel, DefaultValue, ForeignKeyModel, IndexModel, OnDelete, Rule,
    RuleKind, TableModel, TextForm, UniqueModel,
};
pub use registry::Schema;
