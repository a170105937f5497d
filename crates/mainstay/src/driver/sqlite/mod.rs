//! SQLite: one writer per file, and many readers.
//!
//! What differs from the other engines is that SQLite is a library that blocks, and that a file
//! has one writer at a time. So:
//!
//! - all writes of the process to one file queue for one thread (`writer`), which works the queue
//!   (`job`) one by one, in order: "database is locked" cannot happen inside one process. Handles
//!   on the same file find the same writer (`registry`). A [`Connection`](super::Connection) that
//!   writes is a place in that queue (`writer_client`);
//! - each pooled connection is a reader of its own (`reader`), whose calls run on blocking threads
//!   and see a consistent snapshot beside the writer (WAL);
//! - a dropped future is noticed by SQLite itself, which asks for its caller (`caller`).
//!
//! The rest:
//! - `options`, `open`: how a file is opened, and why it cannot be
//! - `driver`: [`SqliteDriver`]; `backend`: made from a configuration
//! - `session`: one connection and its transaction, on whatever thread
//! - `rows`: rows from a thread to a sink, without running ahead of it
//! - `bind`: values in and out
//! - `classify`, `codes`: SQLite's errors into ours
//!
//! The file and its `-wal` and `-shm` are never opened other than by SQLite: closing any other
//! descriptor of them would drop the process's POSIX locks, and with them writes.

mod backend;
mod bind;
mod caller;
mod classify;
mod codes;
mod driver;
mod job;
mod open;
mod options;
mod reader;
mod registry;
mod rows;
mod session;
mod writer;
mod writer_client;

#[cfg(test)]
mod tests;

pub(super) use backend::Backend;
use driver::SqliteDriver;
