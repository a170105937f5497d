//! Migrations and seeding.
//!
//! Pure, tested without a database:
//! - [`mod@migration`]: a migration and the set of them, as static data or read from a folder
//! - [`mod@source`]: migrations as files
//! - [`directive`]: what a migration says of itself in comments
//! - `dialect`: all that differs between the engines
//! - [`mod@catalog`]: what a database has
//! - [`mod@diff`]: two of these compared, and the SQL that removes the differences
//! - `lexer`: SQL text into tokens; [`split`]: into statements; [`checksum`]: into a fingerprint
//! - `ddl`: what a statement does, read from its tokens: the one reader of statements
//! - `shape`: what a statement is about; `refusal`: what must not stand in a migration
//! - [`mod@lint`]: what hurts in production, found in the texts of migrations
//! - [`plan`]: what is to be done, from what is known and what the database has recorded
//!
//! With a database:
//! - [`history`]: the table of what has been applied; [`mod@journal`]: of what is under way
//! - [`runner`]: applies and undoes, under one lock per database; [`progress`]: what it tells
//! - [`mod@baseline`]: adopts a database that was made by other means
//! - [`repair`]: mends the record, where a problem asks for it
//! - `rows`: about how many rows there are
//! - [`mod@status`]: the same comparison, read-only
//! - [`mod@rehearse`]: migrations tried on a copy with as many rows as production has
//! - [`mod@reset`]: drops everything, for development and tests
//! - [`mod@scratch`]: throw-away databases; [`mod@drift`]: entities, migrations and database compared
//! - [`seed`]: what an application's seed function looks like

pub mod baseline;
pub mod catalog;
pub mod checksum;
mod ddl;
mod dialect;
pub mod diff;
pub mod directive;
pub mod drift;
pub mod history;
pub mod journal;
mod lexer;
pub mod lint;
pub mod migration;
pub mod plan;
pub mod progress;
mod refusal;
pub mod rehearse;
pub mod repair;
pub mod reset;
mod rows;
pub mod runner;
pub mod scratch;
pub mod seed;
mod shape;
pub mod source;
pub mod split;
pub mod status;

pub use baseline::baseline;
pub use migration::{Direction, Migration, MigrationRef, MigrationSet, PerDialect, Texts};
pub use plan::{Goal, Plan, Problem};
pub use progress::{Event, Progress};
pub use reset::reset;
pub use rows::row_estimates;
pub use runner::{Applied, Options, Report, dry_run, migrate, migrate_with};
pub use seed::{Seed, SeedReport};
pub use status::{MigrationState, MigrationStatus, Status, status};

/// The program in the guide is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/migrations.md")]
mod guide {}
