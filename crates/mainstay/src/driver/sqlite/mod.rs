//! SQLite: one writer per file, and many readers.
//!
//! What differs from the other engines is that SQLite is a library that blocks, and that a file
//! has one writer at a time. So:
//!
//! - all writes of the process to one file queue for one thread (`writer`), which works the queue
//!   (`job`) in order: "database is locked" cannot happen inside one process. Handles on the same
//!   file find the same writer (`registry`). A [`Connection`](super::Connection) that writes is a
//!   place in that queue (`writer_client`), and so is a single call (`alone`);
//! - what waits there is committed together (`group`), because most of a commit's time goes into
//!   writing to disk. Nobody is answered before the commit; where it fails, each job runs singly.
//!   A transaction (`closure`) shares too, as long as it does not keep its neighbours waiting: then
//!   it is rolled back, and the layer above runs it again alone;
//! - the log of commits moves into the file on a thread of its own (`checkpoint`);
//! - each pooled connection is a reader of its own (`reader`) and sees a consistent snapshot beside
//!   the writer (WAL). Short reads run on the caller's own thread, within limits (`inline`);
//!   everything else on blocking threads;
//! - a dropped future is noticed by SQLite itself, which asks for its caller (`caller`). Whether what
//!   it asked for takes effect all the same is decided once, before the commit (`fate`).
//!
//! The rest:
//! - `options`, `open`: how a file is opened, and why it cannot be
//! - `driver`: [`SqliteDriver`]; `backend`: made from a configuration
//! - `session`: one connection and its transaction, on whatever thread
//! - `single`: statements and scripts that run by themselves
//! - `rows`: rows from a thread to a sink, without running ahead of it
//! - `bind`: values in and out; `load`: many rows in
//! - `watch`: whether the file at the path is still the one that was opened
//! - `wait`: for an answer that is about to come
//! - `classify`, `codes`: SQLite's errors into ours
//!
//! The file and its `-wal` and `-shm` are never opened other than by SQLite: closing any other
//! descriptor of them would drop the process's POSIX locks, and with them writes.

mod alone;
mod backend;
mod bind;
mod caller;
mod checkpoint;
mod classify;
mod closure;
mod codes;
mod driver;
mod fate;
mod group;
mod inline;
mod job;
mod load;
mod open;
mod options;
mod reader;
mod registry;
mod rows;
mod session;
mod single;
mod wait;
mod watch;
mod writer;
mod writer_client;

#[cfg(test)]
mod tests;

pub(super) use backend::Backend;
#[cfg(test)]
pub(crate) use backend::with_patience;
use driver::SqliteDriver;
#[cfg(test)]
pub(crate) use options::Patience;
