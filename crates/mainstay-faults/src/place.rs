//! Where the data of one fault is: a database on a private server, or a file. Reads it past the
//! layer that is tested, with the engine's own client or SQLite itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mainstay_testkit::servers::run_sql;
use mainstay_testkit::servers::{
    Options, Server, ServerError, ServerKind, ServerUrl, TestDatabase,
};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::verdict::Snapshot;

/// The user the load works as: one without any right beyond its database.
const USER: &str = "app";
/// The user of another application.
pub(crate) const OTHER_USER: &str = "other";

/// A small number, so that it is soon exhausted.
const MAX_CONNECTIONS: u32 = 40;

/// A private server that the faults of one engine share, one after another.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    kind: ServerKind,
    server: Arc<Mutex<Server>>,
}

impl Host {
    pub(crate) async fn start(kind: ServerKind) -> Result<Self, String> {
        let setting = match kind {
            ServerKind::Postgres => format!("max_connections={MAX_CONNECTIONS}"),
            ServerKind::MariaDb => format!("max-connections={MAX_CONNECTIONS}"),
        };
        let server = blocking(move || {
            let options = Options {
                durable: false,
                settings: vec![setting],
            };
            let server = Server::start(kind, options)?;
            for user in [USER, OTHER_USER] {
                let sql = match kind {
                    ServerKind::Postgres => format!("CREATE ROLE {user} LOGIN PASSWORD '{user}'"),
                    ServerKind::MariaDb => {
                        format!("CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY '{user}'")
                    }
                };
                run_sql(server.url(), &sql)?;
            }
            Ok(server)
        })
        .await?;
        Ok(Self {
            kind,
            server: Arc::new(Mutex::new(server)),
        })
    }

    /// Does something to the server, on a thread that may wait.
    pub(crate) async fn control(
        &self,
        work: impl FnOnce(&mut Server) -> Result<(), ServerError> + Send + 'static,
    ) -> Result<(), String> {
        let server = Arc::clone(&self.server);
        blocking(move || work(&mut server.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    fn url(&self) -> ServerUrl {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.url().clone()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServerError> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}

/// A database of its own on a server.
#[derive(Debug)]
pub(crate) struct OnServer {
    pub(crate) host: Host,
    database: TestDatabase,
}

impl OnServer {
    pub(crate) async fn create(host: &Host) -> Result<Self, String> {
        let (url, kind) = (host.url(), host.kind);
        let database = blocking(move || {
            let database = TestDatabase::create(&url)?;
            let name = database.name();
            let statements = match kind {
                ServerKind::Postgres => vec![format!("ALTER DATABASE {name} OWNER TO {USER}")],
                ServerKind::MariaDb => [USER, OTHER_USER]
                    .map(|user| format!("GRANT ALL PRIVILEGES ON {name}.* TO '{user}'@'127.0.0.1'"))
                    .into(),
            };
            for sql in statements {
                run_sql(&url, &sql)?;
            }
            Ok(database)
        })
        .await?;
        Ok(Self {
            host: host.clone(),
            database,
        })
    }

    pub(crate) fn kind(&self) -> ServerKind {
        self.host.kind
    }

    pub(crate) fn name(&self) -> &str {
        self.database.name()
    }

    /// The port of the server itself.
    pub(crate) fn port(&self) -> u16 {
        self.database.url().port()
    }

    /// The address for the load, through a port.
    pub(crate) fn url(&self, port: u16) -> String {
        self.url_as(USER, port)
    }

    /// The address for a user, whose password is the name.
    pub(crate) fn url_as(&self, user: &str, port: u16) -> String {
        let (scheme, name) = (self.kind().name(), self.name());
        format!("{scheme}://{user}:{user}@127.0.0.1:{port}/{name}")
    }

    /// Runs SQL as the administrator, on the database itself.
    pub(crate) async fn sql(&self, text: impl Into<String>) -> Result<String, String> {
        let (url, text) = (self.database.url().clone(), text.into());
        blocking(move || run_sql(&url, &text)).await
    }

    /// Runs SQL as the administrator who is not in the database.
    ///
    /// Where every connection is taken, dials of others may for a moment take the administrator's
    /// as well, so it is tried for a while.
    async fn administer(&self, text: String) -> Result<String, String> {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let (url, text) = (self.host.url(), text.clone());
            match blocking(move || run_sql(&url, &text)).await {
                Err(problem) if problem.contains("oo many") && Instant::now() < until => {
                    sleep(Duration::from_millis(50)).await;
                }
                done => return done,
            }
        }
    }

    /// How many sessions the load still has.
    pub(crate) async fn sessions(&self) -> Result<usize, String> {
        let name = self.name();
        let text = match self.kind() {
            ServerKind::Postgres => format!(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = '{USER}' AND datname = '{name}'"
            ),
            ServerKind::MariaDb => format!(
                "SELECT count(*) FROM information_schema.processlist WHERE user = '{USER}' AND db = '{name}'"
            ),
        };
        let count = self.administer(text).await?;
        count
            .trim()
            .parse()
            .map_err(|_| format!("'{count}' is no count"))
    }

    /// Ends all sessions of the load, as an administrator may.
    pub(crate) async fn end_sessions(&self) -> Result<(), String> {
        let text = match self.kind() {
            ServerKind::Postgres => format!(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE usename = '{USER}' AND datname = '{}'",
                self.name()
            ),
            ServerKind::MariaDb => format!("KILL CONNECTION USER '{USER}'@'127.0.0.1'"),
        };
        self.administer(text).await.map(|_| ())
    }

    async fn snapshot(&self) -> Result<Snapshot, String> {
        let op = match self.kind() {
            ServerKind::Postgres => "op::text",
            ServerKind::MariaDb => "LOWER(HEX(op))",
        };
        let mut snapshot = Snapshot::default();
        for [key, version, hits] in rows(
            &self
                .sql(format!("SELECT {op}, version, hits FROM items"))
                .await?,
        )? {
            let item = (int(version)?, int(hits)?);
            snapshot.items.entry(uuid(key)?).or_default().push(item);
        }
        for [key] in rows(&self.sql(format!("SELECT {op} FROM events")).await?)? {
            *snapshot.events.entry(uuid(key)?).or_default() += 1;
        }
        let journal = format!("SELECT {op}, source, target, amount FROM journal");
        for [key, source, target, amount] in rows(&self.sql(journal).await?)? {
            let line = (uuid(key)?, int(source)?, int(target)?, int(amount)?);
            snapshot.journal.push(line);
        }
        for [id, balance] in rows(&self.sql("SELECT id, balance FROM accounts").await?)? {
            snapshot.accounts.insert(int(id)?, int(balance)?);
        }
        Ok(snapshot)
    }
}

impl Drop for OnServer {
    /// A run that is stopped in the middle of a fault must not wait for a frozen server before its
    /// database can be dropped.
    fn drop(&mut self) {
        if let Ok(server) = self.host.server.try_lock() {
            // One that does not run needs no thawing.
            let _ = server.thaw();
        }
    }
}

fn rows<const N: usize>(text: &str) -> Result<Vec<[&str; N]>, String> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            <[&str; N]>::try_from(cells).map_err(|_| format!("unexpected row '{line}'"))
        })
        .collect()
}

fn uuid(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| format!("'{text}' is no UUID"))
}

fn int(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("'{text}' is no number"))
}

/// A SQLite file.
#[derive(Debug)]
pub(crate) struct InFile {
    pub(crate) path: PathBuf,
    /// Removed at the end.
    _folder: TempDir,
}

impl InFile {
    pub(crate) fn create(under: Option<&Path>) -> Result<Self, String> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("mainstay-faults-");
        let folder = match under {
            Some(under) => builder.tempdir_in(under),
            None => builder.tempdir(),
        };
        let folder = folder.map_err(|error| format!("no temporary folder: {error}"))?;
        Ok(Self {
            path: folder.path().join("load.db"),
            _folder: folder,
        })
    }
}

/// What is in a SQLite file, also one whose writer was killed.
pub(crate) fn file_snapshot(path: &Path) -> Result<Snapshot, String> {
    let read = || -> rusqlite::Result<Snapshot> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        let mut snapshot = Snapshot::default();
        let mut items = connection.prepare("SELECT op, version, hits FROM items")?;
        let mut rows = items.query([])?;
        while let Some(row) = rows.next()? {
            let item = (row.get(1)?, row.get(2)?);
            snapshot
                .items
                .entry(cell_uuid(row, 0)?)
                .or_default()
                .push(item);
        }
        let mut events = connection.prepare("SELECT op FROM events")?;
        let mut rows = events.query([])?;
        while let Some(row) = rows.next()? {
            *snapshot.events.entry(cell_uuid(row, 0)?).or_default() += 1;
        }
        let mut journal = connection.prepare("SELECT op, source, target, amount FROM journal")?;
        let mut rows = journal.query([])?;
        while let Some(row) = rows.next()? {
            let line = (cell_uuid(row, 0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            snapshot.journal.push(line);
        }
        let mut accounts = connection.prepare("SELECT id, balance FROM accounts")?;
        let pairs = accounts.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        snapshot.accounts = pairs.collect::<rusqlite::Result<HashMap<i64, i64>>>()?;
        let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if check == "ok" {
            Ok(snapshot)
        } else {
            Err(rusqlite::Error::InvalidColumnName(check))
        }
    };
    read().map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

fn cell_uuid(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| rusqlite::Error::InvalidQuery)
}

/// Where the data is.
#[derive(Debug)]
pub(crate) enum Place {
    Server(Box<OnServer>),
    File(InFile),
}

impl Place {
    /// The server's side, for faults that only servers have.
    pub(crate) fn server(&self) -> Result<&OnServer, String> {
        match self {
            Self::Server(place) => Ok(place),
            Self::File(_) => Err("this fault needs a server".to_owned()),
        }
    }

    /// The file, for faults that only files have.
    pub(crate) fn file(&self) -> Result<&Path, String> {
        match self {
            Self::File(place) => Ok(&place.path),
            Self::Server(_) => Err("this fault needs a file".to_owned()),
        }
    }

    /// Waits until the sessions of a handle that was closed are gone, and says how many are not.
    pub(crate) async fn sessions_left(&self, limit: Duration) -> Result<usize, String> {
        let Self::Server(place) = self else {
            return Ok(0);
        };
        let until = Instant::now() + limit;
        loop {
            let count = place.sessions().await?;
            if count == 0 || Instant::now() >= until {
                return Ok(count);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn snapshot(&self) -> Result<Snapshot, String> {
        match self {
            Self::Server(place) => place.snapshot().await,
            Self::File(place) => {
                let path = place.path.clone();
                tokio::task::spawn_blocking(move || file_snapshot(&path))
                    .await
                    .map_err(|error| error.to_string())?
            }
        }
    }
}
