//! A watch whose clock is moved by hand.

use std::fs;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::config::ConfigLoader;
use mainstay::{Database, ManualClock, SeededEntropy};
use tempfile::TempDir;

use crate::backups::events::{Event, Events};
use crate::backups::watch::{Plan, Watch};
use crate::backups::{Backups, Which};
use crate::control::Control;
use crate::plan::retention::Retention;
use crate::plan::schedule::{Alert, Schedule};
use crate::target::Target;

struct Scene {
    clock: ManualClock,
    backups: Backups,
    plan: Plan,
    heard: Heard,
    folder: TempDir,
}

#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Events for Heard {
    fn on(&self, event: &Event) {
        self.0.lock().expect("not poisoned").push(event.clone());
    }
}

impl Heard {
    /// The words for what happened since it was last asked.
    fn words(&self) -> Vec<&'static str> {
        let events = std::mem::take(&mut *self.0.lock().expect("not poisoned"));
        let word = |event: &Event| match event {
            Event::Waiting { .. } => "waiting",
            Event::BackedUp { .. } => "backed up",
            Event::BackupFailed { .. } => "backup failed",
            Event::Drilled { .. } => "drilled",
            Event::DrillFailed { .. } => "drill failed",
            Event::Pruned { .. } => "pruned",
            Event::PruneFailed { .. } => "prune failed",
            Event::Alert { alert } => match alert {
                Alert::Missing { .. } => "missing",
                Alert::Overdue { .. } => "overdue",
                Alert::NotFollowed { .. } => "not followed",
                Alert::Undrilled { .. } => "undrilled",
            },
            Event::Following { .. } => "following",
            Event::LogLost { .. } => "log lost",
            Event::FollowFailed { .. } => "follow failed",
            Event::Unreachable { .. } => "unreachable",
        };
        events.iter().map(word).collect()
    }
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("app.db").display());
    let config = ConfigLoader::new().set("url", url).load().expect("valid");
    let db = Database::builder().create_if_missing().open(&config).await;
    let db = db.expect("it opens");
    db.script("CREATE TABLE notes (id INTEGER PRIMARY KEY); INSERT INTO notes VALUES (1)")
        .await
        .expect("a table");
    db.close(std::time::Duration::from_secs(5))
        .await
        .expect("closed");
    let start = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let clock = ManualClock::new(start);
    let target = Target::folder(folder.path().join("backups"));
    let backups = Backups::of(&config, target)
        .clock(Arc::new(clock.clone()))
        .entropy(Arc::new(SeededEntropy::new(1)));
    Scene {
        clock,
        backups,
        plan: Plan {
            schedule: Schedule::default(),
            retention: Some(Retention {
                last: 2,
                daily: 0,
                weekly: 0,
                monthly: 0,
                ..Retention::default()
            }),
            ..Plan::default()
        },
        heard: Heard::default(),
        folder,
    }
}

impl Scene {
    async fn step(&self, watch: &mut Watch) -> DateTime<Utc> {
        let control = Control::new();
        self.backups
            .step(watch, &self.plan, &self.heard, &control)
            .await
    }

    fn now(&self) -> DateTime<Utc> {
        mainstay::Clock::now(&self.clock)
    }

    async fn count(&self) -> usize {
        self.backups.list().await.expect("listed").len()
    }
}

#[tokio::test]
async fn backups_and_drills_come_when_they_are_due_and_old_ones_go() {
    let scene = scene().await;
    let start = scene.now();
    let mut watch = Watch::new(start);
    let next = scene.step(&mut watch).await;
    assert_eq!(
        scene.heard.words(),
        ["backed up", "pruned", "drilled", "waiting"]
    );
    assert_eq!(next, start + TimeDelta::days(1));
    assert_eq!(scene.step(&mut watch).await, next);
    assert_eq!(scene.heard.words(), ["waiting"]);

    // Another program goes on where this one stopped.
    let mut watch = Watch::new(scene.now());
    assert_eq!(scene.step(&mut watch).await, next);
    assert_eq!(scene.heard.words(), ["waiting"]);

    for day in 1..7 {
        scene.clock.set(start + TimeDelta::days(day));
        scene.step(&mut watch).await;
        assert_eq!(
            scene.heard.words(),
            ["backed up", "pruned", "waiting"],
            "{day}"
        );
    }
    assert_eq!(scene.count().await, 2);
    // The report of the first drill is still there, though its backup is not.
    scene.clock.set(start + TimeDelta::days(7));
    scene.step(&mut watch).await;
    let words = ["backed up", "pruned", "drilled", "waiting"];
    assert_eq!(scene.heard.words(), words);
    scene.clock.set(start + TimeDelta::days(8));
    scene.step(&mut watch).await;
    assert_eq!(scene.backups.drilled().await.expect("listed").len(), 1);
}

#[tokio::test]
async fn what_fails_is_tried_again_and_told_when_it_lasts() {
    let scene = scene().await;
    let start = scene.now();
    let path = scene.folder.path().join("app.db");
    let aside = scene.folder.path().join("aside.db");
    fs::rename(&path, &aside).expect("moved");
    let mut watch = Watch::new(start);
    let next = scene.step(&mut watch).await;
    assert_eq!(scene.heard.words(), ["backup failed", "waiting"]);
    assert_eq!(next, start + TimeDelta::minutes(1));
    // Not before.
    scene.step(&mut watch).await;
    assert_eq!(scene.heard.words(), ["waiting"]);
    scene.clock.set(next);
    assert_eq!(scene.step(&mut watch).await, next + TimeDelta::minutes(2));
    assert_eq!(scene.heard.words(), ["backup failed", "waiting"]);
    scene.clock.set(start + TimeDelta::minutes(121));
    scene.step(&mut watch).await;
    assert_eq!(scene.heard.words(), ["backup failed", "missing", "waiting"]);
    // It is said again, but not all the time.
    scene.clock.set(start + TimeDelta::minutes(130));
    scene.step(&mut watch).await;
    let words = scene.heard.words();
    assert!(!words.contains(&"missing"), "{words:?}");
    scene.clock.set(start + TimeDelta::minutes(190));
    scene.step(&mut watch).await;
    let words = scene.heard.words();
    assert!(words.contains(&"missing"), "{words:?}");
    assert_eq!(scene.count().await, 0);

    fs::rename(&aside, &path).expect("moved back");
    scene.clock.set(start + TimeDelta::minutes(400));
    scene.step(&mut watch).await;
    assert_eq!(
        scene.heard.words(),
        ["backed up", "pruned", "drilled", "waiting"]
    );
}

#[tokio::test]
async fn a_backup_that_does_not_restore_is_told_at_the_drill() {
    let scene = scene().await;
    let mut watch = Watch::new(scene.now());
    scene.step(&mut watch).await;
    scene.heard.words();
    let id = scene.backups.find(&Which::Newest).await.expect("one");
    let path = scene.folder.path().join(format!("backups/app/{id}.backup"));
    let mut bytes = fs::read(&path).expect("readable");
    bytes[100] ^= 1;
    fs::write(&path, bytes).expect("written");
    fs::remove_file(path.with_extension("drill.json")).expect("there was one");
    let next = scene.step(&mut watch).await;
    assert_eq!(scene.heard.words(), ["drill failed", "waiting"]);
    assert_eq!(next, scene.now() + TimeDelta::minutes(1));
    let alerts = scene
        .backups
        .alerts(&scene.plan.schedule)
        .await
        .expect("asked");
    assert_eq!(alerts, []);
    scene.clock.advance(TimeDelta::hours(27));
    let alerts = scene
        .backups
        .alerts(&scene.plan.schedule)
        .await
        .expect("asked");
    assert!(matches!(alerts[..], [Alert::Overdue { .. }]), "{alerts:?}");
}
