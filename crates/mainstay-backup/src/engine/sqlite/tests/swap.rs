//! The new file in the place of the old.

use mainstay::ErrorKind;

use super::super::swap::{Names, Step, swap};
use super::*;

/// A database with one number in it, and a backup of it.
fn with(path: &Path, value: i64) -> Backup {
    make(
        path,
        &format!("CREATE TABLE t (a); INSERT INTO t VALUES ({value})"),
    );
    back_up(&engine(path)).expect("a backup")
}

const VALUE: &str = "SELECT a FROM t";

#[tokio::test]
async fn it_is_refused_while_anybody_has_the_database_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let backup = with(&path, 1);
    let engine = engine(&path);
    // This process, by Mainstay.
    let db = open(&path).await;
    db.script("UPDATE t SET a = 2").await.expect("written");
    let (place, _) = restore(&engine, &backup).await.expect("restored");
    let early = engine.can_swap().await.expect_err("in use");
    let error = engine.swap(place).await.expect_err("in use");
    for error in [early, error] {
        assert_eq!(error.kind(), ErrorKind::WriteConflict);
        assert!(error.detail().contains("in use by"), "{error}");
        assert!(error.hint().expect("a hint").contains("stop every process"));
    }
    assert!(
        !names(folder.path())
            .iter()
            .any(|name| name.contains("restore"))
    );
    let value: i64 = db.sql(VALUE).scalar().await.expect("it goes on");
    assert_eq!(value, 2);
    close(db).await;
    // Another process, which is named, in either mode of the journal.
    for mode in ["WAL", "DELETE"] {
        let mut child = std::process::Command::new("sqlite3")
            .arg(&path)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("the sqlite3 program is there");
        let mut input = child.stdin.take().expect("piped");
        let sql = format!("PRAGMA journal_mode = {mode}; BEGIN; SELECT a FROM t;\n");
        std::io::Write::write_all(&mut input, sql.as_bytes()).expect("it reads");
        let mut read = [0; 2];
        let output = child.stdout.as_mut().expect("piped");
        std::io::Read::read_exact(output, &mut read).expect("it answers");
        let (place, _) = restore(&engine, &backup).await.expect("restored");
        let error = engine.swap(place).await.expect_err("in use");
        assert_eq!(error.kind(), ErrorKind::WriteConflict, "{mode}: {error}");
        if cfg!(target_os = "linux") {
            assert!(
                error.detail().contains(&child.id().to_string()),
                "{mode}: {error}"
            );
        }
        drop(input);
        child.wait().expect("it ends");
    }
    let (place, _) = restore(&engine, &backup).await.expect("restored");
    let kept = engine
        .swap(place)
        .await
        .expect("free")
        .kept
        .expect("the old one");
    assert_eq!(
        (number(&path, VALUE), number(Path::new(&kept), VALUE)),
        (1, 2)
    );
}

#[tokio::test]
async fn the_log_of_a_killed_process_is_kept_with_the_old_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let backup = with(&path, 1);
    // As a killed process leaves it: rows that are in the log only.
    let live = Connection::open(&path).expect("opens");
    live.execute_batch("PRAGMA wal_autocheckpoint = 0; UPDATE t SET a = 2")
        .expect("runs");
    let wal = std::fs::read(folder.path().join("app.db-wal")).expect("a log");
    let database = std::fs::read(&path).expect("read");
    drop(live);
    std::fs::write(&path, database).expect("written");
    std::fs::write(folder.path().join("app.db-wal"), wal).expect("written");
    std::fs::write(folder.path().join("app.db-shm"), "stale").expect("written");
    let engine = engine(&path);
    let (place, _) = restore(&engine, &backup).await.expect("restored");
    let kept = engine
        .swap(place)
        .await
        .expect("swapped")
        .kept
        .expect("the old one");
    assert_eq!(names(folder.path()).len(), 2, "{:?}", names(folder.path()));
    assert_eq!(
        (number(&path, VALUE), number(Path::new(&kept), VALUE)),
        (1, 2)
    );
    assert!(kept.contains("app.db.before-restore-2"), "{kept}");
    // Twice within a second both are kept.
    let (place, _) = restore(&engine, &backup).await.expect("restored");
    let again = engine
        .swap(place)
        .await
        .expect("swapped")
        .kept
        .expect("the old one");
    assert_ne!(kept, again);
    assert_eq!(names(folder.path()).len(), 3);
    // Mainstay opens it as it opens every database.
    let db = open(&path).await;
    let mode: String = db
        .sql("PRAGMA journal_mode")
        .scalar()
        .await
        .expect("a mode");
    assert_eq!(mode, "wal");
    close(db).await;
}

#[tokio::test]
async fn a_database_that_is_damaged_or_lost_is_replaced_and_its_log_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let backup = with(&path, 1);
    let engine = engine(&path);
    std::fs::write(&path, vec![0xAA; 8192]).expect("written");
    std::fs::write(folder.path().join("app.db-wal"), "a log").expect("written");
    let (place, _) = restore(&engine, &backup).await.expect("restored");
    let kept = engine
        .swap(place)
        .await
        .expect("swapped")
        .kept
        .expect("the old one");
    assert_eq!(std::fs::read(&kept).expect("kept"), vec![0xAA; 8192]);
    assert_eq!(
        std::fs::read(format!("{kept}-wal")).expect("kept"),
        b"a log"
    );
    assert_eq!(number(&path, VALUE), 1);
    assert_eq!(names(folder.path()).len(), 3);
    // Lost, but for its log.
    std::fs::remove_file(&path).expect("removed");
    std::fs::write(folder.path().join("app.db-wal"), "another log").expect("written");
    let (place, _) = restore(&engine, &backup).await.expect("restored");
    let kept = engine
        .swap(place)
        .await
        .expect("swapped")
        .kept
        .expect("its log");
    assert_eq!(std::fs::read(&kept).expect("kept"), b"another log");
    assert_eq!(number(&path, VALUE), 1);
}

#[tokio::test]
#[cfg(unix)]
async fn links_are_followed_and_the_mode_stays() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let (path, link) = (folder.path().join("real.db"), folder.path().join("app.db"));
    let backup = with(&path, 1);
    std::os::unix::fs::symlink("real.db", &link).expect("a link");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("set");
    let engine = engine(&link);
    let (place, _) = restore(&engine, &backup).await.expect("restored");
    let kept = engine
        .swap(place)
        .await
        .expect("swapped")
        .kept
        .expect("the old one");
    assert!(kept.contains("real.db.before-restore-"), "{kept}");
    assert!(link.symlink_metadata().expect("there").is_symlink());
    for file in [&path, Path::new(&kept)] {
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "{}", file.display());
    }
}

#[tokio::test]
async fn without_second_names_the_old_database_is_renamed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let backup = with(&path, 1);
    number(&path, "UPDATE t SET a = 2 RETURNING a");
    let engine = engine(&path);
    let (place, _) = restore(&engine, &backup).await.expect("restored");
    let new = Path::new(&place.name).to_owned();
    let mut steps = Vec::new();
    let kept = swap(
        &path,
        &new,
        SystemClock.now(),
        Names::Renamed,
        &mut |step| {
            steps.push((step, path.exists()));
        },
    );
    let kept = kept.expect("swapped").expect("the old one");
    assert_eq!(
        steps,
        [
            (Step::Locked, true),
            (Step::Kept, false),
            (Step::Renamed, true)
        ]
    );
    assert_eq!((number(&path, VALUE), number(&kept, VALUE)), (1, 2));
    // When the second name cannot be given, the old one comes back.
    let error = swap(
        &path,
        &kept,
        SystemClock.now(),
        Names::Renamed,
        &mut |step| {
            if step == Step::Kept {
                std::fs::remove_file(&kept).expect("removed");
            }
        },
    );
    error.expect_err("nothing to put there");
    assert_eq!(number(&path, VALUE), 1);
    engine.discard(place).await.expect("discarded");
    assert_eq!(names(folder.path()), ["app.db"]);
}
