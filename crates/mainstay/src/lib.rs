//! The database layer of a Rust service: one handle over SQLite, PostgreSQL and MySQL/MariaDB.
//!
//! Modules, from the bottom up; each imports only from those before it:
//! [`config`], [`error`], [`clock`], [`entropy`], [`value`], [`schema`], [`driver`].

// The derives name this crate `::mainstay`, also in its own tests.
#[allow(unused_extern_crates, reason = "used by what the derives write")]
extern crate self as mainstay;

pub mod clock;
pub mod driver;
pub mod entropy;
pub mod error;
pub mod schema;
pub mod value;

pub use clock::{Clock, ManualClock, SystemClock};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use error::{Error, ErrorKind, FieldError, FieldErrors, Outcome, Problem, Result, RetryClass};
// Each name is a trait and the derive for it.
pub use mainstay_derive::{Entity, Insert, Patch, Projection, TextEnum};
pub use schema::{Entity, Insert, Patch, Projection};
pub use value::{TextEnum, Value};
