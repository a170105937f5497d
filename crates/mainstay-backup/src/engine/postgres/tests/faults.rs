//! Programs and servers that fail, and work that is cancelled.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mainstay::ErrorKind;

use super::*;

/// The programs of this name that this process has started and that talk to this database.
fn children(program: &str, database: &str) -> Vec<u32> {
    let own = std::process::id();
    let wanted = format!("PGDATABASE={database}");
    let processes = fs::read_dir("/proc").expect("a list of processes");
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1));
        stat.contains(&format!("({program})"))
            && parent == Some(own.to_string().as_str())
            && environment
                .split(|byte| *byte == 0)
                .any(|line| line == wanted.as_bytes())
    })
    .collect()
}

fn kill(id: u32) {
    let status = std::process::Command::new("kill")
        .args(["-9", &id.to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

/// A table too large for the pipe between the program and us.
fn large(target: &Target) {
    target.sql("CREATE TABLE large AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 5000) n");
}

/// Captures, and does something when the first bytes come.
async fn capture_and(
    engine: &Postgres,
    control: Control,
    then: impl FnMut() + Send + 'static,
) -> Result<Captured> {
    let engine = engine.clone();
    blocking(move || {
        let mut watched = Watched {
            out: &mut Vec::new(),
            first: None,
            then,
        };
        engine.capture(Kind::Logical, &mut watched, &control)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_reached_is_said() {
    let Some(target) = target() else { return };
    let url = target.database.url().as_str().to_owned();
    let password = target.server.password().to_owned();
    let wrong = url.replace(&password, "wrong-word");
    let nobody = url.replace(&format!(":{}/", target.server.port()), ":1/");
    let missing = target.server.with_database("not_there").as_str().to_owned();
    for (url, kind) in [
        (wrong, ErrorKind::CredentialsRefused),
        (nobody, ErrorKind::Unreachable),
        (missing, ErrorKind::DatabaseMissing),
    ] {
        let error = capture(&engine(&config(&url)))
            .await
            .expect_err("it cannot");
        assert_eq!(error.kind(), kind, "{error:?}");
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains(&password) && !shown.contains("wrong-word"),
            "{shown}"
        );
    }
    assert!(
        Postgres::new(
            &server::config_of(&target.config(), ""),
            Arc::new(SystemClock),
            Arc::new(SystemEntropy)
        )
        .is_err()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_program_is_named_with_what_to_install() {
    let Some(target) = target() else { return };
    let taken = capture(&target.engine()).await.expect("it is taken");
    let engine = target.engine().with_programs(Places::of(None, []));
    let error = capture(&engine).await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.detail().contains("pg_dump"), "{error:?}");
    assert!(
        error.hint().expect("a hint").contains("postgresql-client"),
        "{error:?}"
    );
    let error = restore(&engine, &taken).await.expect_err("there is none");
    assert!(error.detail().contains("psql"), "{error:?}");
    target.wait_until_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_pg_dump_is_refused_before_it_starts() {
    let Some(target) = target() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    program(
        folder.path(),
        "pg_dump",
        "echo 'pg_dump (PostgreSQL) 9.6.24'",
    );
    let places = Places::of(None, [folder.path().to_owned()]);
    let engine = target.engine().with_programs(places);
    let error = capture(&engine).await.expect_err("it is too old");
    assert!(error.detail().contains("9.6"), "{error:?}");
    assert!(
        error.detail().contains("or newer, as the server is"),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pg_dump_that_is_killed_makes_no_backup() {
    let Some(target) = target() else { return };
    large(&target);
    let (engine, name) = (target.engine(), target.name());
    let error = capture_and(&engine, Control::new(), move || {
        let found = children("pg_dump", &name);
        assert_eq!(found.len(), 1, "{found:?}");
        kill(found[0]);
    })
    .await
    .expect_err("it is no backup");
    assert!(error.detail().contains("signal 9"), "{error:?}");
    assert_eq!(children("pg_dump", &target.name()), Vec::<u32>::new());
    target.wait_until_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pg_dump_that_fails_at_its_very_end_makes_no_backup() {
    let Some(target) = target() else { return };
    let engine = target.engine();
    let db = target.open().await;
    let version = server::version(&db).await.expect("a version");
    server::close(db).await;
    let real = programs::pg_dump(&engine.places, &version).expect("it is installed");
    let folder = tempfile::tempdir().expect("a folder");
    program(
        folder.path(),
        "pg_dump",
        &format!(
            "'{}' \"$@\" && case \"$1\" in --version) ;; *) echo \"oops $PGPASSWORD\" >&2; exit 1;; esac",
            real.path.display()
        ),
    );
    let engine = engine.with_programs(Places::of(None, [folder.path().to_owned()]));
    let error = capture(&engine).await.expect_err("it is no backup");
    assert!(
        error.detail().contains("exit code 1: oops [redacted]"),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_a_capture_leaves_nothing() {
    let Some(target) = target() else { return };
    large(&target);
    let control = Control::new();
    let error = capture_and(&target.engine(), control.clone(), {
        let control = control.clone();
        move || control.cancel()
    })
    .await
    .expect_err("it was cancelled");
    assert!(error.detail().contains("stopped"), "{error:?}");
    assert_eq!(children("pg_dump", &target.name()), Vec::<u32>::new());
    target.wait_until_left().await;

    // Also while the program waits for a lock and writes nothing.
    let db = target.open().await;
    let locked = tokio::spawn({
        let db = db.clone();
        async move {
            db.transaction(|tx| async move {
                tx.script("LOCK TABLE large IN ACCESS EXCLUSIVE MODE")
                    .await?;
                tx.sql("SELECT pg_sleep(20)").execute().await
            })
            .await
        }
    });
    let control = Control::new();
    let engine = target.engine();
    let capturing = tokio::spawn({
        let control = control.clone();
        async move { capture_into(&engine, control, &mut Vec::new()).await }
    });
    for _ in 0..400 {
        if !children("pg_dump", &target.name()).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    control.cancel();
    let error = capturing
        .await
        .expect("it ends")
        .expect_err("it was cancelled");
    assert!(error.detail().contains("stopped"), "{error:?}");
    assert_eq!(children("pg_dump", &target.name()), Vec::<u32>::new());
    locked.abort();
    let _ = locked.await;
    db.close(Duration::from_secs(5)).await.expect("it closes");
    target.wait_until_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_takes_no_more_ends_the_capture() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let Some(target) = target() else { return };
    large(&target);
    let engine = target.engine();
    let captured =
        blocking(move || engine.capture(Kind::Logical, &mut Full, &Control::new())).await;
    assert_eq!(
        captured.expect_err("it is full").kind(),
        ErrorKind::DiskFull
    );
    assert_eq!(children("pg_dump", &target.name()), Vec::<u32>::new());
    target.wait_until_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_fails_is_named_and_the_place_is_discarded() {
    let Some(target) = target() else { return };
    target.sql("CREATE TABLE t (a integer); INSERT INTO t VALUES (1)");
    let engine = target.engine();
    let mut taken = capture(&engine).await.expect("it is taken");
    let text = String::from_utf8(taken.bytes.clone()).expect("text");
    for (from, to, part) in [
        (
            "CREATE TABLE public.t",
            "CREATE TABLE nowhere.t",
            "CREATE TABLE nowhere.t",
        ),
        (
            "COPY public.t (a)",
            "COPY public.missing (a)",
            "COPY public.missing",
        ),
    ] {
        taken.bytes = text.replace(from, to).into_bytes();
        let place = engine.place().await.expect("a place");
        let (filled, place) = fill(&engine, &taken, place, Control::new()).await;
        let error = filled.expect_err("it fails");
        assert!(error.detail().contains(part), "{error:?}");
        let name = place.name.clone();
        engine.discard(place).await.expect("it is dropped");
        assert_eq!(target.databases(&name), Vec::<String>::new());
    }
    // A setting that the server does not know is left out.
    taken.bytes = text
        .replacen(
            "SET row_security",
            "SET not_known_here = 0;\nSET row_security",
            1,
        )
        .into_bytes();
    let (place, tables) = restore(&engine, &taken).await.expect("it is restored");
    assert_eq!(tables, taken.captured.tables);
    engine.discard(place).await.expect("it is dropped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_a_restore_leaves_nothing() {
    /// Cancels in the middle.
    struct Cancels<'a>(&'a [u8], usize, Control);
    impl std::io::Read for Cancels<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0.len() < self.1 / 2 {
                self.2.cancel();
            }
            std::io::Read::read(&mut self.0, buffer)
        }
    }
    let Some(target) = target() else { return };
    large(&target);
    let engine = target.engine();
    let taken = capture(&engine).await.expect("it is taken");
    let place = engine.place().await.expect("a place");
    let name = place.name.clone();
    let (restored, place) = {
        let engine = engine.clone();
        blocking(move || {
            let control = Control::new();
            let mut input = Cancels(&taken.bytes, taken.bytes.len(), control.clone());
            let manifest = manifest(&taken.captured, Kind::Logical);
            (
                engine.restore(&manifest, &mut input, &place, &control),
                place,
            )
        })
        .await
    };
    let error = restored.expect_err("it was cancelled");
    assert!(error.detail().contains("stopped"), "{error:?}");
    assert_eq!(children("psql", &name), Vec::<u32>::new());
    engine.discard(place).await.expect("it is dropped");
    assert_eq!(target.databases(&name), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_nobody_waits_for_is_dropped() {
    let Some(target) = target() else { return };
    let mut engine = target.engine();
    // A name that is known before.
    engine.entropy = Arc::new(mainstay::SeededEntropy::new(4711));
    engine.clock = Arc::new(mainstay::ManualClock::new(
        DateTime::from_timestamp(1, 0).unwrap(),
    ));
    let name = names::place(engine.clock.now(), &mainstay::SeededEntropy::new(4711));
    let waited = tokio::time::timeout(Duration::from_millis(1), engine.place()).await;
    assert!(waited.is_err(), "it takes longer than that");
    let mut seen = false;
    for _ in 0..400 {
        let there = !target.databases(&name).is_empty();
        if seen && !there {
            return;
        }
        seen |= there;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Making and dropping may both fall between two looks.
    assert_eq!(target.databases(&name), Vec::<String>::new());
}

fn program(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("it is written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is made executable");
}
