//! The log goes on, whoever crashes.

use mainstay::ErrorKind;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_goes_on_after_crashes_of_either_side() {
    let Some(mut whole) = whole() else { return };
    whole.sql("CREATE TABLE entries (id bigint PRIMARY KEY)");
    let base = whole.base().await;
    let store = Store::memory();
    let log = log(&store);
    let spool = folder();
    let write = |whole: &Whole, id: i64| {
        // More than a file of the log, so that it goes on in the next one.
        whole.sql(&format!(
            "INSERT INTO entries VALUES ({id}); \
             CREATE TABLE more_{id} AS SELECT repeat(md5(n::text), 10) FROM generate_series(1, 9000) n"
        ));
        now()
    };
    let following = Following::start(&whole, &base.0, &log, &spool);
    let at = write(&whole, 1);
    wait_for(&log, at).await;

    // We are gone without a word, and come back.
    following.task.abort();
    let _ = following.task.await;
    assert_eq!(
        whole.sql("SELECT count(*) FROM pg_replication_slots WHERE NOT active"),
        "0"
    );
    write(&whole, 2);
    let following = Following::start(&whole, &base.0, &log, &spool);
    let at = write(&whole, 3);
    wait_for(&log, at).await;

    // The server crashes, and comes back.
    whole.server.kill().expect("it is killed");
    tokio::time::sleep(Duration::from_millis(500)).await;
    whole.server.restart().expect("it starts");
    let at = write(&whole, 4);
    wait_for(&log, at).await;
    assert!(!following.waited.lock().unwrap().is_empty());
    assert!(!following.task.is_finished());

    // A single transaction is in the target within the interval, and a little for this machine.
    let at = {
        whole.sql("INSERT INTO entries VALUES (5)");
        now()
    };
    let took = wait_for(&log, at).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    following.stop().await;
    assert_eq!(whole.sql("SELECT count(*) FROM pg_stat_replication"), "0");

    // Somewhere else, with nothing of the spool left.
    let spool = folder();
    let following = Following::start(&whole, &base.0, &log, &spool);
    whole.sql("INSERT INTO entries VALUES (6)");
    wait_for(&log, now()).await;
    following.stop().await;

    let places = folder();
    let instance = whole
        .recover(&base, Some(&log), None, places.path().join("a"))
        .await;
    let instance = instance.expect("it is recovered");
    let there: Vec<i64> = entries(&instance).await.into_iter().collect();
    assert_eq!(there, [1, 2, 3, 4, 5, 6]);
    blocking(move || drop(instance)).await;
    // Not before the base, and not after the log.
    for (to, part) in [
        (
            base.0.taken_at - chrono::TimeDelta::hours(1),
            "first moment",
        ),
        (now() + chrono::TimeDelta::hours(1), "the log ends with"),
    ] {
        let place = places.path().join("b");
        let refused = whole
            .recover(&base, Some(&log), Some(to), place.clone())
            .await;
        let error = refused.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::BackupRefused);
        assert!(error.detail().contains(part), "{error:?}");
        assert!(!place.exists());
    }
    // A piece that is missing is found before anything is made.
    let segments = log.list().await.expect("a list");
    log.remove(&segments[segments.len() / 2])
        .await
        .expect("it is removed");
    let broken = whole
        .recover(&base, Some(&log), None, places.path().join("b"))
        .await;
    assert_eq!(
        broken.expect_err("it has a hole").kind(),
        ErrorKind::BackupDamaged
    );
    assert!(newest(&log).await.is_err());
}
