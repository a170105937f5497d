//! What is refused, fails or is stopped, and what is left then.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use mainstay::config::DatabaseUrl;
use mainstay::{Error, ErrorKind};

use super::*;
use crate::engine::tools::Places;

/// The server ends the sessions of a program that was killed when it notices, which is soon.
async fn no_sessions(ground: &Ground) {
    let mut left = Vec::new();
    for _ in 0..200 {
        left = ground.sessions();
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("sessions are left: {left:?}");
}

/// A folder with a program of this name.
fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it may be run");
}

const VERSION: &str =
    "[ \"$1\" = --version ] && { echo 'mariadb-dump from 10.11.19-MariaDB'; exit; }\n";

async fn refused(engine: &MySql) -> Error {
    let error = capture(engine).await.expect_err("refused");
    assert!(error.hint().is_some(), "{error}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_wrong_is_told() {
    let Some(ground) = Ground::filled() else {
        return;
    };
    let url = ground.url.as_str();
    let with = |url: String| {
        let mut config = ground.config();
        config.url = DatabaseUrl::parse(&url).expect("a URL");
        super::engine(&config)
    };
    let wrong = with(url.replace(ground.url.password(), "not-the-password"));
    let error = refused(&wrong).await;
    assert_eq!(error.kind(), ErrorKind::CredentialsRefused, "{error}");
    let gone = with(url.replace(&format!(":{}/", ground.url.port()), ":1/"));
    assert_eq!(refused(&gone).await.kind(), ErrorKind::Unreachable);

    let empty = tempfile::tempdir().expect("a folder");
    let nowhere = Places::of(Some(empty.path().as_os_str().to_owned()), []);
    let error = refused(&ground.engine().with_places(nowhere.clone())).await;
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(error.detail().contains("mariadb-dump"), "{error}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("mariadb-client")),
        "{error}"
    );

    // Without the program that reads statements nothing is begun.
    let engine = ground.engine().with_places(nowhere);
    let place = engine.place().await.expect("a place");
    let (place, done) = restore(&engine, place, b"SELECT 1;\n".to_vec()).await;
    assert_eq!(done.expect_err("refused").kind(), ErrorKind::Configuration);
    engine.discard(place).await.expect("dropped");
    assert_eq!(ground.beside(), [] as [String; 0]);

    ground.sql("CREATE TABLE old (id INT) ENGINE = MyISAM");
    let error = refused(&ground.engine()).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.detail().contains("old (MyISAM)"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_fails_in_the_middle_makes_no_backup() {
    let Some(ground) = Ground::filled() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let places = || Places::of(Some(folder.path().as_os_str().to_owned()), []);
    let begun = "printf 'CREATE TABLE `a` (\\n);\\nINSERT INTO `a` VALUES\\n(1,'\n";
    let secret = ground.url.password();
    let fails = format!(
        "{VERSION}{begun}echo \"mariadb-dump: Error 2013: Lost connection as $MYSQL_PWD\" >&2\nexit 3\n"
    );
    program(folder.path(), "mariadb-dump", &fails);
    let error = refused(&ground.engine().with_places(places())).await;
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!(error.detail().contains("Lost connection"), "{error}");
    assert!(!error.to_string().contains(secret), "the password is told");

    // One that says all is well, but is not done.
    program(folder.path(), "mariadb-dump", &format!("{VERSION}{begun}"));
    let error = refused(&ground.engine().with_places(places())).await;
    assert!(error.detail().contains("ends in the middle"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_in_the_middle_nothing_is_left() {
    let Some(ground) = Ground::new() else {
        return;
    };
    ground.sql(
        "CREATE TABLE filler (id INT PRIMARY KEY, text TEXT); \
         INSERT INTO filler SELECT seq, REPEAT('abc ', 250) FROM seq_1_to_30000",
    );
    let engine = ground.engine();
    let (_, dump) = capture(&engine).await.expect("captured");
    let inner = engine.clone();
    let error = blocking(move || {
        let control = Control::new();
        let (stop, mut pieces) = (control.clone(), 0);
        let mut out = Watched {
            inner: Vec::new(),
            act: || {
                pieces += 1;
                if pieces == 5 {
                    stop.cancel();
                }
            },
        };
        inner.capture(Kind::Logical, &mut out, &control)
    })
    .await
    .expect_err("stopped");
    assert!(error.detail().contains("stopped"), "{error}");
    no_sessions(&ground).await;

    let place = engine.place().await.expect("a place");
    let inner = engine.clone();
    let (place, done) = blocking(move || {
        let control = Control::new();
        let stop = control.clone();
        let mut input = Halfway {
            text: dump,
            at: 0,
            act: || stop.cancel(),
        };
        let done = inner.restore(&manifest(&[]), &mut input, &place, &control);
        (place, done)
    })
    .await;
    let error = done.expect_err("stopped");
    assert!(error.detail().contains("stopped"), "{error}");
    engine.discard(place).await.expect("dropped");
    assert_eq!(ground.beside(), [] as [String; 0]);
    no_sessions(&ground).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_is_told_by_its_line() {
    let Some(ground) = Ground::filled() else {
        return;
    };
    let engine = ground.engine();
    let place = engine.place().await.expect("a place");
    let dump = b"CREATE TABLE a (id INT);\n\nINSERT INTO `a` VALUES\n(1,2);\n".to_vec();
    let (place, done) = restore(&engine, place, dump).await;
    let error = done.expect_err("it fails");
    assert!(error.detail().contains("at line 3"), "{error}");
    // Commands of the program are none.
    let marker = tempfile::tempdir().expect("a folder");
    let path = marker.path().join("run");
    let dump = format!("\\! touch {0}\nsystem touch {0}\n", path.display());
    let (place, done) = restore(&engine, place, dump.into_bytes()).await;
    assert!(done.is_err() && !path.exists());
    engine.discard(place).await.expect("dropped");
    assert_eq!(ground.beside(), [] as [String; 0]);
    // A place is dropped, nothing else.
    let other = Place {
        config: ground.config(),
        name: ground.name.clone(),
        hold: None,
    };
    engine.discard(other).await.expect_err("no place of ours");
    assert_eq!(ground.sql("SELECT COUNT(*) FROM goals"), "3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_use_is_not_swapped_unless_forced() {
    let Some(ground) = Ground::filled() else {
        return;
    };
    let engine = ground.engine();
    let (captured, dump) = capture(&engine).await.expect("captured");
    let place = restored(&engine, &captured, dump.clone()).await;
    let db = mainstay::Database::open(&ground.config())
        .await
        .expect("opens");
    db.sql("SELECT 1").scalar::<i64>().await.expect("an answer");
    let error = engine.swap(place).await.expect_err("in use");
    assert_eq!(error.kind(), ErrorKind::WriteConflict);
    assert!(error.detail().contains("session"), "{error}");
    assert_eq!(ground.beside().len(), 1, "the place stays");

    let place = restored(&engine, &captured, dump).await;
    let swapped = engine.with_force(true).swap(place).await.expect("swapped");
    assert!(swapped.kept.is_some());
    // The pool makes new connections where the old ones were ended.
    let count = db.sql("SELECT COUNT(*) FROM goals").scalar::<i64>().await;
    assert_eq!(count.expect("an answer"), 3);
    db.close(Duration::from_secs(5)).await.expect("closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_cannot_be_done_leaves_the_old_database_whole() {
    let Some(ground) = Ground::filled() else {
        return;
    };
    let engine = ground.engine();
    let (captured, dump) = capture(&engine).await.expect("captured");
    let other = Ground::on(&ground.server);
    other.sql(&format!(
        "CREATE TABLE far (id INT PRIMARY KEY, goal BIGINT, \
         FOREIGN KEY (goal) REFERENCES `{}`.goals (id))",
        ground.name
    ));
    let place = restored(&engine, &captured, dump.clone()).await;
    let error = engine.swap(place).await.expect_err("keys of others");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.detail().contains(&format!("{}.far", other.name)),
        "{error}"
    );
    drop(other);

    // The new one cannot move: what was done before that is undone, and it stays.
    let place = restored(&engine, &captured, dump).await;
    let name = place.name.clone();
    ground.sql_on(
        &name,
        "CREATE TABLE names_of (id INT); RENAME TABLE names_of TO `names2`",
    );
    ground.sql("CREATE VIEW names2 AS SELECT 1 a");
    let error = engine.swap(place).await.expect_err("a view is in the way");
    assert_ne!(error.kind(), ErrorKind::Unsupported, "{error}");
    ground.sql("DROP VIEW names2");
    let (now, _) = capture(&engine).await.expect("captured");
    assert_eq!(now.tables, captured.tables);
    let triggers = "SELECT COUNT(*) FROM information_schema.TRIGGERS \
                    WHERE TRIGGER_SCHEMA = DATABASE()";
    assert_eq!(ground.sql(triggers), "1\n");
    assert_eq!(ground.sql_on(&name, triggers), "1\n");
    assert!(ground.beside().contains(&name));
    assert_eq!(engine.recover().await.expect("nothing to do"), None);
}
