use tokio::sync::oneshot;
use tokio::time::Instant;

use super::*;
use crate::driver::sqlite::job::Job;
use crate::driver::{BeginOptions, Recovery};
use crate::error::{ErrorKind, Outcome, RetryClass};

/// A transaction that sees nobody's work but its own.
async fn count_and_insert(
    writer: &mut dyn Connection,
    insert: Statement,
    alone: bool,
) -> Result<()> {
    let options = BeginOptions {
        alone,
        ..BeginOptions::default()
    };
    writer.begin(options).await?;
    let seen = number(writer, "SELECT count(*) FROM t").await?;
    writer.run(insert, &mut Ignore).await?;
    let now = number(writer, "SELECT count(*) FROM t").await?;
    assert_eq!(now, seen + 1);
    writer.commit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_tasks_write_without_meeting_a_lock() {
    let fixture = std::sync::Arc::new(Fixture::with_table().await);
    let tasks = (0..50).map(|task| {
        let fixture = std::sync::Arc::clone(&fixture);
        tokio::spawn(async move {
            let mut writer = fixture.writer();
            let mut reader = fixture.reader().await;
            for id in 0..4 {
                writer.run(insert(task * 100 + id), &mut Ignore).await?;
                let second = insert(task * 100 + id + 50);
                match count_and_insert(&mut *writer, second.clone(), false).await {
                    // On a busy machine the others do not wait for it.
                    Err(error) if error.is_again_alone() => {
                        assert_eq!(writer.recover().await, Recovery::Ready);
                        count_and_insert(&mut *writer, second, true).await?;
                    }
                    result => result?,
                }
                number(&mut *reader, "SELECT count(*) FROM t").await?;
            }
            Result::<()>::Ok(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    assert_eq!(fixture.count().await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_served_in_order() {
    let fixture = Fixture::with_table().await;
    let mut holder = fixture.writer();
    holder.begin(BeginOptions::default()).await.unwrap();
    let mut writers: Vec<_> = (0..10).map(|_| fixture.writer()).collect();
    let mut sinks: Vec<_> = (0..10).map(|_| Ignore).collect();
    let mut calls: Vec<_> = writers
        .iter_mut()
        .zip(&mut sinks)
        .map(|(writer, sink)| {
            let sql = "INSERT INTO t (word) SELECT 'after ' || count(*) FROM t";
            writer.run(statement(sql, Vec::new()), sink)
        })
        .collect();
    for call in &mut calls {
        assert!(futures_util::poll!(call).is_pending());
    }
    holder.commit().await.unwrap();
    let mut keys = Vec::new();
    for call in calls {
        keys.push(call.await.unwrap().last_insert_id);
    }
    assert_eq!(keys, (1..=10).map(Some).collect::<Vec<_>>());
}

/// What another process does: a connection of its own that knows nothing of ours.
fn other_process(fixture: &Fixture) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(fixture.folder.path().join("test.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_is_waited_for() {
    let fixture = Fixture::with_table().await;
    let other = other_process(&fixture);
    let release = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(300));
        other.execute_batch("COMMIT").unwrap();
    });
    let start = Instant::now();
    // Readers wait for nobody.
    assert_eq!(fixture.count().await, 0);
    assert!(start.elapsed() < Duration::from_millis(250));
    fixture.writer().run(insert(1), &mut Ignore).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(250));
    release.await.unwrap();

    let other = other_process(&fixture);
    let mut writer = fixture.writer();
    let begin = writer.begin(BeginOptions::default());
    let waited = tokio::time::timeout(Duration::from_millis(100), begin).await;
    assert!(waited.is_err());
    assert_eq!(writer.recover().await, Recovery::Ready);
    drop(other);
    // The thread did not go on waiting for the one who gave up.
    writer.run(insert(2), &mut Ignore).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_that_stays_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&folder);
    options.busy_timeout = Duration::from_millis(100);
    let driver = SqliteDriver::open(options).await.unwrap();
    let fixture = Fixture { driver, folder };
    let mut writer = fixture.writer();
    writer
        .run_script("CREATE TABLE t (id INTEGER, word TEXT)")
        .await
        .unwrap();
    let _other = other_process(&fixture);
    for call in [
        writer.run(insert(1), &mut Ignore).await.map(|_| ()),
        writer.begin(BeginOptions::default()).await,
        writer.run_script("DELETE FROM t").await,
    ] {
        let error = call.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteConflict);
        assert_eq!(
            (error.retry(), error.outcome()),
            (RetryClass::Safe, Outcome::NotApplied)
        );
        assert!(error.detail().contains("another process"), "{error}");
        assert_eq!(error.native_code(), Some("SQLITE_BUSY"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writer_survives_a_job_that_panics() {
    let fixture = Fixture::with_table().await;
    let (answer, answered) = oneshot::channel();
    fixture
        .driver
        .shared_writer()
        .queue(Job::Panic(answer))
        .unwrap();
    assert!(answered.await.is_err());
    let mut writer = fixture.writer();
    assert!(!writer.is_broken());
    writer.ping().await.unwrap();
    writer.run(insert(1), &mut Ignore).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_refuses_the_rows_of_a_write_hears_that_it_took_effect() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    let mut sink = crate::driver::row::Collect::new(|row: &Row<'_>| row.get::<i64>(1));
    let returning = statement(
        "INSERT INTO t (word) VALUES ('a') RETURNING id, word",
        vec![],
    );
    let error = writer.run(returning, &mut sink).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Decode, Outcome::Applied)
    );
    assert_eq!(fixture.count().await, 1);
}
