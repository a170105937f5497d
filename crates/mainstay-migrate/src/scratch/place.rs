//! Where scratch databases are made, and what was left over there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::config::{DatabaseUrl, Synchronous};
use mainstay::database::admin;
use mainstay::{
    Clock, Config, Database, Entropy, Error, ErrorKind, Result, SystemClock, SystemEntropy,
};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::made::{Kind, MARK, Remains, Scratch, empty, prepared};
use super::name;
use crate::catalog::{self, Catalog};
use crate::dialect::Sql;
use crate::history::{TABLE, table_exists};

/// For so long, what is in a database that was given may be in use by another run.
const IN_USE: TimeDelta = TimeDelta::minutes(10);

/// Where throw-away databases are made.
///
/// ```
/// # use mainstay::{Database, config::ConfigLoader};
/// # use mainstay_migrate::scratch::Place;
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = ConfigLoader::new().set("url", "sqlite:app.db").load()?;
/// let scratch = Place::beside(&config).make(None).await?;
/// scratch.database()?.script("CREATE TABLE notes (id BIGINT PRIMARY KEY)").await?;
/// scratch.remove().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Place {
    config: Config,
    given: bool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Others hold it while something of theirs is to be removed.
    token: Arc<()>,
}

/// A scratch database whose program was killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOver {
    /// Its name; a folder's path on SQLite.
    pub name: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
}

impl Place {
    /// Beside the database of a configuration: a new database on the same server, reached in the
    /// same way; a file in the folder for temporary files on SQLite.
    pub fn beside(config: &Config) -> Self {
        Self {
            config: config.clone(),
            given: false,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            token: Arc::new(()),
        }
    }

    /// The database of this configuration, which must be empty and is empty again afterwards: for
    /// users without the right to make databases. One is made in it at a time.
    pub fn given(config: &Config) -> Self {
        Self {
            given: true,
            ..Self::beside(config)
        }
    }

    /// The clock by which age is told.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The source of randomness from which names come.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Makes an empty database. What tables are made by in the database `like` (character set and
    /// collation, or the schema in which they are made) is the same in it.
    ///
    /// # Errors
    /// `ACCESS_DENIED` when the user may not make databases; those of connecting.
    /// `CONFIGURATION_ERROR` when the one that was given is not empty or is in use.
    pub async fn make(&self, like: Option<&Database>) -> Result<Scratch> {
        let name = name::new(self.clock.now(), self.entropy.as_ref());
        let mut config = self.config.clone();
        config.pool.min = 0;
        // Migrating needs two.
        config.pool.max = config.pool.max.clamp(2, 4);
        if self.given {
            return self.take_given(config).await;
        }
        let (kind, name) = match config.url.path() {
            Some(_) => {
                let folder = std::env::temp_dir().join(&name);
                let file = folder.join("scratch.db");
                config.url = DatabaseUrl::sqlite(&file);
                config.sqlite.synchronous = Synchronous::Normal;
                (Kind::File(folder), file.display().to_string())
            }
            None => {
                config.url = config.url.with_database(&name);
                (Kind::Server, name)
            }
        };
        if let Kind::File(folder) = &kind {
            make_folder(folder)?;
        }
        let scratch = Scratch::begin(name.clone(), self.remains(kind, &config));
        match fill(&config, &name, like).await {
            Ok(db) => Ok(scratch.opened(db)),
            Err(error) => {
                // The first error says more.
                let _ = scratch.remove().await;
                Err(may_not(error, &name))
            }
        }
    }

    async fn take_given(&self, config: Config) -> Result<Scratch> {
        let name = config.url.to_string();
        let mut builder = Database::builder();
        if config.url.path().is_some() {
            builder = builder.create_if_missing();
        }
        let db = builder.open(&config).await?;
        let now = self.clock.now();
        match take(&db, now).await {
            Ok(was) => {
                let remains = self.remains(Kind::Given(Box::new(was)), &config);
                Ok(Scratch::begin(name, remains).opened(db))
            }
            Err(error) => {
                let _ = db.close(Duration::from_secs(5)).await;
                let detail = format!("the scratch database {name}: {}", error.detail());
                let hint = error.hint().unwrap_or_default().to_owned();
                Err(Error::new(error.kind(), detail)
                    .with_hint(hint)
                    .with_source(error))
            }
        }
    }

    fn remains(&self, kind: Kind, config: &Config) -> Remains {
        Remains {
            kind,
            config: config.clone(),
            _token: Arc::clone(&self.token),
        }
    }

    /// What programs that were killed have left over here: an hour old or more. `db` is any
    /// database of the server. Reads only.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn left_overs(&self, db: &Database) -> Result<Vec<LeftOver>> {
        let now = self.clock.now();
        let sql = Sql::of(db.dialect()).scratch_databases;
        let names: Vec<String> = match sql.is_empty() {
            true => folders(&std::env::temp_dir()),
            false => db.sql(sql).fetch_with(|row| row.get(0)).await?,
        };
        let mut found: Vec<LeftOver> = names
            .into_iter()
            .filter_map(|name| {
                let made_at = name::left_since(name.rsplit(['/', '\\']).next()?, now)?;
                Some(LeftOver { name, made_at })
            })
            .collect();
        found.sort_by_key(|one| one.made_at);
        Ok(found)
    }

    /// Waits until everything that was made here is removed, for so long at most. Says whether it
    /// is.
    pub async fn settle(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while Arc::strong_count(&self.token) > 1 {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(Duration::from_millis(20)).await;
        }
        true
    }
}

/// Makes the database and opens it.
async fn fill(config: &Config, name: &str, like: Option<&Database>) -> Result<Database> {
    admin::create_if_missing(config).await?;
    let settings = match like {
        Some(like) => settings(like, name).await?,
        None => Vec::new(),
    };
    let open = || Database::builder().open(config);
    if settings.is_empty() {
        return open().await;
    }
    let db = open().await?;
    let mut set = Ok(());
    for sql in settings {
        set = db.script(sql).await;
        if set.is_err() {
            break;
        }
    }
    // They hold for connections made after them.
    db.close(Duration::from_secs(5)).await?;
    set?;
    open().await
}

/// The statements that make a new database like another one in what tables are made by.
async fn settings(like: &Database, name: &str) -> Result<Vec<String>> {
    let sql = Sql::of(like.dialect()).scratch_settings;
    if sql.is_empty() {
        return Ok(Vec::new());
    }
    // The name has only letters, digits and underscores.
    let sql = sql.replace("{name}", name);
    like.sql(sql).fetch_with(|row| row.get(0)).await
}

/// Takes a database that was given into use, and returns what it was prepared with.
async fn take(db: &Database, now: DateTime<Utc>) -> Result<Catalog> {
    let wrong = |what: String| Error::new(ErrorKind::Configuration, what);
    if table_exists(db, MARK).await? {
        let since: Vec<DateTime<Utc>> = db
            .sql(format!("SELECT since FROM {MARK}"))
            .fetch_with(|row| {
                let text: String = row.get(0)?;
                DateTime::parse_from_rfc3339(&text)
                    .map(|at| at.to_utc())
                    .map_err(Error::unexpected)
            })
            .await?;
        if let Some(since) = since.into_iter().find(|since| now - *since < IN_USE) {
            return Err(
                wrong(format!("another run has been using it since {since}")).with_hint(format!(
                    "wait for it; if it was killed, drop the table {MARK} and all others in it, \
                     or wait ten minutes"
                )),
            );
        }
        // Left over by a program that was killed: its content was to be thrown away.
        let there = catalog::read(db).await?;
        empty(db, &prepared(&there)).await?;
    }
    let there = catalog::read(db).await?;
    let was = prepared(&there);
    let objects = there.tables.iter().map(|table| &table.name);
    let objects = objects.chain(there.views.iter().map(|view| &view.name));
    let others = there.others.iter().filter(|one| !was.others.contains(one));
    let objects = objects.chain(others.map(|other| &other.name));
    let mut names: Vec<&str> = objects.map(String::as_str).collect();
    if table_exists(db, TABLE).await? {
        names.push(TABLE);
    }
    if let Some(first) = names.first() {
        return Err(wrong(format!("it is not empty, it has {first}"))
            .with_hint("name an empty database that nothing else uses: what is in it is dropped"));
    }
    db.script(format!("CREATE TABLE {MARK} (since VARCHAR(40) NOT NULL)"))
        .await?;
    db.sql(format!("INSERT INTO {MARK} VALUES (?)"))
        .bind(now.to_rfc3339())
        .execute()
        .await?;
    Ok(was)
}

/// Says what a user can do who may not make databases.
fn may_not(error: Error, name: &str) -> Error {
    let kinds = [ErrorKind::AccessDenied, ErrorKind::CredentialsRefused];
    if !kinds.contains(&error.kind()) {
        return error;
    }
    Error::new(
        error.kind(),
        format!(
            "the scratch database {name} cannot be made: {}",
            error.detail()
        ),
    )
    .with_hint(
        "give the user the right to create databases, or name an empty database that it may use \
         instead: --scratch URL",
    )
    .with_source(error)
}

/// A folder that only this user can look into.
fn make_folder(folder: &Path) -> Result<()> {
    #[allow(unused_mut, reason = "changed where folders have modes")]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| {
        Error::new(
            ErrorKind::Configuration,
            format!(
                "cannot make the folder {} for a scratch database: {source}",
                folder.display()
            ),
        )
        .with_hint("set TMPDIR to a folder in which files can be made")
        .with_source(source)
    })
}

/// The folders of scratch databases.
fn folders(within: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(within) else {
        return Vec::new();
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let ours = paths.filter(|path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(name::PREFIX))
    });
    ours.map(|path| path.display().to_string()).collect()
}
