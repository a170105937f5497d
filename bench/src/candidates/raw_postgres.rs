//! tokio-postgres by hand: a deadpool, statements prepared once per connection.

use std::hint::black_box;
use std::pin::pin;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use futures_util::future::try_join4;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{NoTls, Row, binary_copy::BinaryCopyInWriter};
use uuid::Uuid;

use super::{Answer, Candidate, LIST, Operation, PAGE, Result};
use crate::rows::{Goal, NewImport, NewProgress, Progress, User, now};

pub const FIND: &str = "SELECT id, email, name, total_xp, current_level, created_at, updated_at \
     FROM users WHERE id = $1";
pub const LIST_GOALS: &str = "SELECT id, user_id, title, description, status, created_at, updated_at \
     FROM goals WHERE user_id = $1 ORDER BY id LIMIT $2";
pub const PAGE_GOALS: &str = "SELECT id, user_id, title, description, status, created_at, updated_at \
     FROM goals WHERE id > $1 ORDER BY id LIMIT $2";
pub const INSERT: &str = "INSERT INTO users \
     (id, email, name, total_xp, current_level, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) \
     RETURNING id, email, name, total_xp, current_level, created_at, updated_at";
pub const RAISE: &str = "UPDATE users SET total_xp = total_xp + $1, updated_at = $2 WHERE id = $3";
pub const STEP: &str = "INSERT INTO progress \
     (id, user_id, goal_id, value, xp_earned, notes, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) \
     RETURNING id, user_id, goal_id, value, xp_earned, notes, created_at";
const COPY: &str = "COPY imports \
     (id, user_id, title, description, status, created_at, updated_at) FROM STDIN BINARY";

pub struct RawPostgres {
    pool: Pool,
}

impl RawPostgres {
    pub fn new(url: &str, size: usize) -> Result<Self> {
        let config = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(url.parse()?, NoTls, config);
        let pool = Pool::builder(manager).max_size(size).build()?;
        Ok(Self { pool })
    }

    async fn goals(&self, sql: &str, id: Uuid, most: i64) -> Result<usize> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&id, &most]).await?;
        let goals: Result<Vec<Goal>, _> = rows.iter().map(goal).collect();
        Ok(black_box(goals?).len())
    }

    async fn transaction(&self, new: NewProgress) -> Result<usize> {
        let row = new.fill();
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        let raise = tx.prepare_cached(RAISE).await?;
        let raised = tx
            .execute(&raise, &[&row.xp_earned, &now(), &row.user_id])
            .await?;
        let step = tx.prepare_cached(STEP).await?;
        let made = tx.query_one(&step, &values(&row)).await?;
        black_box(progress(&made)?);
        tx.commit().await?;
        Ok(raised as usize)
    }

    /// The same statements, sent without waiting for the answers in between.
    async fn flight(&self, new: NewProgress) -> Result<usize> {
        let row = new.fill();
        let client = self.pool.get().await?;
        let raise = client.prepare_cached(RAISE).await?;
        let step = client.prepare_cached(STEP).await?;
        let now = now();
        let raised: [&(dyn ToSql + Sync); 3] = [&row.xp_earned, &now, &row.user_id];
        let values = values(&row);
        // Polled in this order, they are sent in this order.
        let (_, raised, made, _) = try_join4(
            client.batch_execute("BEGIN"),
            client.execute(&raise, &raised),
            client.query_one(&step, &values),
            client.batch_execute("COMMIT"),
        )
        .await?;
        black_box(progress(&made)?);
        Ok(raised as usize)
    }

    async fn bulk(&self, rows: Vec<NewImport>) -> Result<usize> {
        let client = self.pool.get().await?;
        let sink = client.copy_in(COPY).await?;
        let types = [
            Type::UUID,
            Type::UUID,
            Type::TEXT,
            Type::TEXT,
            Type::TEXT,
            Type::TIMESTAMPTZ,
            Type::TIMESTAMPTZ,
        ];
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        for row in rows {
            let row = row.fill();
            writer
                .as_mut()
                .write(&[
                    &row.id,
                    &row.user_id,
                    &row.title,
                    &row.description,
                    &row.status,
                    &row.created_at,
                    &row.updated_at,
                ])
                .await?;
        }
        Ok(writer.finish().await? as usize)
    }

    async fn run(&self, operation: Operation) -> Result<usize> {
        match operation {
            Operation::Find(id) => {
                let client = self.pool.get().await?;
                let statement = client.prepare_cached(FIND).await?;
                let row = client.query_opt(&statement, &[&id]).await?;
                let found = row.as_ref().map(user).transpose()?;
                Ok(usize::from(black_box(found).is_some()))
            }
            Operation::List(id) => self.goals(LIST_GOALS, id, LIST).await,
            Operation::Page { after, .. } => {
                let found = self.goals(PAGE_GOALS, after, PAGE as i64 + 1).await?;
                Ok(found.min(PAGE))
            }
            Operation::Insert(new) => {
                let row = new.fill();
                let client = self.pool.get().await?;
                let statement = client.prepare_cached(INSERT).await?;
                let made = client
                    .query_one(
                        &statement,
                        &[
                            &row.id,
                            &row.email,
                            &row.name,
                            &row.total_xp,
                            &row.current_level,
                            &row.created_at,
                            &row.updated_at,
                        ],
                    )
                    .await?;
                black_box(user(&made)?);
                Ok(1)
            }
            Operation::Transaction(new) => self.transaction(new).await,
            Operation::Batch(new) => self.flight(new).await,
            Operation::Bulk(rows) => self.bulk(rows).await,
        }
    }
}

impl Candidate for RawPostgres {
    fn work(&self, operation: Operation) -> Answer<'_> {
        Box::pin(self.run(operation))
    }
}

fn values(row: &Progress) -> [&(dyn ToSql + Sync); 7] {
    [
        &row.id,
        &row.user_id,
        &row.goal_id,
        &row.value,
        &row.xp_earned,
        &row.notes,
        &row.created_at,
    ]
}

fn user(row: &Row) -> Result<User, tokio_postgres::Error> {
    Ok(User {
        id: row.try_get(0)?,
        email: row.try_get(1)?,
        name: row.try_get(2)?,
        total_xp: row.try_get(3)?,
        current_level: row.try_get(4)?,
        created_at: row.try_get(5)?,
        updated_at: row.try_get(6)?,
    })
}

fn goal(row: &Row) -> Result<Goal, tokio_postgres::Error> {
    Ok(Goal {
        id: row.try_get(0)?,
        user_id: row.try_get(1)?,
        title: row.try_get(2)?,
        description: row.try_get(3)?,
        status: row.try_get(4)?,
        created_at: row.try_get(5)?,
        updated_at: row.try_get(6)?,
    })
}

fn progress(row: &Row) -> Result<Progress, tokio_postgres::Error> {
    Ok(Progress {
        id: row.try_get(0)?,
        user_id: row.try_get(1)?,
        goal_id: row.try_get(2)?,
        value: row.try_get(3)?,
        xp_earned: row.try_get(4)?,
        notes: row.try_get(5)?,
        created_at: row.try_get(6)?,
    })
}
