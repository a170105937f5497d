//! The commands, of an application and of the binary `mainstay`.
//!
//! One program, so that what it is made of is linked once.
//!
//! - `commands`, `configuration`: the commands every application has
//! - `migrate`, `squash`, `lint`, `rehearse`, `schema`: those about migrations
//! - `backup`, `copy`: those about what is in the database
//! - `mainstay`: the binary `mainstay`, as a process
//! - `processes`, `interrupted`: signals, and several instances at once
//! - `servers`: the commands on real servers
//! - `tiny`: a tiny application, and a place to run its commands in; `desk`: one in two releases

mod backup;
mod commands;
mod configuration;
mod copy;
mod desk;
mod interrupted;
mod lint;
mod mainstay;
mod migrate;
mod processes;
mod rehearse;
mod schema;
mod servers;
mod squash;
mod tiny;
