//! SQLite from a configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::SqliteDriver;
use super::open::blocking;
#[cfg(test)]
use super::options::Patience;
use super::options::{SqliteOptions, Synchronous};
use crate::config::{self, Config};
use crate::driver::{BoxFuture, Driver, connect};
use crate::error::{Error, ErrorKind, Result};

/// SQLite.
pub(in crate::driver) struct Backend;

impl connect::Backend for Backend {
    /// The file must be there in any case: what is missing today is not going to come by itself.
    fn open<'a>(
        &self,
        config: &'a Config,
        _required: bool,
        _limit: Duration,
    ) -> BoxFuture<'a, Result<Arc<dyn Driver>>> {
        Box::pin(async move {
            let driver = SqliteDriver::open(options(config, false)?).await?;
            Ok(Arc::new(driver) as Arc<dyn Driver>)
        })
    }

    fn create_if_missing<'a>(&self, config: &'a Config) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let options = options(config, true)?;
            let path = options.path.clone();
            let existed = blocking(move || Ok(path.exists())).await?;
            let driver = SqliteDriver::open(options).await?;
            driver.close().await?;
            Ok(!existed)
        })
    }

    fn drop_if_exists<'a>(&self, config: &'a Config) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let path = options(config, false)?.path;
            blocking(move || remove(&path)).await
        })
    }
}

/// A new file whose writer shares commits as its `patience` says, for tests that a slow machine
/// must not change.
#[cfg(test)]
pub(crate) async fn with_patience(path: &Path, patience: Patience) -> Result<Arc<dyn Driver>> {
    let mut options = SqliteOptions::new(path);
    options.patience = patience;
    Ok(Arc::new(SqliteDriver::open(options).await?))
}

fn options(config: &Config, create: bool) -> Result<SqliteOptions> {
    let path = config.url.path().ok_or_else(|| {
        Error::new(
            ErrorKind::Configuration,
            "a SQLite database needs the path of its file",
        )
    })?;
    let mut options = SqliteOptions::new(path);
    options.create = create;
    options.busy_timeout = config.sqlite.busy_timeout;
    options.synchronous = match config.sqlite.synchronous {
        config::Synchronous::Full => Synchronous::Full,
        config::Synchronous::Normal => Synchronous::Normal,
    };
    Ok(options)
}

/// Removes the file and what SQLite keeps beside it.
fn remove(path: &Path) -> Result<bool> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut removed = false;
    for file in [
        path.to_path_buf(),
        beside("-wal"),
        beside("-shm"),
        beside("-journal"),
    ] {
        match std::fs::remove_file(&file) {
            Ok(()) => removed = true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Error::new(
                    ErrorKind::AccessDenied,
                    format!("cannot remove {}: {error}", file.display()),
                ));
            }
        }
    }
    Ok(removed)
}
