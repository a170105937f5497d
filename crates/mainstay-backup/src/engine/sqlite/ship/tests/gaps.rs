//! What does not follow on what was read is told, and never skipped.

use std::io::{Seek, SeekFrom, Write};

use mainstay::ErrorKind;

use super::*;
use crate::archive::SegmentMeta;

/// Where a log ended.
async fn end_of(log: &Log) -> Option<(u64, DateTime<Utc>, serde_json::Value)> {
    let segments = log.list().await.expect("a list");
    let last = segments.last()?;
    let (SegmentMeta { detail, .. }, _) = log.read(last).await.expect("read");
    Some((last.sequence, last.to, detail["end"].clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipper_that_is_killed_goes_on_or_says_that_it_cannot() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    tables(&db).await;
    let engine = Arc::new(engine(&path));
    let target = Target::memory();
    let (mut went_on, mut gaps) = (0, 0);
    // Else it would have started again whenever it is looked for.
    let limits = Limits {
        start_again: 8 << 20,
        ..SMALL
    };
    let mut generation = Generation::begin_within(limits, &engine, &target, "base-0").await;
    let mut first = 0;
    let mut all = Vec::new();
    for round in 1..=12 {
        let load = Pairs::start(&db, first);
        tokio::time::sleep(Duration::from_millis(300)).await;
        // In the middle of whatever it does.
        generation.task.abort();
        let _ = (&mut generation.task).await;
        // Every other time the log starts again before it is followed again.
        if round % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            db.exclusive(|lent| async move {
                lent.sql("PRAGMA wal_checkpoint(TRUNCATE)").execute().await
            })
            .await
            .expect("moved");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let written = load.stop().await;
        first = written.iter().map(|row| row.id).max().expect("rows") + 1;
        all.extend(written);
        let (sequence, newest, end) = end_of(&generation.log).await.unwrap_or_else(|| {
            let manifest = &generation.backup.manifest;
            let position = manifest.position.clone().expect("a base");
            (0, manifest.taken_at, position)
        });
        let resuming = Arc::clone(&engine);
        let resumed = tokio::task::spawn_blocking(move || resuming.resume(&end, limits));
        match resumed.await.expect("it runs").expect("it opens") {
            Resumed::Follower(follower) => {
                went_on += 1;
                let log = generation.log.clone();
                let (stop, task) = shipping(*follower, &log, sequence + 1, newest);
                (generation.stop, generation.task) = (stop, task);
            }
            Resumed::Gap(_) => {
                gaps += 1;
                let name = format!("base-{round}");
                generation = Generation::begin_within(limits, &engine, &target, &name).await;
            }
        }
    }
    let load = Pairs::start(&db, first);
    tokio::time::sleep(Duration::from_millis(300)).await;
    all.extend(load.stop().await);
    assert_eq!(generation.end().await, Ended::Stopped);
    // Nothing is missing, whichever way it went.
    let (left, right, _) = generation.at(&engine, None).await;
    assert!(left == right, "a transaction is there by half");
    let expected: BTreeSet<i64> = all.iter().map(|row| row.id).collect();
    let missing: Vec<_> = expected.difference(&left).take(9).collect();
    assert!(missing.is_empty(), "{missing:?} of {}", expected.len());
    assert_eq!(left.len(), expected.len());
    assert!(went_on > 0 && gaps > 0, "{went_on} and {gaps}");
    close(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_left_is_gone_on_with_and_one_that_was_emptied_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    tables(&db).await;
    let engine = Arc::new(engine(&path));
    let target = Target::memory();
    let mut generation = Generation::begin(&engine, &target, "base").await;
    let insert = |id: i64| {
        let sql = format!(
            "PRAGMA wal_autocheckpoint = 0; INSERT INTO left_rows VALUES ({id}, 'x');
             INSERT INTO right_rows VALUES ({id}, 'x')"
        );
        Connection::open(&path)
            .expect("opens")
            .execute_batch(&sql)
            .expect("runs");
    };
    close(db).await;
    // Whoever writes closes the database while it is followed, and so leaves the log.
    insert(1);
    assert_eq!(generation.end().await, Ended::Stopped);
    for id in 2..4 {
        let (sequence, newest, end) = end_of(&generation.log).await.expect("a segment");
        let Resumed::Follower(follower) = engine.resume(&end, SMALL).expect("it opens") else {
            panic!("it does not go on");
        };
        let (stop, task) = shipping(*follower, &generation.log, sequence + 1, newest);
        (generation.stop, generation.task) = (stop, task);
        insert(id);
        assert_eq!(generation.end().await, Ended::Stopped);
    }
    let (left, _, _) = generation.at(&engine, None).await;
    assert_eq!(left, [1, 2, 3].into());
    // A service that stops empties it.
    let db = open(&path).await;
    close(db).await;
    let (_, _, end) = end_of(&generation.log).await.expect("a segment");
    let resumed = engine.resume(&end, SMALL).expect("it opens");
    assert!(matches!(resumed, Resumed::Gap(_)), "{resumed:?}");
}

#[tokio::test]
async fn damage_behind_the_last_commit_is_no_matter_and_in_front_of_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let log_path = folder.path().join("app.db-wal");
    let live = Connection::open(&path).expect("opens");
    live.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
         CREATE TABLE left_rows (id INTEGER PRIMARY KEY, text);
         CREATE TABLE right_rows (id INTEGER PRIMARY KEY, text)",
    )
    .expect("runs");
    let insert = |id: i64| {
        for table in ["left_rows", "right_rows"] {
            live.execute(&format!("INSERT INTO {table} VALUES (?1, 'x')"), [id])
                .expect("stored");
        }
    };
    insert(1);
    let engine = Arc::new(engine(&path));
    let (backup, follower) = base(&engine, SMALL).await;
    let mut follower = follower.take().expect("it waits").reader;
    let mut batch = follower.batch(backup.manifest.taken_at);
    // As a commit that was cut off leaves it.
    let garbage = || {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&log_path)
            .expect("opens");
        file.write_all(&[0xAA; 7000]).expect("written");
    };
    garbage();
    assert_eq!(follower.tick(&mut batch).expect("read"), None);
    assert!(batch.is_empty());
    // The next commit overwrites it.
    insert(2);
    assert_eq!(follower.tick(&mut batch).expect("read"), None);
    assert!(!batch.is_empty());
    insert(3);
    let length = log_path.metadata().expect("there").len();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(&log_path)
        .expect("opens");
    file.seek(SeekFrom::Start(length - 2000)).expect("seeks");
    file.write_all(&[0x55; 10]).expect("written");
    let gap = follower.tick(&mut batch).expect("read").expect("a gap");
    assert!(gap.contains("damaged"), "{gap}");
    // What was read before is good.
    let log = log_of(&Target::memory(), "base");
    let (meta, bytes) = batch.into_segment(1);
    log.append(meta, bytes).await.expect("appended");
    let generation = Generation {
        backup,
        log,
        stop: Control::new(),
        task: tokio::spawn(async { Ok(Ended::Stopped) }),
    };
    let (left, _, _) = generation.at(&engine, None).await;
    assert_eq!(left, [1, 2].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_at_the_path_is_a_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    tables(&db).await;
    let engine = Arc::new(engine(&path));
    let mut generation = Generation::begin(&engine, &Target::memory(), "base").await;
    pair(&db, 1).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    std::fs::rename(&path, folder.path().join("old.db")).expect("renamed");
    let ended = (&mut generation.task)
        .await
        .expect("it runs")
        .expect("it ends");
    assert!(matches!(ended, Ended::Gap(why) if why.contains("another file")));
    db.close(Duration::from_secs(1)).await.ok();
}

#[tokio::test]
async fn a_database_without_a_log_and_a_log_of_others_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let connection = Connection::open(&path).expect("opens");
    connection
        .execute_batch("CREATE TABLE t (a)")
        .expect("runs");
    drop(connection);
    let engine = engine(&path);
    let error = engine.begin_base(Limits::default()).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let position = serde_json::json!({"lsn": "0/16B3748"});
    let error = engine
        .resume(&position, Limits::default())
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::BackupDamaged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_exchanged_segment_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    tables(&db).await;
    let engine = Arc::new(engine(&path));
    let target = Target::memory();
    let mut generation = Generation::begin(&engine, &target, "base").await;
    for id in 0..4 {
        pair(&db, id).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(generation.end().await, Ended::Stopped);
    let segments = generation.log.list().await.expect("a list");
    assert_eq!(segments.len(), 4);
    let mut read = Vec::new();
    for segment in &segments {
        read.push(generation.log.read(segment).await.expect("read"));
    }
    // The second one under the number of the first, in a log of its own.
    let other = log_of(&target, "other");
    let (meta, bytes) = read[1].clone();
    let meta = SegmentMeta {
        sequence: 1,
        ..meta
    };
    other.append(meta, bytes).await.expect("appended");
    generation.log.remove(&segments[1]).await.expect("removed");
    for log in [&other, &generation.log] {
        let control = Control::new();
        let place = engine.place().await.expect("a place");
        let manifest = &generation.backup.manifest;
        let mut raw = generation.backup.raw.as_slice();
        engine
            .restore(manifest, &mut raw, &place, &control)
            .expect("restored");
        let position = manifest.position.as_ref().expect("a base");
        let error = recover(log, &place, position, None, &control).await;
        assert_eq!(error.expect_err("told").kind(), ErrorKind::BackupDamaged);
        engine.discard(place).await.expect("discarded");
    }
    close(db).await;
}
