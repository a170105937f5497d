//! What every command works with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mainstay::config::{Finding, Severity};
use mainstay::schema::Dialect;
use mainstay::{Config, Database, ErrorKind};

use crate::application::Application;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// How long work in progress may take at the end.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// What every command works with.
pub(crate) struct Context<'a> {
    pub(crate) app: &'a dyn Application,
    pub(crate) config: Config,
    pub(crate) terminal: Terminal,
    /// Whether the warnings have been printed: once is enough for a command.
    warned: AtomicBool,
}

impl<'a> Context<'a> {
    pub(crate) fn new(app: &'a dyn Application, config: Config, terminal: Terminal) -> Self {
        Self {
            app,
            config,
            terminal,
            warned: AtomicBool::new(false),
        }
    }
}

impl Context<'_> {
    /// Everything there is to say of the configuration without asking the server, errors first.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut found = self.config.check();
        found.extend(self.app.check(&self.config));
        found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        found
    }

    /// Prints what is unwise in the configuration, unless that has been done. Every command does
    /// so before it connects: what a warning is about, an open connection to a stranger's server
    /// for one, would happen to all of them.
    pub(crate) fn warn(&self) {
        if self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        for finding in self.findings() {
            if finding.severity == Severity::Warning {
                self.terminal.note(&finding.to_string());
            }
        }
    }

    /// Refuses a configuration that cannot work, before anything is touched, and prints what is
    /// unwise in it.
    pub(crate) fn refuse_mistakes(&self) -> Result<(), Failure> {
        let mut wrong = false;
        for finding in self.findings() {
            if finding.severity == Severity::Error {
                wrong = true;
                self.terminal.note(&finding.to_string());
            }
        }
        self.warn();
        if wrong {
            return Err(
                Failure::new(Exit::Usage, "the configuration cannot work; see above").next(
                    format!(
                        "correct it and look again: {}",
                        self.command("config check")
                    ),
                ),
            );
        }
        Ok(())
    }

    /// Opens the database, which must exist.
    pub(crate) async fn open(&self) -> Result<Database, Failure> {
        self.open_where(true).await
    }

    /// The same for a command that may go on without it, if it is not `required`.
    pub(crate) async fn open_where(&self, required: bool) -> Result<Database, Failure> {
        self.warn();
        let opened = Database::builder()
            .schema(self.app.schema())
            .require_database(required)
            .open(&self.config);
        opened.await.map_err(|error| {
            let setup_helps = error.kind() == ErrorKind::DatabaseMissing
                // Setup makes the database, but not the folder of a file, for example.
                && error.hint().is_none_or(|hint| hint.contains("setup"));
            let failure = Failure::from(error);
            if !self.app.has_entities() && setup_helps {
                failure.next("create it, or name one that is there with --url or DATABASE_URL")
            } else if setup_helps {
                failure.next(format!(
                    "create it and its tables: {}",
                    self.command("setup")
                ))
            } else {
                failure
            }
        })
    }

    pub(crate) async fn open_with(&self, config: &Config) -> mainstay::Result<Database> {
        Database::builder()
            .schema(self.app.schema())
            .require_database(true)
            .open(config)
            .await
    }

    /// Closes the database, and reports it when work was still going on.
    pub(crate) async fn close(&self, db: &Database) -> mainstay::Result<()> {
        db.close(CLOSE_LIMIT).await
    }

    /// Opens, works, and closes whatever comes of it.
    pub(crate) async fn with_database<T>(
        &self,
        work: impl AsyncFnOnce(&Database) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let db = self.open().await?;
        let result = work(&db).await;
        let closed = self.close(&db).await;
        let value = result?;
        closed?;
        Ok(value)
    }

    /// A command line of this program.
    pub(crate) fn command(&self, rest: &str) -> String {
        format!("{} {rest}", self.app.name())
    }

    /// The dialect of the configured engine, without asking the server.
    pub(crate) fn dialect(&self) -> Dialect {
        Dialect::expected(self.config.url.engine())
    }
}

/// Refuses a command that compares with entities where there are none.
pub(crate) fn need_entities(app: &dyn Application, command: &str) -> Result<(), Failure> {
    if app.has_entities() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        format!(
            "{command} needs the application's entities, which {} does not know",
            app.name()
        ),
    )
    .next(format!("run {command} of the application's own binary")))
}

/// A failure of migrating: that the migrations do not fit the database is no mistake of usage.
pub(crate) fn migration_failure(error: mainstay::Error) -> Failure {
    let failure = Failure::from(error);
    if failure.exit == Exit::Usage {
        failure.exit(Exit::Failed)
    } else {
        failure
    }
}
