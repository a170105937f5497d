//! Backups that have been restored, recovery to a point in time, and copies between engines.
//!
//! - [`archive`]: what a backup is made of: the manifest, and the data in checked chunks
//! - [`target`]: where archives are kept: a folder, or a store that speaks S3
//! - `engine`: taking and restoring on each engine
//! - `content`: the rows of a table, counted and hashed
//! - [`mod@copy`]: all tables of one database into another, on whatever engine
//! - [`control`]: how far a long piece of work is, and stopping it

pub mod archive;
mod content;
pub mod control;
pub mod copy;
mod engine;
pub mod target;
