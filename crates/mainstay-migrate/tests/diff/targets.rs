//! Databases, and how a draft is applied to one.

use std::time::Duration;

use mainstay::config::ConfigLoader;
use mainstay::schema::Dialect;
use mainstay::{Database, Result};
use mainstay_migrate::catalog::{self, Catalog};
use mainstay_migrate::diff::Draft;
use mainstay_migrate::split::split;
use mainstay_testkit::servers::{ServerKind, TestDatabase, require};

/// An engine to test on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    MariaDb,
}

/// A database of one test.
pub(crate) struct Target {
    pub(crate) db: Database,
    url: String,
    _file: Option<tempfile::TempDir>,
    _database: Option<TestDatabase>,
}

/// The engines there are here.
pub(crate) fn engines() -> Vec<Engine> {
    let mut all = vec![Engine::Sqlite];
    for (kind, engine) in [
        (ServerKind::Postgres, Engine::Postgres),
        (ServerKind::MariaDb, Engine::MariaDb),
    ] {
        if require(kind).is_some() {
            all.push(engine);
        }
    }
    all
}

impl Target {
    /// An empty database.
    pub(crate) async fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let kind = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(ServerKind::Postgres),
            Engine::MariaDb => Some(ServerKind::MariaDb),
        };
        let database = kind.map(|kind| {
            let server = require(kind).expect("it was there");
            TestDatabase::create(&server).expect("a database")
        });
        let url = match &database {
            None => format!("sqlite:{}", folder.path().join("test.db").display()),
            Some(database) => database.url().as_str().to_owned(),
        };
        Self {
            db: open(&url).await,
            url,
            _file: Some(folder),
            _database: database,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.db.dialect()
    }

    /// Runs statements one by one.
    pub(crate) async fn run(&self, statements: &[String]) {
        for sql in statements {
            let done = self.db.script(sql.clone()).await;
            done.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    /// What is there. Each time through a handle of its own, as a command reads it: MariaDB answers
    /// a prepared SHOW CREATE VIEW with what it was when it was prepared.
    pub(crate) async fn read(&self) -> Catalog {
        let db = open(&self.url).await;
        let found = catalog::read(&db).await.expect("the catalog");
        close(db).await;
        found
    }

    /// Applies a draft in the form of its text: as a migration runs it, foreign keys off around a
    /// transaction where tables are built anew.
    pub(crate) async fn apply(&self, draft: &Draft) -> Result<()> {
        let text = draft.to_string();
        let statements: Vec<String> = split(self.dialect(), &text)
            .expect("the text splits")
            .iter()
            .map(|statement| statement.text.to_owned())
            .collect();
        let rebuilds = text
            .lines()
            .filter(|line| line.starts_with("-- mainstay: rebuild "));
        if rebuilds.count() == 0 {
            if self.db.capabilities().transactional_ddl {
                return self
                    .db
                    .transaction(|tx| {
                        let statements = statements.clone();
                        async move {
                            for sql in statements {
                                tx.script(sql).await?;
                            }
                            Ok(())
                        }
                    })
                    .await;
            }
            for sql in statements {
                self.db.script(sql).await?;
            }
            return Ok(());
        }
        let whole = format!(
            "BEGIN IMMEDIATE\n;\n{}\n;\nCOMMIT",
            statements.join("\n;\n")
        );
        self.db
            .exclusive(|held| async move {
                held.script("PRAGMA foreign_keys = OFF").await?;
                held.script(whole).await?;
                let broken = held
                    .sql("SELECT * FROM pragma_foreign_key_check")
                    .fetch_rows();
                assert!(broken.await?.is_empty(), "rows refer to what is not there");
                Ok(())
            })
            .await
    }

    pub(crate) async fn close(self) {
        close(self.db).await;
    }
}

async fn open(url: &str) -> Database {
    let config = ConfigLoader::new()
        .set("url", url)
        .load()
        .expect("the test's configuration is valid");
    Database::builder()
        .create_if_missing()
        .open(&config)
        .await
        .expect("the test database opens")
}

async fn close(db: Database) {
    db.close(Duration::from_secs(5))
        .await
        .expect("the handle closes");
}
