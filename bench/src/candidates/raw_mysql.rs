//! mysql_async by hand: its own pool and its own cache of prepared statements.

use std::hint::black_box;
use std::pin::Pin;

use chrono::NaiveDateTime;
use mysql_async::prelude::Queryable;
use mysql_async::{Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts, TxOpts, Value};
use uuid::Uuid;

use super::{Answer, Candidate, LIST, Operation, PAGE, Result};
use crate::rows::{Goal, NewImport, NewProgress, Progress, User, now};

pub const FIND: &str = "SELECT id, email, name, total_xp, current_level, created_at, updated_at \
     FROM users WHERE id = ?";
pub const LIST_GOALS: &str = "SELECT id, user_id, title, description, status, created_at, updated_at \
     FROM goals WHERE user_id = ? ORDER BY id LIMIT ?";
pub const PAGE_GOALS: &str = "SELECT id, user_id, title, description, status, created_at, updated_at \
     FROM goals WHERE id > ? ORDER BY id LIMIT ?";
pub const INSERT: &str = "INSERT INTO users \
     (id, email, name, total_xp, current_level, created_at, updated_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?) \
     RETURNING id, email, name, total_xp, current_level, created_at, updated_at";
pub const RAISE: &str = "UPDATE users SET total_xp = total_xp + ?, updated_at = ? WHERE id = ?";
pub const STEP: &str = "INSERT INTO progress \
     (id, user_id, goal_id, value, xp_earned, notes, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) \
     RETURNING id, user_id, goal_id, value, xp_earned, notes, created_at";

type UserRow = (
    Vec<u8>,
    String,
    String,
    i64,
    i32,
    NaiveDateTime,
    NaiveDateTime,
);
type GoalRow = (
    Vec<u8>,
    Vec<u8>,
    String,
    Option<String>,
    String,
    NaiveDateTime,
    NaiveDateTime,
);
type ProgressRow = (
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    i64,
    i64,
    Option<String>,
    NaiveDateTime,
);

pub struct RawMysql {
    pool: Pool,
}

impl RawMysql {
    pub fn new(url: &str, size: usize) -> Result<Self> {
        let constraints = PoolConstraints::new(size, size).ok_or("a pool needs connections")?;
        let pool = PoolOpts::default()
            .with_constraints(constraints)
            // By default each use ends with a round trip that also forgets prepared statements.
            .with_reset_connection(false);
        let options = OptsBuilder::from_opts(Opts::from_url(url)?).pool_opts(pool);
        Ok(Self {
            pool: Pool::new(options),
        })
    }

    async fn goals(&self, sql: &str, id: Uuid, most: i64) -> Result<usize> {
        let mut connection = self.pool.get_conn().await?;
        let rows: Vec<GoalRow> = connection.exec(sql, (bytes(id), most)).await?;
        let goals: Result<Vec<Goal>> = rows.into_iter().map(goal).collect();
        Ok(black_box(goals?).len())
    }

    async fn transaction(&self, new: NewProgress) -> Result<usize> {
        let row = new.fill();
        let mut tx = self.pool.start_transaction(TxOpts::default()).await?;
        let raise = (row.xp_earned, now().naive_utc(), bytes(row.user_id));
        tx.exec_drop(RAISE, raise).await?;
        let raised = tx.affected_rows();
        let values = (
            bytes(row.id),
            bytes(row.user_id),
            bytes(row.goal_id),
            row.value,
            row.xp_earned,
            row.notes,
            row.created_at.naive_utc(),
        );
        let made: Option<ProgressRow> = tx.exec_first(STEP, values).await?;
        black_box(progress(made.ok_or("nothing returned")?)?);
        tx.commit().await?;
        Ok(raised as usize)
    }

    async fn bulk(&self, rows: Vec<NewImport>) -> Result<usize> {
        let mut tx = self.pool.start_transaction(TxOpts::default()).await?;
        let mut count = 0;
        for chunk in rows.chunks(1000) {
            let mut values = Vec::with_capacity(chunk.len() * 7);
            for row in chunk {
                let row = row.clone().fill();
                values.extend([
                    Value::Bytes(bytes(row.id)),
                    Value::Bytes(bytes(row.user_id)),
                    row.title.into(),
                    row.description.into(),
                    row.status.into(),
                    row.created_at.naive_utc().into(),
                    row.updated_at.naive_utc().into(),
                ]);
            }
            let places = vec!["(?, ?, ?, ?, ?, ?, ?)"; chunk.len()].join(", ");
            let sql = format!("{}VALUES {places}", super::IMPORT_HEAD);
            tx.exec_drop(sql, Params::Positional(values)).await?;
            count += tx.affected_rows() as usize;
        }
        tx.commit().await?;
        Ok(count)
    }

    async fn run(&self, operation: Operation) -> Result<usize> {
        match operation {
            Operation::Find(id) => {
                let mut connection = self.pool.get_conn().await?;
                let row: Option<UserRow> = connection.exec_first(FIND, (bytes(id),)).await?;
                let found = row.map(user).transpose()?;
                Ok(usize::from(black_box(found).is_some()))
            }
            Operation::List(id) => self.goals(LIST_GOALS, id, LIST).await,
            Operation::Page { after, .. } => {
                let found = self.goals(PAGE_GOALS, after, PAGE as i64 + 1).await?;
                Ok(found.min(PAGE))
            }
            Operation::Insert(new) => {
                let row = new.fill();
                let mut connection = self.pool.get_conn().await?;
                let values = (
                    bytes(row.id),
                    row.email,
                    row.name,
                    row.total_xp,
                    row.current_level,
                    row.created_at.naive_utc(),
                    row.updated_at.naive_utc(),
                );
                let made: Option<UserRow> = connection.exec_first(INSERT, values).await?;
                black_box(user(made.ok_or("nothing returned")?)?);
                Ok(1)
            }
            // The driver has no pipelining: a batch is the same statements one after another.
            Operation::Transaction(new) | Operation::Batch(new) => self.transaction(new).await,
            Operation::Bulk(rows) => self.bulk(rows).await,
        }
    }
}

impl Candidate for RawMysql {
    fn work(&self, operation: Operation) -> Answer<'_> {
        Box::pin(self.run(operation))
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let _ = self.pool.clone().disconnect().await;
        })
    }
}

fn bytes(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn user(row: UserRow) -> Result<User> {
    Ok(User {
        id: Uuid::from_slice(&row.0)?,
        email: row.1,
        name: row.2,
        total_xp: row.3,
        current_level: row.4,
        created_at: row.5.and_utc(),
        updated_at: row.6.and_utc(),
    })
}

fn goal(row: GoalRow) -> Result<Goal> {
    Ok(Goal {
        id: Uuid::from_slice(&row.0)?,
        user_id: Uuid::from_slice(&row.1)?,
        title: row.2,
        description: row.3,
        status: row.4,
        created_at: row.5.and_utc(),
        updated_at: row.6.and_utc(),
    })
}

fn progress(row: ProgressRow) -> Result<Progress> {
    Ok(Progress {
        id: Uuid::from_slice(&row.0)?,
        user_id: Uuid::from_slice(&row.1)?,
        goal_id: Uuid::from_slice(&row.2)?,
        value: row.3,
        xp_earned: row.4,
        notes: row.5,
        created_at: row.6.and_utc(),
    })
}
