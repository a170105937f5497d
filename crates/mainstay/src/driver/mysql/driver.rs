//! Makes connections to one database.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::time::{Instant, timeout_at};

use super::connection::MySqlConnection;
use super::dial::{self, Dialer};
use super::options::MySqlOptions;
use super::session::{self, Facts};
use crate::driver::capability::Capabilities;
use crate::driver::contract::{BoxFuture, Connection, Driver, ServerInfo};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;

/// The driver of MariaDB and MySQL.
#[derive(Debug)]
pub(super) struct MySqlDriver {
    dialer: Arc<Dialer>,
    dialect: Dialect,
    capabilities: Capabilities,
    info: ServerInfo,
}

impl MySqlDriver {
    /// Connects once, to learn which product and version answers and how many connections it
    /// takes. Everything together takes no longer than `limit`.
    ///
    /// # Errors
    /// What [`Driver::connect`] names; `UNSUPPORTED` for MariaDB before 10.6 and MySQL before
    /// 8.0.17; `CONFIGURATION_ERROR` and `TLS_ERROR` for TLS files that cannot be used.
    pub(super) async fn open(options: MySqlOptions, limit: Duration) -> Result<Self> {
        let deadline = dial::deadline(limit);
        let dialer = Dialer::new(options).await?;
        let mut conn = dialer.dial(deadline).await?;
        let dialect = detect(&dialer, &mut conn, deadline).await?;
        let facts = set_up(&dialer, &mut conn, dialect, deadline).await?;
        // A failed goodbye harms nobody.
        let _ = timeout_at(deadline, conn.disconnect()).await;
        Ok(Self {
            dialer: Arc::new(dialer),
            dialect,
            capabilities: Capabilities::of(dialect),
            info: ServerInfo {
                version: facts.version,
                max_connections: Some(facts.max_connections),
            },
        })
    }

    async fn open_connection(&self, limit: Duration) -> Result<Box<dyn Connection>> {
        let deadline = dial::deadline(limit);
        let mut conn = self.dialer.dial(deadline).await?;
        let facts = set_up(&self.dialer, &mut conn, self.dialect, deadline).await?;
        Ok(Box::new(MySqlConnection::new(
            conn,
            Arc::clone(&self.dialer),
            facts,
        )))
    }
}

/// Asks for the version.
pub(super) async fn detect(dialer: &Dialer, conn: &mut Conn, deadline: Instant) -> Result<Dialect> {
    let version = timeout_at(deadline, conn.query_first::<String, _>("SELECT VERSION()"))
        .await
        .map_err(|_| dialer.late("asking for the version"))?
        .map_err(|native| dialer.explain("asking for the version", &native))?
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, "the server tells no version"))?;
    session::dialect_of(&version)
}

async fn set_up(
    dialer: &Dialer,
    conn: &mut Conn,
    dialect: Dialect,
    deadline: Instant,
) -> Result<Facts> {
    timeout_at(deadline, session::set_up(conn, dialect))
        .await
        .map_err(|_| dialer.late("setting the session up"))?
        .map_err(|native| dialer.explain("setting the session up", &native))
}

impl Driver for MySqlDriver {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn connect(&self, limit: Duration) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        Box::pin(self.open_connection(limit))
    }

    fn writer(&self) -> Option<Box<dyn Connection>> {
        None
    }

    fn server_info(&self) -> ServerInfo {
        self.info.clone()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        // Nothing of its own to end.
        Box::pin(async { Ok(()) })
    }
}
