//! What Mainstay promises, as tests that run alike on every engine.
//!
//! A case is an async function of a [`Fixture`](crate::Fixture); the cases of one theme stand in one
//! file. [`conformance_suite!`](crate::conformance_suite) is the list of all cases and makes a test
//! of each:
//!
//! ```no_run
//! mainstay_testkit::conformance_suite!(Postgres);
//! ```
//!
//! A macro, because the test runner finds only functions marked `#[test]`: so each case is a test
//! of its own with its own name, in parallel with the others, and a user of the test kit can run
//! the suite against a server of their own by naming it in the environment (see
//! [`servers::require`](crate::servers::require)).
//!
//! What is in this folder:
//! - `entities`: the tables of the suite
//! - `support`: expectations of errors, waiting, dropping futures
//! - `spy`: a driver that counts what passes through it
//! - `random`, `model`: random rows; filters that can be judged in memory
//! - [`types`], [`constraints`], [`errors`]: values and refusals
//! - [`reading`], [`writing`], [`batches`], [`bulk`], [`pages`], [`streaming`]: the repository
//! - [`transactions`], [`isolation`], [`concurrency`]: transactions, alone and against each other
//! - [`coalescing`]: many callers of one kind at once
//! - [`cancellation`]: futures dropped at every await point
//! - [`pool`]: connections on loan; [`overload`]: too many callers, and loans without an end
//! - [`connecting`]: waits for a server that does not let anybody in
//! - [`stale`]: rows as they were last known
//! - [`outages`]: a database that goes away, refuses, and comes back
//! - [`lost_replies`]: connections that end between sending and reply
//! - [`properties`]: random rows, filters and pages against a model in memory
#![allow(
    clippy::unwrap_used,
    reason = "a case is a test: it fails by panicking"
)]

mod entities;
mod model;
mod random;
mod spy;
mod suite;
mod support;

pub mod batches;
pub mod bulk;
pub mod cancellation;
pub mod coalescing;
pub mod concurrency;
pub mod connecting;
pub mod constraints;
pub mod errors;
pub mod isolation;
pub mod lost_replies;
pub mod outages;
pub mod overload;
pub mod pages;
pub mod pool;
pub mod properties;
pub mod reading;
pub mod stale;
pub mod streaming;
pub mod transactions;
pub mod types;
pub mod writing;

pub use suite::run;
