//! Questlog with a change that somebody forgot one half of, as a program of its own: this test program,
//! started again.
//!
//! It reads the migrations of the checkout it is started in, as a build there would embed them.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use mainstay::config::ConfigLoader;
use mainstay::driver::BoxFuture;
use mainstay::{Database, Entity, Result, Schema};
use mainstay_cli::{Application, ServeContext, Terminal};
use mainstay_migrate::{MigrationSet, SeedReport};
use questlog::entities::{Goal, Progress, User};

/// Holds the words of a command line, without the program, when this is to be the application.
pub(super) const WORDS: &str = "RECIPE_WORDS";
/// Set when an entity has changed.
pub(super) const ENTITY_CHANGED: &str = "RECIPE_ENTITY_CHANGED";
/// The test that is the application.
pub(super) const TEST: &str = "recipes::application::it_shows_the_changed_entity";
/// Where the migrations are in a checkout.
pub(super) const MIGRATIONS: &str = "apps/questlog/migrations";

/// [`questlog::entities::Module`], with a column more.
#[derive(Debug, Clone, Entity)]
#[entity(table = "modules")]
struct Module {
    #[entity(key, min = 1, max = 64)]
    id: String,
    #[entity(min = 1, max = 100)]
    name: String,
    #[entity(min = 1, max = 32)]
    version: String,
    #[entity(default = true)]
    is_enabled: bool,
    #[entity(default = false)]
    is_installed: bool,
    motto: Option<String>,
}

struct Changed {
    migrations: MigrationSet,
}

impl Application for Changed {
    fn name(&self) -> &'static str {
        "questlog"
    }

    fn schema(&self) -> Schema {
        match std::env::var_os(ENTITY_CHANGED) {
            None => questlog::schema(),
            Some(_) => Schema::new()
                .with::<User>()
                .with::<Module>()
                .with::<Goal>()
                .with::<Progress>(),
        }
    }

    fn migrations(&self) -> &MigrationSet {
        &self.migrations
    }

    fn seed<'a>(&'a self, _: &'a Database) -> BoxFuture<'a, Result<SeedReport>> {
        Box::pin(async { Ok(SeedReport::new()) })
    }

    fn serve<'a>(&'a self, context: ServeContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            context.shutdown.wait().await;
            Ok(())
        })
    }
}

/// The program that starts the test again, in place of the application's own.
pub(super) fn script() -> String {
    let program = std::env::current_exe().unwrap();
    format!(
        "{WORDS}=\"$*\" exec '{}' --exact {TEST} --nocapture",
        program.display()
    )
}

/// Puts questlog's migrations where they are in a checkout.
pub(super) fn copy_migrations(checkout: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    for migration in fs::read_dir(from).unwrap() {
        let migration = migration.unwrap();
        let to = checkout.join(MIGRATIONS).join(migration.file_name());
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(migration.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

#[test]
fn it_shows_the_changed_entity() {
    if let Ok(words) = std::env::var(WORDS) {
        std::process::exit(i32::from(answer(&words)));
    }
    let checkout = tempfile::tempdir().unwrap();
    copy_migrations(checkout.path());
    let show = |changed: &[&str]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .current_dir(checkout.path())
            .args(["--exact", TEST, "--nocapture"])
            .env(WORDS, "schema show --dialect sqlite")
            .envs(changed.iter().map(|name| (name, "1")));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!show(&[]).contains("motto"));
    assert!(show(&[ENTITY_CHANGED]).contains("\"motto\""));
}

/// Runs one command line to its exit code.
fn answer(words: &str) -> u8 {
    let app = Changed {
        migrations: MigrationSet::from_folder(MIGRATIONS).unwrap(),
    };
    let words = ["questlog"].into_iter().chain(words.split(' '));
    let words: Vec<OsString> = words.map(OsString::from).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let config = ConfigLoader::from_process_env();
    let exit = mainstay_cli::run(&app, words, config, Terminal::process());
    runtime.block_on(exit).code()
}
