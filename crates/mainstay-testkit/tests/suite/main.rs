//! The conformance suite on each engine, and what needs servers to disturb.
//!
//! One program, so that what it is made of is linked once.
//!
//! - `sqlite`, `postgres`, `mariadb`: the conformance suite
//! - `servers`, `fixture`: private servers and databases leave nothing behind
//! - `pool_faults`, `late_start`, `killed`: servers and processes that go and come
//! - `client_certificates`: certificates that clients show

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client_certificates;
mod fixture;
mod killed;
mod late_start;
mod mariadb;
mod pool_faults;
mod postgres;
mod servers;
mod sqlite;
