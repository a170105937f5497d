//! Tests against a real server of the test kit. Where there is none they say so and end.
//!
//! - `types`: values at their edges, and what cannot be read or sent
//! - `statements`: rows, counts, streams, kept statements
//! - `transactions`: commits that are none, savepoints
//! - `batches`: statements sent in one flight
//! - `drops`: futures dropped at every await point, cancels
//! - `forsaken`: sessions that are given up and that the server knows nothing of
//! - `loss`: sessions that end under a call
//! - `telling`: statements whose rows tell the id of their transaction
//! - `witness`: finding out how a transaction ended whose COMMIT was not answered
//! - `relay`: a relay to the server that can fall silent or hang up
//! - `connecting`: refusals, TLS, databases made and dropped

mod batches;
mod connecting;
mod drops;
mod forsaken;
mod loss;
mod relay;
mod statements;
mod telling;
mod transactions;
mod types;
mod witness;

use std::time::Duration;

use super::PostgresOptions;
use super::connection::PostgresConnection;
use super::dial::Dialer;
use super::driver::connect;
use mainstay_testkit::servers::{ServerKind, require};

use crate::Value;
use crate::config::Tls;
use crate::driver::contract::{Connection, Done};
use crate::driver::row::Collect;
use crate::driver::statement::{Access, Statement};
use crate::error::Result;
use crate::schema::Dialect;
use crate::value::{OwnedRow, Row};

const LIMIT: Duration = Duration::from_secs(10);

/// The server to test with.
fn server() -> Option<PostgresOptions> {
    let server = require(ServerKind::Postgres)?;
    Some(PostgresOptions {
        host: server.host().to_owned(),
        port: server.port(),
        user: server.user().to_owned(),
        password: Some(server.password().to_owned()),
        database: server.database().to_owned(),
        tls: Tls::disabled(),
        application_name: "mainstay-test".into(),
        statement_cache: 16,
    })
}

async fn open(options: &PostgresOptions) -> PostgresConnection {
    let dialer = Dialer::new(options.clone()).unwrap();
    connect(&std::sync::Arc::new(dialer), LIMIT).await.unwrap()
}

fn statement(sql: &str, values: Vec<Value>, access: Access) -> Statement {
    Statement::raw(Dialect::Postgres, sql, values, access).unwrap()
}

async fn rows(
    connection: &mut PostgresConnection,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<OwnedRow>> {
    let mut found = Collect::new(|row: &Row<'_>| row.to_owned());
    connection
        .run(statement(sql, values, Access::Read), &mut found)
        .await?;
    Ok(found.items)
}

/// The one value of a query.
async fn one(connection: &mut PostgresConnection, sql: &str, values: Vec<Value>) -> Result<Value> {
    let mut rows = rows(connection, sql, values).await?;
    Ok(rows.remove(0).values.remove(0))
}

async fn write(connection: &mut PostgresConnection, sql: &str, values: Vec<Value>) -> Result<Done> {
    let statement = statement(sql, values, Access::Write);
    connection
        .run(statement, &mut crate::driver::row::Ignore)
        .await
}

/// The server process of a session.
async fn pid(connection: &mut PostgresConnection) -> Value {
    one(connection, "SELECT pg_backend_pid()", vec![])
        .await
        .unwrap()
}

/// A table of one test, fresh.
async fn table(connection: &mut PostgresConnection, name: &str, columns: &str) {
    connection
        .run_script(&format!(
            "DROP TABLE IF EXISTS {name} CASCADE; CREATE TABLE {name} ({columns})"
        ))
        .await
        .unwrap();
}
