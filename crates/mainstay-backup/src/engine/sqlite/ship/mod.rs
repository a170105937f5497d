//! Recovery to a point in time: what is committed is shipped as the log grows.
//!
//! SQLite appends what a commit changed to the log (`-wal`) as *frames*, a page each. From time to
//! time these are moved into the database's file (a checkpoint), and then the log starts from its
//! beginning again, over the old frames. A follower reads each frame before that can happen. A
//! copy of the file and all frames since give any state in between.
//!
//! - `frame`: the bytes of a log, and their checksums; pure
//! - `position`: places in it
//! - `log`: the log's file, read
//! - `hold`: transactions that keep the log from starting again before it has been read
//! - `begin`: where following begins
//! - `reader`: reads what is new, and tells when it was committed; lets the log start again
//! - `follower`: one that waits until the copy in front of it is in the archive
//! - `batch`: what was read, as it is shipped
//! - `shipper`: a follower on a thread, and what it read into the archive
//! - `replay`: a state from a copy and what followed
//!
//! **The log cannot lose a frame that was not read.** It starts again only when nobody reads from it.
//! So there is always a transaction of ours that began when no frame was unread but those in front of
//! it: a new one is begun, what is in the log by then is read, and only then the old one ends.
//!
//! **The log does not grow for ever.** Under a steady load somebody is always writing when the last
//! frames are moved, and so it would never start again. Beyond a size the follower keeps writers out
//! for the moment that it takes to read and move the rest.
//!
//! **Nothing is missing unnoticed.** Each log has two numbers, the *salts*, in all of its frames. The
//! first one goes up by one when the log starts again; after it was emptied (`TRUNCATE`) both may be
//! drawn anew, which is taken only while nothing can be lost by the above. Each frame's checksum goes
//! over all before it. What does not follow on what was read before is a gap: the follower ends, and
//! a new copy of the file has to be made.
//!
//! A follower that was stopped goes on as long as the log has not started again meanwhile. A service
//! that is stopped empties the log; where follower and service were both stopped, a new copy is made.
//!
//! The log's file is opened and read like any other. SQLite has no locks on it: they are on the
//! database's file and the `-shm`.

mod batch;
mod begin;
mod follower;
mod frame;
mod hold;
mod log;
mod position;
mod reader;
mod replay;
mod shipper;

#[cfg(test)]
mod tests;

pub(crate) use begin::{Base, Resumed};
pub(in crate::engine::sqlite) use begin::{begin, resume};
pub(crate) use follower::Follower;
pub(crate) use reader::Limits;
#[cfg(test)]
pub(crate) use replay::Replayed;
pub(crate) use replay::recover;
pub(crate) use shipper::{Ended, ship};
