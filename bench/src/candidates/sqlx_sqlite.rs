//! sqlx on SQLite: a pool, `query_as` into structs with `FromRow`.

use std::hint::black_box;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{FromRow, QueryBuilder, Sqlite, SqlitePool};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::raw_sqlite::{FIND, INSERT, LIST_GOALS, PAGE_GOALS, RAISE, STEP};
use super::{Answer, Candidate, LIST, Operation, PAGE, Result};
use crate::rows::{NewProgress, instant_text, now};

pub struct SqlxSqlite {
    pool: SqlitePool,
}

#[derive(FromRow)]
#[expect(dead_code, reason = "decoded as others decode it")]
struct UserRow {
    id: Hyphenated,
    email: String,
    name: String,
    total_xp: i64,
    current_level: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(FromRow)]
#[expect(dead_code, reason = "decoded as others decode it")]
struct GoalRow {
    id: Hyphenated,
    user_id: Hyphenated,
    title: String,
    description: Option<String>,
    status: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(FromRow)]
#[expect(dead_code, reason = "decoded as others decode it")]
struct ProgressRow {
    id: Hyphenated,
    user_id: Hyphenated,
    goal_id: Hyphenated,
    value: i64,
    xp_earned: i64,
    notes: Option<String>,
    created_at: DateTime<Utc>,
}

/// How SQLite is opened by sqlx, and by SeaORM on top of it.
pub async fn pool(file: &Path, size: usize, synchronous: &str) -> Result<SqlitePool> {
    let synchronous = match synchronous {
        "full" => SqliteSynchronous::Full,
        _ => SqliteSynchronous::Normal,
    };
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(30));
    Ok(SqlitePoolOptions::new()
        .max_connections(size as u32)
        .min_connections(size as u32)
        .acquire_timeout(Duration::from_secs(60))
        // Without a ping before each use: nobody else's does that.
        .test_before_acquire(false)
        .connect_with(options)
        .await?)
}

impl SqlxSqlite {
    pub async fn new(file: &Path, size: usize, synchronous: &str) -> Result<Self> {
        let pool = pool(file, size, synchronous).await?;
        Ok(Self { pool })
    }

    async fn goals(&self, sql: &'static str, id: Uuid, most: i64) -> Result<usize> {
        let query = sqlx::query_as::<_, GoalRow>(sql);
        let rows = query
            .bind(id.hyphenated())
            .bind(most)
            .fetch_all(&self.pool)
            .await?;
        Ok(black_box(rows).len())
    }

    async fn transaction(&self, new: NewProgress) -> Result<usize> {
        let row = new.fill();
        // At once a writer: otherwise its first write may find that it comes too late.
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let raised = sqlx::query(RAISE)
            .bind(row.xp_earned)
            .bind(instant_text(now()))
            .bind(row.user_id.hyphenated())
            .execute(&mut *tx)
            .await?;
        let made = sqlx::query_as::<_, ProgressRow>(STEP)
            .bind(row.id.hyphenated())
            .bind(row.user_id.hyphenated())
            .bind(row.goal_id.hyphenated())
            .bind(row.value)
            .bind(row.xp_earned)
            .bind(row.notes)
            .bind(instant_text(row.created_at))
            .fetch_one(&mut *tx)
            .await?;
        black_box(made);
        tx.commit().await?;
        Ok(raised.rows_affected() as usize)
    }

    async fn run(&self, operation: Operation) -> Result<usize> {
        match operation {
            Operation::Find(id) => {
                let query = sqlx::query_as::<_, UserRow>(FIND).bind(id.hyphenated());
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
                let made = sqlx::query_as::<_, UserRow>(INSERT)
                    .bind(row.id.hyphenated())
                    .bind(row.email)
                    .bind(row.name)
                    .bind(row.total_xp)
                    .bind(row.current_level)
                    .bind(instant_text(row.created_at))
                    .bind(instant_text(row.updated_at))
                    .fetch_one(&self.pool)
                    .await?;
                black_box(made);
                Ok(1)
            }
            Operation::Transaction(new) | Operation::Batch(new) => self.transaction(new).await,
            Operation::Bulk(rows) => {
                let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
                let mut count = 0;
                for chunk in rows.chunks(1000) {
                    let mut builder = QueryBuilder::<Sqlite>::new(super::IMPORT_HEAD);
                    builder.push_values(chunk, |mut values, row| {
                        let row = row.clone().fill();
                        values
                            .push_bind(row.id.hyphenated())
                            .push_bind(row.user_id.hyphenated())
                            .push_bind(row.title)
                            .push_bind(row.description)
                            .push_bind(row.status)
                            .push_bind(instant_text(row.created_at))
                            .push_bind(instant_text(row.updated_at));
                    });
                    let done = builder.build().execute(&mut *tx).await?;
                    count += done.rows_affected() as usize;
                }
                tx.commit().await?;
                Ok(count)
            }
        }
    }
}

impl Candidate for SqlxSqlite {
    fn work(&self, operation: Operation) -> Answer<'_> {
        Box::pin(self.run(operation))
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.pool.close())
    }
}
