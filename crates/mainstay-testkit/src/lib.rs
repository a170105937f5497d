//! Private database servers and a fault proxy for tests, and Mainstay's conformance suite.
//!
//! - [`servers`]: starts PostgreSQL and MariaDB in temporary folders, for tests only.

#[cfg(unix)]
pub mod servers;
