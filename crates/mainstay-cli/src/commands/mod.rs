//! One file per command.
//!
//! - `backup`: the commands of `backup`
//! - `steps`: what several commands do to a database: create, migrate, seed, and how it is told
//! - `undo`, `repair`, `draft`: the commands of `migrate` that undo, mend and draft
//! - `squash`: one migration in place of many
//! - `lint`, `rehearse`: those that look before anything is run
//! - `scratch`: what commands need that look at entities or migrations on scratch databases
//! - `serve`, `setup`, `seed`, `reset`, `config`, `migrate`, `schema`, `copy`, `status`: the
//!   commands

pub(crate) mod backup;
pub(crate) mod config;
pub(crate) mod copy;
mod draft;
pub(crate) mod lint;
pub(crate) mod migrate;
pub(crate) mod rehearse;
mod repair;
pub(crate) mod reset;
pub(crate) mod schema;
mod scratch;
pub(crate) mod seed;
pub(crate) mod serve;
pub(crate) mod setup;
mod squash;
pub(crate) mod status;
mod steps;
mod undo;
