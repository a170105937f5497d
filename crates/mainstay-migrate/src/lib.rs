//! Migrations and seeding.
//!
//! Pure, tested without a database:
//! - [`mod@migration`]: a migration and the set of them, as static data
//! - `dialect`: all that differs between the engines
//! - [`mod@catalog`]: what a database has
//! - `lexer`: SQL text into tokens; [`split`]: into statements; [`checksum`]: into a fingerprint
//! - `ddl`: what a statement does, read from its tokens
//! - [`mod@lint`]: what hurts in production, found in the texts of migrations
//! - [`plan`]: what is to be done, from what is known and what the database has recorded
//!
//! With a database:
//! - [`history`]: the table of what has been applied
//! - [`runner`]: applies what is pending, under one lock per database
//! - [`mod@status`]: the same comparison, read-only
//! - [`mod@reset`]: drops everything, for development and tests
//! - [`seed`]: what an application's seed function looks like

pub mod catalog;
pub mod checksum;
mod ddl;
mod dialect;
pub mod history;
mod lexer;
pub mod lint;
pub mod migration;
pub mod plan;
pub mod reset;
pub mod runner;
pub mod seed;
pub mod split;
pub mod status;

pub use migration::{Migration, MigrationSet, PerDialect};
pub use plan::{Plan, Problem};
pub use reset::reset;
pub use runner::{Applied, Options, Report, migrate, migrate_with};
pub use seed::{Seed, SeedReport};
pub use status::{MigrationState, MigrationStatus, Status, status};

/// The program in the guide is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/migrations.md")]
mod guide {}
