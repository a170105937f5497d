//! Backups and restores on a server.
//!
//! - `mod.rs`: a database of its own for each test
//! - `logical`: dumped, restored and put in its place
//! - `refused`: what is refused, fails or is stopped, and what is left then
//! - `killed`: processes killed in the middle

mod killed;
mod logical;
mod refused;

use std::io::{Read, Write};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mainstay::config::ConfigLoader;
use mainstay::{Clock, Config, Result, SystemClock, SystemEntropy};
use mainstay_testkit::servers::{ServerKind, ServerUrl, TestDatabase, require, run_sql};
use rustix::process::{Signal, getpid, kill_process};

use super::MySql;
use crate::archive::manifest::FORMAT;
use crate::archive::{Engine, Kind, Manifest, Table};
use crate::control::Control;
use crate::engine::{Captured, Place};

/// The variable of the environment that names the step at which a child of a test is killed.
const KILL_AT: &str = "MAINSTAY_TEST_KILL_AT";

/// Kills this process, if it is the child of a test that wants it here.
pub(super) fn kill_at(step: &str) {
    if std::env::var(KILL_AT).is_ok_and(|wanted| wanted == step) {
        kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
    }
}

/// Tables, and all there is beside them.
const SCHEMA: &str = "\
CREATE TABLE goals (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(80) NOT NULL, \
 picture BLOB, details JSON, state ENUM('open', 'done'), bits BIT(5), weight DOUBLE, \
 price DECIMAL(20, 5), at TIMESTAMP NULL, due DATETIME(6), token VARBINARY(16), \
 twice INT GENERATED ALWAYS AS (LENGTH(name) * 2) STORED, \
 more INT GENERATED ALWAYS AS (LENGTH(name) + 1) VIRTUAL, uid UUID, place GEOMETRY, \
 UNIQUE KEY (name), CHECK (price >= 0));
INSERT INTO goals (name, picture, details, state, bits, weight, price, at, due, token, uid, place) \
 VALUES ('it''s \"q\" \\\\ \\n (new); ''),(''', x'00010203ff27', '{\"a\": \"x\\\\\"y\"}', 'open', \
 b'101', 1.5e300, 12.5, NOW(), NOW(6), x'00ff', UUID(), POINT(1, 2)), \
 ('', x'', '[]', NULL, NULL, -0.1, NULL, NULL, NULL, NULL, NULL, NULL), \
 ('\u{1F600} \u{e9}', NULL, NULL, 'done', b'0', 1e-5, 0.00001, NULL, NULL, x'', NULL, NULL);
CREATE TABLE steps (id INT PRIMARY KEY, goal BIGINT, \
 CONSTRAINT of_goal FOREIGN KEY (goal) REFERENCES goals (id) ON DELETE CASCADE);
INSERT INTO steps VALUES (1, 1), (2, NULL);
CREATE TABLE `odd ``name``; -- x` (`a b` INT, `VALUES (` TEXT);
INSERT INTO `odd ``name``; -- x` VALUES (1, '),(\\'),('), (2, NULL), \
 (3, 'INSERT INTO `goals` VALUES (1);\\n-- c');
CREATE TABLE past (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING;
INSERT INTO past VALUES (1, 1);
UPDATE past SET x = 2;
CREATE TABLE hidden (id INT PRIMARY KEY, secret INT INVISIBLE DEFAULT 5);
INSERT INTO hidden (id, secret) VALUES (1, 7);
CREATE TABLE nothing (id INT PRIMARY KEY);
CREATE TABLE parts (id INT PRIMARY KEY, y INT) PARTITION BY HASH (id) PARTITIONS 3;
INSERT INTO parts VALUES (1, 1), (2, 2);
CREATE SEQUENCE numbers START 10 INCREMENT 5;
CREATE VIEW names AS SELECT id, name FROM goals;
CREATE VIEW alike AS SELECT * FROM names;
CREATE TRIGGER counted BEFORE INSERT ON steps FOR EACH ROW SET NEW.id = NEW.id + 0;
CREATE FUNCTION increased(a INT) RETURNS INT DETERMINISTIC RETURN a + 1;
CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY DO DELETE FROM steps WHERE id < 0;
";

/// A body with statements at the start of lines, which are no rows.
const PROCEDURE: &str =
    "CREATE PROCEDURE filled() BEGIN\nINSERT INTO `nothing` VALUES (1);\nDELETE FROM nothing;\nEND";

/// How many rows each table of [`SCHEMA`] has; the past counts.
const ROWS: &[(&str, u64)] = &[
    ("goals", 3),
    ("hidden", 1),
    ("nothing", 0),
    ("odd `name`; -- x", 3),
    ("parts", 2),
    ("past", 2),
    ("steps", 2),
];

/// A database of one test, which goes with all that was made beside it.
pub(super) struct Ground {
    pub(super) server: ServerUrl,
    pub(super) url: ServerUrl,
    pub(super) name: String,
    _database: TestDatabase,
}

impl Ground {
    pub(super) fn new() -> Option<Self> {
        Some(Self::on(&require(ServerKind::MariaDb)?))
    }

    pub(super) fn on(server: &ServerUrl) -> Self {
        let database = TestDatabase::create(server).expect("a database");
        Self {
            server: server.clone(),
            url: database.url().clone(),
            name: database.name().to_owned(),
            _database: database,
        }
    }

    /// With [`SCHEMA`].
    fn filled() -> Option<Self> {
        let ground = Self::new()?;
        ground.fill();
        Some(ground)
    }

    fn fill(&self) {
        run_sql(&self.url, SCHEMA).expect("the schema");
        // Alone: it has semicolons.
        run_sql(&self.url, &format!("DELIMITER //\n{PROCEDURE}//")).expect("the procedure");
    }

    pub(super) fn config(&self) -> Config {
        config(&self.url)
    }

    pub(super) fn engine(&self) -> MySql {
        engine(&self.config())
    }

    /// On the database itself.
    pub(super) fn sql(&self, sql: &str) -> String {
        run_sql(&self.url, sql).expect("SQL of the test")
    }

    /// On another database.
    pub(super) fn sql_on(&self, database: &str, sql: &str) -> String {
        run_sql(&self.server.with_database(database), sql).expect("SQL of the test")
    }

    /// The databases that were made beside it.
    fn beside(&self) -> Vec<String> {
        let sql = format!(
            "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA \
             WHERE SCHEMA_NAME LIKE '{}\\_%' ORDER BY 1",
            self.name.replace('_', "\\_")
        );
        lines(&self.sql_on("information_schema", &sql))
    }

    /// The sessions on it and on what is beside it, but for those of the test.
    fn sessions(&self) -> Vec<String> {
        let sql = format!(
            "SELECT ID, DB, INFO FROM information_schema.PROCESSLIST WHERE DB LIKE '{}%'",
            self.name
        );
        lines(&self.sql_on("information_schema", &sql))
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let sql = format!(
            "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '{}\\_%'",
            self.name
        );
        let server = self.server.with_database("information_schema");
        for database in lines(&run_sql(&server, &sql).unwrap_or_default()) {
            let _ = run_sql(&server, &format!("DROP DATABASE `{database}`"));
        }
        // Otherwise its own drop would complain that there is none.
        let _ = run_sql(
            &server,
            &format!("CREATE DATABASE IF NOT EXISTS `{}`", self.name),
        );
    }
}

pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

pub(super) fn config(url: &ServerUrl) -> Config {
    let mut loader = ConfigLoader::new().set("url", url.as_str());
    if let Some(ca) = url.ca() {
        loader = loader
            .set("tls", "require")
            .set("tls_ca_file", ca.display().to_string());
    }
    loader.load().expect("the test's configuration is valid")
}

pub(super) fn engine(config: &Config) -> MySql {
    MySql::new(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).expect("an engine")
}

/// Blocking work on a thread for it.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .expect("the work does not panic")
}

pub(super) async fn capture(engine: &MySql) -> Result<(Captured, Vec<u8>)> {
    let engine = engine.clone();
    blocking(move || {
        let mut dump = Vec::new();
        let captured = engine.capture(Kind::Logical, &mut dump, &Control::new())?;
        Ok((captured, dump))
    })
    .await
}

async fn restore(engine: &MySql, place: Place, dump: Vec<u8>) -> (Place, Result<()>) {
    let engine = engine.clone();
    blocking(move || {
        let manifest = manifest(&[]);
        let done = engine.restore(&manifest, &mut dump.as_slice(), &place, &Control::new());
        (place, done)
    })
    .await
}

async fn verify(engine: &MySql, place: Place) -> (Place, Result<Vec<Table>>) {
    let engine = engine.clone();
    blocking(move || {
        let tables = engine.verify(&manifest(&[]), &place, &Control::new());
        (place, tables)
    })
    .await
}

/// Makes a place, fills it, and sees that it has the same rows.
async fn restored(engine: &MySql, captured: &Captured, dump: Vec<u8>) -> Place {
    let place = engine.place().await.expect("a place");
    let (place, done) = restore(engine, place, dump).await;
    done.expect("restored");
    let (place, tables) = verify(engine, place).await;
    assert_eq!(tables.expect("verified"), captured.tables);
    place
}

pub(super) fn manifest(tables: &[Table]) -> Manifest {
    let at: DateTime<Utc> = SystemClock.now();
    Manifest {
        format: FORMAT,
        id: "test".to_owned(),
        label: "test".to_owned(),
        engine: Engine::MySql,
        engine_version: "10.11".to_owned(),
        kind: Kind::Logical,
        tools: Vec::new(),
        mainstay: "0.1.0".to_owned(),
        schema: None,
        started_at: at,
        taken_at: at,
        duration_ms: 0,
        position: None,
        raw_bytes: 0,
        stored_bytes: 0,
        chunks: 0,
        hash: String::new(),
        is_encrypted: false,
        tables: tables.to_vec(),
    }
}

/// Does something whenever bytes come by.
struct Watched<T, F: FnMut()> {
    inner: T,
    act: F,
}

impl<F: FnMut()> Write for Watched<Vec<u8>, F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        (self.act)();
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Gives the first half of a text, does something, and gives the rest.
struct Halfway<F: FnMut()> {
    text: Vec<u8>,
    at: usize,
    act: F,
}

impl<F: FnMut()> Read for Halfway<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let half = self.text.len() / 2;
        if self.at == half {
            (self.act)();
        }
        let end = if self.at < half {
            half
        } else {
            self.text.len()
        };
        let taken = (end - self.at).min(buffer.len());
        buffer[..taken].copy_from_slice(&self.text[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}
