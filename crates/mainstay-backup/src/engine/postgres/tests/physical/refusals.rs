//! What cannot be taken or recovered.

use mainstay::ErrorKind;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_recovered_is_refused() {
    let Some(whole) = whole() else { return };
    whole.sql("CREATE TABLE t AS SELECT n FROM generate_series(1, 10000) n; CHECKPOINT");
    let base = whole.base().await;
    let places = folder();
    let full = places.path().join("full");
    fs::create_dir(&full).expect("it is made");
    fs::write(full.join("data"), "important").expect("it is written");
    let error = whole
        .recover(&base, None, None, full.clone())
        .await
        .expect_err("not empty");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(
        fs::read(full.join("data")).expect("it is there"),
        b"important"
    );

    // A byte within a table's file.
    let mut damaged = base.clone();
    let at = within_a_file(&base.1);
    damaged.1[at] ^= 0x20;
    let error = whole
        .recover(&damaged, None, None, places.path().join("damaged"))
        .await;
    assert_eq!(
        error.expect_err("it is damaged").kind(),
        ErrorKind::BackupDamaged
    );

    // A logical backup is no base, and another server's log does not go with it.
    let mut logical = base.0.clone();
    logical.kind = Kind::Logical;
    let refused = whole
        .recover(&(logical, Vec::new()), None, None, places.path().join("l"))
        .await;
    assert_eq!(
        refused.expect_err("no base").kind(),
        ErrorKind::BackupRefused
    );
    let (store, spool) = (Store::memory(), folder());
    let mut other = base.0.clone();
    other.position.as_mut().expect("a position")["system"] = "7".into();
    let following = Following::start(&whole, &other, &log(&store), &spool);
    let ended = following.task.await.expect("it ends");
    assert_eq!(
        ended.expect_err("another server").kind(),
        ErrorKind::BackupRefused
    );

    // Rights that are missing are named.
    whole.sql("CREATE ROLE plain LOGIN PASSWORD 'secret-word'");
    let url = whole.server.url().as_str().to_owned();
    let (_, rest) = url.split_once('@').expect("a user");
    let plain = engine(&config(&format!("postgres://plain:secret-word@{rest}")));
    let refused =
        blocking(move || plain.capture(Kind::Physical, &mut Vec::new(), &Control::new())).await;
    let error = refused.expect_err("no rights");
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error:?}");
    assert!(
        error.hint().expect("a hint").contains("REPLICATION"),
        "{error:?}"
    );
    assert_eq!(whole.sql("SELECT count(*) FROM pg_replication_slots"), "0");
}

/// Where in a base the middle of a table's file is.
fn within_a_file(base: &[u8]) -> usize {
    let mut archive = tar::Archive::new(base);
    let mut entries = archive
        .entries()
        .expect("an archive")
        .map(|entry| entry.expect("a file"));
    let found = entries.find(|entry| {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        name.starts_with("base/") && entry.size() >= 8192
    });
    let entry = found.expect("a table has a file");
    usize::try_from(entry.raw_file_position() + entry.size() / 2).expect("it is in memory")
}
