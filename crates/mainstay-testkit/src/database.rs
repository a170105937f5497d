//! A database of its own for each test, opened as a Mainstay handle.

use std::fmt;

use chrono::{DateTime, Utc};
use mainstay::config::{Config, ConfigLoader};
use mainstay::schema::ddl;
use mainstay::{Database, Error, ManualClock, Schema, SeededEntropy};
use tempfile::TempDir;

use crate::servers::{self, ServerKind, ServerUrl, TestDatabase};

/// The engines tests run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// SQLite, in a temporary folder.
    Sqlite,
    /// A private PostgreSQL server.
    Postgres,
    /// A private MariaDB server.
    MariaDb,
}

impl Engine {
    /// All engines.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MariaDb];

    /// The server the engine needs, if it needs one.
    pub fn server(self) -> Option<ServerKind> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(ServerKind::Postgres),
            Self::MariaDb => Some(ServerKind::MariaDb),
        }
    }

    /// Whether tests of this run leave SQLite out; servers are asked about by
    /// [`servers::require`].
    fn is_left_out(self) -> bool {
        self == Self::Sqlite
            && std::env::var(servers::ENGINES_VARIABLE)
                .is_ok_and(|list| !list.split(',').any(|name| name.trim() == "sqlite"))
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
        })
    }
}

/// What can be chosen about a [`Fixture`].
#[derive(Debug, Clone)]
pub struct FixtureOptions {
    /// What the clock shows at first.
    pub now: DateTime<Utc>,
    /// What the identifiers are made from.
    pub seed: u64,
    /// Settings by their keys, over those of the profile `test`.
    pub settings: Vec<(String, String)>,
}

impl Default for FixtureOptions {
    fn default() -> Self {
        Self {
            now: DateTime::from_timestamp(1_717_243_200, 0).unwrap_or_default(),
            seed: 1,
            settings: Vec::new(),
        }
    }
}

impl FixtureOptions {
    /// Adds a setting.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((key.into(), value.into()));
        self
    }
}

/// Where the data is. Dropping it removes the data.
#[derive(Debug)]
enum Place {
    Folder(TempDir),
    Server(Box<TestDatabase>),
}

/// An empty database with the tables of a schema, its handle, and the clock the handle reads.
///
/// Dropping it removes the database, also while a panic unwinds. That blocks for as long as the
/// engine's own client takes.
#[derive(Debug)]
pub struct Fixture {
    engine: Engine,
    // Before the place: a handle must not outlive its database.
    db: Database,
    schema: Schema,
    clock: ManualClock,
    options: FixtureOptions,
    place: Place,
}

impl Fixture {
    /// Makes a database on an engine with the tables of `schema`, or `None` when the engine cannot
    /// be had, which [`servers::require`] has said then.
    ///
    /// # Panics
    /// When the database cannot be made: a test that does not run must not look like one that
    /// passed.
    pub async fn create(engine: Engine, schema: Schema, options: FixtureOptions) -> Option<Self> {
        if engine.is_left_out() {
            return None;
        }
        let place = match engine.server() {
            None => Place::Folder(tempfile::tempdir().unwrap_or_else(|error| {
                panic!("no temporary folder for a test database: {error}")
            })),
            Some(kind) => {
                let made = tokio::task::spawn_blocking(move || {
                    servers::require(kind).map(|url| TestDatabase::create(&url))
                });
                let made = made.await.unwrap_or_else(|error| panic!("{error}"))?;
                Place::Server(Box::new(made.unwrap_or_else(|error| panic!("{error}"))))
            }
        };
        let clock = ManualClock::new(options.now);
        let opened = open(&place, &schema, &clock, &options).await;
        let db = opened.unwrap_or_else(|error| panic!("no handle on the test database: {error}"));
        let statements = ddl::create_all(db.dialect(), &schema)
            .unwrap_or_else(|error| panic!("the tables of the test cannot be made: {error}"));
        for sql in statements {
            db.script(sql.clone())
                .await
                .unwrap_or_else(|error| panic!("refused: {sql}: {error}"));
        }
        Some(Self {
            engine,
            db,
            schema,
            clock,
            options,
            place,
        })
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The handle.
    pub fn db(&self) -> &Database {
        &self.db
    }

    /// The clock the handles read.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The address of the database on its server; `None` for SQLite.
    pub fn server_url(&self) -> Option<&ServerUrl> {
        match &self.place {
            Place::Folder(_) => None,
            Place::Server(database) => Some(database.url()),
        }
    }

    /// The configuration of the handle with further settings.
    ///
    /// # Panics
    /// When a setting is wrong.
    pub fn config(&self, settings: &[(&str, &str)]) -> Config {
        let loaded = self.loader(settings).load();
        loaded.unwrap_or_else(|error| panic!("the settings of the test are wrong: {error}"))
    }

    /// The same, before it is loaded.
    pub fn loader(&self, settings: &[(&str, &str)]) -> ConfigLoader {
        settings.iter().fold(
            loader(&self.place, &self.options),
            |loader, (key, value)| loader.set(*key, *value),
        )
    }

    /// A further handle on the same database and clock, with a pool and settings of its own.
    ///
    /// # Errors
    /// Those of [`Builder::open`](mainstay::database::Builder::open).
    pub async fn open(&self, settings: &[(&str, &str)]) -> Result<Database, Error> {
        let mut options = self.options.clone();
        // Another seed: two handles must not make the same identifiers.
        options.seed ^= 0x5555_5555;
        for (key, value) in settings {
            options = options.set(*key, *value);
        }
        open(&self.place, &self.schema, &self.clock, &options).await
    }
}

fn loader(place: &Place, options: &FixtureOptions) -> ConfigLoader {
    let mut loader = ConfigLoader::new().env([("MAINSTAY_ENV", "test")]);
    loader = match place {
        Place::Folder(folder) => loader
            .set("url", format!("sqlite:{}/test.db", folder.path().display()))
            // Nothing is tested here that a power cut could show.
            .set("sqlite.synchronous", "normal"),
        Place::Server(database) => {
            let url = database.url();
            let loader = loader.set("url", url.as_str());
            match url.ca() {
                Some(ca) => loader
                    .set("tls", "require")
                    .set("tls_ca_file", ca.display().to_string()),
                None => loader,
            }
        }
    };
    for (key, value) in &options.settings {
        loader = loader.set(key, value);
    }
    loader
}

async fn open(
    place: &Place,
    schema: &Schema,
    clock: &ManualClock,
    options: &FixtureOptions,
) -> Result<Database, Error> {
    let config = loader(place, options).load()?;
    let mut builder = Database::builder()
        .schema(schema.clone())
        .clock(clock.clone())
        .entropy(SeededEntropy::new(options.seed));
    if matches!(place, Place::Folder(_)) {
        builder = builder.create_if_missing();
    }
    builder.open(&config).await
}
