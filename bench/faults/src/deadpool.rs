//! tokio-postgres in a pool of deadpool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Transaction,
};
use mainstay_faults::{
    Call, Client, Engine, Failure, Handling, Held, Layer, Limits, Target, Transfer,
};
use tokio::time::Instant;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Error, IsolationLevel, NoTls};
use uuid::Uuid;

use crate::told::{Number, Sign, before, no_row, sent};

/// deadpool and tokio-postgres as they come.
#[derive(Debug)]
pub(crate) struct Plain;

impl Layer for Plain {
    fn name(&self) -> &'static str {
        "deadpool + tokio-postgres"
    }

    fn knows(&self, engine: Engine) -> bool {
        engine == Engine::Postgres
    }

    fn open(&self, target: Target) -> Handling<Arc<dyn Client>> {
        Box::pin(async move {
            let limits = target.limits;
            let mut config: Config = target
                .url
                .parse()
                .map_err(|error: Error| error.to_string())?;
            config.connect_timeout(limits.connect);
            // A connection is tested before it is lent: the careful setting.
            let recycling = ManagerConfig {
                recycling_method: RecyclingMethod::Verified,
            };
            let manager = Manager::from_config(config, NoTls, recycling);
            let pool = Pool::builder(manager)
                .max_size(target.pool_max as usize)
                .runtime(Runtime::Tokio1)
                .wait_timeout(Some(limits.acquire))
                .create_timeout(Some(limits.connect))
                .recycle_timeout(Some(limits.acquire))
                .build()
                .map_err(|error| error.to_string())?;
            let client: Arc<dyn Client> = Arc::new(Pooled { pool, limits });
            Ok(client)
        })
    }
}

impl From<Error> for Sign {
    fn from(error: Error) -> Self {
        match error.code() {
            Some(state) => Self::Database(Number::SqlState(state.code().to_owned())),
            None => Self::Lost,
        }
    }
}

impl From<PoolError> for Sign {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::from(error),
            _ => Self::Pool,
        }
    }
}

#[derive(Debug, Clone)]
struct Pooled {
    pool: Pool,
    limits: Limits,
}

/// What a statement is run with.
type Values = Vec<Box<dyn ToSql + Send + Sync>>;

fn references(values: &Values) -> Vec<&(dyn ToSql + Sync)> {
    let mut references: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(values.len());
    for value in values {
        references.push(&**value);
    }
    references
}

impl Pooled {
    /// A statement of its own, which changes one row.
    async fn change(self, sql: &'static str, values: Values) -> Result<(), Failure> {
        let deadline = Instant::now() + self.limits.statement;
        let client = before(deadline, self.pool.get()).await?;
        let statement = before(deadline, client.prepare_cached(sql)).await?;
        match sent(deadline, client.execute(&statement, &references(&values))).await? {
            0 => Err(no_row()),
            _ => Ok(()),
        }
    }

    async fn shift(self, transfer: Transfer) -> Result<(), Failure> {
        let deadline = Instant::now() + self.limits.transaction;
        let mut client = before(deadline, self.pool.get()).await?;
        let begun = begin(&mut client, transfer.serializable);
        let tx = before(deadline, begun).await?;
        before(deadline, move_amount(&tx, transfer)).await?;
        sent(deadline, tx.commit()).await
    }

    async fn stay(self, transfer: Transfer, begun: Arc<AtomicBool>) -> Result<(), Failure> {
        let deadline = Instant::now() + self.limits.transaction;
        let mut client = before(deadline, self.pool.get()).await?;
        let held = async {
            let tx = begin(&mut client, false).await?;
            add(&tx, transfer.source, transfer.amount).await?;
            begun.store(true, Ordering::SeqCst);
            std::future::pending::<Result<(), Error>>().await
        };
        before(deadline, held).await
    }
}

async fn begin(client: &mut Object, serializable: bool) -> Result<Transaction<'_>, Error> {
    if serializable {
        let builder = client.build_transaction();
        builder
            .isolation_level(IsolationLevel::Serializable)
            .start()
            .await
    } else {
        client.transaction().await
    }
}

async fn add(tx: &Transaction<'_>, id: i64, amount: i64) -> Result<(), Error> {
    let sql = "UPDATE accounts SET balance = balance + $1 WHERE id = $2";
    let statement = tx.prepare_cached(sql).await?;
    tx.execute(&statement, &[&amount, &id]).await?;
    Ok(())
}

async fn move_amount(tx: &Transaction<'_>, transfer: Transfer) -> Result<(), Error> {
    let Transfer {
        op,
        source,
        target,
        amount,
        serializable,
    } = transfer;
    for (id, by) in [(source, -amount), (target, amount)] {
        if serializable {
            let read = tx.prepare_cached("SELECT balance FROM accounts WHERE id = $1");
            let row = tx.query_one(&read.await?, &[&id]).await?;
            let balance: i64 = row.try_get(0)?;
            let write = tx.prepare_cached("UPDATE accounts SET balance = $1 WHERE id = $2");
            tx.execute(&write.await?, &[&(balance + by), &id]).await?;
        } else {
            add(tx, id, by).await?;
        }
    }
    let sql = "INSERT INTO journal (op, source, target, amount) VALUES ($1, $2, $3, $4)";
    let statement = tx.prepare_cached(sql).await?;
    let values: [&(dyn ToSql + Sync); 4] = [&op, &source, &target, &amount];
    tx.execute(&statement, &values).await?;
    Ok(())
}

impl Client for Pooled {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn read(&self, id: Uuid) -> Call<Option<(i64, i64)>> {
        let this = self.clone();
        Box::pin(async move {
            let deadline = Instant::now() + this.limits.statement;
            let client = before(deadline, this.pool.get()).await?;
            let read = async {
                let sql = "SELECT version, hits FROM items WHERE id = $1";
                let statement = client.prepare_cached(sql).await?;
                let row = client.query_opt(&statement, &[&id]).await?;
                row.map(|row| Ok::<_, Error>((row.try_get(0)?, row.try_get(1)?)))
                    .transpose()
            };
            sent(deadline, read).await
        })
    }

    fn create(&self, op: Uuid, note: String) -> Call<Uuid> {
        let this = self.clone();
        Box::pin(async move {
            let id = Uuid::now_v7();
            let sql = "INSERT INTO items (id, op, note, version, hits) VALUES ($1, $2, $3, 0, 0)";
            this.change(sql, vec![Box::new(id), Box::new(op), Box::new(note)])
                .await?;
            Ok(id)
        })
    }

    fn append(&self, op: Uuid) -> Call<()> {
        let sql = "INSERT INTO events (op) VALUES ($1)";
        Box::pin(self.clone().change(sql, vec![Box::new(op)]))
    }

    fn update(&self, id: Uuid, version: i64) -> Call<()> {
        let sql = "UPDATE items SET version = $1, hits = hits + 1 WHERE id = $2";
        let values: Values = vec![Box::new(version), Box::new(id)];
        Box::pin(self.clone().change(sql, values))
    }

    fn delete(&self, id: Uuid) -> Call<()> {
        let sql = "DELETE FROM items WHERE id = $1";
        Box::pin(self.clone().change(sql, vec![Box::new(id)]))
    }

    fn transfer(&self, transfer: Transfer) -> Call<()> {
        Box::pin(self.clone().shift(transfer))
    }

    fn hold(&self, transfer: Transfer, begun: Arc<AtomicBool>) -> Call<()> {
        Box::pin(self.clone().stay(transfer, begun))
    }

    fn held(&self) -> Held {
        let status = self.pool.status();
        Held {
            open: status.size,
            busy: status.size.saturating_sub(status.available),
            waiting: status.waiting,
            ..Held::default()
        }
    }

    fn close(&self, _limit: Duration) -> Handling<()> {
        // It does not wait for what is on loan.
        self.pool.close();
        Box::pin(async { Ok(()) })
    }
}
