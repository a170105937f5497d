//! An application in two releases on a database of each engine, and its folder of migrations.

use std::path::PathBuf;

use mainstay::config::ConfigLoader;
use mainstay::driver::BoxFuture;
use mainstay::schema::ddl;
use mainstay::{Database, Result, Schema};
use mainstay_cli::{Application, Exit, ServeContext};
use mainstay_migrate::{MigrationSet, SeedReport};
use mainstay_testkit::servers::{ServerKind, TestDatabase, require};

use crate::tiny::{Answer, Home};

/// The first release of an application.
pub(crate) mod first {
    use mainstay::Entity;

    #[derive(Debug, Clone, Entity)]
    #[entity(table = "notes", index(text, id))]
    #[allow(dead_code, reason = "only the model is used")]
    pub(crate) struct Note {
        #[entity(key)]
        id: i64,
        #[entity(max = 100)]
        text: String,
    }
}

/// The second: the text is called body, and there is a mark.
pub(crate) mod second {
    use mainstay::Entity;

    #[derive(Debug, Clone, Entity)]
    #[entity(table = "notes", index(body, id))]
    #[allow(dead_code, reason = "only the model is used")]
    pub(crate) struct Note {
        #[entity(key)]
        id: i64,
        #[entity(max = 100)]
        body: String,
        mark: Option<i32>,
    }
}

/// A release of the application, built with the migrations that its folder has now.
struct Book {
    schema: Schema,
    migrations: &'static MigrationSet,
}

impl Application for Book {
    fn name(&self) -> &'static str {
        "book"
    }

    fn schema(&self) -> Schema {
        self.schema.clone()
    }

    fn migrations(&self) -> &'static MigrationSet {
        self.migrations
    }

    fn seed<'a>(&'a self, _: &'a Database) -> BoxFuture<'a, Result<SeedReport>> {
        Box::pin(async { Ok(SeedReport::new()) })
    }

    fn serve<'a>(&'a self, _: ServeContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// A database, a folder of migrations, and the releases of the application.
pub(crate) struct Desk {
    pub(crate) home: Home,
    pub(crate) url: String,
    _database: Option<TestDatabase>,
}

impl Desk {
    /// One for each engine there is, set up with the first release.
    pub(crate) async fn all() -> Vec<Self> {
        let mut all = vec![];
        let home = Home::new();
        all.push(Self {
            url: home.url(),
            home,
            _database: None,
        });
        for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
            if let Some(server) = require(kind) {
                let database = TestDatabase::create(&server).expect("a database");
                all.push(Self {
                    home: Home::new(),
                    url: database.url().as_str().to_owned(),
                    _database: Some(database),
                });
            }
        }
        for desk in &all {
            let db = desk.open().await;
            let create = ddl::create_all(db.dialect(), &Schema::new().with::<first::Note>());
            let one = desk.folder().join("20260101000000_create_notes");
            std::fs::create_dir_all(&one).expect("made");
            let slug = db.dialect().slug();
            for (way, text) in [
                ("up", create.expect("it holds them").join(";\n")),
                ("down", "DROP TABLE notes".to_owned()),
            ] {
                std::fs::write(one.join(format!("{way}.{slug}.sql")), text).expect("written");
            }
            close(db).await;
            desk.first(&["migrate", "up"]).await.expect(Exit::Ok);
        }
        all
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.home.file().with_file_name("migrations")
    }

    pub(crate) async fn open(&self) -> Database {
        let loader = ConfigLoader::new().set("url", &self.url);
        let config = loader.load().expect("a configuration");
        let builder = Database::builder().create_if_missing();
        builder.open(&config).await.expect("opens")
    }

    /// Changes the database behind the application's back.
    pub(crate) async fn sql(&self, sql: &str) {
        let db = self.open().await;
        db.script(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        close(db).await;
    }

    pub(crate) async fn run(
        &self,
        schema: Schema,
        words: &[&str],
        more: &[(&str, &str)],
    ) -> Answer {
        let set = MigrationSet::from_folder(self.folder()).expect("the folder is right");
        let app = Book {
            schema,
            migrations: Box::leak(Box::new(set)),
        };
        let env = [&[("DATABASE_URL", self.url.as_str())], more].concat();
        self.home.run_as(&app, words, &env).await
    }

    pub(crate) async fn first(&self, words: &[&str]) -> Answer {
        self.run(Schema::new().with::<first::Note>(), words, &[])
            .await
    }

    pub(crate) async fn second(&self, words: &[&str]) -> Answer {
        self.run(Schema::new().with::<second::Note>(), words, &[])
            .await
    }

    pub(crate) fn folder_flag(&self) -> String {
        format!("--folder={}", self.folder().display())
    }
}

pub(crate) async fn close(db: Database) {
    let limit = std::time::Duration::from_secs(10);
    db.close(limit).await.expect("closes");
}
