//! Opening a handle.

use std::sync::Arc;

use super::{Database, Shared, Timeouts};
use crate::clock::{Clock, SystemClock};
use crate::driver::Driver;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::Result;
use crate::pool::{Pool, PoolOptions};
use crate::schema::Schema;

/// What a handle is opened with. Everything has a default.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(crate) schema: Schema,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            schema: Schema::new(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
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
