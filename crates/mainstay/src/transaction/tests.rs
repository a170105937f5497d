//! Transactions over SQLite whose futures and handles end in unusual places.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::config::ConfigLoader;

struct Fixture {
    db: Database,
    folder: tempfile::TempDir,
}

async fn open(folder: &tempfile::TempDir) -> Database {
    let url = format!("sqlite:{}/x.db", folder.path().display());
    let config = ConfigLoader::new().set("url", url).load().unwrap();
    Database::builder()
        .create_if_missing()
        .open(&config)
        .await
        .unwrap()
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    db.script("CREATE TABLE t (n INTEGER) STRICT")
        .await
        .unwrap();
    Fixture { db, folder }
}

impl Fixture {
    async fn insert(&self, number: i64) -> Result<Done> {
        insert_on(&self.db, number).await
    }

    async fn sum(&self) -> i64 {
        self.db
            .sql("SELECT coalesce(sum(n), 0) FROM t")
            .scalar()
            .await
            .unwrap()
    }
}

async fn insert_on(db: &Database, number: i64) -> Result<Done> {
    db.sql("INSERT INTO t VALUES (?)")
        .bind(number)
        .timeout(Duration::from_secs(5))
        .execute()
        .await
}

async fn insert_in(tx: &Tx, number: i64) -> Result<Done> {
    tx.sql("INSERT INTO t VALUES (?)")
        .bind(number)
        .execute()
        .await
}

/// A statement that takes until its time is up.
async fn busy(tx: &Tx, limit: Duration) -> Result<i64> {
    tx.sql("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c")
        .timeout(limit)
        .scalar()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_in_another_task_does_not_keep_a_dropped_transaction_open() {
    let fixture = fixture().await;
    let (send, receive) = oneshot::channel();
    let (leave, left) = oneshot::channel::<()>();
    let transaction = tokio::spawn({
        let db = fixture.db.clone();
        let mut once = Some((send, left));
        async move {
            db.transaction(|tx| {
                let (send, left) = once.take().unwrap();
                async move {
                    insert_in(&tx, 1).await?;
                    // The other task is in the middle of a statement when this one is dropped.
                    let other = tokio::spawn({
                        let tx = tx.clone();
                        async move {
                            let cut = busy(&tx, Duration::from_millis(600)).await.unwrap_err();
                            let after = insert_in(&tx, 2).await.unwrap_err();
                            sleep(Duration::from_millis(300)).await;
                            (cut, after, tx)
                        }
                    });
                    send.send(other).unwrap();
                    let _ = left.await;
                    Ok::<_, Error>(())
                }
            })
            .max_attempts(1)
            .await
        }
    });
    let other = receive.await.unwrap();
    sleep(Duration::from_millis(100)).await;
    transaction.abort();
    let _ = transaction.await;
    drop(leave);
    let (_, after, tx) = other.await.unwrap();
    assert_eq!(after.kind(), ErrorKind::TransactionClosed);
    // The handle still exists, and the writer is free all the same.
    fixture.insert(10).await.unwrap();
    assert_eq!(fixture.sum().await, 10);
    drop(tx);
}

#[tokio::test]
async fn a_savepoint_dropped_while_it_ends_is_not_kept() {
    let fixture = fixture().await;
    let db = &fixture.db;
    let error = db
        .transaction(|tx| async move {
            // The stream holds the transaction, so the savepoint cannot be closed in time.
            let outcome = timeout(
                Duration::from_millis(200),
                tx.savepoint(|inner| async move {
                    insert_in(&inner, 1).await?;
                    tokio::spawn({
                        let inner = inner.clone();
                        async move {
                            let _held = inner.lock().await;
                            sleep(Duration::from_millis(500)).await;
                        }
                    });
                    tokio::task::yield_now().await;
                    sleep(Duration::from_millis(50)).await;
                    Err::<(), _>(Error::new(ErrorKind::NotFound, "undo me"))
                }),
            )
            .await;
            assert!(outcome.is_err());
            sleep(Duration::from_millis(500)).await;
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(error.detail().contains("savepoint"), "{error}");
    assert_eq!(fixture.sum().await, 0);
}

#[tokio::test]
async fn a_savepoint_left_open_in_another_task_forbids_the_commit() {
    let fixture = fixture().await;
    let (go, wait) = oneshot::channel::<()>();
    let mut once = Some(wait);
    let error = fixture
        .db
        .transaction(|tx| {
            let wait = once.take().unwrap();
            async move {
                let (inside, is_inside) = oneshot::channel();
                tokio::spawn(async move {
                    let _ = tx
                        .savepoint(|inner| async move {
                            insert_in(&inner, 1).await?;
                            inside.send(()).unwrap();
                            let _ = wait.await;
                            insert_in(&inner, 2).await
                        })
                        .await;
                });
                is_inside.await.unwrap();
                Ok::<_, Error>(())
            }
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionClosed);
    assert_eq!(fixture.sum().await, 0);
    drop(go);
}

#[tokio::test]
async fn savepoints_side_by_side_are_refused_rather_than_mixed_up() {
    let fixture = fixture().await;
    let (tell, told) = oneshot::channel::<()>();
    let (tell, told) = (
        std::sync::Mutex::new(Some(tell)),
        std::sync::Mutex::new(Some(told)),
    );
    let error = fixture
        .db
        .transaction(|tx| {
            let (tell, told) = (
                tell.lock().unwrap().take().unwrap(),
                told.lock().unwrap().take().unwrap(),
            );
            async move {
                let first = tx.savepoint(|inner| async move {
                    insert_in(&inner, 1).await?;
                    told.await.unwrap();
                    Ok::<_, Error>(())
                });
                let second = tx.savepoint(|inner| async move {
                    insert_in(&inner, 2).await?;
                    tell.send(()).unwrap();
                    sleep(Duration::from_millis(50)).await;
                    Ok::<_, Error>(())
                });
                let (first, second) = tokio::join!(first, second);
                assert!(first.is_err());
                assert!(second.is_err());
                Ok::<_, Error>(())
            }
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionClosed);
    assert_eq!(fixture.sum().await, 0);
}

#[tokio::test]
async fn nested_savepoints_heal_and_number_on() {
    let fixture = fixture().await;
    fixture
        .db
        .transaction(|tx| async move {
            tx.savepoint(|outer| async move {
                insert_in(&outer, 1).await?;
                let undone = outer
                    .savepoint(|inner| async move {
                        insert_in(&inner, 10).await?;
                        inner.sql("SELECT nothing").scalar::<i64>().await
                    })
                    .await;
                assert!(undone.is_err());
                // Dropped half way, and healed by the savepoint around it.
                let undone: Result<()> = outer
                    .savepoint(|middle| async move {
                        let cut = timeout(
                            Duration::from_millis(20),
                            middle.savepoint(|inner| async move {
                                insert_in(&inner, 100).await?;
                                sleep(Duration::from_secs(60)).await;
                                Ok::<_, Error>(())
                            }),
                        )
                        .await;
                        assert!(cut.is_err());
                        Err(Error::new(ErrorKind::NotFound, "undo"))
                    })
                    .await;
                assert!(undone.is_err());
                insert_in(&outer, 2).await
            })
            .await
        })
        .await
        .unwrap();
    assert_eq!(fixture.sum().await, 3);
}

#[tokio::test]
async fn a_statement_behind_an_unread_one_keeps_its_time_limit() {
    let fixture = fixture().await;
    let started = Instant::now();
    fixture
        .db
        .transaction(|tx| async move {
            let held = tx.lock().await;
            let error = tx
                .sql("SELECT 1")
                .timeout(Duration::from_millis(50))
                .scalar::<i64>()
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Deadline);
            assert!(error.hint().unwrap().contains("stream"));
            drop(held);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_statement_cut_by_its_deadline_is_not_applied_within_a_transaction() {
    let fixture = fixture().await;
    let error = fixture
        .db
        .transaction(|tx| async move {
            insert_in(&tx, 1).await?;
            busy(&tx, Duration::from_millis(50)).await
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert_eq!(fixture.sum().await, 0);
}

#[tokio::test]
async fn writes_that_would_wait_for_their_own_transaction_are_refused() {
    let fixture = fixture().await;
    let same_file = open(&fixture.folder).await;
    let (db, other) = (&fixture.db, &same_file);
    let started = Instant::now();
    db.transaction(|tx| async move {
        insert_in(&tx, 1).await?;
        for handle in [db, other] {
            let refusals = [
                insert_on(handle, 2).await.unwrap_err(),
                handle
                    .sql("INSERT INTO t VALUES (3) RETURNING n")
                    .scalar::<i64>()
                    .await
                    .unwrap_err(),
                handle.script("DELETE FROM t").await.unwrap_err(),
                handle
                    .transaction(|_| async { Ok::<_, Error>(()) })
                    .await
                    .unwrap_err(),
            ];
            for refusal in refusals {
                assert_eq!(refusal.kind(), ErrorKind::TransactionClosed, "{refusal}");
                assert!(refusal.hint().unwrap().contains("transaction"), "{refusal}");
            }
            // Reads are fine, and do not see what is not committed.
            let seen: i64 = handle.sql("SELECT count(*) FROM t").scalar().await?;
            assert_eq!(seen, 0);
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    assert!(started.elapsed() < Duration::from_secs(4));
    let returned: i64 = db
        .sql("INSERT INTO t VALUES (3) RETURNING n")
        .scalar()
        .await
        .unwrap();
    assert_eq!((returned, fixture.sum().await), (3, 4));
}

#[tokio::test]
async fn limits_without_end_are_no_panic() {
    let fixture = fixture().await;
    let total: i64 = fixture
        .db
        .transaction(|tx| async move {
            insert_in(&tx, 1).await?;
            tx.sql("SELECT sum(n) FROM t")
                .timeout(Duration::MAX)
                .scalar()
                .await
        })
        .timeout(Duration::MAX)
        .await
        .unwrap();
    assert_eq!(total, 1);
}
