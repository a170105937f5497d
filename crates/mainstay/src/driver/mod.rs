//! The one seam between Mainstay and the engines.
//!
//! - [`contract`]: what a driver is and what it promises; read this first
//! - [`statement`]: SQL with its values
//! - [`row`]: where rows go as they arrive
//! - [`capability`]: what an engine can and cannot do
//! - [`connect`]: from a configuration to a driver
//! - `sqlite`, `postgres`, `mysql`: the drivers. This file is the one that decides which are
//!   compiled in
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
pub use row::{Collect, RowSink};
pub use statement::{Access, Statement};

pub use crate::value::row::{Columns, OwnedRow, Row};

use crate::config::EngineKind;
use crate::error::Result;

/// The backend of an engine, if it is compiled in.
fn backend(engine: EngineKind) -> Result<&'static dyn connect::Backend> {
    match engine {
        #[cfg(feature = "sqlite")]
        EngineKind::Sqlite => Ok(&sqlite::Backend),
        #[cfg(feature = "postgres")]
        EngineKind::Postgres => Ok(&postgres::Backend),
        #[cfg(feature = "mysql")]
        EngineKind::MySql => Ok(&mysql::Backend),
        #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
        other => Err(connect::left_out(other)),
    }
}
