//! sqlx on MariaDB.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mainstay_faults::{Call, Client, Failure, Handling, Held, Limits, Target, Transfer};
use sqlx::Connection;
use sqlx::mysql::{MySql, MySqlArguments, MySqlConnection, MySqlPool};
use sqlx::query::Query;
use tokio::time::Instant;
use uuid::Uuid;

use crate::told::{before, no_row, sent};

type Statement = Query<'static, MySql, MySqlArguments>;
type Transaction<'a> = sqlx::Transaction<'a, MySql>;

#[derive(Debug, Clone)]
struct OnMariaDb {
    pool: MySqlPool,
    limits: Limits,
}

pub(super) async fn open(target: &Target) -> Result<Arc<dyn Client>, sqlx::Error> {
    let options = target.url.parse()?;
    let pool = super::options(target).connect_with(options).await?;
    let limits = target.limits;
    Ok(Arc::new(OnMariaDb { pool, limits }))
}

impl OnMariaDb {
    /// A statement of its own, and how many rows it changed.
    async fn run(self, statement: Statement) -> Result<u64, Failure> {
        let deadline = Instant::now() + self.limits.statement;
        let mut connection = before(deadline, self.pool.acquire()).await?;
        let done = sent(deadline, statement.execute(&mut *connection)).await?;
        Ok(done.rows_affected())
    }

    /// A statement that changes the one row with its key.
    async fn change(self, statement: Statement) -> Result<(), Failure> {
        match self.run(statement).await? {
            0 => Err(no_row()),
            _ => Ok(()),
        }
    }

    async fn shift(self, transfer: Transfer) -> Result<(), Failure> {
        let deadline = Instant::now() + self.limits.transaction;
        let mut connection = before(deadline, self.pool.acquire()).await?;
        let begun = begin(&mut connection, transfer.serializable);
        let mut tx = before(deadline, begun).await?;
        before(deadline, move_amount(&mut tx, transfer)).await?;
        sent(deadline, tx.commit()).await
    }

    async fn stay(self, transfer: Transfer, begun: Arc<AtomicBool>) -> Result<(), Failure> {
        let deadline = Instant::now() + self.limits.transaction;
        let held = async {
            let mut connection = self.pool.acquire().await?;
            let mut tx = begin(&mut connection, false).await?;
            add(&mut tx, transfer.source, transfer.amount).await?;
            begun.store(true, Ordering::SeqCst);
            std::future::pending::<Result<(), sqlx::Error>>().await
        };
        before(deadline, held).await
    }
}

async fn begin(
    connection: &mut MySqlConnection,
    serializable: bool,
) -> Result<Transaction<'_>, sqlx::Error> {
    if serializable {
        // For the next transaction of this session.
        let sql = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE";
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    connection.begin().await
}

async fn add(tx: &mut MySqlConnection, id: i64, amount: i64) -> Result<(), sqlx::Error> {
    let sql = "UPDATE accounts SET balance = balance + ? WHERE id = ?";
    let query = sqlx::query(sql).bind(amount).bind(id);
    query.execute(tx).await?;
    Ok(())
}

async fn move_amount(tx: &mut MySqlConnection, transfer: Transfer) -> Result<(), sqlx::Error> {
    let Transfer {
        op,
        source,
        target,
        amount,
        serializable,
    } = transfer;
    for (id, by) in [(source, -amount), (target, amount)] {
        if serializable {
            let read = sqlx::query_scalar("SELECT balance FROM accounts WHERE id = ?");
            let balance: i64 = read.bind(id).fetch_one(&mut *tx).await?;
            let write = sqlx::query("UPDATE accounts SET balance = ? WHERE id = ?");
            write.bind(balance + by).bind(id).execute(&mut *tx).await?;
        } else {
            add(tx, id, by).await?;
        }
    }
    let sql = "INSERT INTO journal (op, source, target, amount) VALUES (?, ?, ?, ?)";
    let query = sqlx::query(sql).bind(op).bind(source).bind(target);
    query.bind(amount).execute(tx).await?;
    Ok(())
}

impl Client for OnMariaDb {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn read(&self, id: Uuid) -> Call<Option<(i64, i64)>> {
        let this = self.clone();
        Box::pin(async move {
            let deadline = Instant::now() + this.limits.statement;
            let mut connection = before(deadline, this.pool.acquire()).await?;
            let query = sqlx::query_as("SELECT version, hits FROM items WHERE id = ?").bind(id);
            sent(deadline, query.fetch_optional(&mut *connection)).await
        })
    }

    fn create(&self, op: Uuid, note: String) -> Call<Uuid> {
        let this = self.clone();
        Box::pin(async move {
            let id = Uuid::now_v7();
            let sql = "INSERT INTO items (id, op, note, version, hits) VALUES (?, ?, ?, 0, 0)";
            this.run(sqlx::query(sql).bind(id).bind(op).bind(note))
                .await?;
            Ok(id)
        })
    }

    fn append(&self, op: Uuid) -> Call<()> {
        let query = sqlx::query("INSERT INTO events (op) VALUES (?)").bind(op);
        Box::pin(self.clone().change(query))
    }

    fn update(&self, id: Uuid, version: i64) -> Call<()> {
        let sql = "UPDATE items SET version = ?, hits = hits + 1 WHERE id = ?";
        Box::pin(self.clone().change(sqlx::query(sql).bind(version).bind(id)))
    }

    fn delete(&self, id: Uuid) -> Call<()> {
        let query = sqlx::query("DELETE FROM items WHERE id = ?").bind(id);
        Box::pin(self.clone().change(query))
    }

    fn transfer(&self, transfer: Transfer) -> Call<()> {
        Box::pin(self.clone().shift(transfer))
    }

    fn hold(&self, transfer: Transfer, begun: Arc<AtomicBool>) -> Call<()> {
        Box::pin(self.clone().stay(transfer, begun))
    }

    fn held(&self) -> Held {
        super::held(&self.pool)
    }

    fn close(&self, limit: Duration) -> Handling<()> {
        super::close(self.pool.clone(), limit)
    }
}
