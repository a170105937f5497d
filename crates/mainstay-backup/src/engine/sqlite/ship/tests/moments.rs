//! Any moment's state, while the log starts again and others work on the database.

use mainstay::Entropy;

use super::*;

/// A commit's time is known as exactly as it is looked for commits, on a machine with nothing else to
/// do. This is how late a look may be on one that is busy.
const LATE: chrono::TimeDelta = chrono::TimeDelta::milliseconds(400);

/// What must be there at a moment is, what must not be is not, and no transaction is there by half.
fn compare(
    all: &[Acknowledged],
    found: &(BTreeSet<i64>, BTreeSet<i64>, Replayed),
    to: DateTime<Utc>,
) {
    let (left, right, _) = found;
    assert!(left == right, "a transaction is there by half at {to}");
    for row in all {
        if row.done < to - LATE {
            assert!(left.contains(&row.id), "{row:?} is missing at {to}");
        }
        if row.begun > to {
            assert!(!left.contains(&row.id), "{row:?} is there at {to}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_moments_under_load_while_others_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    tables(&db).await;
    let engine = Arc::new(engine(&path));
    let target = Target::memory();
    let load = Pairs::start(&db, 0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut generation = Generation::begin(&engine, &target, "base").await;
    let mut longest = 0;
    for round in 0..30 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        longest = longest.max(log_bytes(&path));
        let sql = match round % 10 {
            3 => "PRAGMA wal_checkpoint(TRUNCATE)",
            6 => "PRAGMA wal_checkpoint(RESTART)",
            9 => {
                "CREATE TABLE IF NOT EXISTS other (a); INSERT INTO other VALUES (randomblob(200000))"
            }
            _ => continue,
        };
        let path = path.clone();
        let done = tokio::task::spawn_blocking(move || foreign(&path, sql)).await;
        assert!(done.expect("it runs"), "{sql}");
    }
    let all = load.stop().await;
    let stopped = SystemClock.now();
    assert_eq!(generation.end().await, Ended::Stopped);
    assert!(all.len() > 500, "a load: {}", all.len());
    // It started again and again, while somebody was writing all the time.
    // On a busy machine it grows beyond where it is to start again, but not for ever.
    assert!(longest < 32 << 20, "the log grew to {longest} bytes");
    let segments = generation.log.list().await.expect("a list");
    assert!(segments.len() >= 10, "{}", segments.len());
    let mut salts = BTreeSet::new();
    for segment in &segments {
        let (meta, _) = generation.log.read(segment).await.expect("read");
        let runs = meta.detail["runs"].as_array().expect("runs").clone();
        salts.extend(runs.iter().map(|run| run["at"]["salt"].to_string()));
    }
    assert!(salts.len() >= 5, "{salts:?}");
    let taken_at = generation.backup.manifest.taken_at;
    let entropy = SeededEntropy::new(11);
    let span = (stopped - taken_at).num_microseconds().expect("seconds") as f64;
    for _ in 0..20 {
        let to = taken_at + chrono::TimeDelta::microseconds((span * entropy.unit()) as i64);
        let found = generation.at(&engine, Some(to)).await;
        assert!(found.2.newest.is_none_or(|newest| newest <= to));
        compare(&all, &found, to);
    }
    // The end, by a moment behind it and without one.
    for to in [None, Some(stopped + LATE)] {
        let found = generation.at(&engine, to).await;
        compare(&all, &found, stopped + LATE);
        assert_eq!(found.0.len(), all.len());
        assert!(!found.2.is_complete);
    }
    close(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_in_the_archive_within_the_interval() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    tables(&db).await;
    let engine = Arc::new(engine(&path));
    let target = Target::memory();
    let generation = Generation::begin(&engine, &target, "base").await;
    for id in 0..10 {
        let row = pair(&db, id).await;
        // The interval, and what a busy machine may be late.
        let limit = INTERVAL + Duration::from_millis(400);
        tokio::time::sleep(limit).await;
        let segments = generation.log.list().await.expect("a list");
        let last = segments.last().expect("a segment");
        assert!(last.to >= row.begun, "{row:?} is not in {last:?}");
    }
    // The service's machine is lost: nobody stops anything.
    generation.task.abort();
    let (left, _, _) = generation.at(&engine, None).await;
    assert_eq!(left, (0..10).collect());
    close(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_while_the_copy_is_made_is_recovered_to_any_moment_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    tables(&db).await;
    let engine = Arc::new(engine(&path));
    let load = Pairs::start(&db, 0);
    let (backup, follower) = base(&engine, SMALL).await;
    // As if the copy took so long.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let all = load.stop().await;
    let log = log_of(&Target::memory(), "base");
    let taken_at = backup.manifest.taken_at;
    let (stop, task) = shipping(follower, &log, 1, taken_at);
    let mut generation = Generation {
        backup,
        log,
        stop,
        task,
    };
    assert_eq!(generation.end().await, Ended::Stopped);
    for step in 1..8 {
        let to = taken_at + chrono::TimeDelta::milliseconds(180) * step;
        let found = generation.at(&engine, Some(to)).await;
        assert!(found.2.is_complete);
        compare(&all, &found, to);
    }
    close(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_larger_than_what_is_read_ahead_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    tables(&db).await;
    let engine = Arc::new(engine(&path));
    let target = Target::memory();
    let limits = Limits {
        ahead: 300 << 10,
        ..SMALL
    };
    let mut generation = Generation::begin_within(limits, &engine, &target, "base").await;
    pair(&db, 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = SystemClock.now();
    db.transaction(|tx| async move {
        for id in 100..1500_i64 {
            for table in ["left_rows", "right_rows"] {
                tx.sql(format!("INSERT INTO {table} VALUES (?, ?)"))
                    .bind(id)
                    .bind("x".repeat(3000))
                    .execute()
                    .await?;
            }
        }
        Ok::<_, mainstay::Error>(())
    })
    .await
    .expect("it is stored");
    pair(&db, 2).await;
    assert_eq!(generation.end().await, Ended::Stopped);
    let segments = generation.log.list().await.expect("a list");
    assert!(
        segments.len() > 10,
        "it takes many segments: {}",
        segments.len()
    );
    let (left, right, replayed) = generation.at(&engine, Some(before)).await;
    assert_eq!((left.len(), right.len()), (1, 1));
    assert!(replayed.is_complete);
    let (left, right, _) = generation.at(&engine, None).await;
    assert_eq!((left.len(), right.len()), (1402, 1402));
    // As the archive stood in the middle of it.
    for segment in &segments[segments.len() / 2..] {
        generation.log.remove(segment).await.expect("removed");
    }
    let (left, right, replayed) = generation.at(&engine, None).await;
    assert_eq!((left.len(), right.len()), (1, 1));
    assert!(!replayed.is_complete);
    close(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_shrinks_comes_back_as_small_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    tables(&db).await;
    db.script("CREATE TABLE large (a); INSERT INTO large VALUES (zeroblob(4000000))")
        .await
        .expect("written");
    let engine = Arc::new(engine(&path));
    let target = Target::memory();
    let mut generation = Generation::begin(&engine, &target, "base").await;
    db.script("DROP TABLE large").await.expect("dropped");
    assert!(foreign(&path, "VACUUM"));
    pair(&db, 1).await;
    assert_eq!(generation.end().await, Ended::Stopped);
    let control = Control::new();
    let place = engine.place().await.expect("a place");
    let manifest = &generation.backup.manifest;
    let mut raw = generation.backup.raw.as_slice();
    engine
        .restore(manifest, &mut raw, &place, &control)
        .expect("restored");
    let position = manifest.position.as_ref().expect("a base");
    recover(&generation.log, &place, position, None, &control)
        .await
        .expect("recovered");
    let length = Path::new(&place.name).metadata().expect("there").len();
    assert!(length < 100_000, "{length} bytes");
    engine.verify(manifest, &place, &control).expect("whole");
    let kept = {
        close(db).await;
        engine.swap(place).await.expect("swapped").kept
    };
    assert!(kept.is_some());
    let db = open(&path).await;
    pair(&db, 2).await;
    close(db).await;
}
