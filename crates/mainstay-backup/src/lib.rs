//! Backups that have been restored, recovery to a point in time, and copies between engines.
//!
//! - [`archive`]: what a backup is made of: the manifest, and the data in checked chunks
//! - [`target`]: where archives are kept: a folder, or a store that speaks S3
//! - `pipe`: between the thread that reads or writes an archive and the target
//! - `engine`: taking and restoring on each engine
//! - `content`: the rows of a table, counted and hashed
//! - [`control`]: how far a long piece of work is, and stopping it
//! - `failure`: errors on their way through `std::io`

#[allow(
    dead_code,
    unused_imports,
    reason = "what uses it is written on top of it"
)]
pub mod archive;
mod content;
pub mod control;
mod engine;
#[allow(dead_code, reason = "what uses it is written on top of it")]
mod failure;
#[allow(dead_code, reason = "what uses it is written on top of it")]
mod pipe;
pub mod target;
