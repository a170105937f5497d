//! Short reads inline, long ones in turns: on the embedded engine, through the line.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::driver::{Access, Collect, Row, Statement};

const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT i FROM n WHERE i < 0";

fn short(sql: &str) -> Statement {
    Statement::new(sql, Vec::new(), Access::Read).short()
}

async fn read(db: &Database, statement: Statement) -> Result<Vec<i64>> {
    let mut sink = Collect::new(|row: &Row<'_>| row.get::<i64>(0));
    db.run(statement, &mut sink, &CallOptions::here()).await?;
    Ok(sink.items)
}

async fn open_with(folder: &tempfile::TempDir, pool: &str) -> Database {
    let url = format!("sqlite:{}/x.db", folder.path().display());
    let config = ConfigLoader::new().set("url", url).set("pool.max", pool);
    let db = Database::builder()
        .create_if_missing()
        .open(&config.load().unwrap())
        .await
        .unwrap();
    db.script("CREATE TABLE t (n INTEGER PRIMARY KEY)")
        .await
        .unwrap();
    db.sql("INSERT INTO t VALUES (1), (2), (3)")
        .execute()
        .await
        .unwrap();
    db
}

/// Runs on a runtime of one thread, with one more for what blocks.
fn on_one_thread<F: Future>(work: impl FnOnce(tempfile::TempDir) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(work(folder));
}

#[test]
fn a_read_by_key_needs_no_other_thread() {
    on_one_thread(|folder| async move {
        let db = open_with(&folder, "2").await;
        // The pool has a connection, and the only other thread is taken.
        read(&db, short("SELECT n FROM t")).await.unwrap();
        let (free, taken) = std::sync::mpsc::channel::<()>();
        let blocked = tokio::task::spawn_blocking(move || taken.recv());
        let found = read(&db, short("SELECT n FROM t WHERE n = 2")).await;
        assert_eq!(found.unwrap(), [2]);
        let in_transaction = db
            .transaction(|tx| async move {
                let mut sink = Collect::new(|row: &Row<'_>| row.get::<i64>(0));
                let read = short("SELECT n FROM t WHERE n > 1 ORDER BY n");
                tx.run(read, &mut sink, &CallOptions::here()).await?;
                Ok::<_, Error>(sink.items)
            })
            .read_only();
        assert_eq!(in_transaction.await.unwrap(), [2, 3]);
        drop(free);
        assert!(blocked.await.unwrap().is_err());
        db.close(Duration::from_secs(5)).await.unwrap();
    });
}

#[test]
fn a_long_read_gives_each_row_once_and_leaves_the_thread_to_others() {
    on_one_thread(|folder| async move {
        let db = open_with(&folder, "2").await;
        let cross = short(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
             SELECT i FROM n",
        );
        // Found out to be long, remembered as such, and tried again.
        for _ in 0..40 {
            let rows = read(&db, cross.clone()).await.unwrap();
            assert!(rows.iter().copied().eq(1..=5000));
        }
        // A read without end, which ends because others get to run.
        let mut beats = 0;
        let heart = async {
            while beats < 20 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                beats += 1;
            }
        };
        tokio::select! {
            ended = read(&db, short(ENDLESS)) => panic!("it has no end: {ended:?}"),
            () = heart => {}
        }
        // The dropped read gave back what it had.
        let found = read(&db, short("SELECT n FROM t WHERE n = 3")).await;
        assert_eq!(found.unwrap(), [3]);
        db.close(Duration::from_secs(5)).await.unwrap();
    });
}

#[test]
fn reads_that_are_always_ready_let_others_run() {
    on_one_thread(|folder| async move {
        let db = open_with(&folder, "2").await;
        let reads = AtomicU64::new(0);
        let reader = async {
            loop {
                read(&db, short("SELECT n FROM t WHERE n = 2"))
                    .await
                    .unwrap();
                reads.fetch_add(1, Ordering::Relaxed);
            }
        };
        // The reads wait for nothing; what makes them pause is their share of the thread.
        let timer = tokio::spawn(async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        tokio::select! {
            () = reader => {}
            ended = timer => ended.unwrap(),
        }
        assert!(reads.load(Ordering::Relaxed) > 20);
    });
}

#[tokio::test]
async fn point_reads_go_on_beside_more_scans_than_may_run() {
    let folder = tempfile::tempdir().unwrap();
    let db = open_with(&folder, "2").await;
    let scans: Vec<_> = (0..6)
        .map(|number| {
            let db = db.clone();
            tokio::spawn(async move {
                match number % 3 {
                    0 => read(&db, short(ENDLESS)).await.map(|_| ()),
                    1 => db.sql(ENDLESS).fetch_rows().await.map(|_| ()),
                    _ => {
                        let scan = Statement::new(ENDLESS, Vec::new(), Access::Read);
                        read(&db, scan).await.map(|_| ())
                    }
                }
            })
        })
        .collect();
    for _ in 0..50 {
        let found = read(&db, short("SELECT n FROM t WHERE n = 2")).await;
        assert_eq!(found.unwrap(), [2]);
        tokio::task::yield_now().await;
    }
    let status = db.pool().status();
    assert!(status.holders.len() < 2, "{status:?}");

    // Who waits for a turn says so.
    let error = db
        .sql("SELECT count(*) FROM t")
        .timeout(Duration::from_millis(50))
        .scalar::<i64>()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(error.detail().contains("turn to scan"), "{error}");
    // A transaction has its connection already and waits for no turn.
    let counted = db
        .transaction(|tx| async move { tx.sql("SELECT count(*) FROM t").scalar::<i64>().await })
        .read_only()
        .await;
    assert_eq!(counted.unwrap(), 3);

    for scan in &scans {
        scan.abort();
    }
    for scan in scans {
        assert!(scan.await.unwrap_err().is_cancelled());
    }
    let total: i64 = db.sql("SELECT count(*) FROM t").scalar().await.unwrap();
    assert_eq!(total, 3);
    db.close(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_read_that_is_dropped_at_any_point_leaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let db = open_with(&folder, "2").await;
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
                SELECT i FROM n";
    for polls in 0..12 {
        let mut call = Box::pin(read(&db, short(long)));
        let mut polled = 0;
        std::future::poll_fn(|context| {
            if polled == polls {
                return std::task::Poll::Ready(());
            }
            polled += 1;
            call.as_mut().poll(context).map(|_| ())
        })
        .await;
        drop(call);
        // Both connections and the turn are there again.
        let both = tokio::join!(
            read(&db, short("SELECT n FROM t WHERE n = 1")),
            db.sql("SELECT count(*) FROM t").scalar::<i64>()
        );
        assert_eq!((both.0.unwrap(), both.1.unwrap()), (vec![1], 3));
    }
    db.close(Duration::from_secs(5)).await.unwrap();
}
