//! Opening a handle.

use std::num::NonZero;
use std::sync::Arc;

use super::coalesce::Lanes;
use super::guard::{Guards, Resilience};
use super::scans::Scans;
use super::stale::Store;
use super::writer_queue::WriterQueue;
use super::{Database, Shared, Timeouts};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError, StatementLog};
use crate::driver::{Driver, connect};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Pool, PoolOptions};
use crate::resilience::last_known;
use crate::schema::Schema;
use crate::transaction::ledger::Ledger;

/// What a handle is opened with. Everything has a default.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(crate) schema: Schema,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    create: bool,
    coalesce: bool,
    resilience: Option<Resilience>,
    stale: Option<last_known::Options>,
    require_database: Option<bool>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            schema: Schema::new(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            create: false,
            coalesce: true,
            resilience: None,
            stale: None,
            require_database: None,
        }
    }
}

impl Database {
    /// Starts opening a handle: tables, clock and randomness can be set.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Opens the database of a configuration with the defaults of [`Builder`].
    ///
    /// # Errors
    /// As [`Builder::open`].
    #[doc(alias = "createPrismaClient")]
    #[doc(alias = "$connect")]
    pub async fn open(config: &Config) -> Result<Self> {
        Builder::default().open(config).await
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(ErrorKind::Configuration, error.to_string()).with_source(error)
    }
}

impl Builder {
    /// The tables of the application. With them errors name table, constraint and columns.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self
    }

    /// The clock from which timestamps come.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The source of randomness from which identifiers and jitter come.
    #[must_use]
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Arc::new(entropy);
        self
    }

    /// Creates the database first if it is missing, where the user may.
    #[must_use]
    pub fn create_if_missing(mut self) -> Self {
        self.create = true;
        self
    }

    /// Sends every call by itself, whatever the configuration says: concurrent calls are not
    /// joined into one statement.
    #[must_use]
    pub fn no_coalesce(mut self) -> Self {
        self.coalesce = false;
        self
    }

    /// How the handle behaves when the database is in trouble, instead of what the configuration
    /// says.
    #[must_use]
    pub fn resilience(mut self, resilience: Resilience) -> Self {
        self.resilience = Some(resilience);
        self
    }

    /// What is remembered for reads with `or_stale()`, instead of what the configuration says.
    #[must_use]
    pub fn stale(mut self, stale: last_known::Options) -> Self {
        self.stale = Some(stale);
        self
    }

    /// Whether the database must be there when the handle is opened, instead of what
    /// `startup.require_database` says.
    ///
    /// With `false`, a server that cannot be reached is no error: the handle opens, its
    /// [status](Database::status) says that the database has never been reached, calls are refused
    /// at once with `CIRCUIT_OPEN`, and work as soon as the server has come. A missing SQLite file
    /// and refused credentials are errors all the same.
    #[must_use]
    pub fn require_database(mut self, required: bool) -> Self {
        self.require_database = Some(required);
        self
    }

    /// Opens the database of a configuration and makes the pool's minimum of connections.
    ///
    /// # Errors
    /// Those of the driver: the server cannot be reached, refuses the user, lacks the database;
    /// the file is missing, damaged or locked. Each says what to do next.
    pub async fn open(mut self, config: &Config) -> Result<Database> {
        self.coalesce &= config.coalesce;
        self.resilience.get_or_insert_with(|| resilience(config));
        self.stale.get_or_insert_with(|| stale(config));
        let required = self
            .require_database
            .unwrap_or(config.startup.require_database);
        if self.create {
            match connect::create_if_missing(config).await {
                Err(error) if !required && connect::may_come(&error) => {}
                created => {
                    created?;
                }
            }
        }
        let driver = connect::open(config, required).await?;
        let timeouts = Timeouts {
            statement: config.timeouts.statement,
            transaction: config.timeouts.transaction,
        };
        let log_all = config.log.statements == StatementLog::All;
        self.open_driver(driver, pool_options(config), timeouts, log_all)
            .await
    }

    /// Opens a handle over a driver.
    ///
    /// # Errors
    /// The driver's error when the pool's minimum cannot be reached.
    pub async fn open_driver(
        self,
        driver: Arc<dyn Driver>,
        pool: PoolOptions,
        timeouts: Timeouts,
        log_statements: bool,
    ) -> Result<Database> {
        let connections = pool.max;
        let writer_queue = Arc::new(WriterQueue::new(&pool));
        let pool = Pool::new(Arc::clone(&driver), pool, Arc::clone(&self.entropy));
        let not_reached = driver.not_reached();
        if not_reached.is_none() {
            pool.warm().await?;
        }
        let Self {
            schema,
            clock,
            entropy,
            coalesce,
            resilience,
            stale,
            ..
        } = self;
        let has_writer = driver.writer().is_some();
        let resilience = resilience.unwrap_or_default();
        let guards = Guards::new(resilience, has_writer, Arc::clone(&entropy));
        if let Some(error) = not_reached {
            guards.start_open(&error);
        }
        let scans = driver.capabilities().in_process.then(|| {
            let cores = std::thread::available_parallelism();
            Scans::new(cores.map_or(1, NonZero::get), connections)
        });
        Ok(Database {
            shared: Arc::new(Shared {
                driver,
                pool,
                writer_queue,
                schema,
                texts: super::texts::Texts::default(),
                clock,
                entropy,
                timeouts,
                guards,
                scans,
                log_statements,
                coalesce,
                lanes: Lanes::default(),
                ledger: Ledger::default(),
                stale: Store::new(stale.unwrap_or_default()),
            }),
        })
    }
}

fn resilience(config: &Config) -> Resilience {
    let default = Resilience::default();
    Resilience {
        retry: config.resilience.retry,
        patience: config.resilience.patience,
        breaker: default.breaker.filter(|_| config.resilience.breaker),
        slow_after: config.log.slow_after,
        ..default
    }
}

fn stale(config: &Config) -> last_known::Options {
    last_known::Options {
        capacity: config.stale.capacity as usize,
        max_age: config.stale.max_age,
        patience: config.stale.patience,
    }
}

fn pool_options(config: &Config) -> PoolOptions {
    PoolOptions {
        max: config.pool.max as usize,
        min: config.pool.min as usize,
        max_waiting: config.pool.max_waiting as usize,
        shed_target: config.pool.shed_target,
        shed_interval: config.pool.shed_interval,
        leak_after: config.pool.leak_after,
        reclaim_leaks: config.pool.reclaim_leaks,
        acquire: config.timeouts.acquire,
        connect: config.timeouts.connect,
        idle: config.timeouts.idle,
        lifetime: config.timeouts.lifetime,
        lifetime_jitter: f64::from(config.timeouts.lifetime_jitter.0) / 100.0,
        health_check_after: config.timeouts.health_check,
        ..PoolOptions::default()
    }
}
