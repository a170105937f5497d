//! What an application provides, and what its `serve` is given.

use mainstay::config::{Finding, KeyDef};
use mainstay::driver::BoxFuture;
use mainstay::{Config, Database, Result, Schema};
use mainstay_migrate::{MigrationSet, SeedReport};

use crate::readiness::Readiness;
use crate::signals::Shutdown;
use crate::terminal::Terminal;

/// A service on a Mainstay database.
pub trait Application: Send + Sync + 'static {
    /// The binary's name, as in `questlog migrate up`.
    fn name(&self) -> &'static str;

    /// The release, for `--version`.
    fn version(&self) -> &'static str {
        "unversioned"
    }

    /// The tables.
    fn schema(&self) -> Schema;

    /// Whether there are any: the binary `mainstay` works without an application's code, and so
    /// without its entities.
    #[doc(hidden)]
    fn has_entities(&self) -> bool {
        true
    }

    /// The migrations that make them.
    fn migrations(&self) -> &MigrationSet;

    /// Writes the data the application starts with, where it is missing.
    fn seed<'a>(&'a self, db: &'a Database) -> BoxFuture<'a, Result<SeedReport>>;

    /// Configuration keys of the application's own.
    fn config_keys(&self) -> &'static [KeyDef] {
        &[]
    }

    /// What is wrong or unwise in the application's own keys, told without doing anything.
    ///
    /// `config check` shows it. `serve` and `setup` do nothing at all when an error is among it,
    /// so that whatever [`Application::serve`] would refuse belongs here.
    fn check(&self, _config: &Config) -> Vec<Finding> {
        Vec::new()
    }

    /// Serves until [`ServeContext::shutdown`], then finishes the work in progress and returns.
    /// The handle is closed by the caller.
    fn serve<'a>(&'a self, context: ServeContext) -> BoxFuture<'a, Result<()>>;
}

/// What [`Application::serve`] is given.
#[derive(Debug, Clone)]
pub struct ServeContext {
    /// The database. Set up and healthy, unless the configuration lets the service start without
    /// it: see [`ready`](Self::ready).
    pub db: Database,
    /// The configuration, with the application's own keys in [`Config::extra`].
    pub config: Config,
    /// Whether the database has been found set up. With `startup.require_database = false` it may
    /// not have been reached yet: until it has, a service answers that it is not ready.
    pub ready: Readiness,
    /// Ends when the process is asked to stop.
    pub shutdown: Shutdown,
    pub(crate) terminal: Terminal,
}

impl ServeContext {
    /// Tells the user where the service is to be found, as the last line of the summary. To be
    /// called once the address is bound.
    pub fn announce(&self, url: &str) {
        self.terminal.print(&crate::output::pair(
            "serving",
            &format!("{url} (Ctrl-C stops)"),
        ));
    }
}
