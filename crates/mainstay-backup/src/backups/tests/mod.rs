//! What the verbs do over time, on a file and a folder.
//!
//! - `watch`: backups, drills and pruning on a schedule

mod watch;
