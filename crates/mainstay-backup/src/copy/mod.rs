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
//! - [`progress`]: what a copy tells; [`report`]: what it did

mod compare;
mod course;
mod engine;
mod fill;
mod marker;
mod model;
mod order;
mod plan;
pub mod progress;
mod read;
pub mod report;
mod target;
mod values;
mod write;

use std::sync::Arc;

use mainstay::{Clock, Config, Result, Schema, SystemClock};
use mainstay_migrate::{MigrationSet, Progress as MigrationProgress};

pub use progress::{Event, Progress};
pub use report::{CopiedTable, Report};

use crate::control::Control;

/// What is copied, and how.
#[derive(Clone)]
pub struct Options {
    /// The entities, whose column types are then used. Without an entity the types follow from
    /// what the columns are on both sides.
    pub schema: Schema,
    /// The migrations. With them the target is made and migrated to where the source is; without
    /// them it has to have its tables.
    pub migrations: Option<MigrationSet>,
    /// Tables to leave out.
    pub skip: Vec<String>,
    /// Whether triggers of the target may run for every row that is copied. Otherwise a target
    /// that has such is refused.
    pub fire_triggers: bool,
    /// Whether what an unfinished copy has written is removed first.
    pub restart: bool,
    /// Who is told how far it is.
    pub progress: Option<Arc<dyn Progress>>,
    /// Who is told what the migrations do.
    pub migrating: Option<Arc<dyn MigrationProgress>>,
    /// By which it can be stopped.
    pub control: Control,
    /// When it is.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: Schema::new(),
            migrations: None,
            skip: Vec::new(),
            fire_triggers: false,
            restart: false,
            progress: None,
            migrating: None,
            control: Control::new(),
            clock: Arc::new(SystemClock),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("migrations", &self.migrations.is_some())
            .field("skip", &self.skip)
            .field("fire_triggers", &self.fire_triggers)
            .field("restart", &self.restart)
            .finish_non_exhaustive()
    }
}

impl Options {
    fn tell(&self, event: Event<'_>) {
        if let Some(progress) = &self.progress {
            progress.on(event);
        }
    }
}

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
