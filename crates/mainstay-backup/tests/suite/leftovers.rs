//! What a restore leaves that is killed: it is known as nobody's, and removed by whoever comes next,
//! but never while it is in use, and never an old database that was kept.
#![cfg(unix)]

use std::process::{Child, Command};
use std::time::Duration;

use crate::kills::{filled, replace, start};
use crate::support::{Scene, close, open};
use mainstay::Database;
use mainstay_backup::control::Control;
use mainstay_backup::plan::retention::Retention;
use mainstay_backup::{Create, Drill};
use mainstay_testkit::Engine;
use tokio::time::Instant;

/// A program that is caught in the middle within so many attempts.
const ATTEMPTS: usize = 40;

/// A restore takes longer than this.
const LOOK: Duration = Duration::from_millis(2);

#[tokio::test(flavor = "multi_thread")]
async fn of_a_file_it_is_removed_when_nobody_uses_it() {
    leftovers(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_postgres_it_is_removed_when_nobody_uses_it() {
    leftovers(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_mariadb_it_is_removed_when_nobody_uses_it() {
    leftovers(Engine::MariaDb).await;
}

async fn leftovers(engine: Engine) {
    // On a server of its own: others clear up, too.
    let Some(scene) = Scene::with_log(engine).await else {
        return;
    };
    filled(&scene).await;
    let backups = scene.backups();
    backups
        .create(&Create::default(), &Control::new())
        .await
        .expect("a backup");
    let restored = backups.restore(&replace(), &Control::new()).await;
    let kept = restored.expect("restored").kept.expect("it was kept");
    let server = match scene.of_server() {
        Some(config) => Some(open(&config).await),
        None => None,
    };

    let drilled = async || {
        let report = backups.drill(&Drill::default(), &Control::new()).await;
        let report = report.expect("a drill");
        assert!(report.ok, "{:?}", report.error);
        report.cleared
    };
    let pruned = async |dry_run| {
        let keep = Retention::default();
        let pruned = backups.prune(&keep, dry_run, &Control::new()).await;
        pruned.expect("pruned").cleared
    };

    // One that stands still, but is there.
    let (mut child, place) = caught(&scene, server.as_ref()).await;
    assert_eq!(drilled().await, [""; 0], "it is in use");
    assert_eq!(pruned(false).await, [""; 0], "it is in use");
    assert_eq!(
        places(&scene, server.as_ref()).await,
        std::slice::from_ref(&place)
    );
    signal(&child, "CONT");
    assert!(child.wait().expect("it ends").success(), "none the worse");
    assert_eq!(places(&scene, server.as_ref()).await, [""; 0]);

    // Three that are killed, for three that come next.
    for next in ["drill", "prune", "restore"] {
        let (mut child, place) = caught(&scene, server.as_ref()).await;
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        assert_eq!(pruned(true).await, [""; 0], "only asked");
        let begun = Instant::now();
        let cleared = loop {
            let cleared = match next {
                "drill" => drilled().await,
                "prune" => pruned(false).await,
                _ => {
                    let restored = backups.restore(&replace(), &Control::new()).await;
                    let restored = restored.expect("restored");
                    scene.remove_kept(&restored.kept.expect("one was there"));
                    restored.cleared
                }
            };
            // The server may need a moment to notice that the client is gone.
            if !cleared.is_empty() || begun.elapsed() > Duration::from_secs(20) {
                break cleared;
            }
        };
        assert_eq!(cleared.len(), 1, "{next}: {cleared:?}");
        assert!(cleared[0].ends_with(&place), "{next}: {cleared:?}, {place}");
        assert_eq!(places(&scene, server.as_ref()).await, [""; 0], "{next}");
    }
    if let Some(server) = server {
        close(server).await;
    }
    let name = kept.rsplit('/').next().expect("a name").to_owned();
    assert!(scene.names().contains(&name), "{:?}", scene.names());
    scene.remove_kept(&kept);
}

/// A drill that stands still while its place is there, and the place.
async fn caught(scene: &Scene, server: Option<&Database>) -> (Child, String) {
    for _ in 0..ATTEMPTS {
        let mut child = start(scene, &scene.url(), "drill");
        while child.try_wait().expect("asked").is_none() {
            if places(scene, server).await.is_empty() {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            signal(&child, "STOP");
            tokio::time::sleep(Duration::from_millis(50)).await;
            if let [place] = places(scene, server).await.as_slice()
                && !is_sending(scene, server).await
            {
                return (child, place.clone());
            }
            signal(&child, "CONT");
        }
    }
    panic!("{}: no drill was caught", scene.engine);
}

/// Whether the server is sending to a program that does not listen: PostgreSQL drops no database as
/// long as that lasts.
async fn is_sending(scene: &Scene, server: Option<&Database>) -> bool {
    let Some(db) = server.filter(|_| scene.engine == Engine::Postgres) else {
        return false;
    };
    let dumps = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump'";
    db.sql(dumps).scalar::<i64>().await.expect("asked") > 0
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status();
    assert!(status.expect("it is sent").success());
}

/// What restores have made that are under way, or were killed.
async fn places(scene: &Scene, server: Option<&Database>) -> Vec<String> {
    let names: Vec<String> = match server {
        None => scene.names(),
        Some(db) => {
            let sql = match scene.engine {
                Engine::Postgres => "SELECT datname::text FROM pg_database",
                _ => "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA",
            };
            let names = db.sql(sql).fetch_with(|row| row.get(0)).await;
            names.expect("the names")
        }
    };
    let is_place = |name: &String| match scene.engine {
        Engine::Sqlite => name.contains(".restore-"),
        _ => name.contains("_restore_") && !name.contains("_before_"),
    };
    names.into_iter().filter(is_place).collect()
}
