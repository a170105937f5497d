//! A backup under load, the database destroyed, the backup restored and compared with what the
//! clients know: on every engine.

use std::time::Duration;

use crate::support::{Load, Scene, close, compare, config, held};
use mainstay::{Clock, ErrorKind, SystemClock};
use mainstay_backup::control::Control;
use mainstay_backup::{Create, Drill, Restore, Which};
use mainstay_testkit::Engine;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_again() {
    for scene in Scene::all().await {
        let backups = scene.backups();
        let load = Load::start(&scene).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        let manifest = backups
            .create(&Create::default(), &Control::new())
            .await
            .expect("a backup");
        let done_at = SystemClock.now();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let written = load.stop().await;
        let before = written
            .iter()
            .filter(|one| one.acknowledged_at < manifest.taken_at);
        assert!(before.count() > 10, "{}: no load", scene.engine);

        scene.destroy();
        let restored = backups
            .restore(&Restore::default(), &Control::new())
            .await
            .expect("restored");
        assert_eq!(restored.kept, None);
        let db = scene.open().await;
        let found = held(&db).await;
        close(db).await;
        compare(&found, &written, manifest.taken_at, done_at);
        let entries = manifest.tables.iter().find(|table| table.name == "entries");
        assert_eq!(entries.expect("the table").rows, found.len() as u64);
        assert_eq!(scene.names().len(), 1, "{:?}", scene.names());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_there_is_replaced_only_on_an_explicit_word_and_kept() {
    for scene in Scene::all().await {
        let backups = scene.backups();
        backups
            .create(&Create::default(), &Control::new())
            .await
            .expect("a backup");
        let db = scene.open().await;
        let insert = db.sql("INSERT INTO entries (id, body) VALUES ('later', '')");
        insert.execute().await.expect("written");

        let error = backups.restore(&Restore::default(), &Control::new()).await;
        let error = error.expect_err("there is a database");
        assert_eq!(error.kind(), ErrorKind::DatabaseExists);
        assert!(error.hint().expect("a hint").contains("--replace"));

        // Somebody uses it.
        let replace = Restore {
            replace: true,
            ..Restore::default()
        };
        let control = Control::new();
        let error = backups.restore(&replace, &control).await;
        let error = error.expect_err("it is in use");
        assert_eq!(error.kind(), ErrorKind::WriteConflict, "{error}");
        assert!(error.detail().contains("in use by"), "{error}");
        assert!(error.hint().expect("a hint").contains("stop"), "{error:?}");
        if scene.engine != Engine::Sqlite {
            assert!(error.detail().contains(" session"), "{error}");
            let user = scene.config.url.user().expect("a user");
            assert!(error.detail().contains(&format!("user {user}")), "{error}");
        }
        // Before anything was read or made.
        assert_eq!(control.snapshot().number, 0, "{:?}", control.snapshot());
        assert_eq!(scene.names().len(), 1, "{:?}", scene.names());
        let later = db.sql("SELECT count(*) FROM entries").scalar::<i64>().await;
        assert_eq!(later.expect("it stands"), 1);
        close(db).await;

        let restored = backups
            .restore(&replace, &Control::new())
            .await
            .expect("restored");
        let kept = restored.kept.expect("it was kept");
        let db = scene.open().await;
        assert_eq!(held(&db).await, [""; 0]);
        close(db).await;
        assert_eq!(scene.names().len(), 2, "{:?}", scene.names());
        let removal = restored.kept_removal.expect("how to remove it");
        assert!(removal.contains(&kept), "{removal}");
        scene.remove_kept(&kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_server_are_ended_where_that_is_wanted() {
    for scene in Scene::all().await {
        let backups = scene.backups();
        backups
            .create(&Create::default(), &Control::new())
            .await
            .expect("a backup");
        let db = scene.open().await;
        db.sql("SELECT 1")
            .scalar::<i64>()
            .await
            .expect("it is used");
        let replace = Restore {
            replace: true,
            end_sessions: true,
            ..Restore::default()
        };
        let restored = backups.restore(&replace, &Control::new()).await;
        if scene.engine == Engine::Sqlite {
            // Nobody but the program itself can end its use of a file.
            let error = restored.expect_err("in use");
            assert_eq!(error.kind(), ErrorKind::WriteConflict, "{error}");
            close(db).await;
            continue;
        }
        let kept = restored.expect("restored").kept.expect("it was kept");
        assert_eq!(held(&db).await, [""; 0], "its pool goes on");
        close(db).await;
        scene.remove_kept(&kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_proves_it_and_leaves_nothing() {
    for scene in Scene::all().await {
        let backups = scene.backups();
        let error = backups.drill(&Drill::default(), &Control::new()).await;
        assert_eq!(
            error.expect_err("nothing to drill").kind(),
            ErrorKind::NotFound
        );
        let made = backups
            .create(&Create::default(), &Control::new())
            .await
            .expect("a backup");
        let report = backups
            .drill(&Drill::default(), &Control::new())
            .await
            .expect("a drill");
        assert!(report.ok, "{:?}", report.error);
        assert_eq!(report.id, made.id);
        assert!(
            report.recovery_time_ms > 0 && report.rows >= 2,
            "{report:?}"
        );
        let asked = Drill {
            query: Some("SELECT id FROM entries".to_owned()),
            ..Drill::default()
        };
        let empty = backups.drill(&asked, &Control::new()).await;
        let empty = empty.expect("a drill");
        assert!(!empty.ok && empty.error.is_some(), "{empty:?}");
        assert_eq!(scene.names().len(), 1, "{:?}", scene.names());
        let listed = backups.list().await.expect("listed");
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].drill, Some(empty));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_elsewhere_and_stays_what_it_is() {
    for scene in Scene::all().await {
        let backups = scene.backups();
        let first = backups
            .create(&Create::default(), &Control::new())
            .await
            .expect("a backup");
        let url = &scene.config.url;
        let name = url.database().map(|name| format!("{name}_x"));
        let into = match &name {
            Some(name) => url.with_database(name),
            None => mainstay::config::DatabaseUrl::sqlite(scene.folder().join("elsewhere.db")),
        };
        let elsewhere = Restore {
            into: Some(into.clone()),
            which: Which::Named(first.id.clone()),
            ..Restore::default()
        };
        backups
            .restore(&elsewhere, &Control::new())
            .await
            .expect("restored");
        let error = backups.restore(&elsewhere, &Control::new()).await;
        assert_eq!(
            error.expect_err("there is one").kind(),
            ErrorKind::DatabaseExists
        );
        let mut other = scene.config.clone();
        other.url = into;
        let db = crate::support::open(&other).await;
        assert_eq!(held(&db).await, [""; 0]);
        close(db).await;
        match name {
            Some(name) => scene.remove_kept(&name),
            None => std::fs::remove_file(scene.folder().join("elsewhere.db")).expect("removed"),
        }

        // Of another engine.
        let foreign = match url.path() {
            Some(_) => "postgres://nobody@127.0.0.1:1/none",
            None => "sqlite:none.db",
        };
        let mut of_other = scene.config.clone();
        of_other.url = config(foreign).url;
        let target = backups.target().clone();
        let others = mainstay_backup::Backups::of(&of_other, target)
            .label("app")
            .expect("a label");
        let error = others.drill(&Drill::default(), &Control::new()).await;
        let said = error.expect("a report").error.expect("refused");
        assert!(
            said.contains("engine") || said.contains("backup of"),
            "{said}"
        );
    }
}
