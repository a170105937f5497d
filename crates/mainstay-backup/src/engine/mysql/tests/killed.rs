//! Processes killed in the middle. The process that is killed is this test program once more, told
//! by its environment what to do.

use std::process::{Command, Stdio};
use std::time::Duration;

use mainstay_testkit::servers::{Options, Server};

use super::*;

const URL: &str = "MAINSTAY_TEST_BACKUP_URL";
const PLACE: &str = "MAINSTAY_TEST_BACKUP_PLACE";
const DUMP: &str = "MAINSTAY_TEST_BACKUP_DUMP";
const CA: &str = "MAINSTAY_TEST_BACKUP_CA";

/// What the child does: nothing unless it is one.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let (Ok(url), Ok(name)) = (std::env::var(URL), std::env::var(PLACE)) else {
        assert!(std::env::var(KILL_AT).is_err(), "a child knows what to do");
        return;
    };
    let ca = std::env::var_os(CA).map(Into::into);
    let url = ServerUrl::parse(ServerKind::MariaDb, &url, ca).expect("a URL");
    let config = config(&url);
    let engine = engine(&config);
    let mut at = config.clone();
    at.url = config.url.with_database(&name);
    let place = Place {
        config: at,
        name,
        hold: None,
    };
    if let Ok(path) = std::env::var(DUMP) {
        let dump = std::fs::read(path).expect("the dump");
        let done = blocking(move || {
            let mut input = Halfway {
                text: dump,
                at: 0,
                act: || kill_at("half a restore"),
            };
            engine.restore(&manifest(&[]), &mut input, &place, &Control::new())
        })
        .await;
        panic!("the restore ended: {done:?}");
    }
    let swapped = engine.swap(place).await;
    panic!("the swap ended: {swapped:?}");
}

/// Runs the child until it is killed at a step.
fn run_child(ground: &Ground, place: &str, step: &str, dump: Option<&std::path::Path>) {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command
        .args([
            "--exact",
            "engine::mysql::tests::killed::child",
            "--nocapture",
        ])
        .env(URL, ground.url.as_str())
        .env(PLACE, place)
        .env(KILL_AT, step)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(ca) = ground.url.ca() {
        command.env(CA, ca);
    }
    if let Some(dump) = dump {
        command.env(DUMP, dump);
    }
    let output = command.output().expect("it runs");
    let killed = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert_eq!(
        killed,
        Some(9),
        "{step}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Triggers, views, routines and events of a database, counted.
fn counts(ground: &Ground, database: &str) -> String {
    let sql = format!(
        "SELECT (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{database}'), \
         (SELECT COUNT(*) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '{database}'), \
         (SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '{database}'), \
         (SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '{database}')"
    );
    ground.sql_on("information_schema", &sql).trim().to_owned()
}

const COUNTS: &str = "1\t2\t2\t1";

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_a_restore_the_old_database_stands() {
    let Some(ground) = Ground::filled() else {
        return;
    };
    let engine = ground.engine();
    let (captured, dump) = capture(&engine).await.expect("captured");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &dump).expect("written");
    let place = engine.place().await.expect("a place");
    run_child(&ground, &place.name, "half a restore", Some(file.path()));
    let (now, _) = capture(&engine).await.expect("captured");
    assert_eq!(now.tables, captured.tables);
    assert_eq!(counts(&ground, &ground.name), COUNTS);
    // What is left is known by its name. As long as somebody holds it, it is nobody else's.
    assert_eq!(ground.beside(), std::slice::from_ref(&place.name));
    engine.clear_leftovers().await.expect("looked for");
    assert_eq!(ground.beside(), std::slice::from_ref(&place.name));
    let another = restored(&engine, &captured, dump).await;
    place.check().await.expect("still held");
    place.release().await;
    engine.clear_leftovers().await.expect("looked for");
    assert_eq!(ground.beside(), std::slice::from_ref(&another.name));
    // The one that is kept is none.
    let swapped = engine.swap(another).await.expect("swapped");
    let kept = swapped.kept.expect("one was there");
    engine.clear_leftovers().await.expect("looked for");
    assert_eq!(ground.beside(), [kept]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_of_a_swap_the_next_run_brings_it_to_its_end() {
    let Some(ground) = Ground::filled() else {
        return;
    };
    let engine = ground.engine();
    let (captured, dump) = capture(&engine).await.expect("captured");
    for (step, has_moved) in [
        ("written down", false),
        ("without triggers", false),
        ("moved", true),
        ("without views", true),
        ("made again", true),
        ("all but removed", true),
    ] {
        let place = restored(&engine, &captured, dump.clone()).await;
        // By this one is known which of the two it is.
        ground.sql("CREATE OR REPLACE TABLE mark (id INT)");
        run_child(&ground, &place.name, step, None);
        // Whatever the step, tables are there, of one of the two.
        let marks = "SELECT COUNT(*) FROM information_schema.TABLES \
                     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'mark'";
        let is_old = ground.sql(marks) == "1\n";
        assert_eq!(is_old, !has_moved, "{step}");
        assert_eq!(ground.sql("SELECT COUNT(*) FROM goals"), "3\n", "{step}");

        let done = engine.recover().await.expect("brought to its end");
        let done = done.unwrap_or_else(|| panic!("{step}: nothing was done"));
        assert_eq!(done.contains("is done"), has_moved, "{step}: {done}");
        assert_eq!(counts(&ground, &ground.name), COUNTS, "{step}");
        ground.sql("DROP TABLE IF EXISTS mark");
        let (now, _) = capture(&engine).await.expect("captured");
        assert_eq!(now.tables, captured.tables, "{step}");
        let beside = ground.beside();
        if has_moved {
            assert_eq!(beside.len(), 1, "{step}: {beside:?}");
            assert!(beside[0].contains("_before_restore_"), "{step}: {beside:?}");
            assert_eq!(counts(&ground, &beside[0]), COUNTS, "{step}");
            ground.sql_on(
                "information_schema",
                &format!("DROP DATABASE `{}`", beside[0]),
            );
        } else {
            assert_eq!(beside, [] as [String; 0], "{step}");
        }
        assert_eq!(
            engine.recover().await.expect("nothing to do"),
            None,
            "{step}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_dies_in_a_swap_one_of_the_two_stands() {
    if require(ServerKind::MariaDb).is_none() {
        return;
    }
    let start = || Server::start(ServerKind::MariaDb, Options::default());
    let mut server = blocking(start).await.expect("a server");
    let ground = Ground::on(server.url());
    ground.fill();
    // So that moving them takes a while.
    let more: String = (0..60)
        .map(|number| format!("CREATE TABLE more_{number} (id INT PRIMARY KEY);"))
        .collect();
    ground.sql(&more);
    let engine = ground.engine();
    let (captured, dump) = capture(&engine).await.expect("captured");
    for wait in [30, 150, 400, 800] {
        let place = restored(&engine, &captured, dump.clone()).await;
        ground.sql("CREATE OR REPLACE TABLE mark (id INT)");
        let inner = engine.clone();
        let swap = tokio::spawn(async move { inner.swap(place).await });
        tokio::time::sleep(Duration::from_millis(wait)).await;
        server = blocking(move || {
            server.kill().expect("killed");
            server.restart().expect("it starts again");
            server
        })
        .await;
        let swapped = swap.await.expect("no panic");
        let done = engine.recover().await.expect("brought to its end");
        let marks = "SELECT COUNT(*) FROM information_schema.TABLES \
                     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'mark'";
        let is_old = ground.sql(marks) == "1\n";
        assert!(
            is_old || swapped.is_ok() || done.is_some(),
            "{wait}: {swapped:?}"
        );
        ground.sql("DROP TABLE IF EXISTS mark");
        assert_eq!(counts(&ground, &ground.name), COUNTS, "{wait}");
        let (now, _) = capture(&engine).await.expect("captured");
        assert_eq!(now.tables, captured.tables, "{wait}");
        for database in ground.beside() {
            ground.sql_on("information_schema", &format!("DROP DATABASE `{database}`"));
        }
    }
}
