//! Logs followed, and states in between recovered.

mod gaps;
mod moments;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Clock, Database, SeededEntropy, SystemClock};
use rusqlite::Connection;
use tokio::task::JoinHandle;

use super::*;
use crate::archive::{Keys, Log};
use crate::control::Control;
use crate::engine::sqlite::Sqlite;
use crate::engine::sqlite::tests::{Acknowledged, Backup, close, engine, manifest, open};
use crate::target::Target;

const INTERVAL: Duration = Duration::from_millis(200);

/// Logs start again often.
const SMALL: Limits = Limits {
    start_again: 400 << 10,
    ahead: 4 << 20,
    give_up: 64 << 20,
};

pub(super) fn log_of(target: &Target, base: &str) -> Log {
    let entropy = Arc::new(SeededEntropy::new(7));
    Log::new(target, "main", base, Keys::default(), entropy)
}

/// A copy, and a task that ships what follows.
pub(super) struct Generation {
    pub(super) backup: Backup,
    pub(super) log: Log,
    pub(super) stop: Control,
    pub(super) task: JoinHandle<mainstay::Result<Ended>>,
}

impl Generation {
    pub(super) async fn begin(engine: &Arc<Sqlite>, target: &Target, name: &str) -> Self {
        Self::begin_within(SMALL, engine, target, name).await
    }

    pub(super) async fn begin_within(
        limits: Limits,
        engine: &Arc<Sqlite>,
        target: &Target,
        name: &str,
    ) -> Self {
        let (backup, follower) = base(engine, limits).await;
        let log = log_of(target, name);
        let (stop, task) = shipping(follower, &log, 1, backup.manifest.taken_at);
        Self {
            backup,
            log,
            stop,
            task,
        }
    }

    /// All that was committed before is in the log then.
    pub(super) async fn end(&mut self) -> Ended {
        self.stop.cancel();
        (&mut self.task).await.expect("it runs").expect("it ships")
    }

    /// What a moment's state has: the numbers in `left` and those in `right`.
    pub(super) async fn at(
        &self,
        engine: &Sqlite,
        to: Option<DateTime<Utc>>,
    ) -> (BTreeSet<i64>, BTreeSet<i64>, Replayed) {
        let control = Control::new();
        let place = engine.place().await.expect("a place");
        let manifest = &self.backup.manifest;
        let mut raw = self.backup.raw.as_slice();
        engine
            .restore(manifest, &mut raw, &place, &control)
            .expect("restored");
        let position = manifest.position.as_ref().expect("a base");
        let replayed = recover(&self.log, &place, position, to, &control).await;
        let replayed = replayed.expect("recovered");
        engine
            .verify(manifest, &place, &control)
            .expect("it is whole");
        let connection = Connection::open(&place.name).expect("opens");
        let numbers = |table: &str| numbers(&connection, table);
        let found = (numbers("left_rows"), numbers("right_rows"), replayed);
        drop(connection);
        engine.discard(place).await.expect("discarded");
        found
    }
}

pub(super) async fn base(engine: &Arc<Sqlite>, limits: Limits) -> (Backup, Follower) {
    let engine = Arc::clone(engine);
    let taken = tokio::task::spawn_blocking(move || {
        let (base, follower) = engine.begin_base(limits).expect("a base");
        let mut raw = Vec::new();
        let captured = engine
            .capture_base(base, &mut raw, &Control::new())
            .expect("captured");
        let manifest = manifest(&captured, &raw);
        (Backup { manifest, raw }, follower)
    });
    taken.await.expect("it runs")
}

pub(super) fn shipping(
    follower: Follower,
    log: &Log,
    first: u64,
    newest: DateTime<Utc>,
) -> (Control, JoinHandle<mainstay::Result<Ended>>) {
    let (stop, log) = (Control::new(), log.clone());
    let of_task = stop.clone();
    let task = tokio::spawn(async move {
        ship(follower, &log, first, newest, INTERVAL, &of_task, |_| ()).await
    });
    (stop, task)
}

pub(super) fn numbers(connection: &Connection, table: &str) -> BTreeSet<i64> {
    let mut statement = connection
        .prepare(&format!("SELECT id FROM {table}"))
        .expect("a table");
    let rows = statement.query_map([], |row| row.get(0)).expect("runs");
    rows.map(|id| id.expect("a number")).collect()
}

pub(super) async fn tables(db: &Database) {
    db.script(
        "CREATE TABLE left_rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
         CREATE TABLE right_rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    )
    .await
    .expect("tables");
}

/// Eight tasks that write the same number to two tables, in one transaction each.
pub(super) struct Pairs {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Vec<Acknowledged>>>,
}

impl Pairs {
    /// Numbers from `first` on.
    pub(super) fn start(db: &Database, first: i64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..8).map(|task| {
            let (db, stop) = (db.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut all = Vec::new();
                let mut id = first + task;
                while !stop.load(Ordering::Relaxed) {
                    all.push(pair(&db, id).await);
                    id += 8;
                }
                all
            })
        });
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

pub(super) async fn pair(db: &Database, id: i64) -> Acknowledged {
    let begun = SystemClock.now();
    db.transaction(move |tx| async move {
        for table in ["left_rows", "right_rows"] {
            tx.sql(format!("INSERT INTO {table} VALUES (?, ?)"))
                .bind(id)
                .bind("x".repeat(300))
                .execute()
                .await?;
        }
        Ok::<_, mainstay::Error>(())
    })
    .await
    .expect("it is stored");
    let done = SystemClock.now();
    Acknowledged { id, begun, done }
}

/// Another process with SQLite's own program.
pub(super) fn foreign(path: &Path, sql: &str) -> bool {
    let mut command = Command::new("sqlite3");
    command.arg("-cmd").arg(".timeout 5000").arg(path).arg(sql);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.expect("the sqlite3 program is there").success()
}

pub(super) fn log_bytes(path: &Path) -> u64 {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    log.metadata().map_or(0, |found| found.len())
}
