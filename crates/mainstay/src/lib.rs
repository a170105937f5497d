//! The database layer of a Rust service: one handle over SQLite, PostgreSQL and MySQL/MariaDB.
//!
//! Modules, from the bottom up; each imports only from those before it:
//! [`config`], [`error`], [`clock`], [`entropy`], [`value`], [`schema`], [`driver`], [`pool`],
//! [`resilience`], [`database`] with [`transaction`].

// The derives name this crate `::mainstay`, also in its own tests.
#[allow(unused_extern_crates, reason = "used by what the derives write")]
extern crate self as mainstay;

pub mod clock;
pub mod config;
pub mod database;
pub mod driver;
pub mod entropy;
pub mod error;
mod observe;
pub mod pool;
pub mod repository;
pub mod resilience;
pub mod schema;
#[cfg(test)]
mod testing;
pub mod transaction;
pub mod validate;
pub mod value;

pub use clock::{Clock, ManualClock, SystemClock};
pub use config::Config;
pub use database::{Database, Request};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use error::{Error, ErrorKind, FieldError, FieldErrors, Outcome, Problem, Result, RetryClass};
// Each name is a trait and the derive for it.
pub use mainstay_derive::{Entity, Insert, Patch, Projection, TextEnum};
pub use repository::Repository;
pub use schema::{Entity, Insert, Patch, Projection, Schema};
pub use transaction::Tx;
pub use value::{TextEnum, Value};
