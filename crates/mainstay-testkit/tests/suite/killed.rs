//! `kill -9` in the middle of writing: what was acknowledged is there, and nothing is there by
//! half.
//!
//! The writing process is this test binary once more, told by an environment variable what to do.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use mainstay::config::ConfigLoader;
use mainstay::{Database, Error, Schema, Tx};
use mainstay_testkit::{Engine, Fixture, FixtureOptions};

/// The settings of the handle on which the child writes, as JSON.
const SETTINGS: &str = "MAINSTAY_TEST_KILLED_SETTINGS";

/// Tasks that write at the same time.
const TASKS: i64 = 24;

/// Acknowledged writes after which the child is killed: at different moments of its groups.
const ROUNDS: [usize; 3] = [40, 177, 403];

#[test]
fn acknowledged_writes_survive_a_kill_on_sqlite() {
    survives(Engine::Sqlite);
}

#[test]
fn acknowledged_writes_survive_a_kill_on_postgres() {
    survives(Engine::Postgres);
}

#[test]
fn acknowledged_writes_survive_a_kill_on_mariadb() {
    survives(Engine::MariaDb);
}

/// Runs the child and kills it, several times on one database.
fn survives(engine: Engine) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = FixtureOptions::default().set("sqlite.synchronous", "full");
        let Some(fixture) = Fixture::create(engine, Schema::new(), options).await else {
            return;
        };
        for sql in [
            "CREATE TABLE single (id BIGINT PRIMARY KEY)",
            "CREATE TABLE one (id BIGINT PRIMARY KEY)",
            "CREATE TABLE two (id BIGINT PRIMARY KEY)",
        ] {
            fixture.db().script(sql).await.unwrap();
        }
        let mut acknowledged = BTreeSet::new();
        for (round, enough) in (0..).zip(ROUNDS) {
            let settings = settings(&fixture);
            let heard =
                tokio::task::spawn_blocking(move || write_and_kill(&settings, round, enough));
            acknowledged.extend(heard.await.unwrap());
            // A handle of its own, opened after the kill. The fixture's own may have helped.
            let db = fixture.open(&[]).await.unwrap();
            check(&db, &acknowledged).await;
            db.close(Duration::from_secs(10)).await.unwrap();
        }
        let kinds: BTreeSet<_> = acknowledged.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, BTreeSet::from(["both", "single"]));
    });
}

/// What the child needs to open the fixture's database.
fn settings(fixture: &Fixture) -> String {
    let config = fixture.config(&[]);
    let url = match (fixture.server_url(), config.url.path()) {
        (Some(url), _) => url.as_str().to_owned(),
        (None, Some(path)) => format!("sqlite:{}", path.display()),
        (None, None) => panic!("a database that is nowhere"),
    };
    let mut settings = vec![("url".to_owned(), url)];
    if let Some(ca) = fixture.server_url().and_then(|url| url.ca()) {
        settings.push(("tls".to_owned(), "require".to_owned()));
        settings.push(("tls_ca_file".to_owned(), ca.display().to_string()));
    }
    serde_json::to_string(&settings).unwrap()
}

/// Starts the child, kills it once it has acknowledged `enough` writes, and returns all that it
/// acknowledged.
fn write_and_kill(settings: &str, round: i64, enough: usize) -> Vec<(String, i64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "killed::the_child_writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(SETTINGS, settings)
        .env("MAINSTAY_TEST_KILLED_ROUND", round.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = Vec::new();
    for line in lines {
        let line = line.unwrap();
        let mut words = line.split(' ');
        let (Some("ack"), Some(kind), Some(id)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        // The last line may have been cut off by the kill; a cut number is another number.
        if words.next() != Some(".") {
            continue;
        }
        heard.push((kind.to_owned(), id.parse().unwrap()));
        if heard.len() == enough {
            // SIGKILL. What it wrote to the pipe until then is still read.
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(heard.len() >= enough, "it ended by itself: {status}");
    heard
}

/// Not a test by itself: what the child does.
#[test]
fn the_child_writes_until_it_is_killed() {
    let Ok(settings) = std::env::var(SETTINGS) else {
        assert!(std::env::var_os("MAINSTAY_TEST_KILLED_ROUND").is_none());
        return;
    };
    let settings: Vec<(String, String)> = serde_json::from_str(&settings).unwrap();
    let round: i64 = std::env::var("MAINSTAY_TEST_KILLED_ROUND")
        .unwrap()
        .parse()
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let loader = settings
            .into_iter()
            .fold(ConfigLoader::new(), |loader, (key, value)| {
                loader.set(key, value)
            });
        let db = Database::builder()
            .open(&loader.load().unwrap())
            .await
            .unwrap();
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| tokio::spawn(write(db.clone(), round * 1_000_000 + task * 10_000)))
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        panic!("nobody killed it");
    });
}

async fn write(db: Database, first: i64) -> Result<(), Error> {
    for id in first..first + 10_000 {
        if id % 2 == 0 {
            let insert = db.sql("INSERT INTO single VALUES (?)");
            insert.bind(id).execute().await?;
            acknowledge("single", id);
        } else {
            db.transaction(move |tx: Tx| async move {
                tx.sql("INSERT INTO one VALUES (?)")
                    .bind(id)
                    .execute()
                    .await?;
                tx.sql("INSERT INTO two VALUES (?)")
                    .bind(id)
                    .execute()
                    .await
            })
            .await?;
            acknowledge("both", id);
        }
    }
    Ok(())
}

/// Says so in one write, so that no other task comes between.
fn acknowledge(kind: &str, id: i64) {
    let line = format!("ack {kind} {id} .\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}

async fn ids(db: &Database, table: &str) -> BTreeSet<i64> {
    let rows = db.sql(format!("SELECT id FROM {table}"));
    let rows: Vec<i64> = rows.fetch_with(|row| row.get(0)).await.unwrap();
    rows.into_iter().collect()
}

async fn check(db: &Database, acknowledged: &BTreeSet<(String, i64)>) {
    // A server may still be busy with what the child sent last: nobody answers for that, but it is
    // there as a whole or not at all.
    let both = "SELECT count(*) FROM one WHERE id NOT IN (SELECT id FROM two)";
    assert_eq!(db.sql(both).scalar::<i64>().await.unwrap(), 0);
    let both = "SELECT count(*) FROM two WHERE id NOT IN (SELECT id FROM one)";
    assert_eq!(db.sql(both).scalar::<i64>().await.unwrap(), 0);
    let (single, one) = (ids(db, "single").await, ids(db, "one").await);
    for (kind, id) in acknowledged {
        let there = if kind == "single" { &single } else { &one };
        assert!(there.contains(id), "{kind} {id} was acknowledged");
    }
}
