//! Restores and swaps killed at any moment.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

/// Named so that the configuration does not take them for its own.
const URL: &str = "MAINSTAY_TEST_RESTORE_URL";
const BACKUP: &str = "MAINSTAY_TEST_RESTORE_BACKUP";

fn say(line: &str) {
    let mut out = std::io::stdout();
    // The harness may have begun the line.
    writeln!(out, "\n=== {line}").expect("somebody reads");
    out.flush().expect("somebody reads");
}

/// The tests below also start this one as a process.
#[test]
fn a_restorer() {
    let Ok(url) = std::env::var(URL) else { return };
    let bytes = std::fs::read(std::env::var_os(BACKUP).expect("a backup is named"));
    let bytes = bytes.expect("it is read");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let engine = engine(&config(&url));
        let captured = capture(&engine).await.expect("it is taken").captured;
        let place = engine.place().await.expect("a place");
        say(&format!("place {}", place.name));
        let taken = Taken { captured, bytes };
        let (filled, place) = fill(&engine, &taken, place, Control::new()).await;
        filled.expect("it is filled");
        say("filled");
        let swapped = engine.swap(&place, false).await.expect("it is swapped");
        say(&format!("swapped {}", swapped.kept.expect("one was there")));
    });
}

fn start(target: &Target, backup: &std::path::Path) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "engine::postgres::tests::kills::a_restorer",
            "--nocapture",
        ])
        .env(URL, target.database.url().as_str())
        .env(BACKUP, backup)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("piped"));
    let lines = out.lines().map_while(std::result::Result::ok);
    let said = lines.filter_map(|line| line.strip_prefix("=== ").map(str::to_owned));
    (child, said)
}

/// Kills a restorer so long after it said something, and gives the name of its place.
fn kill_after(target: &Target, backup: &std::path::Path, word: &str, pause: Duration) -> String {
    let (mut child, mut said) = start(target, backup);
    let place = said.next().expect("it says something");
    let place = place.strip_prefix("place ").expect("its place").to_owned();
    if word != "place" {
        assert_eq!(said.next().as_deref(), Some(word));
    }
    std::thread::sleep(pause);
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    place
}

/// A backup whose content differs from the database's.
async fn prepare(target: &Target) -> tempfile::NamedTempFile {
    target.sql(
        "CREATE TABLE t AS SELECT 'new' AS state; \
         CREATE TABLE ballast AS SELECT n, repeat(md5(n::text), 20) AS text \
         FROM generate_series(1, 2000) n",
    );
    let taken = capture(&target.engine()).await.expect("it is taken");
    target.sql("UPDATE t SET state = 'old'");
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(&taken.bytes).expect("it is written");
    file
}

/// Waits until the server has noticed that a killed client is gone, and drops what is left over.
fn clean(target: &Target, place: &str) {
    if !target.databases(place).is_empty() {
        target.server_sql(&format!("DROP DATABASE IF EXISTS \"{place}\" WITH (FORCE)"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_leaves_the_old_database() {
    let Some(target) = target() else { return };
    let file = prepare(&target).await;
    for millis in [0, 15, 40, 80, 130] {
        let pause = Duration::from_millis(millis);
        let place = kill_after(&target, file.path(), "place", pause);
        assert!(place.starts_with(names::PREFIX), "{place}");
        assert_eq!(target.sql("SELECT state FROM t"), "old");
        clean(&target, &place);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_that_is_killed_leaves_the_one_or_the_other() {
    let Some(target) = target() else { return };
    let file = prepare(&target).await;
    let mut states = Vec::new();
    for step in 0..8 {
        let pause = Duration::from_millis(step * 8);
        let place = kill_after(&target, file.path(), "filled", pause);
        target.wait_until_left().await;
        // Under the name is one of the two, whole and open for everyone.
        let state = target.sql("SELECT state || count(*) FROM t, ballast GROUP BY state");
        let kept = target.databases(&format!("{}_before_restore_", target.name()));
        match state.as_str() {
            "old2000" => assert_eq!(kept, Vec::<String>::new()),
            "new2000" => {
                assert_eq!(target.databases(&place), Vec::<String>::new());
                let was = target.server.with_database(&kept[0]);
                assert_eq!(run_sql(&was, "SELECT state FROM t").unwrap().trim(), "old");
                // The old one again, for the next round.
                target.server_sql(&format!("DROP DATABASE \"{}\" WITH (FORCE)", kept[0]));
                target.sql("UPDATE t SET state = 'old'");
            }
            other => panic!("neither the old nor the new: {other}"),
        }
        clean(&target, &place);
        states.push(state);
    }
    assert!(states.iter().any(|state| state == "old2000"), "{states:?}");
}
