use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use super::*;
use crate::driver::{BeginOptions, Recovery};
use crate::error::ErrorKind;

/// Rows enough for many chunks.
const STREAM: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
                      SELECT i FROM n";

/// Runs for as good as ever, without a row.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";

/// Polls a future `times` times and drops it: as soon as it waits again, or `late`, when what it
/// waits for is there but was not taken. `None` when it was not ready by then.
async fn cut<F: Future>(future: F, times: usize, late: bool) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(move |context| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == times && !late => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Polls a future that cannot be ready once, and drops it.
async fn cut_at_once<F: Future>(future: F) {
    assert!(cut(future, 1, false).await.is_none());
}

/// Every point at which a future of up to `usize::MAX` polls can be cut.
fn points() -> impl Iterator<Item = (usize, bool)> {
    (0..).flat_map(|times| [(times, false), (times, true)])
}

/// What a test asks of a connection that is cut off at any of its points.
async fn work(connection: &mut dyn Connection, ids: std::ops::Range<i64>) -> Result<()> {
    connection.begin(BeginOptions::default()).await?;
    for id in ids {
        connection.run(insert(id), &mut Ignore).await?;
        connection.savepoint("s").await?;
        connection.release("s").await?;
    }
    rows(connection, statement(STREAM, Vec::new())).await?;
    connection.commit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_dropped_at_any_point_commits_all_or_nothing() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    let mut dropped = 0;
    // How often a call waits depends on how quick the thread is, so a run that came through is not
    // the end of it.
    for (round, (times, late)) in (0..).zip(points().take(60)) {
        let before = fixture.count().await;
        let first = round * 10;
        let done = cut(work(&mut *writer, first..first + 3), times, late).await;
        if done.is_none() {
            assert_eq!(writer.recover().await, Recovery::Ready);
        }
        // Another writer gets its turn, and sees what is there by then.
        let mut other = fixture.writer();
        other.run(insert(-1), &mut Ignore).await.unwrap();
        execute(&mut *other, "DELETE FROM t WHERE id = -1")
            .await
            .unwrap();
        let after = fixture.count().await;
        match done {
            Some(result) => {
                result.unwrap();
                assert_eq!(after, before + 3);
            }
            // Whoever is dropped while it waits for COMMIT's answer does not know.
            None => {
                dropped += 1;
                assert!(after == before || after == before + 3, "{before} {after}");
            }
        }
    }
    assert!(dropped > 3, "only {dropped} points");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_dropped_at_any_point_is_ready_again() {
    let fixture = Fixture::with_table().await;
    let mut reader = fixture.reader().await;
    let mut dropped = 0;
    // As with the writer, a run that came through is not the end of it.
    for (times, late) in points().take(60) {
        let work = async {
            reader.begin(BeginOptions::default()).await?;
            rows(&mut *reader, statement(STREAM, Vec::new())).await?;
            reader.savepoint("s").await?;
            rows(&mut *reader, statement("SELECT * FROM t", Vec::new())).await?;
            reader.commit().await
        };
        let done = cut(work, times, late).await;
        if let Some(result) = done {
            result.unwrap();
            continue;
        }
        assert_eq!(reader.recover().await, Recovery::Ready);
        // Not inside the old snapshot: a new row is seen.
        let id = dropped;
        fixture.writer().run(insert(id), &mut Ignore).await.unwrap();
        let count = number(&mut *reader, "SELECT count(*) FROM t")
            .await
            .unwrap();
        assert_eq!(count, id + 1);
        dropped += 1;
    }
    assert!(dropped > 3, "only {dropped} points");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_through_a_reader_dropped_at_any_point_leaves_it_ready() {
    let fixture = Fixture::with_table().await;
    let mut reader = fixture.reader().await;
    for (times, late) in points() {
        let done = cut(reader.run(insert(1), &mut Ignore), times, late).await;
        if let Some(result) = done {
            // The write of a dropped call may be there all the same.
            assert!(
                result.map_or_else(|e| e.kind() == ErrorKind::Duplicate, |done| done.rows == 1)
            );
            break;
        }
        assert_eq!(reader.recover().await, Recovery::Ready);
    }
    assert_eq!(fixture.count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_statements_end_with_their_caller() {
    let fixture = Fixture::with_table().await;
    let mut reader = fixture.reader().await;
    let mut writer = fixture.writer();
    let mut inside = fixture.writer();
    let soon = Duration::from_millis(100);
    let call = execute(&mut *reader, ENDLESS);
    assert!(tokio::time::timeout(soon, call).await.is_err());
    let call = execute(&mut *writer, ENDLESS);
    assert!(tokio::time::timeout(soon, call).await.is_err());
    let call = async {
        inside.begin(BeginOptions::default()).await?;
        inside.run(insert(1), &mut Ignore).await?;
        execute(&mut *inside, ENDLESS).await
    };
    assert!(tokio::time::timeout(soon, call).await.is_err());

    let mut connections = [reader, writer, inside];
    let limit = Duration::from_secs(5);
    for connection in &mut connections {
        let recovered = tokio::time::timeout(limit, connection.recover())
            .await
            .unwrap();
        assert_eq!(recovered, Recovery::Ready);
        assert_eq!(number(&mut **connection, "SELECT 7").await.unwrap(), 7);
    }
    assert_eq!(fixture.count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_recovery_is_refused() {
    let fixture = Fixture::with_table().await;
    let mut reader = fixture.reader().await;
    let mut writer = fixture.writer();
    writer.begin(BeginOptions::default()).await.unwrap();
    for connection in [&mut *reader, &mut *writer] {
        cut_at_once(execute(connection, ENDLESS)).await;
        // A write must not slip past the transaction that was.
        for access in [Access::Write, Access::Unknown] {
            let statement = Statement {
                access,
                ..insert(1)
            };
            let error = connection.run(statement, &mut Ignore).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unexpected);
        }
        assert_eq!(connection.recover().await, Recovery::Ready);
    }
    assert_eq!(fixture.count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_waiting_is_skipped() {
    let fixture = Fixture::with_table().await;
    let mut holder = fixture.writer();
    holder.begin(BeginOptions::default()).await.unwrap();
    let (mut one, mut two, mut three) = (fixture.writer(), fixture.writer(), fixture.writer());
    cut_at_once(one.run(insert(1), &mut Ignore)).await;
    cut_at_once(two.begin(BeginOptions::default())).await;
    cut_at_once(three.run_script("DROP TABLE t")).await;
    // Recovery does not wait for the holder.
    for connection in [&mut one, &mut two, &mut three] {
        assert_eq!(connection.recover().await, Recovery::Ready);
    }
    holder.commit().await.unwrap();
    two.run(insert(2), &mut Ignore).await.unwrap();
    let mut reader = fixture.reader().await;
    assert_eq!(
        number(&mut *reader, "SELECT sum(id) FROM t").await.unwrap(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn openings_may_be_dropped_too() {
    let fixture = Fixture::with_table().await;
    for (times, late) in points() {
        if let Some(reader) = cut(fixture.driver.connect(Duration::from_secs(5)), times, late).await
        {
            reader.unwrap().close().await;
            break;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    for (times, late) in points() {
        if let Some(driver) = cut(SqliteDriver::open(options(&folder)), times, late).await {
            driver.unwrap().close().await.unwrap();
            break;
        }
    }
    for (times, late) in points() {
        if let Some(closed) = cut(fixture.driver.close(), times, late).await {
            closed.unwrap();
            break;
        }
    }
    assert!(fixture.writer().is_broken());
}
