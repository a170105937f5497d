//! What is to be done and when. Pure.
//!
//! - [`retention`]: which backups are kept
//! - [`schedule`]: when the next backup and the next drill are due, and when it is time to worry
//! - [`name`]: the names of backups

pub mod name;
pub mod retention;
pub mod schedule;
