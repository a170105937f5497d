//! Backups of a database that is in use.

use std::io::Write;
use std::sync::Arc;

use mainstay::ErrorKind;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn under_load_a_backup_has_what_was_acknowledged_and_nothing_begun_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    let load = Load::start(&db).await;
    let engine = Arc::new(engine(&path));
    let mut backups = Vec::new();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let engine = Arc::clone(&engine);
        let taken = tokio::task::spawn_blocking(move || back_up(&engine)).await;
        backups.push(taken.expect("it runs").expect("a backup"));
    }
    let all = load.stop().await;
    close(db).await;
    assert!(all.len() > 300, "a load: {}", all.len());
    assert_eq!(names(folder.path()), ["app.db"], "no copy is left");
    for backup in &backups {
        // Destroyed, log and all.
        std::fs::remove_file(&path).ok();
        let (place, tables) = restore(&engine, backup).await.expect("restored");
        assert_eq!(tables, backup.manifest.tables);
        let swapped = engine.swap(place).await.expect("swapped");
        assert_eq!(swapped.kept, None);
        let connection = Connection::open(&path).expect("opens");
        let mut statement = connection.prepare("SELECT id FROM rows").expect("prepares");
        let there: std::collections::BTreeSet<i64> = statement
            .query_map([], |row| row.get(0))
            .expect("runs")
            .map(|id| id.expect("a number"))
            .collect();
        assert_eq!(
            tables.iter().map(|table| table.rows).sum::<u64>(),
            there.len() as u64
        );
        let taken_at = backup.manifest.taken_at;
        for row in &all {
            if row.done < taken_at {
                assert!(there.contains(&row.id), "{row:?} is missing at {taken_at}");
            }
            if row.begun > taken_at {
                assert!(
                    !there.contains(&row.id),
                    "{row:?} was begun after {taken_at}"
                );
            }
        }
    }
    assert_eq!(names(folder.path()), ["app.db"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_are_not_held_up_while_a_copy_is_made_and_written_out() {
    /// A target that takes its time.
    struct Slow;
    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            std::thread::sleep(Duration::from_millis(100));
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = open(&path).await;
    db.script(
        "CREATE TABLE large (data BLOB);
         INSERT INTO large SELECT randomblob(1000000) FROM (VALUES (1),(2),(3),(4),(5),(6),(7),(8))",
    )
    .await
    .expect("written");
    let load = Load::start(&db).await;
    let engine = engine(&path);
    let control = Control::new();
    let shown = control.clone();
    let captured = tokio::task::spawn_blocking(move || {
        let begun = SystemClock.now();
        let captured = engine.capture(Kind::Physical, &mut Slow, &control);
        (begun, captured.expect("captured"), SystemClock.now())
    });
    let (begun, captured, ended) = captured.await.expect("it runs");
    let all = load.stop().await;
    let meanwhile = all
        .iter()
        .filter(|row| row.begun > begun && row.done < ended);
    assert!(meanwhile.count() > 100);
    let longest = all
        .iter()
        .map(|row| row.done - row.begun)
        .max()
        .expect("rows");
    assert!(longest < chrono::TimeDelta::milliseconds(500), "{longest}");
    assert!(captured.taken_at >= begun && captured.taken_at <= ended);
    assert_eq!(shown.snapshot().stage, "writing");
    assert_eq!(shown.snapshot().number, 2);
    close(db).await;
}

#[tokio::test]
async fn any_file_of_sqlite_can_be_backed_up_and_comes_back_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, sql) in [
        ("empty", ""),
        (
            "pages",
            "PRAGMA page_size = 512; VACUUM; CREATE TABLE t (a); INSERT INTO t VALUES (1)",
        ),
        (
            "utf16",
            "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('é')",
        ),
        (
            "shrinking",
            "PRAGMA auto_vacuum = FULL; VACUUM; CREATE TABLE t (a);
             INSERT INTO t VALUES (zeroblob(3000000)); PRAGMA user_version = 7",
        ),
        (
            "words",
            "CREATE VIRTUAL TABLE t USING fts5 (a); INSERT INTO t VALUES ('one word')",
        ),
    ] {
        let path = folder.path().join(name);
        make(&path, sql);
        let engine = engine(&path);
        let backup = back_up(&engine).unwrap_or_else(|error| panic!("{name}: {error}"));
        let size = engine.size().await.expect("a size");
        assert_eq!(size, Some(backup.raw.len() as u64), "{name}");
        let (place, tables) = restore(&engine, &backup).await.expect(name);
        assert_eq!(tables, backup.manifest.tables, "{name}");
        let kept = engine
            .swap(place)
            .await
            .expect(name)
            .kept
            .expect("the old one");
        if name != "empty" {
            for sql in [
                "SELECT count(*) FROM t",
                "PRAGMA user_version",
                "PRAGMA page_size",
            ] {
                assert_eq!(
                    number(&path, sql),
                    number(Path::new(&kept), sql),
                    "{name}: {sql}"
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_backed_up_is_refused_and_nothing_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let error = |path: &Path| back_up(&engine(path)).err().expect("refused");
    assert_eq!(error(&path).kind(), ErrorKind::DatabaseMissing);
    make(
        &path,
        "CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO t SELECT 'row ' || i FROM n",
    );
    let logical = engine(&path).capture(Kind::Logical, &mut Vec::new(), &Control::new());
    let logical = logical.expect_err("refused");
    assert_eq!(logical.kind(), ErrorKind::Unsupported);
    assert!(logical.hint().expect("a hint").contains("copy"));
    // A page in the middle is overwritten.
    let mut bytes = std::fs::read(&path).expect("read");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xAA);
    std::fs::write(&path, &bytes).expect("written");
    let damaged = error(&path);
    assert_eq!(damaged.kind(), ErrorKind::Corrupt, "{damaged}");
    assert!(damaged.hint().is_some());
    std::fs::write(
        &path,
        "a text that is no database, and long enough to be one",
    )
    .expect("written");
    std::fs::write(path.with_extension("db-wal"), "a log").expect("written");
    assert_eq!(error(&path).kind(), ErrorKind::Corrupt);
    let log = std::fs::read(path.with_extension("db-wal")).expect("it is evidence");
    assert_eq!(log, b"a log");
    assert!(
        !names(folder.path())
            .iter()
            .any(|name| name.contains("capture"))
    );
}

#[test]
fn stopped_at_any_place_nothing_is_left() {
    /// Stops everything after some writes.
    struct Stops(Control, u32);
    impl Write for Stops {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.1 -= 1;
            if self.1 == 0 {
                self.0.cancel();
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    make(
        &path,
        "CREATE TABLE t (a);
        INSERT INTO t VALUES (randomblob(5000000)), (randomblob(5000000))",
    );
    let engine = engine(&path);
    let before = Control::new();
    before.cancel();
    engine
        .capture(Kind::Physical, &mut Vec::new(), &before)
        .expect_err("stopped");
    for writes in [1, 3, 9] {
        let control = Control::new();
        let mut out = Stops(control.clone(), writes);
        engine
            .capture(Kind::Physical, &mut out, &control)
            .expect_err("stopped");
        assert_eq!(names(folder.path()), ["app.db"]);
    }
    // A target that fails says what is wrong with it.
    struct Fails;
    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other(mainstay::Error::new(
                ErrorKind::Unreachable,
                "no answer",
            )))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = engine
        .capture(Kind::Physical, &mut Fails, &Control::new())
        .expect_err("fails");
    assert_eq!(
        (error.kind(), error.detail()),
        (ErrorKind::Unreachable, "no answer")
    );
    assert_eq!(names(folder.path()), ["app.db"]);
}

#[tokio::test]
async fn restoring_that_is_stopped_or_short_leaves_nothing_when_it_is_discarded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    make(
        &path,
        "CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(5000000))",
    );
    let engine = engine(&path);
    let backup = back_up(&engine).expect("a backup");
    let place = engine.place().await.expect("a place");
    assert!(place.name.contains("app.db.restore-"), "{}", place.name);
    let file = Path::new(&place.name).to_owned();
    let stopped = Control::new();
    stopped.cancel();
    let mut raw = backup.raw.as_slice();
    engine
        .restore(&backup.manifest, &mut raw, &place, &stopped)
        .expect_err("stopped");
    assert!(!file.exists());
    let mut short = &backup.raw[..1_000_000];
    let error = engine.restore(&backup.manifest, &mut short, &place, &Control::new());
    assert_eq!(error.expect_err("short").kind(), ErrorKind::BackupDamaged);
    let other = vec![7; backup.raw.len()];
    let error = engine.restore(
        &backup.manifest,
        &mut other.as_slice(),
        &place,
        &Control::new(),
    );
    assert_eq!(
        error.expect_err("no database").kind(),
        ErrorKind::BackupDamaged
    );
    let mut manifest = backup.manifest.clone();
    manifest.engine = Engine::Postgres;
    let error = engine.restore(
        &manifest,
        &mut backup.raw.as_slice(),
        &place,
        &Control::new(),
    );
    assert_eq!(
        error.expect_err("another engine").kind(),
        ErrorKind::BackupRefused
    );
    engine.discard(place).await.expect("discarded");
    assert_eq!(names(folder.path()), ["app.db"]);
    // Nor is anything left of a place whose engine is dropped.
    let place = engine.place().await.expect("a place");
    engine
        .restore(
            &backup.manifest,
            &mut backup.raw.as_slice(),
            &place,
            &Control::new(),
        )
        .expect("restored");
    drop(engine);
    assert_eq!(names(folder.path()), ["app.db"]);
}

#[tokio::test]
async fn damage_in_the_restored_file_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    make(
        &path,
        "CREATE TABLE t (a TEXT PRIMARY KEY);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
        INSERT INTO t SELECT 'row number ' || i FROM n",
    );
    let engine = engine(&path);
    let mut backup = back_up(&engine).expect("a backup");
    let place = backup.raw.len() / 2;
    // A letter of a value: only the rows' hash, or the order of the index, can tell.
    let at = place
        + backup.raw[place..]
            .iter()
            .position(|byte| *byte == b'r')
            .expect("a row");
    backup.raw[at] = b'R';
    let place = engine.place().await.expect("a place");
    let control = Control::new();
    engine
        .restore(
            &backup.manifest,
            &mut backup.raw.as_slice(),
            &place,
            &control,
        )
        .expect("restored");
    match engine.verify(&backup.manifest, &place, &control) {
        Ok(tables) => assert_ne!(tables, backup.manifest.tables),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt),
    }
    engine.discard(place).await.expect("discarded");
}
