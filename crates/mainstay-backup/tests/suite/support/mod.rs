//! A database with a load of writes on it, and what its clients know.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::config::ConfigLoader;
use mainstay::{Clock, Config, Database, SystemClock};
use mainstay_backup::Backups;
use mainstay_backup::target::Target;
use mainstay_testkit::Engine;
use mainstay_testkit::servers::{self, Options, Server, ServerKind, ServerUrl, TestDatabase};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A database of one test, the folder its backups go to, and what is left of it at the end.
pub(crate) struct Scene {
    pub(crate) engine: Engine,
    pub(crate) config: Config,
    folder: TempDir,
    // Removed with the value, whatever has become of it.
    server: Option<(ServerUrl, TestDatabase)>,
    /// The server of this test alone, if it has one.
    /// Held, so that it runs as long as the scene is looked at.
    _own: Option<Server>,
}

impl Scene {
    /// With the tables of the load, or `None` where there is no such server.
    pub(crate) async fn new(engine: Engine) -> Option<Self> {
        let scene = Self::empty(engine)?;
        scene.make_tables().await;
        Some(scene)
    }

    async fn make_tables(&self) {
        let db = self.open().await;
        for sql in [
            "CREATE TABLE entries (id VARCHAR(40) NOT NULL PRIMARY KEY, body VARCHAR(200) NOT NULL)",
            "CREATE TABLE accounts (id INTEGER NOT NULL PRIMARY KEY, amount INTEGER NOT NULL)",
            "INSERT INTO accounts (id, amount) VALUES (1, 1000), (2, 1000)",
        ] {
            db.script(sql).await.expect("the tables of the load");
        }
        close(db).await;
    }

    pub(crate) fn empty(engine: Engine) -> Option<Self> {
        let server = match engine.server() {
            None => None,
            Some(kind) => Some(servers::require(kind)?),
        };
        Some(Self::on(engine, server, None))
    }

    /// On a server of its own, whose log can be followed.
    pub(crate) async fn with_log(engine: Engine) -> Option<Self> {
        let scene = match engine.server() {
            None => Self::on(engine, None, None),
            Some(kind) => {
                servers::require(kind)?;
                let settings: &[&str] = match kind {
                    ServerKind::Postgres => &["max_wal_senders=8"],
                    ServerKind::MariaDb => &["log-bin=bin", "binlog-format=ROW", "server-id=1"],
                };
                let options = Options {
                    settings: settings.iter().map(|one| (*one).to_owned()).collect(),
                    ..Options::default()
                };
                let own = Server::start(kind, options).expect("a server");
                if kind == ServerKind::Postgres {
                    let access = own.folder().join("pg_hba.conf");
                    let rules = std::fs::read_to_string(&access).expect("rules");
                    let more = "host replication all 127.0.0.1/32 scram-sha-256\n";
                    std::fs::write(&access, rules + more).expect("written");
                    servers::run_sql(own.url(), "SELECT pg_reload_conf()").expect("read");
                }
                Self::on(engine, Some(own.url().clone()), Some(own))
            }
        };
        scene.make_tables().await;
        Some(scene)
    }

    fn on(engine: Engine, server: Option<ServerUrl>, own: Option<Server>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = server.map(|server| {
            let database = TestDatabase::create(&server).expect("a database");
            (server, database)
        });
        let url = match &server {
            None => format!("sqlite:{}", folder.path().join("app.db").display()),
            Some((_, database)) => database.url().as_str().to_owned(),
        };
        Self {
            engine,
            config: config(&url),
            folder,
            server,
            _own: own,
        }
    }

    /// How a server of this machine on another port is reached, as this one's user.
    pub(crate) fn beside(&self, port: u16) -> Config {
        let (server, database) = self.server.as_ref().expect("a server");
        let scheme = server.kind().name();
        let (user, password) = (server.user(), server.password());
        let name = database.name();
        ConfigLoader::new()
            .set(
                "url",
                format!("{scheme}://{user}:{password}@127.0.0.1:{port}/{name}"),
            )
            .set("tls", "disable")
            .load()
            .expect("valid")
    }

    /// A database of the server that is always there; `None` where there is no server.
    pub(crate) fn of_server(&self) -> Option<Config> {
        let name = match self.engine {
            Engine::Sqlite => return None,
            Engine::Postgres => "postgres",
            Engine::MariaDb => "information_schema",
        };
        let (server, _) = self.server.as_ref()?;
        Some(config(server.with_database(name).as_str()))
    }

    /// On each engine there is.
    pub(crate) async fn all() -> Vec<Self> {
        let mut out = Vec::new();
        for engine in Engine::ALL {
            out.extend(Self::new(engine).await);
        }
        out
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn backups_folder(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    pub(crate) fn backups(&self) -> Backups {
        let folder = self.backups_folder();
        std::fs::create_dir_all(&folder).expect("a folder");
        let target =
            Target::parse(&folder.display().to_string(), &HashMap::new()).expect("a target");
        Backups::of(&self.config, target)
            .label("app")
            .expect("a label")
    }

    pub(crate) async fn open(&self) -> Database {
        open(&self.config).await
    }

    /// Takes the database away, as a lost disk would.
    pub(crate) fn destroy(&self) {
        match &self.server {
            None => {
                for ending in ["", "-wal", "-shm"] {
                    let path = self
                        .config
                        .url
                        .path()
                        .expect("a file")
                        .display()
                        .to_string();
                    let _ = std::fs::remove_file(format!("{path}{ending}"));
                }
            }
            Some((server, database)) => {
                servers::drop_database(server, database.name()).expect("dropped");
            }
        }
    }

    /// Removes a database that a restore kept aside.
    pub(crate) fn remove_kept(&self, name: &str) {
        match &self.server {
            None => std::fs::remove_file(name).expect("the kept file"),
            Some((server, _)) => servers::drop_database(server, name).expect("dropped"),
        }
    }

    /// Removes everything of this test but its database.
    pub(crate) fn remove_all_kept(&self) {
        let own = match &self.server {
            None => "app.db".to_owned(),
            Some((_, database)) => database.name().to_owned(),
        };
        for name in self.names().into_iter().filter(|name| *name != own) {
            match &self.server {
                None => std::fs::remove_file(self.folder.path().join(name)).expect("removed"),
                Some((server, _)) => servers::drop_database(server, &name).expect("dropped"),
            }
        }
    }

    /// The address, with its password.
    pub(crate) fn url(&self) -> String {
        match &self.server {
            None => self.config.url.to_string(),
            Some((_, database)) => database.url().as_str().to_owned(),
        }
    }

    /// Opens the database, which must be there.
    pub(crate) async fn open_existing(&self) -> Database {
        Database::builder()
            .require_database(true)
            .open(&self.config)
            .await
            .expect("the database is there")
    }

    /// The names of the databases, or files of databases, that belong to this test.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut out: Vec<String> = match &self.server {
            None => std::fs::read_dir(self.folder.path())
                .expect("a folder")
                .map(|entry| {
                    entry
                        .expect("an entry")
                        .file_name()
                        .to_string_lossy()
                        .into_owned()
                })
                .filter(|name| {
                    name != "backups" && !name.ends_with("-wal") && !name.ends_with("-shm")
                })
                .collect(),
            Some((server, database)) => {
                let sql = match self.engine {
                    Engine::Postgres => "SELECT datname FROM pg_database",
                    _ => "SELECT schema_name FROM information_schema.schemata",
                };
                let all = servers::run_sql(server, sql).expect("the names");
                all.lines()
                    .filter(|name| name.contains(database.name()))
                    .map(|name| name.trim().to_owned())
                    .collect()
            }
        };
        out.sort();
        out
    }
}

pub(crate) fn config(url: &str) -> Config {
    ConfigLoader::new()
        .set("url", url)
        .load()
        .expect("the test's configuration is valid")
}

pub(crate) async fn open(config: &Config) -> Database {
    Database::builder()
        .create_if_missing()
        .open(config)
        .await
        .expect("the test database opens")
}

pub(crate) async fn close(db: Database) {
    db.close(Duration::from_secs(10))
        .await
        .expect("the handle closes");
}

/// One write, as its client saw it.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) id: String,
    pub(crate) begun_at: DateTime<Utc>,
    pub(crate) acknowledged_at: DateTime<Utc>,
}

/// Clients that write until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Written>>>,
    db: Database,
}

const CLIENTS: usize = 6;

impl Load {
    pub(crate) async fn start(scene: &Scene) -> Self {
        let db = scene.open().await;
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS).map(|client| {
            let (db, stop) = (db.clone(), stop.clone());
            tokio::spawn(async move { write(&db, client, &stop).await })
        });
        Self {
            clients: clients.collect(),
            stop,
            db,
        }
    }

    pub(crate) async fn stop(self) -> Vec<Written> {
        self.stop.store(true, Ordering::Relaxed);
        let mut out = Vec::new();
        for client in self.clients {
            out.extend(client.await.expect("the client ends"));
        }
        close(self.db).await;
        out
    }
}

/// Inserts rows one after the other, and moves amounts between the two accounts.
async fn write(db: &Database, client: usize, stop: &AtomicBool) -> Vec<Written> {
    let clock = SystemClock;
    let mut out = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("{client}-{number:06}");
        let begun_at = clock.now();
        let body = format!("body of {id}: 'quoted', \\ and \u{1F980}\n");
        let written = db
            .transaction({
                let id = id.clone();
                move |tx| {
                    let (id, body) = (id.clone(), body.clone());
                    async move {
                        tx.sql("UPDATE accounts SET amount = amount - 1 WHERE id = 1")
                            .execute()
                            .await?;
                        tx.sql("INSERT INTO entries (id, body) VALUES (?, ?)")
                            .bind(id)
                            .bind(body)
                            .execute()
                            .await?;
                        tx.sql("UPDATE accounts SET amount = amount + 1 WHERE id = 2")
                            .execute()
                            .await?;
                        Ok::<_, mainstay::Error>(())
                    }
                }
            })
            .await;
        written.expect("the write is acknowledged");
        out.push(Written {
            id,
            begun_at,
            acknowledged_at: clock.now(),
        });
    }
    out
}

/// What a database holds of the load, checked for what must always be so: no client's writes have a
/// hole, and no transfer is half there.
pub(crate) async fn held(db: &Database) -> Vec<String> {
    let rows = db
        .sql("SELECT id, body FROM entries ORDER BY id")
        .fetch_with(|row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))
        .await
        .expect("the rows");
    for (id, body) in &rows {
        assert_eq!(*body, format!("body of {id}: 'quoted', \\ and \u{1F980}\n"));
    }
    let ids: Vec<String> = rows.into_iter().map(|(id, _)| id).collect();
    for client in 0..CLIENTS {
        let of_client = ids
            .iter()
            .filter(|id| id.starts_with(&format!("{client}-")));
        for (number, id) in of_client.enumerate() {
            assert_eq!(*id, format!("{client}-{number:06}"), "a hole");
        }
    }
    let amounts = db
        .sql("SELECT amount FROM accounts ORDER BY id")
        .fetch_with(|row| row.get::<i32>(0))
        .await
        .expect("the accounts");
    let moved = i32::try_from(ids.len()).expect("not so many");
    assert_eq!(amounts, [1000 - moved, 1000 + moved], "a half transfer");
    ids
}

/// Compares what was restored with what the clients know of a moment.
pub(crate) fn compare(
    held: &[String],
    written: &[Written],
    taken_at: DateTime<Utc>,
    done_at: DateTime<Utc>,
) {
    let before = written.iter().filter(|one| one.acknowledged_at < taken_at);
    for one in before {
        assert!(
            held.contains(&one.id),
            "acknowledged before {taken_at} and missing: {one:?}"
        );
    }
    let after = written.iter().filter(|one| one.begun_at > done_at);
    for one in after {
        assert!(
            !held.contains(&one.id),
            "begun after the backup and there: {one:?}"
        );
    }
    let known = held
        .iter()
        .all(|id| written.iter().any(|one| one.id == *id));
    assert!(known, "what nobody wrote");
}
