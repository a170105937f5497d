//! Private database servers and a fault proxy for tests, and Mainstay's conformance suite.
//!
//! - [`servers`]: starts PostgreSQL and MariaDB in temporary folders, for tests only.
//! - [`proxy`]: stands between a client and a server and breaks the connection on request.

pub mod proxy;
#[cfg(unix)]
pub mod servers;
