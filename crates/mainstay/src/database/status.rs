//! What the handle says of itself: for health reports, metrics and people.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Database;
use super::guard::Role;
use crate::driver::ServerInfo;
use crate::error::Error;
use crate::pool::PoolStatus;
use crate::resilience::breaker::State;
use crate::schema::Dialect;

/// The circuit breaker of one role.
#[derive(Debug, Clone)]
pub struct BreakerStatus {
    /// Which connections it watches.
    pub role: Role,
    /// What it does.
    pub state: State,
    /// For how long it has done that.
    pub since: Duration,
    /// When the next call is let through, if it is open.
    pub again: Option<Duration>,
    /// The share of failed calls in the last seconds, where there were enough to tell.
    pub failure_rate: Option<f64>,
    /// The share of slow ones.
    pub slow_rate: Option<f64>,
    /// The last failure, while it is not closed.
    pub last: Option<Error>,
}

/// Why writes are refused.
#[derive(Debug, Clone)]
pub struct WritesStopped {
    /// For how long they have been.
    pub since: Duration,
    /// When the next one is tried.
    pub again: Duration,
    /// What the database said.
    pub why: Error,
}

/// The queue of an engine's only writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterStatus {
    /// Calls and transactions that write or wait for their turn.
    pub here: usize,
    /// How many were refused since the handle was opened, because too many came.
    pub shed_total: u64,
}

/// What has been counted since the handle was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// Calls tried again.
    pub retries: u64,
    /// Calls that were not tried again, because the budget was used up.
    pub retries_over_budget: u64,
    /// Calls that a circuit breaker refused.
    pub refused_by_breaker: u64,
    /// Writes refused while the database took none.
    pub writes_refused: u64,
    /// Statements given up at their deadline.
    pub deadlines: u64,
    /// Statements logged as slow.
    pub slow_statements: u64,
    /// Reads answered from memory.
    pub stale_answers: u64,
}

/// A handle at one moment.
#[derive(Debug, Clone)]
pub struct Status {
    /// The dialect.
    pub dialect: Dialect,
    /// What the server said of itself when the handle was opened.
    pub server: ServerInfo,
    /// Why the database has never been reached since the handle was opened. `None` once it has.
    pub not_reached: Option<Error>,
    /// The circuit breakers, one for each role the engine has; none when switched off.
    pub breakers: Vec<BreakerStatus>,
    /// Whether and why writes are refused.
    pub writes_stopped: Option<WritesStopped>,
    /// The pool. For an engine with one writer of its own these are the readers.
    pub pool: PoolStatus,
    /// The writer's queue, for an engine with one writer of its own.
    pub writer: Option<WriterStatus>,
    /// How many retries after faults are left in the budget.
    pub retries_left: u64,
    /// How many rows are remembered for an outage.
    pub remembered: usize,
    /// Counters.
    pub counts: StatusCounts,
}

impl Database {
    /// What the handle knows at this moment, without asking the database.
    ///
    /// ```
    /// # use mainstay::{Database, config::ConfigLoader};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = format!("sqlite:{}", folder.path().join("example.db").display());
    /// # let config = ConfigLoader::new().set("url", url).load()?;
    /// # let db = Database::builder().create_if_missing().open(&config).await?;
    /// let status = db.status();
    /// assert!(!status.is_degraded());
    /// println!("{}", status.to_json());
    /// # db.close(std::time::Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let (guards, now) = (&shared.guards, Instant::now());
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &guards.counts;
        let breakers = guards.gates(now).into_iter().map(|(role, gate)| {
            let calls_pass = gate.state == State::Closed;
            BreakerStatus {
                role,
                state: gate.state,
                since: gate.since,
                again: gate.again,
                failure_rate: gate.rates.map(|(failed, _)| failed),
                slow_rate: gate.rates.map(|(_, slow)| slow),
                last: gate.last.filter(|_| !calls_pass),
            }
        });
        Status {
            dialect: self.dialect(),
            server: self.server_info(),
            not_reached: shared.driver.not_reached(),
            breakers: breakers.collect(),
            writes_stopped: guards
                .writes_stopped(now)
                .map(|(since, again, why)| WritesStopped { since, again, why }),
            pool: shared.pool.status(),
            writer: (!self.capabilities().concurrent_writers).then(|| {
                let (here, shed_total) = shared.writer_queue.counts();
                WriterStatus { here, shed_total }
            }),
            retries_left: guards.retries_left(now),
            remembered: shared.stale.len(),
            counts: StatusCounts {
                retries: count(&counts.retries),
                retries_over_budget: count(&counts.retries_over_budget),
                refused_by_breaker: count(&counts.refused_by_breaker),
                writes_refused: count(&counts.writes_refused),
                deadlines: count(&counts.deadlines),
                slow_statements: count(&counts.slow),
                stale_answers: count(&shared.stale.answers),
            },
        }
    }
}

impl Status {
    /// Whether some calls are refused for the state the database is in.
    pub fn is_degraded(&self) -> bool {
        self.not_reached.is_some()
            || self.writes_stopped.is_some()
            || self.breakers.iter().any(|one| one.state != State::Closed)
    }

    /// Why it is degraded, for the operator. Empty when it is not.
    pub fn reasons(&self) -> Vec<String> {
        let breakers = self
            .breakers
            .iter()
            .filter(|one| one.state != State::Closed);
        let writes = self.writes_stopped.iter();
        let never = self
            .not_reached
            .iter()
            .map(|error| format!("the database has not been reached since the start: {error}"));
        never
            .chain(breakers.map(ToString::to_string))
            .chain(writes.map(ToString::to_string))
            .collect()
    }

    /// The whole as JSON, with stable names; times in milliseconds. For the operator: it names
    /// places in the code and what the database said.
    pub fn to_json(&self) -> serde_json::Value {
        let millis = |time: Duration| time.as_millis() as u64;
        let breakers = self.breakers.iter().map(|one| {
            json!({
                "role": one.role.as_str(),
                "state": one.state.as_str(),
                "since_ms": millis(one.since),
                "again_ms": one.again.map(millis),
                "failure_rate": one.failure_rate,
                "slow_rate": one.slow_rate,
                "last": one.last.as_ref().map(ToString::to_string),
            })
        });
        let writes = self.writes_stopped.as_ref().map(|stopped| {
            json!({
                "since_ms": millis(stopped.since),
                "again_ms": millis(stopped.again),
                "code": stopped.why.code(),
                "why": stopped.why.to_string(),
            })
        });
        let pool = &self.pool;
        let counts = &self.counts;
        json!({
            "dialect": self.dialect.slug(),
            "server": {
                "version": self.server.version,
                "max_connections": self.server.max_connections,
            },
            "degraded": self.is_degraded(),
            "reasons": self.reasons(),
            "reached": self.not_reached.is_none(),
            "breakers": breakers.collect::<Vec<_>>(),
            "writes_stopped": writes,
            "pool": {
                "max": pool.max,
                "min": pool.min,
                "open": pool.open,
                "idle": pool.idle,
                "in_use": pool.in_use(),
                "waiting": pool.waiting,
                "dialling": pool.dialling.len(),
                "checking": pool.checking,
                "recovering": pool.recovering,
                "closing": pool.closing,
                "shedding": pool.shedding,
                "last_dial_failure": pool.last_dial_failure.as_ref().map(ToString::to_string),
                "opened_total": pool.opened_total,
                "closed_total": pool.closed_total,
                "broken_total": pool.broken_total,
                "dial_failures_total": pool.dial_failures_total,
                "timeouts_total": pool.timeouts_total,
                "shed_total": pool.shed_total,
                "leaks_total": pool.leaks_total,
                "reclaimed_total": pool.reclaimed_total,
                "holders": pool.holders.iter().map(ToString::to_string).collect::<Vec<_>>(),
            },
            "writer": self.writer.map(|writer| json!({
                "here": writer.here,
                "shed_total": writer.shed_total,
            })),
            "retries_left": self.retries_left,
            "remembered": self.remembered,
            "counts": {
                "retries": counts.retries,
                "retries_over_budget": counts.retries_over_budget,
                "refused_by_breaker": counts.refused_by_breaker,
                "writes_refused": counts.writes_refused,
                "deadlines": counts.deadlines,
                "slow_statements": counts.slow_statements,
                "stale_answers": counts.stale_answers,
            },
        })
    }
}

impl fmt::Display for BreakerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, state) = (self.role.as_str(), self.state.as_str());
        write!(
            f,
            "the circuit breaker (role: {role}) has been {state} for {:.1?}",
            self.since
        )?;
        match &self.last {
            Some(last) => write!(f, "; last: {last}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for WritesStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "writes have been refused for {:.1?}; the database said: {}",
            self.since, self.why
        )
    }
}
