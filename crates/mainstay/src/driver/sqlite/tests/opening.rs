use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::error::{Error, ErrorKind};

async fn refusal(options: SqliteOptions) -> Error {
    SqliteDriver::open(options).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_told_apart_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| SqliteOptions::new(folder.path().join(name));
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    std::fs::write(folder.path().join("text"), "not a database, ".repeat(100)).unwrap();
    let mut absent = at("absent.db");
    absent.create = false;
    let cases = [
        (at("no/such/file.db"), ErrorKind::DatabaseMissing, "folder"),
        (absent, ErrorKind::DatabaseMissing, "absent.db"),
        (at("inner"), ErrorKind::Configuration, "is a folder"),
        (at("text/file.db"), ErrorKind::Configuration, "text"),
        (at("text"), ErrorKind::Corrupt, "not a database"),
        (
            SqliteOptions::new(":memory:"),
            ErrorKind::Configuration,
            ":memory:",
        ),
        (SqliteOptions::new(""), ErrorKind::Configuration, "path"),
    ];
    for (options, kind, words) in cases {
        let error = refusal(options).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.detail().contains(words), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
    assert!(!folder.path().join("absent.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_log_cannot_be_opened_is_refused_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    // A folder where the WAL would be: the file itself can be opened, the log cannot.
    std::fs::create_dir(folder.path().join("test.db-wal")).unwrap();
    let error = refusal(options(&folder)).await;
    assert_eq!(error.kind(), ErrorKind::Database, "{error}");
    assert!(error.detail().contains("test.db"), "{error}");
    assert!(error.hint().is_some(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_permission_is_refused_unless_the_user_may_all() {
    let fixture = Fixture::with_table().await;
    fixture.driver.close().await.unwrap();
    let path = fixture.folder.path().join("test.db");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    match SqliteDriver::open(options(&fixture.folder)).await {
        // The superuser writes whatever the mode says.
        Ok(driver) => assert!(driver.connect(Duration::from_secs(1)).await.is_ok()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_set_up_alike() {
    let fixture = Fixture::new().await;
    let (mut writer, mut reader) = (fixture.writer(), fixture.reader().await);
    for connection in [&mut *writer, &mut *reader] {
        for (pragma, value) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("trusted_schema", 0),
        ] {
            let sql = format!("SELECT {pragma} FROM pragma_{pragma}");
            assert_eq!(number(connection, &sql).await.unwrap(), value, "{pragma}");
        }
    }
    let (rows, _) = rows(&mut *reader, statement("PRAGMA journal_mode", Vec::new()))
        .await
        .unwrap();
    assert_eq!(rows[0].values[0], Value::Text("wal".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_moves_the_log_into_the_file() {
    let fixture = Fixture::with_table().await;
    for id in 0..100 {
        fixture.writer().run(insert(id), &mut Ignore).await.unwrap();
    }
    let log = fixture.folder.path().join("test.db-wal");
    assert!(log.metadata().unwrap().len() > 0);
    // A reader that is still open does not keep the log from being emptied.
    let reader = fixture.reader().await;
    fixture.driver.close().await.unwrap();
    assert!(log.metadata().map_or(0, |found| found.len()) == 0);
    reader.close().await;

    let error = fixture
        .driver
        .connect(Duration::from_secs(1))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    let mut writer = fixture.writer();
    assert!(writer.is_broken());
    let error = writer.run(insert(1), &mut Ignore).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    fixture.driver.close().await.unwrap();

    let driver = SqliteDriver::open(options(&fixture.folder)).await.unwrap();
    let again = Fixture {
        driver,
        folder: fixture.folder,
    };
    assert_eq!(again.count().await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_before_the_close_is_finished() {
    let fixture = Fixture::with_table().await;
    let mut writers: Vec<_> = (0..20).map(|_| fixture.writer()).collect();
    let mut sinks = (0..20).map(|_| Ignore).collect::<Vec<_>>();
    let mut calls: Vec<_> = writers
        .iter_mut()
        .zip(&mut sinks)
        .zip(0..)
        .map(|((writer, sink), id)| writer.run(insert(id), sink))
        .collect();
    for call in &mut calls {
        assert!(futures_util::poll!(call).is_pending());
    }
    fixture.driver.close().await.unwrap();
    for call in calls {
        assert_eq!(call.await.unwrap().rows, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_on_one_file_share_its_writer() {
    let fixture = Fixture::with_table().await;
    let path = fixture.folder.path();
    std::os::unix::fs::symlink(path.join("test.db"), path.join("link.db")).unwrap();
    let link = SqliteDriver::open(SqliteOptions::new(path.join("link.db")))
        .await
        .unwrap();
    let (one, other) = (fixture.driver.shared_writer(), link.shared_writer());
    assert!(std::sync::Arc::ptr_eq(one, other));

    let mut weaker = options(&fixture.folder);
    weaker.synchronous = super::super::options::Synchronous::Normal;
    assert_eq!(
        refusal(weaker.clone()).await.kind(),
        ErrorKind::Configuration
    );

    fixture.driver.close().await.unwrap();
    assert_eq!(
        link.writer()
            .unwrap()
            .run(insert(1), &mut Ignore)
            .await
            .unwrap()
            .rows,
        1
    );
    link.close().await.unwrap();
    // With the old writer gone, the setting is free again.
    SqliteDriver::open(weaker).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_openings_at_once_start_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    let openings = (0..16).map(|_| tokio::spawn(SqliteDriver::open(options(&folder))));
    let drivers: Vec<_> = futures_util::future::join_all(openings)
        .await
        .into_iter()
        .map(|driver| driver.unwrap().unwrap())
        .collect();
    for driver in &drivers[1..] {
        let (one, other) = (drivers[0].shared_writer(), driver.shared_writer());
        assert!(std::sync::Arc::ptr_eq(one, other));
    }
}
