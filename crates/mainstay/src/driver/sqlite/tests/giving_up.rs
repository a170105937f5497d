//! What is certain of calls that were given up, and of transactions that were forgotten.

use futures_util::poll;
use tokio::time::{Instant, timeout};

use super::*;
use crate::driver::sqlite::Patience;
use crate::driver::{Batch, BeginOptions};
use crate::error::{ErrorKind, Outcome};

/// A test that waits for this long has failed.
const LONG: Duration = Duration::from_secs(60);

fn batch(ids: std::ops::Range<i64>) -> Batch {
    Batch {
        statements: ids.map(insert).collect(),
        lock_wait: None,
    }
}

async fn with_options(change: impl FnOnce(&mut SqliteOptions)) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&folder);
    change(&mut options);
    let driver = SqliteDriver::open(options).await.unwrap();
    let fixture = Fixture { driver, folder };
    let script = "CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT UNIQUE) STRICT";
    fixture.writer().run_script(script).await.unwrap();
    fixture
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_in_the_queue_never_takes_effect_and_says_so() {
    let fixture = Fixture::with_table().await;
    let mut holder = fixture.writer();
    holder.begin(BeginOptions::default()).await.unwrap();
    let (mut one, mut many, mut script) = (fixture.writer(), fixture.writer(), fixture.writer());
    let (mut transaction, mut held) = (fixture.writer(), fixture.writer());
    let mut reader = fixture.reader().await;
    assert!(poll!(one.run(insert(1), &mut Ignore)).is_pending());
    assert!(poll!(many.run_batch(batch(2..5), &mut Ignore)).is_pending());
    assert!(poll!(script.run_script("DELETE FROM t; PRAGMA user_version = 7")).is_pending());
    assert!(poll!(transaction.begin(BeginOptions::default())).is_pending());
    assert!(poll!(held.hold(None)).is_pending());
    let statement = Statement {
        access: Access::Write,
        ..insert(6)
    };
    assert!(poll!(reader.run(statement, &mut Ignore)).is_pending());
    for connection in [one, many, script, transaction, held, reader].iter_mut() {
        assert_eq!(connection.outcome_of_dropped().await, Outcome::NotApplied);
    }
    holder.run(insert(7), &mut Ignore).await.unwrap();
    holder.commit().await.unwrap();
    // Behind all of them in the queue.
    fixture.writer().run(insert(8), &mut Ignore).await.unwrap();
    assert_eq!(fixture.count().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_answer_was_there_has_taken_effect() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    {
        let mut sink = Ignore;
        let mut call = writer.run(insert(1), &mut sink);
        assert!(poll!(&mut call).is_pending());
        // It is served after the first one, which has its answer by then.
        fixture.writer().run(insert(2), &mut Ignore).await.unwrap();
    }
    assert_eq!(writer.outcome_of_dropped().await, Outcome::Applied);
    assert_eq!(fixture.count().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_while_another_process_has_the_lock_is_told_the_truth() {
    let fixture = with_options(|options| options.busy_timeout = LONG).await;
    let other = rusqlite::Connection::open(fixture.folder.path().join("test.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut writers: Vec<_> = (0..4).map(|_| fixture.writer()).collect();
    let wait = Duration::from_millis(200);
    for (id, writer) in (0..).zip(&mut writers) {
        // The first of them is at the writer, which waits for the lock on its behalf.
        let waited = timeout(wait, writer.run(insert(id), &mut Ignore)).await;
        assert!(waited.is_err());
        assert_eq!(writer.outcome_of_dropped().await, Outcome::NotApplied);
    }
    other.execute_batch("ROLLBACK").unwrap();
    fixture.writer().run(insert(9), &mut Ignore).await.unwrap();
    assert_eq!(fixture.count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_wait_for_the_lock_are_told_together() {
    let busy = Duration::from_secs(2);
    let fixture = with_options(|options| options.busy_timeout = busy).await;
    let other = rusqlite::Connection::open(fixture.folder.path().join("test.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    let calls = (0..30).map(|id| {
        let mut writer = fixture.writer();
        async move {
            match id % 3 {
                0 => writer.run(insert(id), &mut Ignore).await.map(|_| ()),
                1 => {
                    let result = writer.run_batch(batch(id..id + 2), &mut Ignore).await;
                    result.map(|_| ())
                }
                _ => writer.begin(BeginOptions::default()).await,
            }
        }
    });
    for result in futures_util::future::join_all(calls).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteConflict);
        assert_eq!(error.outcome(), Outcome::NotApplied);
    }
    // One after another they would have waited for a minute.
    assert!(started.elapsed() >= busy && started.elapsed() < LONG / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_before_the_shared_commit_is_left_out_of_it() {
    let patience = Patience {
        group: LONG,
        transaction: LONG,
    };
    let fixture = with_options(|options| options.patience = patience).await;
    let mut holder = fixture.writer();
    let alone = BeginOptions {
        alone: true,
        ..BeginOptions::default()
    };
    holder.begin(alone).await.unwrap();
    let (mut one, mut two, mut three) = (fixture.writer(), fixture.writer(), fixture.writer());
    let mut sink = Ignore;
    let mut first = one.run(insert(1), &mut sink);
    assert!(poll!(&mut first).is_pending());
    let mut sink = Ignore;
    let mut second = Box::pin(two.run_batch(batch(2..5), &mut sink));
    assert!(poll!(&mut second).is_pending());
    let mut third = Box::pin(three.begin(BeginOptions::default()));
    assert!(poll!(&mut third).is_pending());
    holder.rollback().await.unwrap();
    // It has begun, so the others have run, and their commit waits for its end.
    third.await.unwrap();
    drop(first);
    assert_eq!(one.outcome_of_dropped().await, Outcome::NotApplied);
    three.run(insert(5), &mut Ignore).await.unwrap();
    let put_off = three.commit().await.unwrap_err();
    assert!(put_off.is_again_alone());
    second.await.unwrap();
    assert_eq!(fixture.count().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_transaction_ends_with_its_time() {
    let fixture = Fixture::with_table().await;
    let soon = || BeginOptions {
        until: Some(Instant::now() + Duration::from_millis(300)),
        ..BeginOptions::default()
    };
    let mut forgotten = fixture.writer();
    forgotten.begin(soon()).await.unwrap();
    forgotten.run(insert(1), &mut Ignore).await.unwrap();
    timeout(LONG, fixture.writer().run(insert(2), &mut Ignore))
        .await
        .expect("the writer serves others")
        .unwrap();
    let error = forgotten.run(insert(3), &mut Ignore).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionClosed);
    assert!(error.detail().contains("time limit"), "{error}");
    let error = forgotten.commit().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::TransactionClosed, Outcome::NotApplied)
    );
    assert_eq!(fixture.count().await, 1);

    // One that runs for ever, and a connection that is held.
    let mut endless = fixture.writer();
    endless.begin(soon()).await.unwrap();
    let sql =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let mut running = std::mem::ManuallyDrop::new(Box::pin(async move {
        let mut sink = Ignore;
        let endless_statement = statement(sql, Vec::new());
        endless.run(endless_statement, &mut sink).await
    }));
    assert!(poll!(running.as_mut()).is_pending());
    let mut held = fixture.writer();
    let until = Instant::now() + Duration::from_millis(300);
    timeout(LONG, held.hold(Some(until)))
        .await
        .unwrap()
        .unwrap();
    timeout(LONG, fixture.writer().run(insert(4), &mut Ignore))
        .await
        .expect("the writer serves others")
        .unwrap();
}
