//! MariaDB 10.6 and later; MySQL 8.0.17 and later, experimental. Built on `mysql_async`.
//!
//! - `options`: where the server is and who signs in
//! - `tls`: how the connection is secured
//! - `dial`: from options to a connection that is signed in, and why that can fail
//! - `probe`: whether the server takes connections, while signing in takes long
//! - `session`: how every session is set up, and what the server says of itself
//! - `driver`: [`MySqlDriver`]
//! - `connection`: one connection: the contract's calls
//! - `run`: statements and their rows
//! - `batch`: several statements as one transaction, as one block where the server takes it
//! - `transaction`: what is known of the open transaction
//! - `kill`: ends the session of a dropped call on the server
//! - `params`, `rows`: values on their way out and back
//! - `classify`, `message`, `fault`: errors of the server, the names in their texts, other errors
//! - `admin`: creates and drops databases; `backend`: all of it from a configuration
//!
//! What to know of the engine:
//!
//! - DDL commits the open transaction. The driver sees it in the server's answer, fails the call
//!   and every later COMMIT of that transaction.
//! - A deadlock rolls back the whole transaction, a lock time-out only the statement. After either
//!   the driver refuses to commit.
//! - Backslash escapes in string literals are on, as is the engine's default, and double quotes
//!   are strings, not names.
//! - In hand-written SQL `:name` outside of quotes is a named parameter for `mysql_async` and is
//!   refused; `:=` is left alone.
//! - A connection that the server has closed while idle shows it only when next used, and a write
//!   that meets it has an unknown outcome unless it had to be prepared first. Pools do well to
//!   retire connections before the server's `wait_timeout`, or to ask after a long rest.
//! - The last inserted key of an INSERT of several rows is that of its first row.

mod admin;
mod backend;
mod batch;
mod classify;
mod connection;
mod dial;
mod driver;
mod fault;
mod kill;
mod message;
mod options;
mod params;
mod probe;
mod rows;
mod run;
mod session;
mod tls;
mod transaction;

#[cfg(test)]
mod tests;

pub(super) use backend::Backend;
use driver::MySqlDriver;
use options::MySqlOptions;
