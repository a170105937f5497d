//! Databases, and how a draft is applied to one.

use mainstay::schema::Dialect;
use mainstay::{Database, Result};
use mainstay_migrate::catalog::{self, Catalog};
use mainstay_migrate::diff::Draft;
use mainstay_migrate::split::split;
use mainstay_testkit::servers::{ServerKind, require};

use crate::support::database;

/// An engine to test on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    MariaDb,
}

/// A database of one test, and a handle on it.
pub(crate) struct Target {
    pub(crate) db: Database,
    place: database::Target,
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
        let place = match engine {
            Engine::Sqlite => Some(database::Target::sqlite()),
            Engine::Postgres => database::Target::on(ServerKind::Postgres),
            Engine::MariaDb => database::Target::on(ServerKind::MariaDb),
        };
        let place = place.expect("it was there");
        Self {
            db: place.open().await,
            place,
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

    /// What is there. Each time through a handle of its own, as a command reads it.
    pub(crate) async fn read(&self) -> Catalog {
        let db = self.place.open().await;
        let found = catalog::read(&db).await.expect("the catalog");
        database::close(db).await;
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
        database::close(self.db).await;
    }
}
