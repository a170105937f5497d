//! Migrations on real databases: SQLite always, PostgreSQL and MariaDB where there is a server.
//!
//! One program, so that what it is made of is linked once.
//!
//! - `engines`, `ways`, `folders`, `directives`, `records`: runs, and the record of what is applied
//! - `kills`: migrators as processes, killed at every statement
//! - `catalog`: what is read from databases, and made again from what was read
//! - `diff`: differences found and removed
//! - `drift`: entities, migrations and databases compared
//! - `lint`, `lint_rewrites`: the lint beside real engines
//! - `rehearse`: rehearsals
//! - `support`: a database on each engine; `lint_support`: the lint of one statement

mod catalog;
mod diff;
mod directives;
mod drift;
mod engines;
mod folders;
mod kills;
mod lint;
mod lint_rewrites;
mod lint_support;
mod records;
mod rehearse;
mod support;
mod ways;
