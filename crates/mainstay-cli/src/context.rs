//! What every command works with.

use std::time::Duration;

use mainstay::config::EngineKind;
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
}

impl Context<'_> {
    /// Opens the database, which must exist.
    pub(crate) async fn open(&self) -> Result<Database, Failure> {
        self.open_with(&self.config).await
    }

    pub(crate) async fn open_with(&self, config: &Config) -> Result<Database, Failure> {
        Database::builder()
            .schema(self.app.schema())
            .open(config)
            .await
            .map_err(|error| {
                let missing = error.kind() == ErrorKind::DatabaseMissing;
                let failure = Failure::from(error);
                if missing {
                    failure.next(format!(
                        "create it and its tables: {}",
                        self.command("setup")
                    ))
                } else {
                    failure
                }
            })
    }

    /// Closes the database, and reports it when work was still going on.
    pub(crate) async fn close(&self, db: &Database) -> Result<(), Failure> {
        db.close(CLOSE_LIMIT).await.map_err(Failure::from)
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
        match self.config.url.engine() {
            EngineKind::Sqlite => Dialect::Sqlite,
            EngineKind::Postgres => Dialect::Postgres,
            EngineKind::MySql => Dialect::MariaDb,
        }
    }
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
