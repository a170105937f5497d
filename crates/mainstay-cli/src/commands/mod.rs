//! One file per command.
//!
//! - `steps`: what several commands do to a database: create, migrate, seed, and how it is told
//! - `undo`, `repair`: the commands of `migrate` that undo and mend
//! - `lint`, `rehearse`: those that look before anything is run
//! - `serve`, `setup`, `seed`, `reset`, `config`, `migrate`, `schema`, `status`: the commands

pub(crate) mod config;
pub(crate) mod lint;
pub(crate) mod migrate;
pub(crate) mod rehearse;
mod repair;
pub(crate) mod reset;
pub(crate) mod schema;
pub(crate) mod seed;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod status;
mod steps;
mod undo;
