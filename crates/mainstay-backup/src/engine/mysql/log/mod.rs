//! Recovery to a point in time: the binary log, shipped beside a base backup and put on top of it.
//!
//! - `events`: the heads of a binary log's events; pure
//! - `segment`: what is said of a segment, and where a moment lies among them; pure
//! - `tail`: the program that reads the server's log, and what it has read
//! - `ask`: what is asked of the server
//! - `follow`: shipping, for as long as it is wanted
//! - `replay`: the log fetched back, cut at a moment
//! - `recover`: base and log put together in a private server
//!
//! The base is best a logical backup: it can be taken and restored from another machine and has this
//! one database, of which alone the log's changes are taken then. A physical one has the whole server,
//! and all changes are taken, those too that tell another database in passing. Either says where in the binary log its state stands. From there on the log is read as a
//! replica reads it, by `mariadb-binlog`, and shipped in segments.
//!
//! Several times a second the server is asked for its time and, after that, for the end of its log:
//! a *mark*. What was acknowledged before that time is before that end. Recovery to a moment takes
//! all up to the first mark at or after the moment, but stops before the first transaction that
//! says it was begun at or after it. Events have whole seconds, so moments at whole seconds are
//! exact; for others, transactions begun in the rest of the same second may be included, up to the
//! next mark, which comes a [tick](follow::TICK) later.
//! Nothing that was acknowledged before the moment is ever left out.
//!
//! It is put on top in a private server beside, not in a new database on the same one: statements
//! of the log that name their database (`DROP TABLE shop.notes`) would run on the live one, which
//! no rewriting of names prevents.

mod ask;
mod events;
mod follow;
mod recover;
mod replay;
mod segment;
mod tail;

#[allow(unused_imports, reason = "used by what the crate offers")]
pub(crate) use recover::Recovered;

#[cfg(test)]
mod tests;
