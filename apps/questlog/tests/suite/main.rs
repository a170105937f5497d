//! The service over real HTTP, on every engine.
//!
//! One program, so that what it is made of is linked once.
//!
//! - `integration`: whole flows through the API
//! - `errors`: what is refused, and how
//! - `integrity`: what must hold of the data whatever happens
//! - `migrations`: equal to the entities, applied once, undone and applied again
//! - `performance`: how many statements a request takes, and by which index
//! - `recipes`: those for continuous integration in the guide, as they are printed
//! - `support`: engines, a running service on each, and a client for it

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod integration;
mod integrity;
mod migrations;
mod performance;
mod recipes;
mod support;
