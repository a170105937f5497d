//! Private database servers and a fault proxy for tests, and Mainstay's conformance suite.
//!
//! - [`servers`]: starts PostgreSQL and MariaDB in temporary folders, for tests only.
//! - [`proxy`]: stands between a client and a server and breaks the connection on request.
//! - [`database`]: a database of its own for each test, opened as a Mainstay handle.
//! - [`conformance`]: what Mainstay promises, as tests that run alike on every engine.

#[cfg(unix)]
pub mod conformance;
#[cfg(unix)]
pub mod database;
pub mod proxy;
#[cfg(unix)]
pub mod servers;

#[cfg(unix)]
pub use database::{Engine, Fixture, FixtureOptions};
