//! Makes connections to one database.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::time::{Instant, timeout_at};

use super::connection::MySqlConnection;
use super::dial::{self, Dialer};
use super::options::MySqlOptions;
use super::session::{self, Facts};
use crate::config::EngineKind;
use crate::driver::capability::Capabilities;
use crate::driver::connect::may_come;
use crate::driver::contract::{BoxFuture, Connection, Driver, ServerInfo};
use crate::driver::progress::{DialProgress, DialStep};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;

/// The driver of MariaDB and MySQL.
#[derive(Debug)]
pub(super) struct MySqlDriver {
    dialer: Arc<Dialer>,
    /// What is expected of a server that was not reached yet.
    expected: Product,
    /// Empty until it has been reached.
    reached: OnceLock<Product>,
    /// Why it could not be at the start.
    missed: Option<Error>,
}

/// What answers.
#[derive(Debug)]
struct Product {
    dialect: Dialect,
    capabilities: Capabilities,
    info: ServerInfo,
}

impl MySqlDriver {
    /// Connects once, to learn which product and version answers and how many connections it
    /// takes. Everything together takes no longer than `limit`. Unless the server is `required`, one
    /// that cannot be reached is learnt about when it comes.
    ///
    /// # Errors
    /// What [`Driver::connect`] names; `UNSUPPORTED` for MariaDB before 10.6 and MySQL before
    /// 8.0.17; `CONFIGURATION_ERROR` and `TLS_ERROR` for TLS files that cannot be used.
    pub(super) async fn open(
        options: MySqlOptions,
        limit: Duration,
        required: bool,
    ) -> Result<Self> {
        let dialect = Dialect::expected(EngineKind::MySql);
        let mut driver = Self {
            dialer: Arc::new(Dialer::new(options).await?),
            expected: Product {
                dialect,
                capabilities: Capabilities::of(dialect),
                info: ServerInfo::default(),
            },
            reached: OnceLock::new(),
            missed: None,
        };
        let deadline = dial::deadline(limit);
        let progress = Arc::new(DialProgress::new(Instant::now()));
        match driver.dial(deadline, &progress).await {
            Ok((conn, _)) => {
                // A failed goodbye harms nobody.
                let _ = timeout_at(deadline, conn.disconnect()).await;
            }
            Err(error) if !required && may_come(&error) => driver.missed = Some(error),
            Err(error) => return Err(error),
        }
        Ok(driver)
    }

    fn product(&self) -> &Product {
        self.reached.get().unwrap_or(&self.expected)
    }

    /// A connection that is set up. The first one tells which product and version answers.
    async fn dial(&self, deadline: Instant, progress: &Arc<DialProgress>) -> Result<(Conn, Facts)> {
        let dialer = &self.dialer;
        let mut conn = dialer.dial_watched(deadline, progress).await?;
        progress.enter(DialStep::SetUp);
        let dialect = match self.reached.get() {
            Some(product) => product.dialect,
            None => detect(dialer, &mut conn, deadline).await?,
        };
        let facts = set_up(dialer, &mut conn, dialect, deadline).await?;
        self.reached.get_or_init(|| Product {
            dialect,
            capabilities: Capabilities::of(dialect),
            info: ServerInfo {
                version: facts.version.clone(),
                max_connections: Some(facts.max_connections),
            },
        });
        Ok((conn, facts))
    }

    async fn open_connection(
        &self,
        limit: Duration,
        progress: Arc<DialProgress>,
    ) -> Result<Box<dyn Connection>> {
        let (conn, facts) = self.dial(dial::deadline(limit), &progress).await?;
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
        self.product().dialect
    }

    fn capabilities(&self) -> &Capabilities {
        &self.product().capabilities
    }

    fn connect(&self, limit: Duration) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        self.connect_watched(limit, Arc::new(DialProgress::new(Instant::now())))
    }

    fn connect_watched(
        &self,
        limit: Duration,
        progress: Arc<DialProgress>,
    ) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        Box::pin(self.open_connection(limit, progress))
    }

    fn writer(&self) -> Option<Box<dyn Connection>> {
        None
    }

    fn server_info(&self) -> ServerInfo {
        self.product().info.clone()
    }

    fn not_reached(&self) -> Option<Error> {
        let reached = self.reached.get().is_some();
        self.missed.clone().filter(|_| !reached)
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        // Nothing of its own to end.
        Box::pin(async { Ok(()) })
    }
}
