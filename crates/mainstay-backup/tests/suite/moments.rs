//! Recovery to moments, as an operator does it: a watch follows the log, the database is lost, and is
//! recovered to several moments and to the newest. The same on every engine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::damage::key;
use crate::support::{Load, Scene, Written, close, compare, held};
use crate::watching::Watching;
use chrono::{DateTime, TimeDelta, Utc};
use mainstay::{Clock, Config, Database, ErrorKind, SystemClock};
use mainstay_backup::archive::{Identities, Recipients};
use mainstay_backup::control::Control;
use mainstay_backup::{Event, Moment, Restore};
use mainstay_testkit::Engine;

/// Commits are seen a moment after they were acknowledged; on MariaDB moments are whole seconds.
const SLACK: TimeDelta = TimeDelta::milliseconds(250);

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_recovered_to_any_moment() {
    moments(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_postgres_is_recovered_to_any_moment() {
    moments(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_mariadb_is_recovered_to_any_moment() {
    moments(Engine::MariaDb).await;
}

async fn moments(engine: Engine) {
    let Some(scene) = Scene::with_log(engine).await else {
        return;
    };
    let backups = scene.backups();
    let watch = Watching::start(&backups, scene.folder().join("spool"));
    watch.follows().await;
    let load = Load::start(&scene).await;
    let mut times = Vec::new();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1300)).await;
        times.push(SystemClock.now());
    }
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let written = load.stop().await;
    // What was acknowledged is in the target soon.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let last = written.iter().map(|one| one.acknowledged_at).max();
    let newest = backups.newest_moment().await.expect("asked");
    assert!(
        newest.expect("followed") + SLACK >= last.expect("a load"),
        "{newest:?}"
    );
    watch.stop().await;
    scene.destroy();

    for (number, time) in times.into_iter().enumerate() {
        recovered(&scene, number, Moment::At(time), &written, time).await;
    }
    recovered(&scene, 9, Moment::Newest, &written, SystemClock.now()).await;

    let early = Restore {
        to: Some(Moment::At(DateTime::UNIX_EPOCH)),
        folder: Some(scene.folder().join("early")),
        ..Restore::default()
    };
    let error = backups.restore(&early, &Control::new()).await;
    assert_eq!(error.expect_err("before all").kind(), ErrorKind::NotFound);
}

async fn recovered(
    scene: &Scene,
    number: usize,
    to: Moment,
    written: &[Written],
    time: DateTime<Utc>,
) {
    let folder = scene.folder().join(format!("recovered-{number}"));
    let options = Restore {
        to: Some(to),
        folder: Some(folder.clone()),
        ..Restore::default()
    };
    let restored = scene
        .backups()
        .restore(&options, &Control::new())
        .await
        .unwrap_or_else(|error| panic!("{to:?}: {error} {:?}", error.hint()));
    let config: Config = match &restored.beside {
        None => scene.config.clone(),
        Some(beside) => {
            assert!(!beside.switch.is_empty());
            scene.beside(beside.port)
        }
    };
    let db = crate::support::open(&config).await;
    let found = held(&db).await;
    shut(scene, db, &folder).await;
    match to {
        // Those of a whole second come together.
        Moment::At(_) if scene.engine == Engine::MariaDb => {
            compare(
                &found,
                written,
                time - SLACK,
                time + TimeDelta::milliseconds(1250),
            );
        }
        Moment::At(_) => compare(&found, written, time - SLACK, time + SLACK),
        Moment::Newest => assert_eq!(found.len(), written.len()),
    }
    if restored.beside.is_none() {
        scene.destroy();
    }
}

/// Closes the recovered database, and ends its server if it has one of its own.
pub(crate) async fn shut(scene: &Scene, db: Database, folder: &Path) {
    match scene.engine {
        Engine::MariaDb => {
            let shut = db.script("SHUTDOWN").await;
            shut.expect("it shuts down");
        }
        Engine::Postgres => interrupt(folder),
        Engine::Sqlite => {}
    }
    let _ = db.close(Duration::from_secs(5)).await;
}

/// Has the server in a folder shut down.
fn interrupt(folder: &Path) {
    let pid = std::fs::read_to_string(folder.join("postmaster.pid")).expect("it runs");
    let pid = pid.lines().next().expect("a number").to_owned();
    let status = Command::new("kill").args(["-INT", &pid]).status();
    assert!(status.expect("it is sent").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_watch_goes_on_where_one_stopped_and_a_lost_log_begins_anew() {
    let Some(scene) = Scene::with_log(Engine::Sqlite).await else {
        return;
    };
    let backups = scene.backups();
    let run = async |work: &str| {
        let watch = Watching::start(&backups, scene.folder().join("spool"));
        watch.follows().await;
        let db = scene.open().await;
        db.script(work.to_owned()).await.expect("written");
        close(db).await;
        watch.stop().await;
    };
    run("INSERT INTO entries VALUES ('a', '')").await;
    assert_eq!(backups.list().await.expect("listed").len(), 1);
    // Nobody follows while the log is emptied: a new base is needed, and is taken.
    let db = scene.open().await;
    db.script("INSERT INTO entries VALUES ('b', '')")
        .await
        .expect("written");
    close(db).await;
    run("INSERT INTO entries VALUES ('c', '')").await;
    let newest = Restore {
        to: Some(Moment::Newest),
        ..Restore::default()
    };
    scene.destroy();
    backups
        .restore(&newest, &Control::new())
        .await
        .expect("restored");
    let db = scene.open().await;
    let count: i64 = db
        .sql("SELECT count(*) FROM entries")
        .scalar()
        .await
        .expect("there");
    close(db).await;
    assert_eq!(count, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_file_is_recovered_with_the_key_alone() {
    sealed(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_server_of_postgres_is_recovered_with_the_key_alone() {
    sealed(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_server_of_mariadb_is_recovered_with_the_key_alone() {
    sealed(Engine::MariaDb).await;
}

/// What is written, so that it is found wherever it stands readable.
const SECRET: &str = "the-words-nobody-is-to-read";

async fn sealed(engine: Engine) {
    let Some(scene) = Scene::with_log(engine).await else {
        return;
    };
    let ((secret, public), (other, _)) = (key(), key());
    let recipients = Recipients::parse(&public).expect("a key");
    // The watch has the public key, and nothing to read with.
    let backups = scene.backups().recipients(recipients);
    let watch = Watching::start(&backups, scene.folder().join("spool"));
    watch.follows().await;
    let db = scene.open().await;
    let write = async |id: &str| {
        let insert = db.sql("INSERT INTO entries (id, body) VALUES (?, ?)");
        let insert = insert.bind(id.to_owned()).bind(SECRET.to_owned());
        insert.execute().await.expect("written");
    };
    write("before").await;
    // Moments are whole seconds on one of them.
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let moment = SystemClock.now();
    tokio::time::sleep(Duration::from_millis(1300)).await;
    write("after").await;
    close(db).await;
    tokio::time::sleep(Duration::from_millis(1000)).await;
    watch.stop().await;
    scene.destroy();

    let mut segments = 0;
    for path in files(&scene.backups_folder()) {
        let bytes = std::fs::read(&path).expect("readable");
        let is_there = bytes
            .windows(SECRET.len())
            .any(|window| window == SECRET.as_bytes());
        assert!(!is_there, "{} is readable", path.display());
        segments += usize::from(path.extension().is_some_and(|end| end == "segment"));
    }
    assert!(segments > 0, "nothing was shipped");

    let to = |name: &str| Restore {
        to: Some(Moment::At(moment)),
        folder: Some(scene.folder().join(name)),
        ..Restore::default()
    };
    let refused = backups.restore(&to("none"), &Control::new()).await;
    let refused = refused.expect_err("no key");
    assert_eq!(refused.kind(), ErrorKind::BackupRefused, "{refused}");
    assert!(
        refused.hint().expect("a hint").contains("identity"),
        "{refused:?}"
    );
    let wrong = backups
        .clone()
        .identities(Identities::parse(&other).expect("a key"));
    let refused = wrong.restore(&to("wrong"), &Control::new()).await;
    let refused = refused.expect_err("the wrong key");
    assert_eq!(refused.kind(), ErrorKind::BackupRefused, "{refused}");
    for name in ["none", "wrong"] {
        assert!(!scene.folder().join(name).exists(), "{name} was made");
    }

    let right = backups
        .clone()
        .identities(Identities::parse(&secret).expect("a key"));
    let restored = right.restore(&to("right"), &Control::new()).await;
    let restored = restored.unwrap_or_else(|error| panic!("{error} {:?}", error.hint()));
    let config = match &restored.beside {
        None => scene.config.clone(),
        Some(beside) => scene.beside(beside.port),
    };
    let db = crate::support::open(&config).await;
    let found = db
        .sql("SELECT id FROM entries ORDER BY id")
        .fetch_with(|row| row.get::<String>(0))
        .await;
    assert_eq!(found.expect("the rows"), ["before"]);
    shut(&scene, db, &scene.folder().join("right")).await;
}

/// All files in a folder and those below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => out.extend(files(&path)),
            false => out.push(path),
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_by_one_watch_alone() {
    for engine in Engine::ALL {
        let Some(scene) = Scene::with_log(engine).await else {
            continue;
        };
        let backups = scene.backups();
        let start = |name: &str| Watching::start(&backups, scene.folder().join(name));
        let first = start("first");
        first.follows().await;
        let second = start("second");
        let is_refused = |event: &Event| match event {
            Event::FollowFailed { error, .. } => error.contains("another watch follows the log"),
            _ => false,
        };
        second.tells(is_refused).await;
        second.stop().await;
        first.stop().await;
        assert_eq!(backups.list().await.expect("listed").len(), 1, "{engine}");
        // When the first one has gone, another follows.
        let third = start("first");
        third.follows().await;
        third.stop().await;
    }
}
