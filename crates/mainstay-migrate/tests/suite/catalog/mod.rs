//! What is read from databases, and made again from what was read: on SQLite always, on PostgreSQL
//! and MariaDB where there is a server.

mod entities;
mod rights;
mod schemas;
mod support;
