//! Writes that the database does not take, over a driver that answers as it is told.

use super::fake::Answer;
use super::outage::{call, open_with};
use super::*;
use crate::driver::Access;

async fn refused(db: &Database) -> Error {
    call(db, Access::Write).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_read_only_server_stops_writes_and_nothing_else() {
    for kind in [ErrorKind::ReadOnly, ErrorKind::DiskFull] {
        let (db, script) = open_with(Resilience::default()).await;
        let told = Error::new(kind, "as told").with_state_of_server();
        script.then([Answer::Fails(told.clone())]);
        assert_eq!(refused(&db).await.kind(), kind);
        let sent = script.count();
        for _ in 0..20 {
            let error = refused(&db).await;
            assert_eq!(error.kind(), kind);
            assert!(error.retry_after().unwrap() <= Duration::from_secs(1));
            assert!(error.detail().contains("as told"), "{error}");
        }
        let transaction = db.transaction(|_| async { Ok::<_, Error>(()) });
        assert_eq!(transaction.await.unwrap_err().kind(), kind);
        assert_eq!(script.count(), sent);
        let status = db.status();
        assert!(status.is_degraded());
        assert_eq!(status.counts.writes_refused, 21);
        assert_eq!(status.to_json()["writes_stopped"]["code"], told.code());
        // Reads go on.
        call(&db, Access::Read).await.unwrap();
        let reading = db.transaction(|_| async { Ok::<_, Error>(()) }).read_only();
        reading.await.unwrap();

        // One write finds out, and is refused again.
        tokio::time::sleep(Duration::from_secs(1)).await;
        script.then([Answer::Fails(told)]);
        let sent = script.count();
        assert_eq!(refused(&db).await.kind(), kind);
        assert_eq!(refused(&db).await.kind(), kind);
        assert_eq!(script.count(), sent + 1);
        // The next one is let in.
        tokio::time::sleep(Duration::from_secs(2)).await;
        call(&db, Access::Write).await.unwrap();
        call(&db, Access::Write).await.unwrap();
        assert!(!db.status().is_degraded());
    }
}

#[tokio::test(start_paused = true)]
async fn a_statement_refused_for_its_own_sake_stops_nobody() {
    let (db, script) = open_with(Resilience::default()).await;
    script.then([Answer::Fails(Error::new(
        ErrorKind::ReadOnly,
        "its transaction",
    ))]);
    assert_eq!(refused(&db).await.kind(), ErrorKind::ReadOnly);
    call(&db, Access::Write).await.unwrap();
    assert!(!db.status().is_degraded());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_lets_another_find_out() {
    let (db, script) = open_with(Resilience::default()).await;
    let told = Error::new(ErrorKind::ReadOnly, "as told").with_state_of_server();
    script.then([Answer::Fails(told), Answer::Never]);
    assert_eq!(refused(&db).await.kind(), ErrorKind::ReadOnly);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let probe = tokio::time::timeout(Duration::from_millis(10), call(&db, Access::Write));
    assert!(probe.await.is_err());
    call(&db, Access::Write).await.unwrap();
}
