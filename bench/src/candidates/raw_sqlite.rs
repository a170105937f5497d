//! rusqlite by hand: blocking threads with a connection each, nothing in between.
//!
//! Reads run on two threads, as the machine of the published numbers has two cores. Writes run on
//! one: SQLite has one writer at a time, and a second thread only adds waiting for the lock.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{Failure, Kind, LIST, Operation, PAGE, Result, Threads, Worker};
use crate::rows::{Goal, Progress, User, instant_text, now};

pub struct RawSqlite {
    file: PathBuf,
    synchronous: &'static str,
    /// Open between rounds: when the last connection closes, SQLite removes the write-ahead log.
    _keeper: Mutex<Connection>,
}

impl RawSqlite {
    pub fn new(file: PathBuf, synchronous: &'static str) -> Result<Self> {
        let keeper = open(&file, synchronous)?;
        Ok(Self {
            file,
            synchronous,
            _keeper: Mutex::new(keeper),
        })
    }
}

fn open(file: &Path, synchronous: &str) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch(&super::pragmas(synchronous))?;
    connection.set_prepared_statement_cache_capacity(64);
    // A connection that is only opened holds no file yet.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

impl Threads for RawSqlite {
    fn worker(&self) -> Result<Box<dyn Worker>> {
        let connection = open(&self.file, self.synchronous)?;
        Ok(Box::new(One { connection }))
    }

    fn workers(&self, kind: Kind, tasks: usize) -> usize {
        if kind.writes() { 1 } else { tasks.min(2) }
    }
}

struct One {
    connection: Connection,
}

pub const FIND: &str = "SELECT id, email, name, total_xp, current_level, created_at, updated_at \
     FROM users WHERE id = ?1";
pub const LIST_GOALS: &str = "SELECT id, user_id, title, description, status, created_at, updated_at \
     FROM goals WHERE user_id = ?1 ORDER BY id LIMIT ?2";
pub const PAGE_GOALS: &str = "SELECT id, user_id, title, description, status, created_at, updated_at \
     FROM goals WHERE id > ?1 ORDER BY id LIMIT ?2";
pub const INSERT: &str = "INSERT INTO users \
     (id, email, name, total_xp, current_level, created_at, updated_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
     RETURNING id, email, name, total_xp, current_level, created_at, updated_at";
pub const RAISE: &str = "UPDATE users SET total_xp = total_xp + ?1, updated_at = ?2 WHERE id = ?3";
pub const STEP: &str = "INSERT INTO progress \
     (id, user_id, goal_id, value, xp_earned, notes, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
     RETURNING id, user_id, goal_id, value, xp_earned, notes, created_at";
pub const IMPORT: &str = "INSERT INTO imports \
     (id, user_id, title, description, status, created_at, updated_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

impl Worker for One {
    fn work(&mut self, operation: Operation) -> Result<usize> {
        match operation {
            Operation::Find(id) => {
                let mut statement = self.connection.prepare_cached(FIND)?;
                let mut rows = statement.query([text(id)])?;
                let row = rows.next()?.ok_or("no such user")?;
                black_box(user(row)?);
                Ok(1)
            }
            Operation::List(id) => self.goals(LIST_GOALS, id, LIST),
            Operation::Page { after, .. } => {
                // One more tells whether there is another page.
                Ok(self.goals(PAGE_GOALS, after, PAGE as i64 + 1)?.min(PAGE))
            }
            Operation::Insert(new) => {
                let row = new.fill();
                let mut statement = self.connection.prepare_cached(INSERT)?;
                let made = statement.query_row(
                    params![
                        text(row.id),
                        row.email,
                        row.name,
                        row.total_xp,
                        row.current_level,
                        instant_text(row.created_at),
                        instant_text(row.updated_at),
                    ],
                    |row| Ok(user(row)),
                )?;
                black_box(made?);
                Ok(1)
            }
            Operation::Transaction(new) | Operation::Batch(new) => {
                let row = new.fill();
                let tx = self
                    .connection
                    .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
                let raised = tx.prepare_cached(RAISE)?.execute(params![
                    row.xp_earned,
                    instant_text(now()),
                    text(row.user_id),
                ])?;
                let made = tx.prepare_cached(STEP)?.query_row(
                    params![
                        text(row.id),
                        text(row.user_id),
                        text(row.goal_id),
                        row.value,
                        row.xp_earned,
                        row.notes,
                        instant_text(row.created_at),
                    ],
                    |row| Ok(progress(row)),
                )?;
                black_box(made?);
                tx.commit()?;
                Ok(raised)
            }
            Operation::Bulk(rows) => {
                let tx = self
                    .connection
                    .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
                let mut count = 0;
                {
                    let mut statement = tx.prepare_cached(IMPORT)?;
                    for row in rows {
                        let row = row.fill();
                        count += statement.execute(params![
                            text(row.id),
                            text(row.user_id),
                            row.title,
                            row.description,
                            row.status,
                            instant_text(row.created_at),
                            instant_text(row.updated_at),
                        ])?;
                    }
                }
                tx.commit()?;
                Ok(count)
            }
        }
    }
}

impl One {
    fn goals(&self, sql: &str, id: Uuid, most: i64) -> Result<usize> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![text(id), most])?;
        let mut goals = Vec::new();
        while let Some(row) = rows.next()? {
            goals.push(goal(row)?);
        }
        Ok(black_box(goals).len())
    }
}

fn text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

fn uuid_at(row: &Row<'_>, at: usize) -> Result<Uuid> {
    Ok(Uuid::try_parse(row.get_ref(at)?.as_str()?)?)
}

fn instant_at(row: &Row<'_>, at: usize) -> Result<chrono::DateTime<chrono::Utc>> {
    Ok(chrono::DateTime::parse_from_rfc3339(row.get_ref(at)?.as_str()?)?.to_utc())
}

fn user(row: &Row<'_>) -> Result<User, Failure> {
    Ok(User {
        id: uuid_at(row, 0)?,
        email: row.get(1)?,
        name: row.get(2)?,
        total_xp: row.get(3)?,
        current_level: row.get(4)?,
        created_at: instant_at(row, 5)?,
        updated_at: instant_at(row, 6)?,
    })
}

fn goal(row: &Row<'_>) -> Result<Goal, Failure> {
    Ok(Goal {
        id: uuid_at(row, 0)?,
        user_id: uuid_at(row, 1)?,
        title: row.get(2)?,
        description: row.get(3)?,
        status: row.get(4)?,
        created_at: instant_at(row, 5)?,
        updated_at: instant_at(row, 6)?,
    })
}

fn progress(row: &Row<'_>) -> Result<Progress, Failure> {
    Ok(Progress {
        id: uuid_at(row, 0)?,
        user_id: uuid_at(row, 1)?,
        goal_id: uuid_at(row, 2)?,
        value: row.get(3)?,
        xp_earned: row.get(4)?,
        notes: row.get(5)?,
        created_at: instant_at(row, 6)?,
    })
}
