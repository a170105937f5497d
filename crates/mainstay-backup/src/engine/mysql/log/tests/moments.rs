//! Twenty moments of a load.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::{Clock, Database, Entropy, SeededEntropy, SystemClock};

use super::super::super::instance::Instance;
use super::super::super::tests::{Ground, blocking};
use super::super::super::{MySql, close};
use super::super::replay;
use super::super::tail::BINLOG;
use super::{Follower, base, log, logging};
use crate::control::Control;
use crate::target::Target;

/// When a transaction was begun and when it was acknowledged.
type Written = Arc<Mutex<BTreeMap<i64, (DateTime<Utc>, Option<DateTime<Utc>>)>>>;

/// Writes transactions of two rows. One whose outcome is not known stays without an end.
async fn write(db: Database, next: Arc<AtomicI64>, written: Written, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let begun = (SystemClock.now(), None);
        written.lock().expect("no panics").insert(id, begun);
        let done = db
            .transaction(async |tx| {
                tx.sql("INSERT INTO notes VALUES (?, 'it''s')")
                    .bind(id)
                    .execute()
                    .await?;
                tx.sql("INSERT INTO marks VALUES (?)")
                    .bind(id)
                    .execute()
                    .await?;
                Ok::<(), mainstay::Error>(())
            })
            .max_attempts(1)
            .await;
        let now = SystemClock.now();
        if done.is_ok() {
            written
                .lock()
                .expect("no panics")
                .entry(id)
                .and_modify(|row| row.1 = Some(now));
        } else {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Compares what was recovered with what is known to be acknowledged.
fn compare(written: &Written, ids: &[i64], to: DateTime<Utc>) -> (usize, usize) {
    // Events have whole seconds: what was begun in the moment's own may be there.
    let whole = i64::from(to.timestamp_subsec_micros() != 0) + to.timestamp();
    let end = DateTime::from_timestamp(whole, 0).expect("a time");
    let (mut before, mut after) = (0, 0);
    for (id, (begun, acknowledged)) in written.lock().expect("no panics").iter() {
        let is_there = ids.binary_search(id).is_ok();
        if acknowledged.is_some_and(|at| at < to) {
            before += 1;
            assert!(
                is_there,
                "{to}: {id}, acknowledged at {acknowledged:?}, is lost"
            );
        }
        if *begun >= end {
            after += 1;
            assert!(!is_there, "{to}: {id}, begun at {begun}, is there");
        }
    }
    (before, after)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_moments_of_a_load_are_recovered_as_they_were() {
    let Some(mut server) = blocking(|| logging(&[])).await else {
        return;
    };
    let ground = Ground::on(server.url());
    ground.sql("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT); CREATE TABLE marks (id BIGINT PRIMARY KEY)");
    let engine = ground.engine();
    let target = Target::memory();
    let log = log(&target);
    let db = Database::open(&ground.config()).await.expect("opens");
    let (written, stop) = (Written::default(), Arc::new(AtomicBool::new(false)));
    let next = Arc::new(AtomicI64::new(1));
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let (next, written) = (Arc::clone(&next), Arc::clone(&written));
            tokio::spawn(write(db.clone(), next, written, Arc::clone(&stop)))
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (base, dump) = base(&engine).await;
    let follower = Follower::start(&engine, &base, &log);
    let mut behind = Vec::new();
    let watched = follower.told.clone();
    let watch = |behind: &mut Vec<TimeDelta>| {
        if let Some(told) = *watched.borrow() {
            behind.push(SystemClock.now() - told);
        }
    };
    for step in 0..60 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        watch(&mut behind);
        match step {
            20 | 35 => drop(ground.sql("FLUSH BINARY LOGS")),
            30 => drop(ground.sql("ALTER TABLE notes ADD COLUMN more INT")),
            31 => drop(ground.sql("ALTER TABLE notes DROP COLUMN more")),
            _ => {}
        }
    }
    behind.sort();
    let median = behind[behind.len() / 2];
    assert!(median < TimeDelta::milliseconds(1500), "{median} behind");
    // The server is started again; reading goes on from where it was. So does a new follower.
    let server = blocking(move || {
        server.restart().expect("it starts again");
        server
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    follower.stop().await;
    let stopped = MySql::newest(&log)
        .await
        .expect("a moment")
        .expect("something");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let follower = Follower::start(&engine, &base, &log);
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("a writer");
    }
    follower.stop().await;
    db.close(Duration::from_secs(5)).await.expect("closes");
    let newest = MySql::newest(&log)
        .await
        .expect("a moment")
        .expect("something");
    assert!(
        newest > stopped + TimeDelta::seconds(2),
        "{stopped} {newest}"
    );

    // What was the server's is not needed any more.
    let config = ground.config();
    drop(ground);
    drop(server);
    let engine = super::super::super::tests::engine(&config);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("recovered");
    let (inner, path) = (engine.clone(), data.clone());
    let instance = blocking(move || Instance::start(&inner, &path, &Control::new())).await;
    let instance = instance.expect("a private server");
    let private = super::super::super::tests::engine(&instance.config);
    let span = (newest - base.taken_at).num_microseconds().expect("a span");
    let random = SeededEntropy::new(20);
    for number in 0..20 {
        let mut to = base.taken_at + TimeDelta::microseconds((random.unit() * span as f64) as i64);
        if number % 4 == 0 {
            to = DateTime::from_timestamp(to.timestamp() + 1, 0)
                .expect("a time")
                .min(newest);
        }
        let (private, base, dump, log) = (private.clone(), base.clone(), dump.clone(), log.clone());
        let found = blocking(move || {
            let control = Control::new();
            let folder = tempfile::tempdir().expect("a folder");
            let fetched = replay::fetch(&base, &log, to, folder.path(), &control);
            let fetched = private.wait(fetched).expect("fetched");
            let program = private
                .places
                .find(&BINLOG, "any", |_| true)
                .expect("a program");
            let mut input = dump.as_slice();
            private
                .fill(&base, &mut input, &program, &fetched, &control)
                .expect("filled");
            private.wait(async {
                let db = Database::open(&private.config).await?;
                let mut found = Vec::new();
                for table in ["notes", "marks"] {
                    let sql = format!("SELECT id FROM {table} ORDER BY id");
                    found.push(db.sql(sql).fetch_with(|row| row.get::<i64>(0)).await?);
                }
                let name = &private.name;
                db.script(format!("DROP DATABASE `{name}`")).await?;
                close(db).await;
                Ok(found)
            })
        })
        .await
        .expect("rows");
        assert_eq!(found[0], found[1], "transactions are whole");
        let (before, after) = compare(&written, &found[0], to);
        assert!(before > 10, "{to}: {before} before, {after} after");
    }
    blocking(move || instance.stop()).await.expect("it stops");
}
