//! SQLite files backed up and restored: under load, killed, in use, damaged, and on full disks.

mod capture;
mod disk;
mod kills;
mod swap;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::config::ConfigLoader;
use mainstay::{Clock, Config, Database, Result, SystemClock, SystemEntropy};
use rusqlite::Connection;

use super::super::{Captured, Place};
use super::Sqlite;
use crate::archive::{Engine, Kind, Manifest, Table};
use crate::control::Control;

pub(super) fn config(path: &Path) -> Config {
    ConfigLoader::new()
        .set("url", format!("sqlite:{}", path.display()))
        .load()
        .expect("the test's configuration is valid")
}

pub(super) fn engine(path: &Path) -> Sqlite {
    Sqlite::new(
        &config(path),
        Arc::new(SystemClock),
        Arc::new(SystemEntropy),
    )
    .expect("a file")
}

pub(super) async fn open(path: &Path) -> Database {
    let builder = Database::builder().create_if_missing();
    builder
        .open(&config(path))
        .await
        .expect("the database opens")
}

pub(super) async fn close(db: Database) {
    db.close(Duration::from_secs(5)).await.expect("it closes");
}

/// A database made without Mainstay, and closed.
pub(super) fn make(path: &Path, sql: &str) {
    let connection = Connection::open(path).expect("opens");
    connection
        .execute_batch(&format!("PRAGMA journal_mode = WAL; {sql}"))
        .expect("runs");
    connection.close().expect("closes");
}

pub(super) fn number(path: &Path, sql: &str) -> i64 {
    let connection = Connection::open(path).expect("opens");
    connection
        .query_row(sql, [], |row| row.get(0))
        .expect("a number")
}

/// What an archive would say of it.
pub(super) fn manifest(captured: &Captured, raw: &[u8]) -> Manifest {
    Manifest {
        format: crate::archive::manifest::FORMAT,
        id: "20260101T000000Z-test".to_owned(),
        label: "test".to_owned(),
        engine: Engine::Sqlite,
        engine_version: captured.engine_version.clone(),
        kind: Kind::Physical,
        tools: captured.tools.clone(),
        mainstay: "0.1.0".to_owned(),
        schema: None,
        started_at: captured.taken_at,
        taken_at: captured.taken_at,
        duration_ms: 1,
        position: captured.position.clone(),
        raw_bytes: raw.len() as u64,
        stored_bytes: 0,
        chunks: 0,
        hash: String::new(),
        is_encrypted: false,
        tables: captured.tables.clone(),
    }
}

/// A backup in memory.
pub(super) struct Backup {
    pub(super) manifest: Manifest,
    pub(super) raw: Vec<u8>,
}

pub(super) fn back_up(engine: &Sqlite) -> Result<Backup> {
    let mut raw = Vec::new();
    let captured = engine.capture(Kind::Physical, &mut raw, &Control::new())?;
    Ok(Backup {
        manifest: manifest(&captured, &raw),
        raw,
    })
}

/// Restores into a new place, and looks at it.
pub(super) async fn restore(engine: &Sqlite, backup: &Backup) -> Result<(Place, Vec<Table>)> {
    let place = engine.place().await?;
    let control = Control::new();
    engine.restore(
        &backup.manifest,
        &mut backup.raw.as_slice(),
        &place,
        &control,
    )?;
    let tables = engine.verify(&backup.manifest, &place, &control)?;
    Ok((place, tables))
}

/// The names in a folder, but for those that SQLite itself removes.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("it is there")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("Unicode")
        })
        .collect();
    names.sort();
    names
}

/// A row that somebody asked for and was told is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Acknowledged {
    pub(super) id: i64,
    pub(super) begun: DateTime<Utc>,
    pub(super) done: DateTime<Utc>,
}

/// Eight tasks that write until they are told to stop.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Vec<Acknowledged>>>,
}

impl Load {
    pub(super) async fn start(db: &Database) -> Self {
        db.script("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
            .await
            .expect("a table");
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..8).map(|task| tokio::spawn(write(db.clone(), task, Arc::clone(&stop))));
        Self {
            tasks: tasks.collect(),
            stop,
        }
    }

    pub(super) async fn stop(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for task in self.tasks {
            all.extend(task.await.expect("it writes"));
        }
        all
    }
}

async fn write(db: Database, task: i64, stop: Arc<AtomicBool>) -> Vec<Acknowledged> {
    let mut all = Vec::new();
    let mut id = task;
    while !stop.load(Ordering::Relaxed) {
        let begun = SystemClock.now();
        db.sql("INSERT INTO rows VALUES (?, ?)")
            .bind(id)
            .bind("x".repeat(500))
            .execute()
            .await
            .expect("it is stored");
        let done = SystemClock.now();
        all.push(Acknowledged { id, begun, done });
        id += 8;
    }
    all
}
