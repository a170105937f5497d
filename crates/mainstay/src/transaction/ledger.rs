//! The ledger: a row of each transaction's own, by which a lost COMMIT is found out.
//!
//! A transaction that asks for it adds a row to [`TABLE`] as its last step. When the answer to its
//! COMMIT is lost, the same id is claimed by another row. Either the claim is refused as a
//! duplicate, and the transaction was committed; or it stands, and the transaction was not and
//! never can be. Where the transaction is still open on the server it holds the id, and the claim
//! waits for its end. Looking the id up would not do: a row that is not there yet may still come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{Settings, Tx};
use crate::database::coalesce::call::is_refusal;
use crate::database::sql::Sql;
use crate::database::{CallOptions, Database, Executor};
use crate::entropy::uuid_v7;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::resilience::backoff::Backoff;
use crate::schema::{Entity, ddl};

/// The table's name.
pub(crate) const TABLE: &str = "_mainstay_ledger";

/// The format of rows that this version writes. A newer format may only add to an older one.
const FORMAT: i32 = 1;

/// How long rows are kept: far longer than any call waits to find out.
///
/// The clocks of the processes that share a ledger may differ by nearly as much.
const KEPT: TimeDelta = TimeDelta::days(7);

/// How often old rows are removed, while the ledger is in use.
const TIDY_EVERY: Duration = Duration::from_secs(3600);

/// The pause before an id is claimed: a connection that was lost is rarely alone.
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(20),
    cap: Duration::from_millis(500),
};

/// A row of the ledger.
#[derive(Debug, Clone, mainstay_derive::Entity)]
#[entity(table = "_mainstay_ledger", index(at))]
struct Row {
    #[entity(key)]
    id: Uuid,
    /// Whether it is the row of a transaction. Otherwise it is a claim.
    is_transaction: bool,
    at: DateTime<Utc>,
    format: i32,
}

const INSERT: &str =
    "INSERT INTO _mainstay_ledger (id, is_transaction, at, format) VALUES (?, ?, ?, ?)";
const READ: &str = "SELECT is_transaction FROM _mainstay_ledger WHERE id = ?";
const TIDY: &str = "DELETE FROM _mainstay_ledger WHERE at < ?";
const LOOK: &str = "SELECT count(*) FROM _mainstay_ledger WHERE id IS NULL";

/// What a handle knows of its ledger.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    is_there: AtomicBool,
    /// Whoever looks has others wait: one look is enough.
    look: tokio::sync::Mutex<()>,
    tidied: Mutex<Option<Instant>>,
}

/// The place of one attempt in the ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    id: Uuid,
    options: CallOptions,
}

impl Entry {
    /// Makes sure that the ledger is there. Called before the transaction begins.
    ///
    /// # Errors
    /// Those of creating the table, with what to do where the user may not.
    pub(crate) async fn open(db: &Database, settings: &Settings, until: Instant) -> Result<Self> {
        let shared = &db.shared;
        let options = CallOptions {
            timeout: None,
            site: settings.site,
            coalesce: false,
            retry: true,
            until: Some(until),
        };
        let ledger = &shared.ledger;
        if !ledger.is_there.load(Ordering::Acquire) {
            let _looking = ledger.look.lock().await;
            if !ledger.is_there.load(Ordering::Acquire) {
                make_table(db, options).await?;
                ledger.is_there.store(true, Ordering::Release);
            }
        }
        ledger.tidy(db, options.site);
        let id = uuid_v7(shared.clock.now(), &*shared.entropy);
        Ok(Self { id, options })
    }

    /// Adds the row, as the last step of the transaction.
    pub(crate) async fn write(&self, tx: &Tx) -> Result<()> {
        let at = tx.database().shared.clock.now();
        let insert = Sql::new(
            Executor::Transaction(tx.clone()),
            INSERT.into(),
            self.options,
        );
        let insert = insert.bind(self.id).bind(true).bind(at).bind(FORMAT);
        let written = insert.execute().await;
        if let Err(error) = &written
            && error.kind() == ErrorKind::TableMissing
        {
            // It was there before: the database was restored or replaced meanwhile.
            let ledger = &tx.database().shared.ledger;
            ledger.is_there.store(false, Ordering::Release);
        }
        written.map(drop)
    }

    /// Finds out what became of the transaction, within its time limit.
    pub(crate) async fn settle(&self, db: &Database) -> Outcome {
        let shared = &db.shared;
        let deadline = self.options.deadline(shared.timeouts.transaction);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let pause = BACKOFF.delay(attempts, shared.entropy.unit());
            if Instant::now() + pause >= deadline {
                return Outcome::Unknown;
            }
            sleep(pause).await;
            let outcome = match self.claim(db).await {
                Ok(()) => Outcome::NotApplied,
                Err(error) if error.kind() == ErrorKind::Duplicate => {
                    match self.is_transaction(db).await {
                        Some(true) => Outcome::Applied,
                        // A claim of ours whose reply was lost too.
                        Some(false) => Outcome::NotApplied,
                        None => continue,
                    }
                }
                Err(error) if error.kind() == ErrorKind::WriteConflict => continue,
                Err(error) if is_refusal(&error) || error.kind() == ErrorKind::Closed => {
                    tracing::warn!(%error, "the ledger cannot be asked what became of a transaction");
                    return Outcome::Unknown;
                }
                Err(_) => continue,
            };
            tracing::info!(
                site = %self.options.site,
                attempts,
                committed = outcome == Outcome::Applied,
                "the answer to a COMMIT was lost, and the ledger knows what became of it"
            );
            return outcome;
        }
    }

    async fn claim(&self, db: &Database) -> Result<()> {
        let at = db.shared.clock.now();
        let claim = Sql::new(db.into(), INSERT.into(), self.options);
        let claim = claim.bind(self.id).bind(false).bind(at).bind(FORMAT);
        claim.execute().await.map(drop)
    }

    async fn is_transaction(&self, db: &Database) -> Option<bool> {
        let read = Sql::new(db.into(), READ.into(), self.options).bind(self.id);
        read.scalar().await.ok()
    }
}

impl Ledger {
    /// Removes old rows in the background, now and then.
    fn tidy(&self, db: &Database, site: &'static std::panic::Location<'static>) {
        let now = Instant::now();
        {
            let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
            if tidied.is_some_and(|last| now < last + TIDY_EVERY) {
                return;
            }
            *tidied = Some(now);
        }
        let options = CallOptions {
            timeout: None,
            site,
            coalesce: false,
            retry: true,
            until: None,
        };
        let before = db.shared.clock.now() - KEPT;
        let tidy = Sql::new(db.into(), TIDY.into(), options).bind(before);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = tidy.execute().await {
                    tracing::debug!(%error, "old rows of the ledger stay for now");
                }
            });
        }
    }
}

async fn make_table(db: &Database, options: CallOptions) -> Result<()> {
    let look = || Sql::new(db.into(), LOOK.into(), options).scalar::<i64>();
    match look().await {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() != ErrorKind::TableMissing => return Err(error),
        Err(_) => {}
    }
    for statement in ddl::create_table(db.dialect(), Row::table())? {
        if let Err(error) = db.run_script(&statement, &options).await {
            // Another process may have been quicker.
            return look().await.map(drop).map_err(|_| cannot_make(&error));
        }
    }
    Ok(())
}

fn cannot_make(error: &Error) -> Error {
    Error::new(
        error.kind(),
        format!(
            "the table {TABLE} is missing and cannot be created: {}",
            error.detail()
        ),
    )
    .with_hint("let the user of the database create it once, or leave out ledger()")
    .with_source(error.clone())
}
