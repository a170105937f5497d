//! Backups of real databases.
//!
//! - `load`: a backup under a load of writes, compared with what was acknowledged
//! - `everything`: a database with everything in it
//! - `swaps`: taking the place of a database
//! - `faults`: programs and servers that fail, and work that is cancelled
//! - `physical`: base backups, the log that follows them, and recovery to a moment
//! - `kills`: restores and swaps killed at any moment

mod everything;
mod faults;
mod kills;
mod load;
mod physical;
mod swaps;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::config::ConfigLoader;
use mainstay::database::admin;
use mainstay::{Config, Database, Result, SystemClock, SystemEntropy};
use mainstay_testkit::servers::{ServerKind, ServerUrl, TestDatabase, require, run_sql};

use super::super::{Captured, Place};
use super::*;
use crate::archive::manifest::FORMAT;
use crate::archive::{Engine, Kind, Manifest, Table};
use crate::control::Control;

/// A database of one test.
struct Target {
    server: ServerUrl,
    database: TestDatabase,
}

/// `None` where there is no server, which the testkit takes note of.
fn target() -> Option<Target> {
    let server = require(ServerKind::Postgres)?;
    let database = TestDatabase::create(&server).expect("a database");
    Some(Target { server, database })
}

impl Target {
    fn name(&self) -> String {
        self.database.name().to_owned()
    }

    fn config(&self) -> Config {
        config(self.database.url().as_str())
    }

    fn engine(&self) -> Postgres {
        engine(&self.config())
    }

    async fn open(&self) -> Database {
        Database::open(&self.config()).await.expect("it opens")
    }

    /// What the engine's own client says.
    fn sql(&self, sql: &str) -> String {
        run_sql(self.database.url(), sql)
            .expect("it runs")
            .trim()
            .to_owned()
    }

    /// The same from another database.
    fn server_sql(&self, sql: &str) -> String {
        run_sql(&self.server, sql)
            .expect("it runs")
            .trim()
            .to_owned()
    }

    async fn drop_database(&self) {
        let was_there = admin::drop_if_exists(&self.config()).await;
        assert!(was_there.expect("it is dropped"));
    }

    /// The databases whose name starts with this.
    fn databases(&self, start: &str) -> Vec<String> {
        let found = self.server_sql(&format!(
            "SELECT datname FROM pg_database WHERE starts_with(datname, '{start}') ORDER BY 1"
        ));
        found.lines().map(str::to_owned).collect()
    }

    /// Waits until nobody is connected to the database.
    async fn wait_until_left(&self) {
        for _ in 0..200 {
            let count = self.server_sql(&format!(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' \
                 AND backend_type = 'client backend'",
                self.name()
            ));
            if count == "0" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("somebody is still connected to {}", self.name());
    }
}

impl Drop for Target {
    /// What swaps kept.
    fn drop(&mut self) {
        for kept in self.databases(&format!("{}_before_restore_", self.name())) {
            self.server_sql(&format!("DROP DATABASE \"{kept}\" WITH (FORCE)"));
        }
    }
}

fn config(url: &str) -> Config {
    ConfigLoader::new()
        .set("url", url)
        .set("pool.max", "4")
        .load()
        .expect("the test's configuration is valid")
}

fn engine(config: &Config) -> Postgres {
    Postgres::new(config, Arc::new(SystemClock), Arc::new(SystemEntropy))
        .expect("it has a database")
}

/// A backup, and what is known of it.
#[derive(Debug)]
struct Taken {
    captured: Captured,
    bytes: Vec<u8>,
}

async fn capture(engine: &Postgres) -> Result<Taken> {
    let mut bytes = Vec::new();
    let captured = capture_into(engine, Control::new(), &mut bytes).await?;
    Ok(Taken { captured, bytes })
}

/// Captures on a thread, and gives what was written when it is done.
async fn capture_into(engine: &Postgres, control: Control, out: &mut Vec<u8>) -> Result<Captured> {
    let engine = engine.clone();
    let (captured, bytes) = blocking(move || {
        let mut bytes = Vec::new();
        let captured = engine.capture(Kind::Logical, &mut bytes, &control);
        (captured, bytes)
    })
    .await;
    *out = bytes;
    captured
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .expect("it does not panic")
}

fn manifest(captured: &Captured, kind: Kind) -> Manifest {
    Manifest {
        format: FORMAT,
        id: "20260101T000000Z-test".into(),
        label: "test".into(),
        engine: Engine::Postgres,
        engine_version: captured.engine_version.clone(),
        kind,
        tools: captured.tools.clone(),
        mainstay: env!("CARGO_PKG_VERSION").into(),
        schema: captured.schema.clone(),
        started_at: captured.taken_at,
        taken_at: captured.taken_at,
        duration_ms: 1,
        position: captured.position.clone(),
        raw_bytes: 0,
        stored_bytes: 0,
        chunks: 0,
        hash: String::new(),
        is_encrypted: false,
        tables: captured.tables.clone(),
    }
}

/// Restores into a new place, and looks at it.
async fn restore(engine: &Postgres, taken: &Taken) -> Result<(Place, Vec<Table>)> {
    let place = engine.place().await?;
    let (filled, place) = fill(engine, taken, place, Control::new()).await;
    match filled {
        Ok(tables) => Ok((place, tables)),
        Err(error) => {
            engine.discard(place).await?;
            Err(error)
        }
    }
}

async fn fill(
    engine: &Postgres,
    taken: &Taken,
    place: Place,
    control: Control,
) -> (Result<Vec<Table>>, Place) {
    let (engine, bytes) = (engine.clone(), taken.bytes.clone());
    let manifest = manifest(&taken.captured, Kind::Logical);
    blocking(move || {
        let filled = engine
            .restore(&manifest, &mut bytes.as_slice(), &place, &control)
            .and_then(|()| engine.verify(&manifest, &place, &control));
        (filled, place)
    })
    .await
}

/// Notes when the first bytes come, and does something then.
struct Watched<'a, F: FnMut()> {
    out: &'a mut Vec<u8>,
    first: Option<DateTime<Utc>>,
    then: F,
}

impl<F: FnMut()> Write for Watched<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.first.is_none() {
            self.first = Some(mainstay::Clock::now(&SystemClock));
            (self.then)();
        }
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
