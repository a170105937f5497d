//! PostgreSQL 13 and later, on `tokio-postgres` with rustls.
//!
//! - [`options`]: where the server is and who we are
//! - [`tls`]: certificates and how far they are checked
//! - [`dial`]: connecting step by step, and cancel requests
//! - [`socket`]: sockets of either kind, and one with two owners
//! - [`driver`]: the driver
//! - [`connection`]: one session: its state and the driver contract
//! - [`run`]: one statement from preparing to its last row
//! - [`transaction`]: begin, savepoints, and a COMMIT whose answer is checked
//! - [`account`]: what has to be known to find out how a transaction ended; [`witness`]: doing so
//! - [`ending`]: ending a session that was given up from another one; [`key`]: whose process it has
//! - [`batch`]: several statements as one transaction, in one flight
//! - [`load`]: rows in bulk, by COPY
//! - [`recover`]: order after a dropped call
//! - [`statements`]: the prepared statements a session keeps
//! - [`params`], [`rows`], [`numeric`]: values to and from the binary protocol
//! - [`classify`]: SQLSTATEs and broken connections into errors
//! - [`message`]: what the server says, without values
//! - [`admin`]: making and dropping databases; [`backend`]: all of it from a configuration

mod account;
mod admin;
mod backend;
mod batch;
mod classify;
mod connection;
mod dial;
mod driver;
mod ending;
mod key;
mod load;
mod message;
mod numeric;
mod options;
mod params;
mod recover;
mod rows;
mod run;
mod socket;
mod statements;
mod tls;
mod transaction;
mod witness;

#[cfg(test)]
mod tests;

pub(super) use backend::Backend;
use driver::PostgresDriver;
use options::PostgresOptions;
