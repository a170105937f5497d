//! A tiny application, and a place to run its commands in.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mainstay::config::{ConfigLoader, Finding, KeyDef, Kind, Severity, Value as Setting};
use mainstay::driver::BoxFuture;
use mainstay::{Config, Database, Entity, Result, Schema};
use mainstay_cli::{Application, Exit, ServeContext, Terminal, run};
use mainstay_migrate::{Migration, MigrationSet, PerDialect, SeedReport};
use serde_json::Value;

#[derive(Debug, Clone, Entity)]
#[entity(table = "notes")]
pub(crate) struct Note {
    #[entity(key)]
    id: i64,
    #[entity(max = 100)]
    text: String,
}

static MIGRATIONS: MigrationSet = MigrationSet::new(&[Migration {
    version: "20260101000000",
    name: "create_notes",
    up: PerDialect::same("CREATE TABLE notes (id BIGINT PRIMARY KEY, text VARCHAR(100) NOT NULL)"),
    down: Some(PerDialect::same("DROP TABLE notes")),
}]);

const KEYS: &[KeyDef] = &[KeyDef::new(
    "tiny.token",
    "MAINSTAY_TINY_TOKEN",
    Kind::Text,
    "The API's token.",
)
.secret()];

pub(crate) struct Tiny(pub(crate) Ending);

/// When the service ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    AtOnce,
    WhenAsked,
    Never,
    /// It hangs while the seed data is written.
    WhileSeeding,
}

impl Application for Tiny {
    fn name(&self) -> &'static str {
        "tiny"
    }

    fn schema(&self) -> Schema {
        Schema::new().with::<Note>()
    }

    fn migrations(&self) -> &'static MigrationSet {
        &MIGRATIONS
    }

    fn seed<'a>(&'a self, db: &'a Database) -> BoxFuture<'a, Result<SeedReport>> {
        Box::pin(async move {
            if self.0 == Ending::WhileSeeding {
                writeln!(io::stdout(), "seeding").expect("somebody reads");
                std::future::pending::<()>().await;
            }
            let mut report = SeedReport::new();
            let there: i64 = db.sql("SELECT count(*) FROM notes").scalar().await?;
            if there > 0 {
                report.existing(1);
            } else {
                db.sql("INSERT INTO notes VALUES (?, ?)")
                    .bind(1_i64)
                    .bind("first")
                    .execute()
                    .await?;
                report.inserted("notes", 1);
            }
            Ok(report)
        })
    }

    fn config_keys(&self) -> &'static [KeyDef] {
        KEYS
    }

    fn check(&self, config: &Config) -> Vec<Finding> {
        let token = config.extra("tiny.token").and_then(Setting::as_secret);
        let severity = match token.map(|token| token.expose().len()) {
            Some(0..4) => Severity::Error,
            Some(4..8) => Severity::Warning,
            _ => return Vec::new(),
        };
        vec![Finding {
            severity,
            key: "tiny.token",
            message: "is short; make it longer".to_owned(),
        }]
    }

    fn serve<'a>(&'a self, context: ServeContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            assert!(!context.shutdown.is_asked());
            let rows: i64 = context
                .db
                .sql("SELECT count(*) FROM notes")
                .scalar()
                .await?;
            context.announce(&format!("http://127.0.0.1:1234/?rows={rows}"));
            match self.0 {
                Ending::AtOnce => {}
                Ending::WhenAsked => context.shutdown.wait().await,
                Ending::Never | Ending::WhileSeeding => std::future::pending().await,
            }
            Ok(())
        })
    }
}

#[derive(Clone, Default)]
pub(crate) struct Stream(Arc<Mutex<Vec<u8>>>);

impl Stream {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("UTF-8")
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) struct Answer {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    pub(crate) fn expect(self, exit: Exit) -> Self {
        assert_eq!(
            self.exit, exit,
            "\n--- out\n{}\n--- err\n{}",
            self.out, self.err
        );
        self
    }
}

/// A folder with a database file.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("tiny.db")
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }

    /// Changes the database behind the application's back.
    pub(crate) async fn sql(&self, sql: &'static str) {
        let loader = ConfigLoader::new().set("url", self.url());
        let config = loader.load().expect("a configuration");
        let db = Database::builder().open(&config).await.expect("opens");
        db.sql(sql).execute().await.expect("runs");
        let limit = std::time::Duration::from_secs(10);
        db.close(limit).await.expect("closes");
    }

    /// Runs with the file as DATABASE_URL.
    pub(crate) async fn run(&self, words: &[&str]) -> Answer {
        self.run_in(words, &[("DATABASE_URL", &self.url())]).await
    }

    pub(crate) async fn run_in(&self, words: &[&str], env: &[(&str, &str)]) -> Answer {
        self.run_as(&Tiny(Ending::AtOnce), words, env).await
    }

    /// Runs a command of another application.
    pub(crate) async fn run_as(
        &self,
        app: &dyn Application,
        words: &[&str],
        env: &[(&str, &str)],
    ) -> Answer {
        let (out, err) = (Stream::default(), Stream::default());
        let words = std::iter::once(app.name()).chain(words.iter().copied());
        let loader = ConfigLoader::new().env(env.iter().copied());
        let terminal = Terminal::to(out.clone(), err.clone());
        let exit = run(app, words.map(Into::into), loader, terminal).await;
        Answer {
            exit,
            out: out.text(),
            err: err.text(),
        }
    }
}
