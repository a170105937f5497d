//! Against a real server of the test kit. Where there is none these tests say so and end.
//!
//! - `connect`: signing in, and each way it fails
//! - `probes`: what a server sees of attempts that take long, and what is said of them
//! - `types`: values at the edges of their types, there and back
//! - `statements`: rows, errors, scripts, streams
//! - `transactions`: what the server does to them
//! - `drops`: futures dropped at every await point, sessions killed
//! - `kills`: batches that are stopped while they run, sessions ended from outside
//! - `network`: replies lost and servers that hang, through a small proxy

mod connect;
mod drops;
mod kills;
mod network;
mod probes;
mod statements;
mod transactions;
mod types;

use std::time::Duration;

use super::{MySqlDriver, MySqlOptions, admin};
use mainstay_testkit::servers::{ServerKind, require};

use crate::driver::contract::{Connection, Done, Driver};
use crate::driver::row::{Collect, Ignore};
use crate::driver::statement::{Access, Statement};
use crate::error::Result;
use crate::value::OwnedRow;
use crate::value::Value;

const LIMIT: Duration = Duration::from_secs(20);

/// The server's options, with a database of the test's own that does not exist yet.
fn options(name: &str) -> Option<MySqlOptions> {
    let server = require(ServerKind::MariaDb)?;
    let mut options = MySqlOptions::new(
        server.host(),
        server.user(),
        format!("mainstay_test_{name}"),
    );
    options.port = server.port();
    options.password = Some(server.password().to_owned());
    Some(options)
}

/// A database of a test's own.
struct Db {
    options: MySqlOptions,
    driver: MySqlDriver,
}

impl Db {
    async fn create(name: &str) -> Option<Self> {
        let options = options(name)?;
        admin::drop_database(&options, LIMIT).await.unwrap();
        assert!(
            admin::create_database_if_missing(&options, LIMIT)
                .await
                .unwrap()
        );
        let driver = MySqlDriver::open(options.clone(), LIMIT, true)
            .await
            .unwrap();
        Some(Self { options, driver })
    }

    async fn connect(&self) -> Box<dyn Connection> {
        self.driver.connect(LIMIT).await.unwrap()
    }

    async fn end(self) {
        assert!(admin::drop_database(&self.options, LIMIT).await.unwrap());
    }
}

fn statement(sql: &str, values: Vec<Value>, access: Access) -> Statement {
    Statement::new(sql, values, access)
}

async fn write(conn: &mut dyn Connection, sql: &str, values: Vec<Value>) -> Result<Done> {
    conn.run(statement(sql, values, Access::Write), &mut Ignore)
        .await
}

async fn rows(conn: &mut dyn Connection, sql: &str, values: Vec<Value>) -> Result<Vec<OwnedRow>> {
    let mut sink = Collect::new(|row| row.to_owned());
    conn.run(statement(sql, values, Access::Read), &mut sink)
        .await?;
    Ok(sink.items)
}

/// The first column of the first row.
async fn one(conn: &mut dyn Connection, sql: &str, values: Vec<Value>) -> Result<Value> {
    Ok(rows(conn, sql, values).await?[0].values[0].clone())
}

async fn count(conn: &mut dyn Connection, table: &str) -> i64 {
    match one(conn, &format!("SELECT COUNT(*) FROM {table}"), vec![]).await {
        Ok(Value::I64(count)) => count,
        other => panic!("not a count: {other:?}"),
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
