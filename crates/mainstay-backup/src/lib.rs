//! Backups that have been restored, recovery to a point in time, and copies between engines.
//!
//! - [`Backups`]: the backups of one database in one target, and the verbs on them
//! - [`archive`]: what a backup is made of: the manifest, and the data in checked chunks
//! - [`target`]: where archives are kept: a folder, or a store that speaks S3
//! - [`plan`]: what is to be done and when; pure
//! - `pipe`: between the thread that reads or writes an archive and the target
//! - `engine`: taking and restoring on each engine
//! - `content`: the rows of a table, counted and hashed
//! - [`mod@copy`]: all tables of one database into another, on whatever engine
//! - [`control`]: how far a long piece of work is, and stopping it
//! - `failure`: errors on their way through `std::io`

pub mod archive;
mod backups;
mod content;
pub mod control;
pub mod copy;
mod engine;
mod failure;
mod pipe;
pub mod plan;
pub mod target;

pub use backups::{
    Backups, Beside, Create, Drill, DrillReport, Entry, Event, Events, Follow, Forward, Listed,
    Moment, Plan, Pruned, Restore, Restored, Verified, Which,
};
