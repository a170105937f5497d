//! Closing a handle while others, and its own writer, are at work.

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
