//! The handle.
//!
//! - `mod.rs`: [`Database`]
//! - [`admin`]: making and dropping whole databases
//! - [`builder`]: opening one from a configuration
//! - [`call`]: what operations return, and their options
//! - `coalesce`: concurrent calls of one kind sent as one statement
//! - [`line`]: the straight line every statement takes
//! - `attempt`: before it, the circuit breaker, and around it, what is tried again
//! - [`guard`]: circuit breaker, budget of retries, refused writes
//! - `batch_line`: the same for statements that take effect together or not at all
//! - `lease`: a connection in use
//! - `scans`: turns of long reads, where the engine runs in this process
//! - [`exclusive`]: a connection held for statements outside of any transaction
//! - [`executor`]: the handle or a transaction, whichever runs the statements
//! - [`sql`]: hand-written SQL with bound parameters
//! - `stale`: rows to fall back on while the database does not answer
//! - [`status`]: what the handle says of itself
//! - `writer_queue`: who waits for an engine's only writer, and who is shed
//! - `texts`: the SQL of operations on one row, written once
//! - `written`: what the text of hand-written SQL says of what it does

pub mod admin;
mod attempt;
mod batch_line;
pub mod builder;
pub mod call;
pub(crate) mod coalesce;
pub mod exclusive;
pub mod executor;
pub mod guard;
pub(crate) mod lease;
pub(crate) mod line;
pub(crate) mod scans;
pub mod sql;
pub(crate) mod stale;
pub mod status;
pub(crate) mod texts;
pub(crate) mod writer_queue;
mod written;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

pub use builder::Builder;
pub use call::{CallOptions, Request};
pub use exclusive::Exclusive;
pub use executor::Executor;
pub use guard::Resilience;
pub use sql::Sql;
pub use status::Status;

use crate::clock::{self, Clock};
use crate::driver::{Capabilities, Driver, ServerInfo};
use crate::entropy::Entropy;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Pool, PoolStatus};
use crate::schema::{Dialect, Schema};
use crate::transaction::ledger::Ledger;
use scans::Scans;

/// A handle on one database: cheap to clone, safe to share.
///
/// Dropping the last clone closes the connections in the background; [`close`](Self::close) waits
/// for work in progress and is what a service does when it stops.
#[derive(Debug, Clone)]
#[doc(alias = "PrismaClient")]
#[doc(alias = "globalThis.prisma")]
pub struct Database {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) pool: Pool,
    /// For an engine that has one writer.
    pub(crate) writer_queue: Arc<writer_queue::WriterQueue>,
    pub(crate) schema: Schema,
    /// The SQL of operations on one row.
    pub(crate) texts: texts::Texts,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) timeouts: Timeouts,
    /// Circuit breaker, budget of retries, refused writes.
    pub(crate) guards: guard::Guards,
    /// For an engine that runs in this process.
    pub(crate) scans: Option<Scans>,
    /// Whether every statement is logged, not only failures.
    pub(crate) log_statements: bool,
    /// Whether concurrent calls may be sent as one statement.
    pub(crate) coalesce: bool,
    pub(crate) lanes: coalesce::Lanes,
    pub(crate) ledger: Ledger,
    /// Rows to fall back on.
    pub(crate) stale: stale::Store,
}

/// How long calls may take unless they say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// One statement, waiting for a connection included.
    pub statement: Duration,
    /// One transaction, from before its first statement to after its commit.
    pub transaction: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            statement: Duration::from_secs(30),
            transaction: Duration::from_secs(60),
        }
    }
}

/// The answer of a health check.
#[derive(Debug, Clone)]
pub struct Health {
    /// How long the database took to answer.
    pub latency: Duration,
    /// What the server says of itself.
    pub server: ServerInfo,
    /// The pool at that moment.
    pub pool: PoolStatus,
}

impl Database {
    /// The dialect of the database.
    pub fn dialect(&self) -> Dialect {
        self.shared.driver.dialect()
    }

    /// What the engine can do.
    pub fn capabilities(&self) -> &Capabilities {
        self.shared.driver.capabilities()
    }

    /// The tables of the application.
    pub fn schema(&self) -> &Schema {
        &self.shared.schema
    }

    /// The clock from which timestamps come.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// The source of randomness from which identifiers come.
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.shared.entropy
    }

    /// The pool. For an engine with one writer of its own these are the readers.
    pub fn pool(&self) -> &Pool {
        &self.shared.pool
    }

    /// What the server said of itself when the handle was opened.
    pub fn server_info(&self) -> ServerInfo {
        self.shared.driver.server_info()
    }

    /// Asks the database whether it answers.
    ///
    /// # Errors
    /// Those of acquiring a connection and of the ping.
    #[track_caller]
    pub fn health(&self) -> Request<Health> {
        let db = self.clone();
        Request::new(CallOptions::here(), move |options| async move {
            let started = Instant::now();
            db.ping(&options).await?;
            Ok(Health {
                latency: started.elapsed(),
                server: db.server_info(),
                pool: db.pool().status(),
            })
        })
    }

    /// Refuses new work, waits up to `limit` for work in progress, and closes everything. An
    /// embedded database has its log written back into its file.
    ///
    /// # Errors
    /// `DEADLINE_EXCEEDED` when work was still going on; the rest is closed all the same.
    #[doc(alias = "$disconnect")]
    pub async fn close(&self, limit: Duration) -> Result<()> {
        let deadline = clock::after(limit);
        let drained = self.shared.pool.close(limit).await;
        // A writer of its own may be in a transaction as well. When readers have used up the time,
        // it still has a moment for its log.
        let deadline = deadline.max(clock::after(LAST_WORDS));
        match timeout_at(deadline, self.shared.driver.close()).await {
            Ok(ended) => ended.and(drained),
            Err(_) => Err(Error::new(
                ErrorKind::Deadline,
                format!("a write was still under way {limit:.1?} after the handle closed"),
            )
            .with_hint("it is finished in the background; give close() more time")),
        }
    }
}

/// What the driver has for its end at least.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
