//! Opening a handle.

use std::sync::Arc;

use super::{Database, Shared, Timeouts};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError, StatementLog};
use crate::driver::{Driver, connect};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Pool, PoolOptions};
use crate::schema::Schema;

/// What a handle is opened with. Everything has a default.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(crate) schema: Schema,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    create: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            schema: Schema::new(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            create: false,
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

    /// Opens the database of a configuration and makes the pool's minimum of connections.
    ///
    /// # Errors
    /// Those of the driver: the server cannot be reached, refuses the user, lacks the database;
    /// the file is missing, damaged or locked. Each says what to do next.
    pub async fn open(self, config: &Config) -> Result<Database> {
        if self.create {
            connect::create_if_missing(config).await?;
        }
        let driver = connect::open(config).await?;
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
        let pool = Pool::new(Arc::clone(&driver), pool, Arc::clone(&self.entropy));
        pool.warm().await?;
        let Self {
            schema,
            clock,
            entropy,
            ..
        } = self;
        Ok(Database {
            shared: Arc::new(Shared {
                driver,
                pool,
                schema,
                clock,
                entropy,
                timeouts,
                log_statements,
            }),
        })
    }
}

fn pool_options(config: &Config) -> PoolOptions {
    PoolOptions {
        max: config.pool.max as usize,
        min: config.pool.min as usize,
        acquire: config.timeouts.acquire,
        connect: config.timeouts.connect,
        idle: config.timeouts.idle,
        lifetime: config.timeouts.lifetime,
        lifetime_jitter: f64::from(config.timeouts.lifetime_jitter.0) / 100.0,
        health_check_after: config.timeouts.health_check,
        ..PoolOptions::default()
    }
}
