//! A backup under a load of writes, compared with what was acknowledged.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A write: when it was begun, and when the server had answered.
#[derive(Debug, Clone, Copy)]
struct Entry {
    id: i64,
    begun: DateTime<Utc>,
    acknowledged: DateTime<Utc>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_is_there_and_what_was_begun_after_is_not() {
    let Some(target) = target() else { return };
    target.sql(
        "CREATE TABLE entries (id bigint PRIMARY KEY, text text NOT NULL); \
         CREATE TABLE totals (writer int PRIMARY KEY, entries bigint NOT NULL); \
         INSERT INTO totals SELECT n, 0 FROM generate_series(0, 3) n; \
         CREATE TABLE ballast AS SELECT n, repeat(md5(n::text), 20) AS text \
         FROM generate_series(1, 20000) n",
    );
    let stop = Arc::new(AtomicBool::new(false));
    let known = Arc::new(Mutex::new(Vec::new()));
    let mut writers = Vec::new();
    for writer in 0..4 {
        let (db, stop, known) = (target.open().await, Arc::clone(&stop), Arc::clone(&known));
        writers.push(tokio::spawn(async move {
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let id = i64::from(writer) * 1_000_000 + number;
                let begun = mainstay::Clock::now(&SystemClock);
                // Two tables in one transaction: a backup has both or neither.
                db.transaction(move |tx| async move {
                    tx.sql("INSERT INTO entries VALUES (?, ?)")
                        .bind(id)
                        .bind("an entry")
                        .execute()
                        .await?;
                    tx.sql("UPDATE totals SET entries = entries + 1 WHERE writer = ?")
                        .bind(writer)
                        .execute()
                        .await
                })
                .await
                .expect("it is written");
                let acknowledged = mainstay::Clock::now(&SystemClock);
                known.lock().unwrap().push(Entry {
                    id,
                    begun,
                    acknowledged,
                });
            }
            db.close(Duration::from_secs(5)).await.expect("it closes");
        }));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let engine = target.engine();
    let (taken, first) = {
        let engine = engine.clone();
        blocking(move || {
            let mut bytes = Vec::new();
            let mut watched = Watched {
                out: &mut bytes,
                first: None,
                then: || {},
            };
            let captured = engine
                .capture(Kind::Logical, &mut watched, &Control::new())
                .expect("it is taken");
            let first = watched.first.expect("something was written");
            (Taken { captured, bytes }, first)
        })
        .await
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("the writer ends");
    }

    target.drop_database().await;
    let (place, tables) = restore(&engine, &taken).await.expect("it is restored");
    assert_eq!(tables, taken.captured.tables);
    let swapped = engine.swap(&place, false).await.expect("it is swapped");
    assert_eq!(swapped.kept, None);

    let db = target.open().await;
    let ids: Vec<i64> = db
        .sql("SELECT id FROM entries")
        .fetch_with(|row| row.get(0))
        .await
        .expect("it reads");
    let total: i64 = db
        .sql("SELECT sum(entries)::bigint FROM totals")
        .scalar()
        .await
        .expect("it reads");
    db.close(Duration::from_secs(5)).await.expect("it closes");
    let there: BTreeSet<i64> = ids.into_iter().collect();
    assert_eq!(usize::try_from(total).unwrap(), there.len());
    let at = taken.captured.taken_at;
    let known = known.lock().unwrap();
    let before = known.iter().filter(|entry| entry.acknowledged < at);
    let missing: Vec<_> = before.filter(|entry| !there.contains(&entry.id)).collect();
    assert!(missing.is_empty(), "taken at {at}: {missing:?}");
    let after = known.iter().filter(|entry| entry.begun > first);
    let too_many: Vec<_> = after.filter(|entry| there.contains(&entry.id)).collect();
    assert!(too_many.is_empty(), "written since {first}: {too_many:?}");
    // Both are of use only if there were such.
    assert!(known.iter().any(|entry| entry.acknowledged < at));
    assert!(known.iter().any(|entry| entry.begun > first));
    // The moment is near to what it stands for.
    let between = there.len() - known.iter().filter(|entry| entry.acknowledged < at).count();
    assert!(
        between <= 200,
        "{between} writes between the moment and its state"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_of_the_schema_is_that_of_the_moment() {
    let Some(target) = target() else { return };
    let engine = target.engine();
    assert_eq!(
        capture(&engine).await.expect("it is taken").captured.schema,
        None
    );
    target.sql(
        "CREATE TABLE _mainstay_migrations (version varchar(32) PRIMARY KEY, state text NOT NULL); \
         INSERT INTO _mainstay_migrations VALUES ('20260101000000', 'applied'), \
         ('20260102000000', 'applied'), ('20260103000000', 'started')",
    );
    let taken = capture(&engine).await.expect("it is taken");
    let schema = taken.captured.schema.expect("a version");
    assert_eq!(
        (schema.version.as_str(), schema.applied),
        ("20260102000000", 2)
    );
    assert!(engine.size().await.expect("a size").expect("known") > 0);
    assert_eq!(taken.captured.tools[0].name, "pg_dump");
    target.wait_until_left().await;
}
