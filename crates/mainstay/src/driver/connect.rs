//! From a configuration to a driver.

use std::sync::Arc;
use std::time::Duration;

use super::contract::{BoxFuture, Driver};
use crate::config::{Config, EngineKind};
use crate::error::{Error, ErrorKind, Result};

/// What each engine's folder offers beside its driver. Which are compiled in is decided in
/// `driver/mod.rs`.
pub(crate) trait Backend: Sync {
    /// Opens the driver for a database that exists. Unless it is `required`, a server that cannot
    /// be reached may come later. The first connection to a server may take as long as `limit`.
    fn open<'a>(
        &self,
        config: &'a Config,
        required: bool,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Arc<dyn Driver>>>;

    /// Creates the database if it is missing, and says whether it did.
    fn create_if_missing<'a>(&self, config: &'a Config) -> BoxFuture<'a, Result<bool>>;

    /// Drops the database if it is there, and says whether it did.
    fn drop_if_exists<'a>(&self, config: &'a Config) -> BoxFuture<'a, Result<bool>>;
}

/// Opens the driver for the database of a configuration. Unless it is `required`, a server that
/// cannot be reached is no error; see [`Driver::not_reached`].
///
/// # Errors
/// Those of the driver; `UNSUPPORTED` when the engine was left out of the build.
pub async fn open(config: &Config, required: bool) -> Result<Arc<dyn Driver>> {
    let limit = if required {
        config.timeouts.connect
    } else {
        config.timeouts.connect.min(FIRST_TRY)
    };
    super::backend(config.url.engine())?
        .open(config, required, limit)
        .await
}

/// How long a server that need not be there is waited for.
const FIRST_TRY: Duration = Duration::from_secs(2);

/// Whether an error at the start says that the server is not there, which time may change. That it
/// refuses the user or lacks the database, time does not.
pub fn may_come(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unreachable | ErrorKind::ConnectionLost | ErrorKind::TooManyConnections
    )
}

/// Creates the database of a configuration if it is missing, and says whether it did.
///
/// # Errors
/// Those of the driver: most often that the user may not create databases.
pub async fn create_if_missing(config: &Config) -> Result<bool> {
    super::backend(config.url.engine())?
        .create_if_missing(config)
        .await
}

/// Drops the database of a configuration with all its data if it is there, and says whether it
/// did. Asks nobody: whoever calls has asked.
///
/// # Errors
/// Those of the driver.
pub async fn drop_if_exists(config: &Config) -> Result<bool> {
    super::backend(config.url.engine())?
        .drop_if_exists(config)
        .await
}

#[allow(dead_code, reason = "called only in builds that leave an engine out")]
pub(super) fn left_out(engine: EngineKind) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("{} is not part of this build", engine.label()),
    )
    .with_hint(format!(
        "enable mainstay's cargo feature \"{}\"",
        engine.as_str()
    ))
}
