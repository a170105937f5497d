//! Copies between real databases.
//!
//! - `support`: databases, and what is in them
//! - `entities`: the tables, of every type
//! - `round_trip`: through all engines and back; `random`: the same with rows made at random
//! - `catalogs`: without entities; circles, triggers, what does not go
//! - `refused`: what is refused before a row is written, and which row a target refuses
//! - `unfinished`: stopped, killed, begun again
//! - `measured`: many rows, when that is asked for

mod catalogs;
mod entities;
mod measured;
mod random;
mod refused;
mod round_trip;
mod support;
mod unfinished;
