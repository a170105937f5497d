//! PostgreSQL from a configuration.

use std::sync::Arc;
use std::time::Duration;

use super::{PostgresDriver, PostgresOptions, admin};
use crate::config::Config;
use crate::driver::{BoxFuture, Driver, connect};
use crate::error::Result;

/// How many prepared statements each connection keeps.
const STATEMENT_CACHE: usize = 256;

/// PostgreSQL.
pub(in crate::driver) struct Backend;

impl connect::Backend for Backend {
    fn open<'a>(
        &self,
        config: &'a Config,
        required: bool,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Arc<dyn Driver>>> {
        Box::pin(async move {
            let driver = PostgresDriver::open(options(config), limit, required).await?;
            Ok(Arc::new(driver) as Arc<dyn Driver>)
        })
    }

    fn create_if_missing<'a>(&self, config: &'a Config) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            admin::create_database_if_missing(&options(config), config.timeouts.connect).await
        })
    }

    fn drop_if_exists<'a>(&self, config: &'a Config) -> BoxFuture<'a, Result<bool>> {
        Box::pin(
            async move { admin::drop_database(&options(config), config.timeouts.connect).await },
        )
    }
}

fn options(config: &Config) -> PostgresOptions {
    let url = &config.url;
    PostgresOptions {
        host: url.host().unwrap_or("127.0.0.1").to_owned(),
        port: url.port().unwrap_or(5432),
        user: url.user().unwrap_or("postgres").to_owned(),
        password: url.password().map(|password| password.expose().to_owned()),
        database: url.database().unwrap_or_default().to_owned(),
        tls: config.tls.clone(),
        application_name: "mainstay".to_owned(),
        statement_cache: STATEMENT_CACHE,
    }
}
