//! The one seam between Mainstay and the engines.
//!
//! - [`contract`]: what a driver is and what it promises; read this first
//! - [`statement`]: SQL with its values
//! - [`row`]: rows as they arrive, and where they go
//! - [`capability`]: what an engine can and cannot do
//! - [`connect`]: picks the driver for a configuration; the one file with a `cfg` per engine
//! - `sqlite`, `postgres`, `mysql`: the drivers
//!
//! Everything above sees only [`Statement`], [`Row`], [`Dialect`](crate::schema::Dialect),
//! [`Capabilities`] and [`Error`](crate::Error).

pub mod capability;
pub mod connect;
pub mod contract;
pub mod row;
pub mod statement;

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use capability::Capabilities;
pub use contract::{
    BeginOptions, BoxFuture, Connection, Done, Driver, Isolation, Recovery, ServerInfo,
};
pub use row::{Collect, Columns, OwnedRow, Row, RowSink};
pub use statement::{Access, Statement};
