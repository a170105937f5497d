//! The driver.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::connection::PostgresConnection;
use super::dial::Dialer;
use super::options::PostgresOptions;
use crate::driver::capability::Capabilities;
use crate::driver::connect::may_come;
use crate::driver::contract::{BoxFuture, Connection, Driver, ServerInfo};
use crate::driver::progress::DialProgress;
use crate::driver::row::Collect;
use crate::driver::statement::{Access, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;

/// The connections left for ordinary users. From version 16 on, some can be kept for a role, too.
const LIMIT: &str = "SELECT greatest(0, current_setting('max_connections')::int4 \
     - current_setting('superuser_reserved_connections')::int4 \
     - coalesce(current_setting('reserved_connections', true), '0')::int4)";

/// Makes connections to one PostgreSQL database.
#[derive(Debug)]
pub(crate) struct PostgresDriver {
    dialer: Arc<Dialer>,
    capabilities: Capabilities,
    /// Empty until the server has been reached.
    info: OnceLock<ServerInfo>,
    /// Why it could not be at the start.
    missed: Option<Error>,
}

impl PostgresDriver {
    /// Connects once, within `limit`, to learn about the server. Unless it is `required`, one that
    /// cannot be reached is learnt about when it comes.
    ///
    /// # Errors
    /// Those of [`Driver::connect`]; `CONFIGURATION_ERROR` for a certificate file that cannot be
    /// used.
    pub(crate) async fn open(
        options: PostgresOptions,
        limit: Duration,
        required: bool,
    ) -> Result<Self> {
        let mut driver = Self {
            dialer: Arc::new(Dialer::new(options)?),
            capabilities: Capabilities::of(Dialect::Postgres),
            info: OnceLock::new(),
            missed: None,
        };
        match driver.open_connection(limit, None).await {
            Ok(connection) => connection.close().await,
            Err(error) if !required && may_come(&error) => driver.missed = Some(error),
            Err(error) => return Err(error),
        }
        Ok(driver)
    }

    async fn open_connection(
        &self,
        limit: Duration,
        progress: Option<Arc<DialProgress>>,
    ) -> Result<Box<dyn Connection>> {
        let deadline = Instant::now() + limit;
        let session = match progress {
            Some(progress) => self.dialer.connect_watched(limit, progress).await?,
            None => self.dialer.connect(limit).await?,
        };
        let version = session.version.clone();
        let mut connection = Box::new(PostgresConnection::new(session, Arc::clone(&self.dialer)));
        if self.info.get().is_none() {
            let limit = self.ask_for_limit(&mut connection, deadline).await?;
            // Somebody else may have been faster, with the same answer.
            let _ = self.info.set(ServerInfo {
                version,
                max_connections: limit,
            });
        }
        Ok(connection)
    }

    async fn ask_for_limit(
        &self,
        connection: &mut PostgresConnection,
        deadline: Instant,
    ) -> Result<Option<u32>> {
        let mut found = Collect::new(|row: &crate::driver::Row<'_>| row.get::<i32>(0));
        let asked = connection.run(Statement::new(LIMIT, Vec::new(), Access::Read), &mut found);
        timeout_at(deadline, asked).await.map_err(|_| {
            Error::new(
                ErrorKind::Unreachable,
                format!(
                    "{}: asking for the server's settings took too long",
                    self.dialer.options.place()
                ),
            )
        })??;
        let limit = found.items.first().copied();
        Ok(limit.and_then(|limit| u32::try_from(limit).ok()))
    }
}

/// A session for this folder's own needs.
pub(super) async fn connect(dialer: &Arc<Dialer>, limit: Duration) -> Result<PostgresConnection> {
    let session = dialer.connect(limit).await?;
    Ok(PostgresConnection::new(session, Arc::clone(dialer)))
}

impl Driver for PostgresDriver {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn connect(&self, limit: Duration) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        Box::pin(self.open_connection(limit, None))
    }

    fn connect_watched(
        &self,
        limit: Duration,
        progress: Arc<DialProgress>,
    ) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        Box::pin(self.open_connection(limit, Some(progress)))
    }

    fn writer(&self) -> Option<Box<dyn Connection>> {
        None
    }

    fn server_info(&self) -> ServerInfo {
        self.info.get().cloned().unwrap_or_default()
    }

    fn not_reached(&self) -> Option<Error> {
        let reached = self.info.get().is_some();
        self.missed.clone().filter(|_| !reached)
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        // Sessions belong to whoever asked for them; nothing else is kept.
        Box::pin(async { Ok(()) })
    }
}
