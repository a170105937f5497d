//! Transactions over SQLite that share a commit with their neighbours in the writer's queue, and
//! those that are put off and run again alone.

use std::future::IntoFuture;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::database::Timeouts;
use crate::driver::{Patience, with_patience};
use crate::pool::PoolOptions;

/// Longer than any test takes, however slow the machine.
const NEVER: Duration = Duration::from_secs(600);

struct Fixture {
    db: Database,
    folder: tempfile::TempDir,
}

impl Fixture {
    /// Transactions are kept together however long they take.
    async fn new() -> Self {
        Self::with_patience(NEVER).await
    }

    /// A transaction is put off when it keeps its neighbours waiting for longer than this.
    async fn with_patience(transaction: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let patience = Patience {
            group: NEVER,
            transaction,
        };
        let driver = with_patience(&folder.path().join("x.db"), patience)
            .await
            .unwrap();
        let (pool, timeouts) = (PoolOptions::default(), Timeouts::default());
        let opening = Database::builder().open_driver(driver, pool, timeouts, false);
        let db = opening.await.unwrap();
        db.script(
            "CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT; \
             CREATE TABLE child (n INTEGER REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED) STRICT",
        )
        .await
        .unwrap();
        Self { db, folder }
    }

    /// Has the writer, until the sender is dropped or used.
    async fn hold(&self) -> (oneshot::Sender<()>, JoinHandle<()>) {
        let (release, released) = oneshot::channel();
        let (begun, has_begun) = oneshot::channel();
        let mut once = Some((begun, released));
        let db = self.db.clone();
        let task = tokio::spawn(async move {
            let holding = db.transaction(|_| {
                let (begun, released) = once.take().unwrap();
                async move {
                    begun.send(()).unwrap();
                    let _ = released.await;
                    // Not committed, it is no part of the group that follows.
                    Err::<(), _>(Opaque)
                }
            });
            assert_eq!(holding.await, Err(Opaque));
        });
        has_begun.await.unwrap();
        (release, task)
    }

    async fn numbers(&self) -> Vec<i64> {
        let rows = self.db.sql("SELECT n FROM t ORDER BY n");
        rows.fetch_with(|row| row.get(0)).await.unwrap()
    }

    fn log_pages(&self) -> u64 {
        let log = self.folder.path().join("x.db-wal");
        log.metadata().map_or(0, |found| found.len() / 4096)
    }
}

/// Puts an operation into the writer's queue.
async fn queue<F>(operation: F) -> JoinHandle<<F::IntoFuture as Future>::Output>
where
    F: IntoFuture,
    F::IntoFuture: Send + 'static,
    F::Output: Send + 'static,
{
    let mut future = Box::pin(operation.into_future());
    assert!(futures_util::poll!(&mut future).is_pending());
    tokio::spawn(future)
}

fn insert(db: &Database, number: i64) -> crate::database::Request<Done> {
    db.sql("INSERT INTO t VALUES (?)").bind(number).execute()
}

fn insert_in(tx: &Tx, number: i64) -> crate::database::Request<Done> {
    tx.sql("INSERT INTO t VALUES (?)").bind(number).execute()
}

/// A closure's error that tells nothing of its cause.
#[derive(Debug, PartialEq)]
struct Opaque;

impl From<Error> for Opaque {
    fn from(_: Error) -> Self {
        Self
    }
}

#[derive(Clone, Default)]
struct Runs(Arc<AtomicU32>);

impl Runs {
    /// Counts, and says the how manieth run it is.
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_transactions_share_a_commit() {
    let fixture = Fixture::new().await;
    let before = fixture.log_pages();
    let (release, holder) = fixture.hold().await;
    let mut calls = Vec::new();
    for number in 0..30 {
        let work = move |tx: Tx| async move {
            insert_in(&tx, number).await?;
            let seen: i64 = tx
                .sql("SELECT count(*) FROM t WHERE n = ?")
                .bind(number)
                .scalar()
                .await?;
            assert_eq!(seen, 1);
            insert_in(&tx, number + 100).await.map(|_| ())
        };
        calls.push(queue(fixture.db.transaction(work)).await);
    }
    release.send(()).unwrap();
    holder.await.unwrap();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(fixture.numbers().await.len(), 60);
    let written = fixture.log_pages() - before;
    assert!(written < 30, "fewer pages than transactions: {written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_one_runs_again_alone_and_its_neighbours_do_not_wait_for_it() {
    let fixture = Fixture::with_patience(Duration::from_millis(20)).await;
    for hides in [None, Some(Ok(())), Some(Err(Opaque))] {
        let first = i64::from(fixture.numbers().await.len() as i32);
        let runs = Runs::default();
        let (release, holder) = fixture.hold().await;
        let before = queue(insert(&fixture.db, first)).await;
        let (hides, counter) = (&hides, runs.clone());
        let (go_on, may_go_on) = watch::channel(false);
        let long = fixture.db.transaction({
            let hides = hides.as_ref().map(|hidden| hidden.is_ok());
            move |tx: Tx| {
                counter.next();
                let mut may_go_on = may_go_on.clone();
                async move {
                    insert_in(&tx, first + 1).await.map_err(|_| Opaque)?;
                    let _ = may_go_on.wait_for(|may| *may).await;
                    // Whatever the closure makes of it, the runner knows.
                    match (insert_in(&tx, first + 2).await, hides) {
                        (Err(_), Some(true)) => Ok(()),
                        (Err(_), _) => Err(Opaque),
                        (Ok(_), _) => Ok(()),
                    }
                }
            }
        });
        let long = queue(long).await;
        let after = queue(insert(&fixture.db, first + 3)).await;
        release.send(()).unwrap();
        holder.await.unwrap();
        before.await.unwrap().unwrap();
        after.await.unwrap().unwrap();
        assert!(!long.is_finished());
        go_on.send(true).unwrap();
        long.await.unwrap().unwrap();
        assert_eq!(runs.count(), 2);
        let there = fixture.numbers().await;
        assert_eq!(there.len() as i64, first + 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_query_does_not_keep_the_neighbours_waiting() {
    let fixture = Fixture::with_patience(Duration::from_millis(20)).await;
    let runs = Runs::default();
    let (release, holder) = fixture.hold().await;
    let before = queue(insert(&fixture.db, 1)).await;
    let counter = runs.clone();
    let long = fixture.db.transaction(move |tx: Tx| {
        let run = counter.next();
        async move {
            insert_in(&tx, 2).await?;
            let end = if run == 1 { i64::MAX } else { 10 };
            let sql =
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) ";
            // Once without rows for as long as it runs, once with many that nobody takes.
            tx.sql(format!("SELECT * FROM ({sql} SELECT count(*) FROM n)"))
                .bind(end)
                .scalar::<i64>()
                .await
        }
    });
    let long = queue(long).await;
    release.send(()).unwrap();
    holder.await.unwrap();
    before.await.unwrap().unwrap();
    let counted = timeout(Duration::from_secs(10), long).await.unwrap();
    assert_eq!(counted.unwrap().unwrap(), 10);
    assert_eq!(runs.count(), 2);
    assert_eq!(fixture.numbers().await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_share_a_transaction_runs_again_alone() {
    let fixture = Fixture::new().await;
    let runs = Runs::default();
    let (release, holder) = fixture.hold().await;
    let before = queue(insert(&fixture.db, 1)).await;
    let counter = runs.clone();
    let changes = fixture.db.transaction(move |tx: Tx| {
        counter.next();
        async move {
            insert_in(&tx, 2).await?;
            tx.script("CREATE TABLE u (n INTEGER); INSERT INTO u VALUES (7)")
                .await
        }
    });
    let changes = queue(changes).await;
    release.send(()).unwrap();
    holder.await.unwrap();
    before.await.unwrap().unwrap();
    changes.await.unwrap().unwrap();
    assert_eq!(runs.count(), 2);
    let seven: i64 = fixture.db.sql("SELECT n FROM u").scalar().await.unwrap();
    assert_eq!(seven, 7);
}

/// One transaction's deferred foreign key refuses the commit of all. Another failed only because
/// of a row of the first, which is not there in the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_commit_gives_each_its_own_answer() {
    let fixture = Fixture::new().await;
    let (release, holder) = fixture.hold().await;
    let good = |number: i64, runs: &Runs| {
        let counter = runs.clone();
        fixture.db.transaction(move |tx: Tx| {
            counter.next();
            async move { insert_in(&tx, number).await }
        })
    };
    let (innocent, fooled) = (Runs::default(), Runs::default());
    let first = queue(good(1, &innocent)).await;
    let orphan = fixture.db.transaction(|tx: Tx| async move {
        insert_in(&tx, 2).await?;
        tx.sql("INSERT INTO child VALUES (99)").execute().await
    });
    let orphan = queue(orphan).await;
    let duplicate = queue(good(2, &fooled)).await;
    let last = queue(insert(&fixture.db, 3)).await;
    release.send(()).unwrap();
    holder.await.unwrap();
    first.await.unwrap().unwrap();
    // They run again in whatever order they come back: after the one with the same number it is a
    // duplicate.
    let error = orphan.await.unwrap().unwrap_err();
    let kinds = [ErrorKind::ForeignKey, ErrorKind::Duplicate];
    assert!(kinds.contains(&error.kind()), "{error}");
    duplicate.await.unwrap().unwrap();
    last.await.unwrap().unwrap();
    assert_eq!((innocent.count(), fooled.count()), (2, 2));
    assert_eq!(fixture.numbers().await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn savepoints_and_failures_stay_within_their_transaction() {
    let fixture = Fixture::with_patience(Duration::from_millis(20)).await;
    let (release, holder) = fixture.hold().await;
    let first = queue(insert(&fixture.db, 1)).await;
    let nested = |base: i64| {
        fixture.db.transaction(move |tx: Tx| async move {
            insert_in(&tx, base).await?;
            let undone = tx
                .savepoint(|tx| async move {
                    insert_in(&tx, base + 1).await?;
                    insert_in(&tx, 1).await
                })
                .await;
            assert_eq!(undone.unwrap_err().kind(), ErrorKind::Duplicate);
            tx.savepoint(|tx| async move { insert_in(&tx, base + 2).await })
                .await
        })
    };
    let (one, two) = (queue(nested(10)).await, queue(nested(20)).await);
    let fails = fixture.db.transaction(|tx: Tx| async move {
        insert_in(&tx, 30).await.map_err(|_| Opaque)?;
        Err::<(), _>(Opaque)
    });
    let fails = queue(fails).await;
    let dropped = queue(fixture.db.transaction(|tx: Tx| async move {
        insert_in(&tx, 40).await?;
        std::future::pending::<Result<()>>().await
    }))
    .await;
    let last = queue(insert(&fixture.db, 50)).await;
    release.send(()).unwrap();
    holder.await.unwrap();
    for call in [first, one, two] {
        call.await.unwrap().unwrap();
    }
    assert_eq!(fails.await.unwrap(), Err(Opaque));
    dropped.abort();
    last.await.unwrap().unwrap();
    assert_eq!(fixture.numbers().await, [1, 10, 12, 20, 22, 50]);
}
