//! Recovery to moments, of a database that is written to all the time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::{Clock, Database, Entropy, ErrorKind, SeededEntropy, SystemClock};
use mainstay_testkit::servers::{Options, Server, ServerKind, require};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::super::instance::Instance;
use super::super::tests::{Ground, blocking, capture, lines, manifest};
use super::super::{MySql, programs};
use super::replay;
use super::tail::BINLOG;
use crate::archive::{Keys, Kind, Log, Manifest};
use crate::control::Control;
use crate::target::Target;

const INTERVAL: Duration = Duration::from_secs(1);

fn logging(more: &[&str]) -> Option<Server> {
    require(ServerKind::MariaDb)?;
    let mut options = Options::default();
    let usual = ["log-bin=bin", "binlog-format=ROW", "server-id=7"];
    options.settings = usual
        .iter()
        .chain(more)
        .map(|&one| one.to_owned())
        .collect();
    Some(Server::start(ServerKind::MariaDb, options).expect("a server"))
}

fn log(target: &Target) -> Log {
    let entropy = Arc::new(SeededEntropy::new(7));
    Log::new(target, "test", "base", Keys::default(), entropy)
}

/// A base backup, and its stream.
async fn base(engine: &MySql) -> (Manifest, Vec<u8>) {
    let (captured, dump) = capture(engine).await.expect("captured");
    let mut base = manifest(&captured.tables);
    base.taken_at = captured.taken_at;
    base.position = captured.position;
    (base, dump)
}

/// A follower in the background.
struct Follower {
    control: Control,
    told: watch::Receiver<Option<DateTime<Utc>>>,
    task: JoinHandle<mainstay::Result<()>>,
}

impl Follower {
    fn start(engine: &MySql, base: &Manifest, log: &Log) -> Self {
        let control = Control::new();
        let (tell, told) = watch::channel(None);
        let (engine, base, log) = (engine.clone(), base.clone(), log.clone());
        let stop = control.clone();
        let task =
            tokio::spawn(async move { engine.follow(&base, &log, INTERVAL, &stop, &tell).await });
        Self {
            control,
            told,
            task,
        }
    }

    async fn stop(self) {
        self.control.cancel();
        self.task.await.expect("no panic").expect("it ends well");
    }
}

/// When a transaction was begun and when it was acknowledged.
type Written = Arc<Mutex<BTreeMap<i64, (DateTime<Utc>, Option<DateTime<Utc>>)>>>;

/// Writes transactions of two rows. One whose outcome is not known stays without an end.
async fn write(db: Database, next: Arc<AtomicI64>, written: Written, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let begun = (SystemClock.now(), None);
        written.lock().expect("no panics").insert(id, begun);
        let done = db
            .transaction(async |tx| {
                tx.sql("INSERT INTO notes VALUES (?, 'it''s')")
                    .bind(id)
                    .execute()
                    .await?;
                tx.sql("INSERT INTO marks VALUES (?)")
                    .bind(id)
                    .execute()
                    .await?;
                Ok::<(), mainstay::Error>(())
            })
            .max_attempts(1)
            .await;
        let now = SystemClock.now();
        if done.is_ok() {
            written
                .lock()
                .expect("no panics")
                .entry(id)
                .and_modify(|row| row.1 = Some(now));
        } else {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Compares what was recovered with what is known to be acknowledged.
fn compare(written: &Written, ids: &[i64], to: DateTime<Utc>) -> (usize, usize) {
    // Events have whole seconds: what was begun in the moment's own may be there.
    let whole = i64::from(to.timestamp_subsec_micros() != 0) + to.timestamp();
    let end = DateTime::from_timestamp(whole, 0).expect("a time");
    let (mut before, mut after) = (0, 0);
    for (id, (begun, acknowledged)) in written.lock().expect("no panics").iter() {
        let is_there = ids.binary_search(id).is_ok();
        if acknowledged.is_some_and(|at| at < to) {
            before += 1;
            assert!(
                is_there,
                "{to}: {id}, acknowledged at {acknowledged:?}, is lost"
            );
        }
        if *begun >= end {
            after += 1;
            assert!(!is_there, "{to}: {id}, begun at {begun}, is there");
        }
    }
    (before, after)
}

fn ids(text: &str) -> Vec<i64> {
    lines(text)
        .iter()
        .map(|line| line.parse().expect("a number"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_moments_of_a_load_are_recovered_as_they_were() {
    let Some(mut server) = blocking(|| logging(&[])).await else {
        return;
    };
    let ground = Ground::on(server.url());
    ground.sql("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT); CREATE TABLE marks (id BIGINT PRIMARY KEY)");
    let engine = ground.engine();
    let target = Target::memory();
    let log = log(&target);
    let db = Database::open(&ground.config()).await.expect("opens");
    let (written, stop) = (Written::default(), Arc::new(AtomicBool::new(false)));
    let next = Arc::new(AtomicI64::new(1));
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let (next, written) = (Arc::clone(&next), Arc::clone(&written));
            tokio::spawn(write(db.clone(), next, written, Arc::clone(&stop)))
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (base, dump) = base(&engine).await;
    let follower = Follower::start(&engine, &base, &log);
    let mut behind = Vec::new();
    let watched = follower.told.clone();
    let watch = |behind: &mut Vec<TimeDelta>| {
        if let Some(told) = *watched.borrow() {
            behind.push(SystemClock.now() - told);
        }
    };
    for step in 0..60 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        watch(&mut behind);
        match step {
            20 | 35 => drop(ground.sql("FLUSH BINARY LOGS")),
            30 => drop(ground.sql("ALTER TABLE notes ADD COLUMN more INT")),
            31 => drop(ground.sql("ALTER TABLE notes DROP COLUMN more")),
            _ => {}
        }
    }
    behind.sort();
    let median = behind[behind.len() / 2];
    assert!(median < TimeDelta::milliseconds(1500), "{median} behind");
    // The server is started again; reading goes on from where it was. So does a new follower.
    let server = blocking(move || {
        server.restart().expect("it starts again");
        server
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    follower.stop().await;
    let stopped = MySql::newest(&log)
        .await
        .expect("a moment")
        .expect("something");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let follower = Follower::start(&engine, &base, &log);
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("a writer");
    }
    follower.stop().await;
    db.close(Duration::from_secs(5)).await.expect("closes");
    let newest = MySql::newest(&log)
        .await
        .expect("a moment")
        .expect("something");
    assert!(
        newest > stopped + TimeDelta::seconds(2),
        "{stopped} {newest}"
    );

    // What was the server's is not needed any more.
    let config = ground.config();
    drop(ground);
    drop(server);
    let engine = super::super::tests::engine(&config);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("recovered");
    let (inner, path) = (engine.clone(), data.clone());
    let instance = blocking(move || Instance::start(&inner, &path, &Control::new())).await;
    let instance = instance.expect("a private server");
    let private = super::super::tests::engine(&instance.config);
    let span = (newest - base.taken_at).num_microseconds().expect("a span");
    let random = SeededEntropy::new(20);
    for number in 0..20 {
        let mut to = base.taken_at + TimeDelta::microseconds((random.unit() * span as f64) as i64);
        if number % 4 == 0 {
            to = DateTime::from_timestamp(to.timestamp() + 1, 0)
                .expect("a time")
                .min(newest);
        }
        let (private, base, dump, log) = (private.clone(), base.clone(), dump.clone(), log.clone());
        let found = blocking(move || {
            let control = Control::new();
            let folder = tempfile::tempdir().expect("a folder");
            let fetched = replay::fetch(&base, &log, to, folder.path(), &control);
            let fetched = private.wait(fetched).expect("fetched");
            let program = private
                .places
                .find(&BINLOG, "any", |_| true)
                .expect("a program");
            let mut input = dump.as_slice();
            private
                .fill(&base, &mut input, &program, &fetched, &control)
                .expect("filled");
            private.wait(async {
                let db = Database::open(&private.config).await?;
                let mut found = Vec::new();
                for table in ["notes", "marks"] {
                    let sql = format!("SELECT id FROM {table} ORDER BY id");
                    found.push(db.sql(sql).fetch_with(|row| row.get::<i64>(0)).await?);
                }
                let name = &private.name;
                db.script(format!("DROP DATABASE `{name}`")).await?;
                super::super::close(db).await;
                Ok(found)
            })
        })
        .await
        .expect("rows");
        assert_eq!(found[0], found[1], "transactions are whole");
        let (before, after) = compare(&written, &found[0], to);
        assert!(before > 10, "{to}: {before} before, {after} after");
    }
    blocking(move || instance.stop()).await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_recovered_in_a_server_that_runs_on() {
    let Some(server) = blocking(|| logging(&[])).await else {
        return;
    };
    let ground = Ground::on(server.url());
    ground.sql("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT)");
    let engine = ground.engine();
    let target = Target::memory();
    let log = log(&target);
    let (base, dump) = base(&engine).await;
    let follower = Follower::start(&engine, &base, &log);
    ground.sql("INSERT INTO notes VALUES (1, 'kept')");
    // Another database is none of ours.
    let other = Ground::on(server.url());
    other.sql("CREATE TABLE notes (id INT PRIMARY KEY); INSERT INTO notes VALUES (1)");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let to = SystemClock.now();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    ground.sql("DROP TABLE notes");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    follower.stop().await;

    let newest = MySql::newest(&log)
        .await
        .expect("a moment")
        .expect("something");
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("recovered");
    let run = |to: DateTime<Utc>| {
        let (engine, base, dump) = (engine.clone(), base.clone(), dump.clone());
        let (log, data) = (log.clone(), data.clone());
        blocking(move || {
            let mut input = dump.as_slice();
            engine.restore_to(&base, &mut input, &log, to, &data, &Control::new())
        })
    };
    for (wrong, words) in [
        (base.taken_at - TimeDelta::seconds(1), "is before"),
        (newest + TimeDelta::seconds(1), "goes up to"),
    ] {
        let error = run(wrong).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::BackupRefused, "{error}");
        assert!(error.detail().contains(words), "{error}");
        assert!(!data.exists(), "nothing is left");
    }
    let recovered = run(to).await.expect("recovered");
    let told: Vec<_> = recovered
        .tables
        .iter()
        .map(|t| (t.name.as_str(), t.rows))
        .collect();
    assert_eq!(told, [("notes", 1)]);
    let port = recovered.instance.config.url.port().expect("a port");
    assert!(
        recovered.switch.contains(&port.to_string()),
        "{}",
        recovered.switch
    );
    let password = ground.url.password();
    assert!(!recovered.switch.contains(password), "the password is told");
    let db = Database::open(&recovered.instance.config)
        .await
        .expect("opens");
    let text: String = db
        .sql("SELECT text FROM notes")
        .scalar()
        .await
        .expect("a row");
    assert_eq!(text, "kept");
    db.close(Duration::from_secs(5)).await.expect("closes");
    // The file with the password is gone; a folder that is not empty is refused.
    assert!(!data.join("accounts.sql").exists());
    let error = run(to).await.expect_err("refused");
    assert!(error.detail().contains("not empty"), "{error}");
    assert!(data.join("data").exists(), "what was there stays");
    blocking(move || recovered.instance.stop())
        .await
        .expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_log_does_not_do_is_refused_with_what_to_set() {
    let Some(server) = blocking(|| logging(&[])).await else {
        return;
    };
    let ground = Ground::on(server.url());
    ground.sql("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT)");
    let engine = ground.engine();
    let target = Target::memory();
    let log = log(&target);
    let (base, _) = base(&engine).await;
    let follow = async |base: &Manifest| {
        let (tell, _told) = watch::channel(None);
        let limit = Duration::from_secs(20);
        let control = Control::new();
        let following = engine.follow(base, &log, INTERVAL, &control, &tell);
        tokio::time::timeout(limit, following)
            .await
            .expect("it ends")
            .expect_err("refused")
    };
    ground.sql("SET GLOBAL binlog_format = MIXED");
    let error = follow(&base).await;
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(
        error.hint().is_some_and(|hint| hint.contains("ROW")),
        "{error}"
    );
    ground.sql("SET GLOBAL binlog_format = ROW");

    let mut without = base.clone();
    without.position = None;
    assert_eq!(follow(&without).await.kind(), ErrorKind::BackupRefused);

    // The place is purged before anything of it was shipped.
    ground.sql("FLUSH BINARY LOGS");
    ground.sql("FLUSH BINARY LOGS");
    let last = lines(&ground.sql("SHOW BINARY LOGS"))
        .pop()
        .expect("a file");
    let last = last.split_whitespace().next().expect("a name").to_owned();
    ground.sql(&format!("PURGE BINARY LOGS TO '{last}'"));
    let error = follow(&base).await;
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("new backup")),
        "{error}"
    );

    // A user without the rights is told which.
    let (user, name) = ("reader", &ground.name);
    ground.sql(&format!(
        "CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'secret'; \
         GRANT ALL ON `{name}`.* TO {user}@'127.0.0.1'"
    ));
    let mut config = ground.config();
    let url = format!(
        "mysql://{user}:secret@127.0.0.1:{}/{name}",
        ground.url.port()
    );
    config.url = mainstay::config::DatabaseUrl::parse(&url).expect("a URL");
    let weak = super::super::tests::engine(&config);
    let (tell, _told) = watch::channel(None);
    let control = Control::new();
    let error = weak
        .follow(&base, &log, INTERVAL, &control, &tell)
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("REPLICATION SLAVE")),
        "{error}"
    );
    assert!(programs::places().locate("mariadb-binlog").is_some());

    // The shared server of the tests writes no log.
    let plain = Ground::new().expect("a server");
    let (tell, _told) = watch::channel(None);
    let error = plain
        .engine()
        .follow(&base, &log, INTERVAL, &control, &tell)
        .await;
    let error = error.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("log_bin")),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_server_come_back_and_take_the_log_too() {
    let Some(server) = blocking(|| logging(&[])).await else {
        return;
    };
    let ground = Ground::on(server.url());
    ground.sql(
        "CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT); INSERT INTO notes VALUES (1, 'a')",
    );
    let engine = ground.engine();
    let inner = engine.clone();
    let (captured, files) = blocking(move || {
        let mut files = Vec::new();
        let captured = inner.capture(Kind::Physical, &mut files, &Control::new());
        (captured.expect("captured"), files)
    })
    .await;
    assert_eq!(captured.tools[0].name, "mariadb-backup");
    let mut base = manifest(&[]);
    base.kind = Kind::Physical;
    base.engine_version = captured.engine_version;
    base.taken_at = captured.taken_at;
    base.position = captured.position;
    let target = Target::memory();
    let log = log(&target);
    let follower = Follower::start(&engine, &base, &log);
    ground.sql("INSERT INTO notes VALUES (2, 'b')");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let to = SystemClock.now();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    ground.sql("DELETE FROM notes");
    tokio::time::sleep(Duration::from_millis(500)).await;
    follower.stop().await;

    let folder = tempfile::tempdir().expect("a folder");
    for (number, moment) in [None, Some(to)].into_iter().enumerate() {
        let data = folder.path().join(number.to_string());
        let (engine, base, files, log) = (engine.clone(), base.clone(), files.clone(), log.clone());
        let recovered = blocking(move || {
            let (mut input, control) = (files.as_slice(), Control::new());
            match moment {
                None => engine.restore_beside(&base, &mut input, &data, &control),
                Some(to) => engine.restore_to(&base, &mut input, &log, to, &data, &control),
            }
        })
        .await
        .expect("recovered");
        let told: Vec<_> = recovered
            .tables
            .iter()
            .map(|t| (t.name.as_str(), t.rows))
            .collect();
        assert_eq!(told, [("notes", 1 + number as u64)]);
        // Users are those of the old server, and nobody else.
        let db = Database::open(&recovered.instance.config)
            .await
            .expect("opens");
        let sql = "SELECT COUNT(*) FROM mysql.global_priv WHERE User LIKE 'mainstay\\_%'";
        assert_eq!(db.sql(sql).scalar::<i64>().await.expect("a count"), 0);
        db.close(Duration::from_secs(5)).await.expect("closes");
        blocking(move || recovered.instance.stop())
            .await
            .expect("it stops");
    }
}
