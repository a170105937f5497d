//! The driver.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::connection::PostgresConnection;
use super::dial::Dialer;
use super::options::PostgresOptions;
use crate::driver::capability::Capabilities;
use crate::driver::contract::{BoxFuture, Connection, Driver, ServerInfo};
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
    info: ServerInfo,
}

impl PostgresDriver {
    /// Connects once, within `limit`, to learn about the server.
    ///
    /// # Errors
    /// Those of [`Driver::connect`]; `CONFIGURATION_ERROR` for a certificate file that cannot be
    /// used.
    pub(crate) async fn open(options: PostgresOptions, limit: Duration) -> Result<Self> {
        let dialer = Arc::new(Dialer::new(options)?);
        let deadline = Instant::now() + limit;
        let session = dialer.connect(limit).await?;
        let version = session.version.clone();
        let place = dialer.options.place();
        let mut connection = Box::new(PostgresConnection::new(session, Arc::clone(&dialer)));
        let mut found = Collect::new(|row: &crate::driver::Row<'_>| row.get::<i32>(0));
        let asked = connection.run(Statement::new(LIMIT, Vec::new(), Access::Read), &mut found);
        timeout_at(deadline, asked).await.map_err(|_| {
            Error::new(
                ErrorKind::Unreachable,
                format!("{place}: asking for the server's settings took too long"),
            )
        })??;
        connection.close().await;
        let limit = found.items.first().copied();
        Ok(Self {
            dialer,
            capabilities: Capabilities::of(Dialect::Postgres),
            info: ServerInfo {
                version,
                max_connections: limit.and_then(|limit| u32::try_from(limit).ok()),
            },
        })
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
        Box::pin(async move {
            let connection = connect(&self.dialer, limit).await?;
            Ok(Box::new(connection) as Box<dyn Connection>)
        })
    }

    fn writer(&self) -> Option<Box<dyn Connection>> {
        None
    }

    fn server_info(&self) -> ServerInfo {
        self.info.clone()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        // Sessions belong to whoever asked for them; nothing else is kept.
        Box::pin(async { Ok(()) })
    }
}
