//! MariaDB and MySQL from a configuration.

use std::sync::Arc;
use std::time::Duration;

use super::{MySqlDriver, MySqlOptions, admin};
use crate::config::Config;
use crate::driver::{BoxFuture, Driver, connect};
use crate::error::Result;

/// MariaDB and MySQL.
pub(in crate::driver) struct Backend;

impl connect::Backend for Backend {
    fn open<'a>(
        &self,
        config: &'a Config,
        required: bool,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Arc<dyn Driver>>> {
        Box::pin(async move {
            let driver = MySqlDriver::open(options(config), limit, required).await?;
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

fn options(config: &Config) -> MySqlOptions {
    let url = &config.url;
    let mut options = MySqlOptions::new(
        url.host().unwrap_or("127.0.0.1"),
        url.user().unwrap_or("root"),
        url.database().unwrap_or_default(),
    );
    if let Some(port) = url.port() {
        options.port = port;
    }
    options.password = url.password().map(|password| password.expose().to_owned());
    options.tls = config.tls.clone();
    options
}
