//! Checkpoints.

use std::sync::Arc;

use super::*;

fn log_size(fixture: &Fixture) -> u64 {
    let log = fixture.folder.path().join("test.db-wal");
    // Looks at the name only: the file is not opened.
    log.metadata().map_or(0, |found| found.len())
}

fn large(id: i64) -> Statement {
    statement(
        "INSERT INTO t (id, word) VALUES (?, ?)",
        vec![Value::I64(id), Value::Text(format!("{id:0>20000}"))],
    )
}

async fn fill(fixture: &Arc<Fixture>, rounds: i64) {
    let tasks = (0..8).map(|task| {
        let fixture = Arc::clone(fixture);
        tokio::spawn(async move {
            let mut writer = fixture.writer();
            for round in 0..rounds {
                let id = round * 8 + task;
                writer.run(large(id), &mut Ignore).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// Writes 80 MB while others read without a break.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_bounded_under_load() {
    let fixture = Arc::new(Fixture::with_table().await);
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                let mut reader = fixture.reader().await;
                loop {
                    number(&mut *reader, "SELECT max(id) FROM t").await.ok();
                }
            })
        })
        .collect();
    fill(&fixture, 500).await;
    for reader in readers {
        reader.abort();
    }
    let size = log_size(&fixture);
    assert!(size > 1 << 20, "there was something to bound: {size}");
    assert!(size < 40 << 20, "{size}");
    assert_eq!(fixture.count().await, 4000);
}

/// A reader that stays in the log keeps it from starting again; when it has left, it does.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_starts_again_after_a_long_reader() {
    let fixture = Arc::new(Fixture::with_table().await);
    let mut reader = fixture.reader().await;
    reader
        .begin(crate::driver::BeginOptions::default())
        .await
        .unwrap();
    fill(&fixture, 250).await;
    let grown = log_size(&fixture);
    assert!(grown > 20 << 20, "the reader kept it: {grown}");
    reader.commit().await.unwrap();
    let mut writer = fixture.writer();
    for id in 10_000..10_400 {
        writer.run(large(id), &mut Ignore).await.unwrap();
    }
    let size = log_size(&fixture);
    assert!(size <= 33 << 20 || size <= grown, "{size} after {grown}");
    fixture.driver.close().await.unwrap();
    drop(reader);
}
