//! Mainstay as the layer that is tested, through its public API.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mainstay::config::ConfigLoader;
use mainstay::driver::Isolation;
use mainstay::schema::ddl;
use mainstay::{Database, Error, Outcome, SeededEntropy, Tx};
use mainstay_testkit::Engine;
use uuid::Uuid;

use crate::client::{Call, Client, Failure, Handling, Held, Layer, Limits, Target, Transfer};
use crate::ledger::Told;
use crate::model::{
    Account, BALANCE, Event, Item, Line, NewEvent, NewItem, NewLine, SPARE_ACCOUNTS, schema,
};
use crate::stage::LIMITS;

/// What must be 0 for this layer, and is only counted for others.
pub(crate) const MAINSTAY: &str = "Mainstay";

/// The settings of a handle on which a load runs.
pub(crate) fn settings(url: &str, pool_max: u32) -> Vec<(String, String)> {
    [
        ("url", url.to_owned()),
        ("pool.max", pool_max.to_string()),
        (
            "timeouts.statement",
            format!("{}ms", LIMITS.statement.as_millis()),
        ),
        (
            "timeouts.transaction",
            format!("{}ms", LIMITS.transaction.as_millis()),
        ),
        (
            "timeouts.acquire",
            format!("{}ms", LIMITS.acquire.as_millis()),
        ),
        (
            "timeouts.connect",
            format!("{}ms", LIMITS.connect.as_millis()),
        ),
        ("sqlite.busy_timeout", "1s".to_owned()),
        // No fault is a power cut, and the speed of a busy disk is not what is measured.
        ("sqlite.synchronous", "normal".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// Opens a handle.
pub(crate) async fn open(settings: &[(String, String)], seed: u64) -> Result<Database, String> {
    let loader = ConfigLoader::new().env([("MAINSTAY_ENV", "test")]);
    let loader = settings
        .iter()
        .fold(loader, |loader, (key, value)| loader.set(key, value));
    let config = loader.load().map_err(|error| error.to_string())?;
    let mut builder = Database::builder()
        .schema(schema())
        .entropy(SeededEntropy::new(seed));
    if config.url.path().is_some() {
        builder = builder.create_if_missing();
    }
    let opened = builder.open(&config).await;
    opened.map_err(|error| format!("no handle: {error}"))
}

/// Opens a handle of one connection, as another application would.
pub(crate) async fn open_plain(url: &str) -> mainstay::Result<Database> {
    let loader = ConfigLoader::new().env([("MAINSTAY_ENV", "test")]);
    let loader = loader
        .set("url", url)
        .set("pool.max", "1")
        .set("timeouts.connect", "5s");
    Database::builder().open(&loader.load()?).await
}

/// Makes the tables and their first rows.
pub(crate) async fn prepare(db: &Database) -> Result<(), String> {
    let statements = ddl::create_all(db.dialect(), &schema()).map_err(|error| error.to_string())?;
    for sql in statements {
        db.script(sql).await.map_err(|error| error.to_string())?;
    }
    let accounts = (0..SPARE_ACCOUNTS.end).map(|id| Account {
        id,
        balance: BALANCE,
    });
    let made = db.repository::<Account>().create_many(accounts).await;
    made.map(|_| ()).map_err(|error| error.to_string())
}

/// Makes the tables in a database past the layer that is tested.
pub(crate) async fn prepared(url: &str, seed: u64) -> Result<(), String> {
    let db = open(&settings(url, 2), seed).await?;
    prepare(&db).await?;
    let closed = db.close(Duration::from_secs(10)).await;
    closed.map_err(|error| error.to_string())
}

/// Mainstay as a layer among others.
#[derive(Debug)]
pub(crate) struct MainstayLayer;

impl Layer for MainstayLayer {
    fn name(&self) -> &'static str {
        MAINSTAY
    }

    fn knows(&self, _engine: Engine) -> bool {
        true
    }

    fn open(&self, target: Target) -> Handling<Arc<dyn Client>> {
        Box::pin(async move {
            let mut settings = settings(&target.url, target.pool_max);
            let more = target.settings.iter();
            settings.extend(more.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
            let client: Arc<dyn Client> = Arc::new(Mainstay {
                db: open(&settings, target.seed).await?,
                limits: target.limits,
                ledger: target.ledger,
            });
            Ok(client)
        })
    }
}

/// Mainstay, as an open handle.
#[derive(Debug)]
pub(crate) struct Mainstay {
    pub(crate) db: Database,
    pub(crate) limits: Limits,
    /// Whether transfers leave a row in the ledger, by which a lost COMMIT is found out about.
    pub(crate) ledger: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            code: error.code().to_owned(),
            told: match error.outcome() {
                Outcome::NotApplied => Told::Failed,
                Outcome::Applied => Told::Done,
                _ => Told::Unknown,
            },
        }
    }
}

impl Client for Mainstay {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn read(&self, id: Uuid) -> Call<Option<(i64, i64)>> {
        let items = self.db.repository::<Item>();
        Box::pin(async move {
            let found = items.find_by_id(id).await?;
            Ok(found.map(|item| (item.version, item.hits)))
        })
    }

    fn create(&self, op: Uuid, note: String) -> Call<Uuid> {
        let items = self.db.repository::<Item>();
        Box::pin(async move {
            let item = NewItem {
                op,
                note,
                version: 0,
                hits: 0,
            };
            Ok(items.create(item).await?.id)
        })
    }

    fn append(&self, op: Uuid) -> Call<()> {
        let events = self.db.repository::<Event>();
        Box::pin(async move {
            events.create(NewEvent { op }).await?;
            Ok(())
        })
    }

    fn update(&self, id: Uuid, version: i64) -> Call<()> {
        let items = self.db.repository::<Item>();
        Box::pin(async move {
            let patch = [Item::VERSION.set(version), Item::HITS.increment(1)];
            items.update(id, patch).await?;
            Ok(())
        })
    }

    fn delete(&self, id: Uuid) -> Call<()> {
        let items = self.db.repository::<Item>();
        Box::pin(async move {
            items.delete(id).await?;
            Ok(())
        })
    }

    fn transfer(&self, transfer: Transfer) -> Call<()> {
        let (db, ledger) = (self.db.clone(), self.ledger);
        Box::pin(async move {
            let work = |tx| async move { move_amount(tx, transfer).await };
            let request = db.transaction(work);
            let request = if transfer.serializable {
                request.isolation(Isolation::Serializable)
            } else {
                request
            };
            let request = if ledger { request.ledger() } else { request };
            request.await?;
            Ok(())
        })
    }

    fn hold(&self, transfer: Transfer, begun: Arc<AtomicBool>) -> Call<()> {
        let db = self.db.clone();
        Box::pin(async move {
            let work = |tx: Tx| {
                let begun = Arc::clone(&begun);
                async move {
                    let accounts = tx.repository::<Account>();
                    let patch = [Account::BALANCE.increment(transfer.amount)];
                    accounts.update(transfer.source, patch).await?;
                    begun.store(true, Ordering::SeqCst);
                    std::future::pending().await
                }
            };
            let held: Result<(), Error> = db.transaction(work).await;
            Ok(held?)
        })
    }

    fn held(&self) -> Held {
        let status = self.db.pool().status();
        Held {
            open: status.open,
            busy: status.open.saturating_sub(status.idle).max(status.in_use()),
            waiting: status.waiting,
            holders: status.holders.iter().map(ToString::to_string).collect(),
        }
    }

    fn close(&self, limit: Duration) -> Handling<()> {
        let db = self.db.clone();
        Box::pin(async move { db.close(limit).await.map_err(|error| error.to_string()) })
    }

    fn notes(&self) -> Vec<String> {
        match self.db.pool().status().reclaimed_total {
            0 => Vec::new(),
            count => vec![format!("connections taken back by the pool: {count}")],
        }
    }
}

async fn move_amount(tx: mainstay::Tx, transfer: Transfer) -> Result<(), Error> {
    let accounts = tx.repository::<Account>();
    let Transfer {
        op,
        source,
        target,
        amount,
        serializable,
    } = transfer;
    for (id, by) in [(source, -amount), (target, amount)] {
        if serializable {
            let found = accounts.find_by_id(id).await?;
            let balance = found.map_or(0, |account| account.balance);
            let patch = [Account::BALANCE.set(balance + by)];
            accounts.update(id, patch).await?;
        } else {
            accounts
                .update(id, [Account::BALANCE.increment(by)])
                .await?;
        }
    }
    let line = NewLine {
        op,
        source,
        target,
        amount,
    };
    tx.repository::<Line>().create(line).await?;
    Ok(())
}
