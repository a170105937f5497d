//! Entities, migrations and databases compared, on real databases: SQLite always, PostgreSQL and
//! MariaDB where there is a server.
//!
//! - `stage`: a database, two releases of an application, and its migrations
//! - `three`: each of the three can be the odd one out
//! - `scratch`: throw-away databases go, whatever happens
//! - `rights`: users who may not make databases
//! - `drafts`: drafted migrations run, and leave nothing to draft

mod drafts;
mod rights;
mod scratch;
mod stage;
mod three;
