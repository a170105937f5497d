//! The engine's own files: base backups, the log that follows them, and recovery to a moment.
//!
//! - `lsn`: positions in the log and the files it is in; pure
//! - `position`: what a base backup and a piece of the log say of themselves; pure
//! - `base`: taking a base backup
//! - `spool`: the folder into which the log is received
//! - `source`: asking the server how far the log is
//! - `follow`: putting the log beside a base backup, as it grows
//! - `recover`: a base and its log put into a new folder and recovered
//! - `unpack`: a base into a folder; `wal`: pieces of the log into files again
//! - `instance`: a server of our own on such a folder; `account`: the user it runs as
//!
//! Times are those of the server's clock throughout: recovery stops by the times that the server
//! wrote into its log.

mod account;
mod base;
mod follow;
mod instance;
mod lsn;
mod position;
mod recover;
mod source;
mod spool;
mod unpack;
mod wal;

pub(crate) use follow::{Event, Follow, newest};
pub(crate) use instance::Instance;
pub(crate) use position::usable_from;
pub(crate) use recover::{Purpose, Recovery};
