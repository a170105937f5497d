//! sqlx on MariaDB: a pool, `query_as` into structs with `FromRow`.

use std::hint::black_box;
use std::pin::Pin;
use std::time::Duration;

use sqlx::mysql::MySqlPoolOptions;
use sqlx::{MySql, MySqlPool, QueryBuilder};
use uuid::Uuid;

use super::raw_mysql::{FIND, INSERT, LIST_GOALS, PAGE_GOALS, RAISE, STEP};
use super::{Answer, Candidate, LIST, Operation, PAGE, Result};
use crate::rows::{Goal, NewImport, NewProgress, Progress, User, now};

pub struct SqlxMysql {
    pool: MySqlPool,
}

/// The pool of sqlx, and of SeaORM on top of it.
pub async fn pool(url: &str, size: usize) -> Result<MySqlPool> {
    Ok(MySqlPoolOptions::new()
        .max_connections(size as u32)
        .min_connections(size as u32)
        .acquire_timeout(Duration::from_secs(60))
        // Without a ping before each use: nobody else's does that.
        .test_before_acquire(false)
        .connect(url)
        .await?)
}

impl SqlxMysql {
    pub async fn new(url: &str, size: usize) -> Result<Self> {
        let pool = pool(url, size).await?;
        Ok(Self { pool })
    }

    async fn goals(&self, sql: &'static str, id: Uuid, most: i64) -> Result<usize> {
        let query = sqlx::query_as::<_, Goal>(sql).bind(id).bind(most);
        let rows = query.fetch_all(&self.pool).await?;
        Ok(black_box(rows).len())
    }

    async fn transaction(&self, new: NewProgress) -> Result<usize> {
        let row = new.fill();
        let mut tx = self.pool.begin().await?;
        let raised = sqlx::query(RAISE)
            .bind(row.xp_earned)
            .bind(now())
            .bind(row.user_id)
            .execute(&mut *tx)
            .await?;
        let made = sqlx::query_as::<_, Progress>(STEP)
            .bind(row.id)
            .bind(row.user_id)
            .bind(row.goal_id)
            .bind(row.value)
            .bind(row.xp_earned)
            .bind(row.notes)
            .bind(row.created_at)
            .fetch_one(&mut *tx)
            .await?;
        black_box(made);
        tx.commit().await?;
        Ok(raised.rows_affected() as usize)
    }

    async fn bulk(&self, rows: Vec<NewImport>) -> Result<usize> {
        let mut tx = self.pool.begin().await?;
        let mut count = 0;
        for chunk in rows.chunks(1000) {
            let mut builder = QueryBuilder::<MySql>::new(super::IMPORT_HEAD);
            builder.push_values(chunk, |mut values, row| {
                let row = row.clone().fill();
                values
                    .push_bind(row.id)
                    .push_bind(row.user_id)
                    .push_bind(row.title)
                    .push_bind(row.description)
                    .push_bind(row.status)
                    .push_bind(row.created_at)
                    .push_bind(row.updated_at);
            });
            let done = builder.build().execute(&mut *tx).await?;
            count += done.rows_affected() as usize;
        }
        tx.commit().await?;
        Ok(count)
    }

    async fn run(&self, operation: Operation) -> Result<usize> {
        match operation {
            Operation::Find(id) => {
                let query = sqlx::query_as::<_, User>(FIND).bind(id);
                let found = query.fetch_optional(&self.pool).await?;
                Ok(usize::from(black_box(found).is_some()))
            }
            Operation::List(id) => self.goals(LIST_GOALS, id, LIST).await,
            Operation::Page { after, .. } => {
                let found = self.goals(PAGE_GOALS, after, PAGE as i64 + 1).await?;
                Ok(found.min(PAGE))
            }
            Operation::Insert(new) => {
                let row = new.fill();
                let made = sqlx::query_as::<_, User>(INSERT)
                    .bind(row.id)
                    .bind(row.email)
                    .bind(row.name)
                    .bind(row.total_xp)
                    .bind(row.current_level)
                    .bind(row.created_at)
                    .bind(row.updated_at)
                    .fetch_one(&self.pool)
                    .await?;
                black_box(made);
                Ok(1)
            }
            Operation::Transaction(new) | Operation::Batch(new) => self.transaction(new).await,
            Operation::Bulk(rows) => self.bulk(rows).await,
        }
    }
}

impl Candidate for SqlxMysql {
    fn work(&self, operation: Operation) -> Answer<'_> {
        Box::pin(self.run(operation))
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.pool.close())
    }
}
