//! Where a recipe runs: a fresh checkout, and a private server at the place of the service container.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mainstay::Database;
use mainstay::config::ConfigLoader;
use mainstay_testkit::servers::{
    ENGINES_VARIABLE, Options, Server, ServerKind, ServerUrl, require, run_sql,
};
use reqwest::Url;
use tempfile::TempDir;

use super::application::{copy_migrations, script};
use crate::support::Engine;

/// The name of the database in the recipes.
const CI: &str = "ci";

/// The engine of a recipe.
pub(super) struct Place {
    engine: Engine,
    server: Option<Server>,
}

impl Place {
    /// `None` when this run leaves the engine out (the test kit says why).
    pub(super) fn on(engine: Engine) -> Option<Self> {
        let kind = match engine {
            Engine::Sqlite => {
                let selected = std::env::var(ENGINES_VARIABLE)
                    .map_or(true, |list| list.split(',').any(|e| e.trim() == "sqlite"));
                return selected.then_some(Self {
                    engine,
                    server: None,
                });
            }
            Engine::Server(kind) => kind,
        };
        require(kind)?;
        // One of its own, because the recipes have names for users and databases. Without TLS, as the
        // servers of the images are.
        let settings = match kind {
            ServerKind::Postgres => vec!["ssl=off".to_owned()],
            ServerKind::MariaDb => vec!["skip-ssl".to_owned()],
        };
        let options = Options {
            settings,
            ..Options::default()
        };
        Some(Self {
            engine,
            server: Some(Server::start(kind, options).unwrap()),
        })
    }

    /// Whether it is the engine of an address.
    pub(super) fn is_of(&self, url: &str) -> bool {
        let scheme = match self.engine {
            Engine::Sqlite => "sqlite",
            Engine::Server(kind) => kind.name(),
        };
        url.split(':').next() == Some(scheme)
    }

    pub(super) fn kind(&self) -> Option<ServerKind> {
        self.server.as_ref().map(Server::kind)
    }

    /// The address on the private server. User, password, host and database stay.
    pub(super) fn redirect(&self, url: &str) -> String {
        let Some(server) = &self.server else {
            return url.to_owned();
        };
        let mut url = Url::parse(url).unwrap();
        url.set_port(Some(server.url().port())).unwrap();
        url.into()
    }

    /// The user of the server's administrator does this.
    pub(super) fn sql(&self, database: &str, sql: &str) -> String {
        let server = self.server.as_ref().expect("a server");
        // Without its certificate authority, since it speaks no TLS.
        let url = ServerUrl::parse(server.kind(), server.url().as_str(), None).unwrap();
        let url = match database {
            "" => url,
            name => url.with_database(name),
        };
        run_sql(&url, sql).unwrap()
    }

    /// What the image of a service makes of its environment at its first start.
    pub(super) fn start_service(&self, env: &BTreeMap<String, String>) {
        let value = |name: &str| {
            let value = env.get(name);
            value.unwrap_or_else(|| panic!("{name} is missing")).clone()
        };
        match self.kind().expect("a server") {
            ServerKind::Postgres => {
                let (user, database) = (value("POSTGRES_USER"), value("POSTGRES_DB"));
                let password = value("POSTGRES_PASSWORD");
                let role = format!("CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{password}'");
                self.sql("", &role);
                self.sql("", &format!("CREATE DATABASE {database}"));
            }
            ServerKind::MariaDb => {
                let password = value("MARIADB_ROOT_PASSWORD");
                for sql in [
                    format!("CREATE USER root@'%' IDENTIFIED BY '{password}'"),
                    "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION".to_owned(),
                    format!("CREATE DATABASE {}", value("MARIADB_DATABASE")),
                ] {
                    self.sql("", &sql);
                }
            }
        }
    }

    /// A user with one database to itself, and an empty one beside it.
    pub(super) fn make_plain_user(&self) {
        let statements: &[&str] = match self.kind() {
            None => &[],
            Some(ServerKind::Postgres) => &[
                "CREATE ROLE ci LOGIN PASSWORD 'ci'",
                "CREATE DATABASE ci OWNER ci",
                "CREATE DATABASE ci_scratch OWNER ci",
            ],
            Some(ServerKind::MariaDb) => &[
                "CREATE USER ci IDENTIFIED BY 'ci'",
                "CREATE DATABASE ci",
                "CREATE DATABASE ci_scratch",
                "GRANT ALL ON ci.* TO ci",
                "GRANT ALL ON ci_scratch.* TO ci",
            ],
        };
        for sql in statements {
            self.sql("", sql);
        }
    }

    /// Somebody runs a statement on the database of a job.
    pub(super) fn by_hand(&self, checkout: &Checkout, sql: &str) {
        if self.server.is_some() {
            self.sql(CI, sql);
            return;
        }
        let url = format!("sqlite:{}", checkout.path().join("ci.db").display());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let config = ConfigLoader::new().set("url", url).load().unwrap();
            let db = Database::builder().open(&config).await.unwrap();
            db.script(sql).await.unwrap();
            db.close(Duration::from_secs(5)).await.unwrap();
        });
    }

    /// The database is empty again.
    pub(super) fn empty(&self, checkout: &Checkout) {
        if self.server.is_none() {
            fs::remove_file(checkout.path().join("ci.db")).unwrap();
            return;
        }
        self.sql("", &format!("DROP DATABASE {CI}"));
        self.sql("", &format!("CREATE DATABASE {CI}"));
    }

    /// How many throw-away databases are left.
    pub(super) fn scratch_databases(&self) -> u32 {
        let catalog = match self.kind() {
            None => return 0,
            Some(ServerKind::Postgres) => "pg_database WHERE datname",
            Some(ServerKind::MariaDb) => "information_schema.schemata WHERE schema_name",
        };
        let count = format!("SELECT count(*) FROM {catalog} LIKE 'mainstay%scratch%'");
        self.sql("", &count).trim().parse().unwrap()
    }
}

/// What stands behind the words `questlog` and `cargo run --bin questlog --`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// Questlog as it is.
    Built,
    /// As a build of the checkout would be.
    OfCheckout,
}

/// A fresh checkout on a runner's machine.
pub(super) struct Checkout {
    folder: TempDir,
    path: String,
    home: PathBuf,
}

impl Checkout {
    pub(super) fn new(program: Program) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_migrations(folder.path());
        let (bin, home) = (folder.path().join(".bin"), folder.path().join(".home"));
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&home).unwrap();
        let start = match program {
            Program::Built => format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_questlog")),
            Program::OfCheckout => script(),
        };
        write_program(&bin.join("questlog"), &start);
        // Stands in front of the real one and starts what is built already, since building within a
        // test takes minutes. All else is refused.
        let cargo = format!(
            "case \"$*\" in \"run --bin questlog -- \"*) ;; *) echo \"cargo $*\" >&2; exit 64;; esac\n\
             shift 4\n{start}"
        );
        write_program(&bin.join("cargo"), &cargo);
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", bin.display());
        Self { folder, path, home }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a script as a runner does a step without a `shell`: from a file, by `bash -e`.
    pub(super) fn step(&self, script: &str, env: &BTreeMap<String, String>) -> Outcome {
        self.script(&["bash", "-e"], script, env)
    }

    /// Runs a script in a shell with these arguments.
    pub(super) fn script(
        &self,
        shell: &[&str],
        script: &str,
        env: &BTreeMap<String, String>,
    ) -> Outcome {
        let file = self.home.join("step.sh");
        fs::write(&file, script).unwrap();
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .arg(&file)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", &self.home)
            .envs([("CI", "true"), ("GITHUB_ACTIONS", "true")])
            .envs(env)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Outcome {
            script: script.to_owned(),
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn write_program(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// How a script ended, and what it said.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) script: String,
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Outcome {
    /// It ended with this code.
    #[track_caller]
    pub(super) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// It said this, on either stream.
    #[track_caller]
    pub(super) fn says(self, text: &str) -> Self {
        let said = self.out.contains(text) || self.err.contains(text);
        assert!(said, "not said: {text}: {self:#?}");
        self
    }
}
