//! Programs killed while they take a backup or restore one, at any time: no half archive is ever
//! listed, and the database stands, as it was or as it is to be.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Load, Scene, close, config, held};
use mainstay_backup::control::Control;
use mainstay_backup::target::Target;
use mainstay_backup::{Backups, Create, Drill, Restore};
use tokio::time::Instant;

/// Named so that the configuration does not take them for its own.
const URL: &str = "MAINSTAY_TEST_BACKUP_URL";
const FOLDER: &str = "MAINSTAY_TEST_BACKUP_FOLDER";
const VERB: &str = "MAINSTAY_TEST_BACKUP_VERB";

/// So many programs are killed for each verb and engine, evenly over the time that one takes.
const KILLS: u32 = 10;

/// The tests below also start this one as a process.
#[test]
fn an_operator() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let folder = std::env::var(FOLDER).expect("a folder is named");
    let target = Target::parse(&folder, &std::collections::HashMap::new()).expect("a target");
    let backups = Backups::of(&config(&url), target)
        .label("app")
        .expect("a label");
    let verb = std::env::var(VERB).expect("a verb is named");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let control = Control::new();
        match verb.as_str() {
            "create" => {
                backups
                    .create(&Create::default(), &control)
                    .await
                    .expect("a backup");
            }
            "drill" => {
                let drilled = backups.drill(&Drill::default(), &control).await;
                assert!(drilled.expect("a drill").ok);
            }
            _ => {
                backups
                    .restore(&replace(), &control)
                    .await
                    .expect("restored");
            }
        }
    });
}

pub(crate) fn replace() -> Restore {
    Restore {
        replace: true,
        ..Restore::default()
    }
}

pub(crate) fn start(scene: &Scene, url: &str, verb: &str) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "kills::an_operator", "--nocapture"])
        .env(URL, url)
        .env(FOLDER, scene.backups_folder())
        .env(VERB, verb)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the operator starts")
}

fn url_of(scene: &Scene) -> String {
    scene.url()
}

/// How long one takes that is left alone.
fn whole(scene: &Scene, verb: &str) -> Duration {
    let started = Instant::now();
    let mut child = start(scene, &url_of(scene), verb);
    assert!(child.wait().expect("it ends").success(), "{verb}");
    started.elapsed()
}

/// Kills one after a time, unless it has ended by then.
fn kill_after(scene: &Scene, verb: &str, time: Duration) {
    let mut child = start(scene, &url_of(scene), verb);
    std::thread::sleep(time);
    child.kill().expect("it is killed, or has ended");
    child.wait().expect("it ends");
}

pub(crate) async fn filled(scene: &Scene) -> usize {
    let load = Load::start(scene).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    load.stop().await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_half_archive_is_ever_listed() {
    for scene in Scene::all().await {
        filled(&scene).await;
        let backups = scene.backups();
        let time = whole(&scene, "create");
        for number in 1..=KILLS {
            kill_after(&scene, "create", time * number / KILLS);
            let listed = backups.list().await.expect("listed");
            for one in &listed {
                assert!(one.manifest().is_some(), "{}: {one:?}", scene.engine);
            }
        }
        // The next one is none the worse for it.
        backups
            .create(&Create::default(), &Control::new())
            .await
            .expect("a backup");
        let report = backups
            .drill(&Drill::default(), &Control::new())
            .await
            .expect("a drill");
        assert!(report.ok, "{:?}", report.error);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_stands_whenever_a_restore_is_killed() {
    for scene in Scene::all().await {
        let backed_up = filled(&scene).await;
        scene
            .backups()
            .create(&Create::default(), &Control::new())
            .await
            .expect("a backup");
        let more = more(&scene, backed_up).await;
        let time = whole(&scene, "restore");
        assert_eq!(rows(&scene).await, backed_up);
        for number in 1..=KILLS {
            more_of(&scene, backed_up, more).await;
            kill_after(&scene, "restore", time * number / KILLS);
            let found = rows(&scene).await;
            assert!(
                found == backed_up || found == more,
                "{}: {found} rows, neither {backed_up} nor {more}",
                scene.engine
            );
        }
        // The next one goes through, whatever was left.
        scene
            .backups()
            .restore(&replace(), &Control::new())
            .await
            .expect("restored");
        assert_eq!(rows(&scene).await, backed_up);
        scene.remove_all_kept();
    }
}

/// Rows that came after the backup.
async fn more(scene: &Scene, backed_up: usize) -> usize {
    more_of(scene, backed_up, backed_up + 1).await;
    backed_up + 1
}

/// Brings the rows to that number again, where a restore has taken the later one away.
async fn more_of(scene: &Scene, backed_up: usize, more: usize) {
    if rows(scene).await == more {
        return;
    }
    let db = scene.open().await;
    let transfer = [
        format!(
            "INSERT INTO entries (id, body) SELECT '9-{backed_up:06}', body FROM entries WHERE id = '0-000000'"
        ),
        "UPDATE accounts SET amount = amount - 1 WHERE id = 1".to_owned(),
        "UPDATE accounts SET amount = amount + 1 WHERE id = 2".to_owned(),
    ];
    for sql in transfer {
        db.sql(sql).execute().await.expect("written");
    }
    close(db).await;
}

async fn rows(scene: &Scene) -> usize {
    let db = scene.open_existing().await;
    let count = db.sql("SELECT count(*) FROM entries").scalar::<i64>().await;
    let amount = db
        .sql("SELECT amount FROM accounts WHERE id = 2")
        .scalar::<i32>()
        .await;
    let count = usize::try_from(count.expect("the table")).expect("a number");
    let amount = usize::try_from(amount.expect("the account") - 1000).expect("a number");
    assert_eq!(count, amount, "half a transfer");
    close(db).await;
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_do_not_hurt_each_other() {
    for scene in Scene::all().await {
        let backed_up = filled(&scene).await;
        let mut both = [0, 1].map(|_| start(&scene, &url_of(&scene), "create"));
        for child in &mut both {
            assert!(child.wait().expect("it ends").success());
        }
        let backups = scene.backups();
        assert_eq!(backups.list().await.expect("listed").len(), 2);
        let mut both = [0, 1].map(|_| start(&scene, &url_of(&scene), "restore"));
        let ended = both
            .each_mut()
            .map(|child| child.wait().expect("it ends").success());
        assert!(ended.contains(&true), "{}: {ended:?}", scene.engine);
        let db = scene.open_existing().await;
        assert_eq!(held(&db).await.len(), backed_up);
        close(db).await;
        scene.remove_all_kept();
    }
}
