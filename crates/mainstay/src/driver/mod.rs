//! The one seam between Mainstay and the engines.
//!
//! - [`contract`]: what a driver is and what it promises; read this first
//! - [`statement`]: SQL with its values
//! - [`load`]: many rows without a statement of their own
//! - [`row`]: where rows go as they arrive
//! - [`capability`]: what an engine can and cannot do
//! - [`progress`]: how far the opening of a connection has come
//! - [`connect`]: from a configuration to a driver
//! - `sqlite`, `postgres`, `mysql`: the drivers. This file is the one that decides which are
//!   compiled in
//!
//! Everything above sees only [`Statement`], [`Row`], [`Dialect`](crate::schema::Dialect),
//! [`Capabilities`] and [`Error`](crate::Error).

pub mod capability;
pub mod connect;
pub mod contract;
pub mod load;
pub mod progress;
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
    Batch, BeginOptions, BoxFuture, Connection, Done, Driver, Inline, Isolation, KillSwitch,
    Recovery, ServerInfo, Witness,
};
pub use load::Load;
pub use progress::{DialProgress, DialStep};
pub use row::{Collect, RowSink};
pub use statement::{Access, Effort, Statement, Tail};

#[cfg(all(test, feature = "sqlite"))]
pub(crate) use sqlite::{Patience, with_patience};

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
