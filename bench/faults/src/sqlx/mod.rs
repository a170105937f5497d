//! Pools of sqlx.
//!
//! - `mod.rs`: the layer, and what its pools have in common
//! - `postgres`, `mysql`, `sqlite`: the calls on each engine

mod mysql;
mod postgres;
mod sqlite;

use std::sync::Arc;

use mainstay_faults::{Client, Engine, Handling, Held, Layer, Target};
use sqlx::mysql::MySqlDatabaseError;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::SqliteError;
use sqlx::{Database, Pool};
use tokio::time::timeout;

use crate::told::{Number, Sign};

/// sqlx as it comes.
#[derive(Debug)]
pub(crate) struct Plain;

impl Layer for Plain {
    fn name(&self) -> &'static str {
        "sqlx"
    }

    fn knows(&self, _engine: Engine) -> bool {
        true
    }

    fn open(&self, target: Target) -> Handling<Arc<dyn Client>> {
        Box::pin(async move {
            let opened = match target.engine {
                Engine::Sqlite => sqlite::open(&target).await,
                Engine::Postgres => postgres::open(&target).await,
                Engine::MariaDb => mysql::open(&target).await,
            };
            opened.map_err(|error| format!("no pool: {error}"))
        })
    }
}

/// All else stays as it is by default; so a connection is tested before it is lent.
fn options<DB: Database>(target: &Target) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(target.pool_max)
        .acquire_timeout(target.limits.acquire)
}

impl From<sqlx::Error> for Sign {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Pool,
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default().into_owned();
                if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
                    Self::Database(Number::MySql(error.number()))
                } else if error.try_downcast_ref::<SqliteError>().is_some() {
                    Self::Database(Number::Sqlite(code))
                } else {
                    Self::Database(Number::SqlState(code))
                }
            }
            sqlx::Error::Io(_) => Self::Lost,
            sqlx::Error::Protocol(_) => Self::Library("protocol error"),
            sqlx::Error::WorkerCrashed => Self::Library("worker crashed"),
            sqlx::Error::InvalidSavePointStatement => Self::Library("still in a transaction"),
            sqlx::Error::BeginFailed => Self::Library("BEGIN failed"),
            _ => Self::Library("other error"),
        }
    }
}

fn held<DB: Database>(pool: &Pool<DB>) -> Held {
    let (open, idle) = (pool.size() as usize, pool.num_idle());
    Held {
        open,
        busy: open.saturating_sub(idle),
        ..Held::default()
    }
}

fn close<DB: Database>(pool: Pool<DB>, limit: std::time::Duration) -> Handling<()> {
    Box::pin(async move {
        let closed = timeout(limit, pool.close()).await;
        closed.map_err(|_| "the pool waits for connections that do not come back".to_owned())
    })
}
