//! Closing a handle while others, and its own writer, are at work.
//!
//! - `counted`: what calls tell the breaker, the budget and the write stop
//! - `inline`: reads without threads
//! - `late`: a server that comes after the handle was opened
//! - `outage`: breaker and retries over a driver that answers as it is told (`fake`)
//! - `refusing`: writes that the database does not take

mod counted;
mod fake;
mod inline;
mod late;
mod outage;
mod refusing;

use std::future::IntoFuture;

use tokio::sync::oneshot;

use super::*;
use crate::config::ConfigLoader;

async fn open(folder: &tempfile::TempDir) -> Database {
    let url = format!("sqlite:{}/x.db", folder.path().display());
    let config = ConfigLoader::new().set("url", url).load().unwrap();
    Database::builder()
        .create_if_missing()
        .open(&config)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_closed_handle_refuses_writes_although_another_has_the_file_open() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(&folder).await, open(&folder).await);
    one.close(Duration::from_secs(5)).await.unwrap();
    let refused = [
        one.script("CREATE TABLE t (n INTEGER)").await.unwrap_err(),
        one.sql("SELECT 1").scalar::<i64>().await.unwrap_err(),
        one.transaction(|_| async { Ok::<_, Error>(()) })
            .await
            .unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
    other.script("CREATE TABLE t (n INTEGER)").await.unwrap();
    other.close(Duration::from_secs(5)).await.unwrap();
    let refused = other.script("DROP TABLE t").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn closing_does_not_wait_beyond_its_limit_for_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    let (begun, has_begun) = oneshot::channel();
    let (go, wait) = oneshot::channel::<()>();
    let transaction = tokio::spawn({
        let (db, mut once) = (db.clone(), Some((begun, wait)));
        async move {
            db.transaction(|tx| {
                let (begun, wait) = once.take().unwrap();
                async move {
                    tx.script("CREATE TABLE t (n INTEGER)").await?;
                    begun.send(()).unwrap();
                    let _ = wait.await;
                    Ok::<_, Error>(())
                }
            })
            .await
        }
    });
    has_begun.await.unwrap();
    let started = Instant::now();
    let error = db.close(Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(started.elapsed() < Duration::from_secs(3));
    // What had begun is not cut off.
    go.send(()).unwrap();
    transaction.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_runs_outside_of_transactions_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    let tables = "CREATE TABLE p (n INTEGER PRIMARY KEY); \
                  CREATE TABLE c (n INTEGER REFERENCES p (n))";
    db.script(tables).await.unwrap();
    let handle = db.clone();
    let (held, is_held) = oneshot::channel();
    let (go, wait) = oneshot::channel::<()>();
    let work = db.exclusive(|session| async move {
        session.script("PRAGMA foreign_keys = OFF").await?;
        held.send(()).unwrap();
        wait.await.unwrap();
        session.sql("INSERT INTO c VALUES (1)").execute().await?;
        session.script("VACUUM").await?;
        let refused = handle.sql("INSERT INTO p VALUES (7)").execute().await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::TransactionClosed);
        let begun = session.script("BEGIN").await.unwrap_err();
        assert_eq!(begun.kind(), ErrorKind::Unsupported);
        let rows = session.sql("SELECT n FROM c").fetch_rows().await?;
        Ok((rows.len(), session))
    });
    let work = tokio::spawn(work.into_future());
    is_held.await.unwrap();
    // Others wait for their turn.
    let other = db.sql("INSERT INTO p VALUES (2)").execute();
    let mut other = Box::pin(other.into_future());
    let soon = tokio::time::timeout(Duration::from_millis(50), &mut other).await;
    assert!(soon.is_err());
    go.send(()).unwrap();
    let (rows, session) = work.await.unwrap().unwrap();
    assert_eq!(rows, 1);
    other.await.unwrap();
    let late = session.script("VACUUM").await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TransactionClosed);
    // Settings ended with it.
    let orphan = db.sql("INSERT INTO c VALUES (99)").execute().await;
    assert_eq!(orphan.unwrap_err().kind(), ErrorKind::ForeignKey);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_ends_with_its_future_and_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    db.script("CREATE TABLE t (n INTEGER)").await.unwrap();
    let endless = "INSERT INTO t WITH RECURSIVE n(i) AS \
                   (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";
    let endless = || {
        db.exclusive(move |session| async move {
            session.sql("INSERT INTO t VALUES (1)").execute().await?;
            session.sql(endless).execute().await
        })
    };
    let soon = Duration::from_millis(100);
    let dropped = tokio::time::timeout(soon, endless().into_future()).await;
    assert!(dropped.is_err());
    let error = endless().timeout(soon).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    let rows = db.sql("INSERT INTO t VALUES (2)").execute();
    rows.timeout(Duration::from_secs(10)).await.unwrap();
    let sum: i64 = db.sql("SELECT sum(n) FROM t").scalar().await.unwrap();
    // Each statement that had its answer stays.
    assert_eq!(sum, 4);
}
