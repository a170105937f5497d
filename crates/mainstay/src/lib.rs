//! The database layer of a Rust service: one handle over SQLite, PostgreSQL and MySQL/MariaDB.
//!
//! Start with [`Database`], the handle, and [`Repository`], the rows of one entity.
//!
//! Modules, from the bottom up; each imports only from those on the lines before it, which a test
//! checks:
//! - [`config`], [`clock`], [`entropy`]: what a service sets up
//! - [`error`]: one error type
//! - [`value`]: values and how they are read and checked
//! - [`schema`]: the model of tables, made from entities
//! - [`validate`]: input, before any database work
//! - [`driver`]: the one seam to the engines
//! - [`resilience`]: policies that survive faults
//! - [`pool`]
//! - `observe`: what happened, told to `tracing`
//! - [`database`] with [`transaction`]: the handle
//! - [`repository`]: typed operations on rows

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

/// The programs in the guides are compiled and run.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../../README.md")]
    mod readme {}
    #[doc = include_str!("../../../docs/coming-from-prisma.md")]
    mod coming_from_prisma {}
    #[doc = include_str!("../../../docs/errors.md")]
    mod errors {}
    #[doc = include_str!("../../../docs/tuning.md")]
    mod tuning {}
    #[doc = include_str!("../../../docs/resilience.md")]
    mod resilience {}
}
