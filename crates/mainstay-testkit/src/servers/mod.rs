//! Private PostgreSQL and MariaDB servers for tests.
//!
//! A [`Server`] lives in its own temporary folder, listens on a free port of 127.0.0.1, and is gone,
//! folder and all, once its owner drops it or dies. Nothing of the machine's own database
//! installation is used except the programs.
//!
//! Most tests want [`require`]: the one server all tests of a run share, as a [`ServerUrl`], and a
//! [`TestDatabase`] on it. Tests that kill or freeze a server start their own with [`Server::start`].
//!
//! What is in this folder:
//! - `server`: [`Server`]: starting, stopping, killing and freezing it.
//! - `kind`, `site`, `error`: which engine, what a server is made of, and what can go wrong.
//! - `postgres`, `mariadb`: how each engine is initialised and which settings it gets.
//! - `process`: a child process that never outlives its owner.
//! - `account`: the unprivileged user a server runs as when the tests run as root.
//! - `discovery`: where the programs are, and what to install when they are not there.
//! - `tls`: the certificate authority, and certificates of the server and of a client.
//! - `url`: the address of a server, with its password kept out of `Debug`.
//! - `client`: running SQL with the engine's own command line client.
//! - `database`: a database of its own for each test.
//! - `shared`: the servers a whole test run shares, and skipping when there are none.
//!
//! The functions here block: they wait for processes. In async tests call them before the part that
//! is timed, or inside `tokio::task::spawn_blocking`.

mod account;
mod client;
mod database;
mod discovery;
mod error;
mod kind;
mod mariadb;
mod postgres;
mod process;
mod server;
mod shared;
mod site;
mod tls;
mod url;

pub use client::{create_database, drop_database, run_sql};
pub use database::TestDatabase;
pub use discovery::{Missing, installed};
pub use error::ServerError;
pub use kind::ServerKind;
pub use server::Server;
pub use shared::{Availability, ENGINES_VARIABLE, SKIPS_VARIABLE, availability, require};
pub use site::Options;
pub use tls::{CLIENT_CERTIFICATE, CLIENT_KEY};
pub use url::ServerUrl;
