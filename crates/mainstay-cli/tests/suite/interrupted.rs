//! What is interrupted: a check takes its scratch database with it, a migration says what to do.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mainstay::config::ConfigLoader;
use mainstay::driver::BoxFuture;
use mainstay::{Database, Result, Schema};
use mainstay_cli::{Application, Exit, ServeContext, Terminal, run};
use mainstay_migrate::{Migration, MigrationSet, PerDialect, SeedReport};

/// Named so that the configuration does not take it for one of its own.
const CHECKS: &str = "MAINSTAY_TEST_CHECKS";

/// Takes minutes.
static MIGRATIONS: MigrationSet = MigrationSet::new(&[Migration {
    version: "20260101000000",
    name: "count",
    up: PerDialect::same(
        "CREATE TABLE counted AS WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c \
         WHERE n < 10000000000) SELECT max(n) AS n FROM c",
    ),
    down: None,
}]);

struct Slow;

impl Application for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn schema(&self) -> Schema {
        Schema::new()
    }

    fn migrations(&self) -> &'static MigrationSet {
        &MIGRATIONS
    }

    fn seed<'a>(&'a self, _: &'a Database) -> BoxFuture<'a, Result<SeedReport>> {
        Box::pin(async { Ok(SeedReport::new()) })
    }

    fn serve<'a>(&'a self, _: ServeContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

fn scratch_folders(within: &Path) -> usize {
    let entries = std::fs::read_dir(within).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let ours = names.filter(|name| name.to_string_lossy().starts_with("mainstay_scratch_"));
    ours.count()
}

/// An empty database in a folder.
fn empty(runtime: &tokio::runtime::Runtime, folder: &Path) -> String {
    let url = format!("sqlite:{}", folder.join("slow.db").display());
    let config = ConfigLoader::new().set("url", &url).load().expect("right");
    runtime.block_on(async {
        let db = Database::builder().create_if_missing().open(&config).await;
        let db = db.expect("opens");
        db.close(Duration::from_secs(5)).await.expect("closes");
    });
    url
}

/// Starts the test below as a process that runs a command.
fn start(words: &str, url: &str, temporary: &Path, err: Stdio) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "interrupted::an_interrupted_check_leaves_nothing_over",
            "--nocapture",
        ])
        .env(CHECKS, words)
        .env("DATABASE_URL", url)
        .env("TMPDIR", temporary)
        .env_remove("MAINSTAY_ENV")
        .stdout(Stdio::null())
        .stderr(err)
        .spawn()
        .expect("it starts")
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(sent.success());
}

#[test]
fn an_interrupted_migration_says_how_to_go_on() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let url = empty(&runtime, folder.path());
    let words = "slow migrate up";
    let mut child = start(words, &url, folder.path(), Stdio::piped());
    let mut err = BufReader::new(child.stderr.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("applying 20260101000000_count") {
        assert_ne!(err.read_line(&mut said).expect("UTF-8"), 0, "{said}");
    }
    // The statement takes minutes; it is to have begun.
    std::thread::sleep(Duration::from_millis(300));
    interrupt(&child);
    err.read_to_string(&mut said).expect("UTF-8");
    let ended = child.wait().expect("it ends");
    assert_eq!(ended.code(), Some(i32::from(Exit::Interrupted.code())));
    assert!(
        said.contains("see what stands: slow migrate status"),
        "{said}"
    );
    assert!(
        !said.contains('\x1b'),
        "no screen, and nothing drawn: {said}"
    );
}

/// The test also starts itself as a process that checks.
#[test]
fn an_interrupted_check_leaves_nothing_over() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Ok(words) = std::env::var(CHECKS) {
        let words: Vec<_> = words.split(' ').map(Into::into).collect();
        let loader = ConfigLoader::from_process_env();
        let exit = runtime.block_on(run(&Slow, words, loader, Terminal::process()));
        std::process::exit(i32::from(exit.code()));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let url = empty(&runtime, folder.path());
    let temporary = folder.path().join("temporary");
    std::fs::create_dir(&temporary).expect("made");
    let mut child = start("slow schema check", &url, &temporary, Stdio::null());
    let mut seen = 0;
    for _ in 0..600 {
        seen = scratch_folders(&temporary);
        // Entities are made first, in no time; what is there for longer is the migrations'.
        std::thread::sleep(Duration::from_millis(300));
        if seen == 1 && scratch_folders(&temporary) == 1 {
            break;
        }
    }
    assert_eq!(seen, 1, "the check makes a scratch database");
    interrupt(&child);
    let ended = child.wait().expect("it ends");
    assert_eq!(ended.code(), Some(i32::from(Exit::Interrupted.code())));
    assert_eq!(scratch_folders(&temporary), 0);
}
