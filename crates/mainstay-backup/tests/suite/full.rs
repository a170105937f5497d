//! Full disks: while a backup is written, and while one is restored. The database stands, nothing
//! is left, and the error says what it was.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::{Scene, close, config};
use crate::watching::Watching;
use mainstay::{Clock, Error, ErrorKind, SystemClock};
use mainstay_backup::archive::Kind;
use mainstay_backup::control::Control;
use mainstay_backup::target::Target;
use mainstay_backup::{Backups, Create, Event, Moment, Restore};
use mainstay_testkit::Engine;
use mainstay_testkit::servers::{Options, Server, ServerKind};
use tempfile::TempDir;

/// The parts of a test that need a disk of their own run in a process of their own, with the folder
/// for temporary files on it.
const ENGINE: &str = "MAINSTAY_TEST_FULL_ENGINE";

/// Rows that take some twenty megabytes and hardly less when they are compressed.
const ROWS: i64 = 20_000;

/// A small disk in memory.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// `None` where it may not be mounted, which is said then.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={size},mode=1777"))
            .arg("mainstay-test")
            .arg(folder.path())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self { folder });
        }
        eprintln!("not tested: a small disk takes the right to mount a tmpfs");
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves so many mebibytes.
    fn fill(&self, left: u64) {
        fill(self.path(), left);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn fill(folder: &Path, left: u64) {
    let mut file = File::create(folder.join("ballast")).expect("a file");
    let piece = vec![1; 64 << 10];
    while file.write_all(&piece).is_ok() {}
    let length = file.metadata().expect("its length").len();
    file.set_len(length - (left << 20)).expect("shorter");
}

async fn filled(scene_config: &mainstay::Config) {
    let db = crate::support::open(scene_config).await;
    db.script("CREATE TABLE things (id BIGINT NOT NULL PRIMARY KEY, body VARCHAR(1000) NOT NULL)")
        .await
        .expect("a table");
    let entropy = mainstay::SeededEntropy::new(3);
    for first in (0..ROWS).step_by(500) {
        let rows: Vec<String> = (first..first + 500)
            .map(|id| {
                let mut bytes = [0; 480];
                mainstay::Entropy::fill(&entropy, &mut bytes);
                let body: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("({id}, '{body}')")
            })
            .collect();
        db.script(format!("INSERT INTO things VALUES {}", rows.join(", ")))
            .await
            .expect("rows");
    }
    close(db).await;
}

async fn count(config: &mainstay::Config) -> i64 {
    let db = crate::support::open(config).await;
    let count = db.sql("SELECT count(*) FROM things").scalar().await;
    close(db).await;
    count.expect("the table stands")
}

fn says_so(error: &Error) {
    // MariaDB may say no more than that it could not commit.
    let is_full = error.kind() == ErrorKind::DiskFull || error.detail().contains("ERROR 1180");
    assert!(is_full, "{error}");
    assert!(error.hint().is_some(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_finds_no_room_leaves_nothing_and_says_so() {
    let Some(disk) = Disk::mount("16m") else {
        return;
    };
    disk.fill(2);
    for engine in Engine::ALL {
        let Some(scene) = Scene::empty(engine) else {
            continue;
        };
        filled(&scene.config).await;
        let target = Target::folder(disk.path().join("backups"));
        let backups = Backups::of(&scene.config, target);
        let made = backups.create(&Create::default(), &Control::new()).await;
        says_so(&made.expect_err("there is no room"));
        assert_eq!(backups.list().await.expect("listed").len(), 0);
        let mut left = Vec::new();
        walk(&disk.path().join("backups"), &mut left);
        assert_eq!(left, [""; 0], "{engine}");
        assert_eq!(count(&scene.config).await, ROWS);
    }
}

fn walk(folder: &Path, out: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, out);
        } else {
            out.push(path.display().to_string());
        }
    }
}

#[test]
fn a_restore_that_finds_no_room_leaves_the_database_and_says_so() {
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        if mainstay_testkit::servers::require(kind).is_none() {
            continue;
        }
        let Some(disk) = Disk::mount("500m") else {
            return;
        };
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "full::a_server_on_a_small_disk", "--nocapture"])
            .env(ENGINE, kind.name())
            .env("TMPDIR", disk.path())
            .output()
            .expect("it runs");
        let out = String::from_utf8_lossy(&child.stdout);
        let err = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{}: {out}\n{err}", kind.name());
        assert!(out.contains("restored in the end"), "{out}");
    }
}

/// The test above starts this one as a process.
#[test]
fn a_server_on_a_small_disk() {
    let Ok(engine) = std::env::var(ENGINE) else {
        return;
    };
    let kinds = [ServerKind::Postgres, ServerKind::MariaDb];
    let kind = kinds.into_iter().find(|kind| kind.name() == engine);
    let mut server = Server::start(kind.expect("a kind"), Options::default()).expect("it starts");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let url = server.url().with_database("small");
        let config = config(url.as_str());
        filled(&config).await;
        // Not on the small disk.
        let folder = tempfile::tempdir_in("/tmp").expect("a folder");
        let backups = Backups::of(&config, Target::folder(folder.path()));
        backups
            .create(&Create::default(), &Control::new())
            .await
            .expect("a backup");
        let disk = std::env::temp_dir();
        // A new database of PostgreSQL alone takes that much; what is filled in then does not fit.
        fill(&disk, if engine == "postgres" { 28 } else { 6 });
        let replace = Restore {
            replace: true,
            ..Restore::default()
        };
        let restored = backups.restore(&replace, &Control::new()).await;
        says_so(&restored.expect_err("there is no room"));
        fs::remove_file(disk.join("ballast")).expect("room again");
        // PostgreSQL ends itself when it cannot write its log. It comes back by itself only if there
        // is room again by then; so it is started as an operator would.
        tokio::task::block_in_place(|| server.restart()).expect("it starts again");
        assert_eq!(count(&config).await, ROWS);
        backups
            .restore(&replace, &Control::new())
            .await
            .expect("restored");
        assert_eq!(count(&config).await, ROWS);
        println!("restored in the end");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_files_find_no_room_leaves_nothing_and_says_so() {
    let Some(disk) = Disk::mount("24m") else {
        return;
    };
    for engine in [Engine::Postgres, Engine::MariaDb] {
        let Some(scene) = Scene::with_log(engine).await else {
            continue;
        };
        filled(&scene.config).await;
        let backups = scene.backups();
        let physical = Create {
            kind: Some(Kind::Physical),
            ..Create::default()
        };
        let made = backups.create(&physical, &Control::new()).await;
        made.unwrap_or_else(|error| panic!("{engine}: {error} {:?}", error.hint()));
        let folder = disk.path().join("recovered");
        let beside = Restore {
            folder: Some(folder.clone()),
            ..Restore::default()
        };
        let restored = backups.restore(&beside, &Control::new()).await;
        let error = restored.expect_err("there is no room");
        assert_eq!(error.kind(), ErrorKind::DiskFull, "{engine}: {error}");
        let place = folder.display().to_string();
        assert!(error.detail().contains(&place), "{engine}: {error}");
        assert!(error.hint().expect("a hint").contains("room"), "{error:?}");
        assert!(!folder.exists(), "{engine}");
        assert_eq!(count(&scene.config).await, ROWS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_log_finds_no_room_goes_on_and_nothing_is_missing() {
    log_without_room(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_postgres_whose_log_finds_no_room_goes_on_and_nothing_is_missing() {
    log_without_room(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_mariadb_whose_log_finds_no_room_goes_on_and_nothing_is_missing() {
    log_without_room(Engine::MariaDb).await;
}

async fn log_without_room(engine: Engine) {
    let Some(disk) = Disk::mount("64m") else {
        return;
    };
    let Some(scene) = Scene::with_log(engine).await else {
        return;
    };
    let folder = disk.path().join("backups");
    let backups = Backups::of(&scene.config, Target::folder(&folder));
    let watch = Watching::start(&backups, scene.folder().join("spool"));
    watch.follows().await;
    disk.fill(0);
    let db = scene.open().await;
    let write = async |id: &str| {
        let insert = db.sql("INSERT INTO entries (id, body) VALUES (?, '')");
        insert
            .bind(id.to_owned())
            .execute()
            .await
            .expect("it goes on");
    };
    write("no room").await;
    let is_told = |event: &Event| match event {
        Event::FollowFailed { error, .. } => {
            assert!(error.contains("No space left"), "{error}");
            true
        }
        _ => false,
    };
    watch.tells(is_told).await;
    write("still none").await;
    let mut found = Vec::new();
    walk(&folder, &mut found);
    for path in &found {
        let is_whole = [".backup", ".segment"]
            .iter()
            .any(|end| path.ends_with(end));
        assert!(is_whole, "{engine}: half of something: {path}");
    }

    fs::remove_file(disk.path().join("ballast")).expect("room again");
    watch.follows().await;
    write("room").await;
    let last = SystemClock.now();
    for _ in 0..200 {
        let newest = backups.newest_moment().await.expect("asked");
        if newest.is_some_and(|newest| newest >= last) {
            break;
        }
        // Where nothing happens nothing is shipped.
        write(&format!("{}", SystemClock.now().timestamp_micros())).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    close(db).await;
    watch.stop().await;
    // One base, and all behind it.
    assert_eq!(backups.list().await.expect("listed").len(), 1);
    scene.destroy();
    let newest = Restore {
        to: Some(Moment::Newest),
        folder: Some(scene.folder().join("recovered")),
        ..Restore::default()
    };
    let restored = backups.restore(&newest, &Control::new()).await;
    let restored = restored.unwrap_or_else(|error| panic!("{error} {:?}", error.hint()));
    let config = match &restored.beside {
        None => scene.config.clone(),
        Some(beside) => scene.beside(beside.port),
    };
    let db = crate::support::open(&config).await;
    for id in ["no room", "still none", "room"] {
        let count = db.sql("SELECT count(*) FROM entries WHERE id = ?").bind(id);
        assert_eq!(count.scalar::<i64>().await.expect("there"), 1, "{id}");
    }
    crate::moments::shut(&scene, db, &scene.folder().join("recovered")).await;
}
