//! Where the data is: private servers and files, with the tables filled by Mainstay.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::mainstay::schema::ddl;
use mainstay_testkit::servers::{self, Options, Server, ServerKind};
use tempfile::TempDir;

use crate::candidates::{Result, mainstay};
use crate::plan::Engine;
use crate::rows::{self, Goal, Size, User};

/// Rows per call while the tables are filled.
const LOAD: u32 = 20_000;

/// An engine with filled tables. Dropping it removes everything.
pub struct Place {
    pub engine: Engine,
    pub size: Size,
    server: Option<Arc<Server>>,
    database: String,
    folder: TempDir,
}

impl Place {
    /// Starts what the engine needs. Blocks.
    pub fn start(engine: Engine, size: Size) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("mainstay-bench-")
            .tempdir()?;
        let kind = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(ServerKind::Postgres),
            Engine::Mariadb => Some(ServerKind::MariaDb),
        };
        let server = kind.map(|kind| {
            // Commits reach the disk, and there is memory for the data.
            let options = Options {
                durable: true,
                settings: settings(kind).map(str::to_owned).to_vec(),
            };
            Server::start(kind, options)
        });
        Self::create(
            engine,
            size,
            server.transpose()?.map(Arc::new),
            "bench".to_owned(),
            folder,
        )
    }

    /// Another place on the same engine, of another size.
    pub fn sibling(&self, size: Size) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("mainstay-bench-")
            .tempdir()?;
        let database = format!("bench_{}_{}", size.users, size.goals);
        Self::create(self.engine, size, self.server.clone(), database, folder)
    }

    fn create(
        engine: Engine,
        size: Size,
        server: Option<Arc<Server>>,
        database: String,
        folder: TempDir,
    ) -> Result<Self> {
        if let Some(server) = &server {
            servers::create_database(server.url(), &database)?;
        }
        Ok(Self {
            engine,
            size,
            server,
            database,
            folder,
        })
    }

    /// The address for Mainstay of the database, or of a candidate's own file.
    pub fn url(&self, candidate: &str) -> String {
        match &self.server {
            None => format!("sqlite:{}", self.file(candidate).display()),
            Some(server) => server
                .url()
                .with_database(&self.database)
                .as_str()
                .to_owned(),
        }
    }

    /// The file of a candidate, on SQLite.
    pub fn file(&self, candidate: &str) -> PathBuf {
        self.folder.path().join(format!("{candidate}.db"))
    }

    /// Makes the tables through Mainstay and fills them.
    pub async fn fill(&self) -> Result<()> {
        let db = mainstay::open(&self.url("base"), 2, "normal", true).await?;
        for sql in ddl::create_all(db.dialect(), db.schema())? {
            db.script(sql).await?;
        }
        let limit = Duration::from_secs(120);
        for first in (0..self.size.users).step_by(LOAD as usize) {
            let numbers = first..self.size.users.min(first + LOAD);
            let users = db.repository::<User>();
            users
                .create_many(rows::load_users(numbers))
                .timeout(limit)
                .await?;
        }
        for first in (0..self.size.goals).step_by(LOAD as usize) {
            let numbers = first..self.size.goals.min(first + LOAD);
            let goals = db.repository::<Goal>();
            goals
                .create_many(rows::load_goals(self.size, numbers))
                .timeout(limit)
                .await?;
        }
        let analyze = match self.engine {
            Engine::Sqlite => "ANALYZE",
            Engine::Postgres => "VACUUM ANALYZE",
            Engine::Mariadb => "ANALYZE TABLE users, goals",
        };
        match self.engine {
            Engine::Mariadb => drop(db.sql(analyze).fetch_rows().await?),
            _ => db.script(analyze).await?,
        }
        db.close(Duration::from_secs(10)).await?;
        Ok(())
    }

    /// Gives a candidate a file of its own, on SQLite: what one has written slows nobody else.
    pub fn give_file(&self, candidate: &str) -> Result<()> {
        let file = self.file(candidate);
        if self.server.is_none() && !file.exists() {
            std::fs::copy(self.file("base"), file)?;
        }
        Ok(())
    }

    /// Lets the write-ahead log of an open SQLite file grow to the size it keeps. Until then each
    /// commit extends the file, which costs a disk several times what overwriting does.
    pub fn settle(&self, candidate: &str) -> Result<()> {
        if self.server.is_some() {
            return Ok(());
        }
        let mut connection = rusqlite::Connection::open(self.file(candidate))?;
        connection.execute_batch("PRAGMA busy_timeout = 10000; PRAGMA wal_autocheckpoint = 0")?;
        let tx = connection.transaction()?;
        // About 20 MB of log.
        tx.execute_batch(
            "CREATE TABLE filler (page BLOB); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
             INSERT INTO filler SELECT zeroblob(4000) FROM n; DROP TABLE filler;",
        )?;
        tx.commit()?;
        connection.execute_batch("PRAGMA wal_checkpoint(RESTART)")?;
        Ok(())
    }

    /// Empties the table of bulk inserts, in the same way for all.
    pub fn clear_imports(&self, candidate: &str) -> Result<()> {
        if let Some(server) = &self.server {
            servers::run_sql(
                &server.url().with_database(&self.database),
                "TRUNCATE TABLE imports",
            )?;
            return Ok(());
        }
        let connection = rusqlite::Connection::open(self.file(candidate))?;
        connection.execute_batch(
            "PRAGMA busy_timeout = 10000; DELETE FROM imports; PRAGMA wal_checkpoint(RESTART);",
        )?;
        Ok(())
    }
}

fn settings(kind: ServerKind) -> [&'static str; 4] {
    match kind {
        ServerKind::Postgres => [
            "shared_buffers=512MB",
            "max_wal_size=2GB",
            "min_wal_size=256MB",
            "checkpoint_timeout=1h",
        ],
        ServerKind::MariaDb => [
            "innodb-buffer-pool-size=512M",
            "innodb-log-file-size=512M",
            "innodb-flush-log-at-trx-commit=1",
            // Mainstay's default, for all.
            "transaction-isolation=READ-COMMITTED",
        ],
    }
}
