//! Tests of the SQLite driver through its contract.
//!
//! - this file: what they share
//! - `opening`: files that can and cannot be opened, closing
//! - `values`: types at their edges
//! - `streams`: large results in bounded memory
//! - `transactions`: what they keep and lose, read-only ones
//! - `writing`: one writer, many tasks, other processes
//! - `groups`: jobs that share a commit, and what becomes of each when it fails
//! - `half`: what becomes of the rest when a part fails
//! - `loading`: rows in bulk
//! - `log`: checkpoints
//! - `cancelling`: futures dropped at every point
//! - `exchanged`: files that are deleted or replaced underneath
//! - `giving_up`: what is certain of calls that were given up
//! - `errors`: the classification, on real refusals
//! - `inline`: short reads on the caller's thread

mod cancelling;
mod errors;
mod exchanged;
mod giving_up;
mod groups;
mod half;
mod inline;
mod loading;
mod log;
mod opening;
mod streams;
mod transactions;
mod values;
mod writing;

use std::time::Duration;

use tempfile::TempDir;

use super::SqliteDriver;
use super::options::SqliteOptions;
use crate::driver::row::{Collect, Ignore};
use crate::driver::{Access, Connection, Done, Driver, OwnedRow, Row, Statement};
use crate::error::Result;
use crate::value::Value;

/// A database in a folder of its own.
struct Fixture {
    driver: SqliteDriver,
    folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let driver = SqliteDriver::open(options(&folder)).await.unwrap();
        Self { driver, folder }
    }

    /// With a table `t` of one number and one text.
    async fn with_table() -> Self {
        let fixture = Self::new().await;
        fixture
            .writer()
            .run_script("CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT UNIQUE) STRICT")
            .await
            .unwrap();
        fixture
    }

    fn writer(&self) -> Box<dyn Connection> {
        self.driver.writer().unwrap()
    }

    async fn reader(&self) -> Box<dyn Connection> {
        self.driver.connect(Duration::from_secs(5)).await.unwrap()
    }

    async fn count(&self) -> i64 {
        let mut reader = self.reader().await;
        number(&mut *reader, "SELECT count(*) FROM t")
            .await
            .unwrap()
    }
}

fn options(folder: &TempDir) -> SqliteOptions {
    SqliteOptions::new(folder.path().join("test.db"))
}

fn statement(sql: &str, values: Vec<Value>) -> Statement {
    Statement::new(sql, values, Access::Unknown)
}

/// An insert into `t`.
fn insert(id: i64) -> Statement {
    statement(
        "INSERT INTO t (id, word) VALUES (?, ?)",
        vec![Value::I64(id), Value::Text(format!("word {id}"))],
    )
}

async fn execute(connection: &mut dyn Connection, sql: &str) -> Result<Done> {
    connection
        .run(statement(sql, Vec::new()), &mut Ignore)
        .await
}

async fn rows(
    connection: &mut dyn Connection,
    statement: Statement,
) -> Result<(Vec<OwnedRow>, Done)> {
    let mut sink = Collect::new(|row: &Row<'_>| row.to_owned());
    let done = connection.run(statement, &mut sink).await?;
    Ok((sink.items, done))
}

async fn number(connection: &mut dyn Connection, sql: &str) -> Result<i64> {
    let (rows, _) = rows(connection, statement(sql, Vec::new())).await?;
    match rows[0].values[0] {
        Value::I64(number) => Ok(number),
        ref other => panic!("not a number: {other:?}"),
    }
}
