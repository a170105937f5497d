//! A check that is interrupted takes its scratch database with it.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Stdio};
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

/// The test also starts itself as a process that checks.
#[test]
fn an_interrupted_check_leaves_nothing_over() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if std::env::var_os(CHECKS).is_some() {
        let words = ["slow", "schema", "check"].map(Into::into);
        let loader = ConfigLoader::from_process_env();
        let exit = runtime.block_on(run(&Slow, words, loader, Terminal::process()));
        std::process::exit(i32::from(exit.code()));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("slow.db").display());
    let config = ConfigLoader::new().set("url", &url).load().expect("right");
    runtime.block_on(async {
        let db = Database::builder().create_if_missing().open(&config).await;
        let db = db.expect("opens");
        db.close(Duration::from_secs(5)).await.expect("closes");
    });
    let temporary = folder.path().join("temporary");
    std::fs::create_dir(&temporary).expect("made");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "an_interrupted_check_leaves_nothing_over",
            "--nocapture",
        ])
        .env(CHECKS, "yes")
        .env("DATABASE_URL", &url)
        .env("TMPDIR", &temporary)
        .env_remove("MAINSTAY_ENV")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the check starts");
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
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(sent.success());
    let ended = child.wait().expect("it ends");
    assert_eq!(ended.code(), Some(i32::from(Exit::Interrupted.code())));
    assert_eq!(scratch_folders(&temporary), 0);
}
