//! Copies between engines: all tables of one database into another, empty one, compared at the end.
//!
//! Pure, tested without a database:
//! - `engine`: what the engines call their types, and the few statements in which they differ
//! - `order`: which table comes before which
//! - `plan`: what goes from where to where, and why something does not
//! - `model`: a table known only when the program runs, as the driver wants it
//! - `values`: cells as values of their column's type, and as bytes to be hashed
//!
//! With databases:
//! - `marker`: the table by which an unfinished copy is recognised
//! - `target`: the other database: made, migrated, found to be empty, emptied
//! - `read`: rows on their way out; `write`: rows on their way in
//! - `fill`: the tables that belong together, in one transaction
//! - `compare`: both sides read again, counted and hashed
//! - `course`: all of it, from the first look to the last
//! - `options`: what is copied, and how; `limits`: how long it may take
//! - [`progress`]: what a copy tells; [`report`]: what it did

mod compare;
mod course;
mod engine;
mod fill;
mod limits;
mod marker;
mod model;
mod options;
mod order;
mod plan;
pub mod progress;
mod read;
pub mod report;
mod target;
mod values;
mod write;

use mainstay::{Config, Result};

pub use options::Options;
pub use progress::{Event, Progress};
pub use report::{CopiedTable, Report};

/// Copies all tables of one database into another, on whatever engines, and compares both.
///
/// The source is read in one snapshot and goes on being used. The target has to be empty. Each
/// table, or each circle of tables that refer to each other, is one transaction there. A copy that
/// ends early leaves a table of its own in the target, by which the next one recognises it.
///
/// ```
/// # use mainstay::{Database, config::ConfigLoader};
/// use mainstay_backup::copy::{Options, copy};
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let config = |name: &str| {
/// #     let url = format!("sqlite:{}", folder.path().join(name).display());
/// #     ConfigLoader::new().set("url", url).load()
/// # };
/// # let (from, to) = (config("from.db")?, config("to.db")?);
/// # for config in [&from, &to] {
/// #     let db = Database::builder().create_if_missing().open(config).await?;
/// #     db.script("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT").await?;
/// #     if config.url == from.url {
/// #         db.script("INSERT INTO users VALUES (1, 'Ada')").await?;
/// #     }
/// #     db.close(std::time::Duration::from_secs(5)).await?;
/// # }
/// let report = copy(&from, &to, &Options::default()).await?;
/// assert_eq!((report.tables.len(), report.rows), (1, 1));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of both databases, saying which; `CONFIGURATION_ERROR` when source and target are the same
/// or their migrations differ; `UNSUPPORTED` when a table or a column does not go, each in words;
/// `DATABASE_EXISTS` when the target has rows, or an unfinished copy stands there; the target's
/// refusal of a row, with the row's key.
pub async fn copy(from: &Config, to: &Config, options: &Options) -> Result<Report> {
    course::run(from, to, options).await
}
