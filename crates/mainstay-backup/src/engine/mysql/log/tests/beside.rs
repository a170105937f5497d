//! A moment, and the files of a server, in servers that run on.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::{Clock, Database, ErrorKind, SystemClock};

use super::super::super::MySql;
use super::super::super::tests::{Ground, blocking, manifest};
use super::{Follower, base, log, logging};
use crate::archive::Kind;
use crate::control::Control;
use crate::target::Target;

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_recovered_in_a_server_that_runs_on() {
    let Some(server) = blocking(|| logging(&[])).await else {
        return;
    };
    let ground = Ground::on(server.url());
    ground.sql("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT)");
    let engine = ground.engine();
    let target = Target::memory();
    let log = log(&target);
    let (base, dump) = base(&engine).await;
    let follower = Follower::start(&engine, &base, &log);
    ground.sql("INSERT INTO notes VALUES (1, 'kept')");
    // Another database is none of ours.
    let other = Ground::on(server.url());
    other.sql("CREATE TABLE notes (id INT PRIMARY KEY); INSERT INTO notes VALUES (1)");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let to = SystemClock.now();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    ground.sql("DROP TABLE notes");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    follower.stop().await;

    let newest = MySql::newest(&log)
        .await
        .expect("a moment")
        .expect("something");
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("recovered");
    let run = |to: DateTime<Utc>| {
        let (engine, base, dump) = (engine.clone(), base.clone(), dump.clone());
        let (log, data) = (log.clone(), data.clone());
        blocking(move || {
            let mut input = dump.as_slice();
            engine.restore_to(&base, &mut input, &log, to, &data, &Control::new())
        })
    };
    for (wrong, words) in [
        (base.taken_at - TimeDelta::seconds(1), "is before"),
        (newest + TimeDelta::seconds(1), "goes up to"),
    ] {
        let error = run(wrong).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::BackupRefused, "{error}");
        assert!(error.detail().contains(words), "{error}");
        assert!(!data.exists(), "nothing is left");
    }
    let recovered = run(to).await.expect("recovered");
    let told: Vec<_> = recovered
        .tables
        .iter()
        .map(|t| (t.name.as_str(), t.rows))
        .collect();
    assert_eq!(told, [("notes", 1)]);
    let port = recovered.instance.config.url.port().expect("a port");
    assert!(
        recovered.switch.contains(&port.to_string()),
        "{}",
        recovered.switch
    );
    let password = ground.url.password();
    assert!(!recovered.switch.contains(password), "the password is told");
    let db = Database::open(&recovered.instance.config)
        .await
        .expect("opens");
    let text: String = db
        .sql("SELECT text FROM notes")
        .scalar()
        .await
        .expect("a row");
    assert_eq!(text, "kept");
    db.close(Duration::from_secs(5)).await.expect("closes");
    // The file with the password is gone; a folder that is not empty is refused.
    assert!(!data.join("accounts.sql").exists());
    let error = run(to).await.expect_err("refused");
    assert!(error.detail().contains("not empty"), "{error}");
    assert!(data.join("data").exists(), "what was there stays");
    blocking(move || recovered.instance.stop())
        .await
        .expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_server_come_back_and_take_the_log_too() {
    let Some(server) = blocking(|| logging(&[])).await else {
        return;
    };
    let ground = Ground::on(server.url());
    ground.sql(
        "CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT); INSERT INTO notes VALUES (1, 'a')",
    );
    let engine = ground.engine();
    let inner = engine.clone();
    let (captured, files) = blocking(move || {
        let mut files = Vec::new();
        let captured = inner.capture(Kind::Physical, &mut files, &Control::new());
        (captured.expect("captured"), files)
    })
    .await;
    assert_eq!(captured.tools[0].name, "mariadb-backup");
    let mut base = manifest(&[]);
    base.kind = Kind::Physical;
    base.engine_version = captured.engine_version;
    base.taken_at = captured.taken_at;
    base.position = captured.position;
    let target = Target::memory();
    let log = log(&target);
    let follower = Follower::start(&engine, &base, &log);
    ground.sql("INSERT INTO notes VALUES (2, 'b')");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let to = SystemClock.now();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    ground.sql("DELETE FROM notes");
    tokio::time::sleep(Duration::from_millis(500)).await;
    follower.stop().await;

    let folder = tempfile::tempdir().expect("a folder");
    for (number, moment) in [None, Some(to)].into_iter().enumerate() {
        let data = folder.path().join(number.to_string());
        let (engine, base, files, log) = (engine.clone(), base.clone(), files.clone(), log.clone());
        let recovered = blocking(move || {
            let (mut input, control) = (files.as_slice(), Control::new());
            match moment {
                None => engine.restore_beside(&base, &mut input, &data, &control),
                Some(to) => engine.restore_to(&base, &mut input, &log, to, &data, &control),
            }
        })
        .await
        .expect("recovered");
        let told: Vec<_> = recovered
            .tables
            .iter()
            .map(|t| (t.name.as_str(), t.rows))
            .collect();
        assert_eq!(told, [("notes", 1 + number as u64)]);
        // Users are those of the old server, and nobody else.
        let db = Database::open(&recovered.instance.config)
            .await
            .expect("opens");
        let sql = "SELECT COUNT(*) FROM mysql.global_priv WHERE User LIKE 'mainstay\\_%'";
        assert_eq!(db.sql(sql).scalar::<i64>().await.expect("a count"), 0);
        db.close(Duration::from_secs(5)).await.expect("closes");
        blocking(move || recovered.instance.stop())
            .await
            .expect("it stops");
    }
}
