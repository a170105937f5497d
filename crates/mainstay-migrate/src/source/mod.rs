//! Migrations as files: a folder for each, `20260214093000_add_nickname/`, with `up.sql` and
//! `down.sql`, or one for a dialect alone: `up.sqlite.sql`, `up.postgres.sql`, `up.mysql.sql`
//! (MariaDB and MySQL). A dialect's own file wins over the shared one.
//!
//! - `files`: reads a folder
//! - `create`: makes a new migration
//! - `squash`: puts one in place of many
//! - `error`: what goes wrong with files

mod create;
mod error;
mod files;
mod squash;

pub use create::create;
pub use files::{Folder, MOST_BYTES, MOST_BYTES_IN_ALL, MOST_MIGRATIONS, read};
pub use squash::{SquashPlan, SquashText, Squashed, squash, squash_plan};

#[cfg(test)]
#[path = "../tests/source.rs"]
mod tests;
