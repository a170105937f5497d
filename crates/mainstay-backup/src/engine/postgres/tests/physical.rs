//! Base backups, the log that follows them, and recovery to a moment.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use mainstay::{Entropy, ErrorKind, SeededEntropy};
use mainstay_testkit::servers::{Options, Server};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::physical::{Event, Follow, Instance, Purpose, Recovery, newest};
use super::*;
use crate::archive::{Keys, Log};
use crate::target::Target as Store;

/// A server of one test, from which its files can be taken.
struct Whole {
    server: Server,
    engine: Postgres,
    config: Config,
}

fn whole() -> Option<Whole> {
    require(ServerKind::Postgres)?;
    let options = Options {
        settings: vec!["max_wal_senders=8".into(), "max_wal_size=64MB".into()],
        ..Options::default()
    };
    let server = Server::start(ServerKind::Postgres, options).expect("a server");
    let access = server.folder().join("pg_hba.conf");
    let rules = fs::read_to_string(&access).expect("rules");
    let more = "host replication all 127.0.0.1/32 scram-sha-256\n";
    fs::write(&access, rules + more).expect("they are written");
    run_sql(server.url(), "SELECT pg_reload_conf()").expect("they are read");
    let config = config(server.url().as_str());
    Some(Whole {
        engine: engine(&config),
        server,
        config,
    })
}

impl Whole {
    fn sql(&self, sql: &str) -> String {
        run_sql(self.server.url(), sql)
            .expect("it runs")
            .trim()
            .to_owned()
    }

    async fn base(&self) -> (Manifest, Vec<u8>) {
        let engine = self.engine.clone();
        let (captured, bytes) = blocking(move || {
            let mut bytes = Vec::new();
            let captured = engine.capture(Kind::Physical, &mut bytes, &Control::new());
            (captured.expect("it is taken"), bytes)
        })
        .await;
        (manifest(&captured, Kind::Physical), bytes)
    }

    async fn recover(
        &self,
        base: &(Manifest, Vec<u8>),
        log: Option<&Log>,
        to: Option<DateTime<Utc>>,
        folder: PathBuf,
    ) -> Result<Instance> {
        let (engine, log) = (self.engine.clone(), log.cloned());
        let (manifest, bytes) = base.clone();
        blocking(move || {
            let recovery = Recovery {
                base: &manifest,
                log: log.as_ref(),
                to,
                folder: &folder,
                purpose: Purpose::Trial,
            };
            engine.recover(&recovery, &mut bytes.as_slice(), &Control::new())
        })
        .await
    }
}

/// A folder that the server's user may enter.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path(), open).expect("it is opened");
    folder
}

fn log(store: &Store) -> Log {
    let entropy = Arc::new(SystemEntropy);
    Log::new(store, "main", "base", Keys::default(), entropy)
}

/// The log being followed, in a task.
struct Following {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
    waited: Arc<Mutex<Vec<String>>>,
}

impl Following {
    fn start(whole: &Whole, base: &Manifest, log: &Log, spool: &tempfile::TempDir) -> Self {
        let (stop, stopped) = oneshot::channel();
        let waited = Arc::new(Mutex::new(Vec::new()));
        let (engine, base, log) = (whole.engine.clone(), base.clone(), log.clone());
        let follow = Follow {
            spool: spool.path().to_owned(),
            interval: Duration::from_millis(300),
        };
        let told = Arc::clone(&waited);
        let task = tokio::spawn(async move {
            let stop = async move {
                let _ = stopped.await;
            };
            let tell = move |event: Event<'_>| {
                if let Event::Waiting(error) = event {
                    told.lock().unwrap().push(error.to_string());
                }
            };
            engine.follow(&base, &log, &follow, stop, tell).await
        });
        Self { stop, task, waited }
    }

    async fn stop(self) {
        self.stop.send(()).expect("it runs");
        self.task.await.expect("it ends").expect("it ends well");
    }
}

/// Waits until all that was acknowledged before a moment is in the log, and says how long that took.
async fn wait_for(log: &Log, moment: DateTime<Utc>) -> Duration {
    let started = tokio::time::Instant::now();
    loop {
        let reached = newest(log).await.expect("it is read");
        if reached.is_some_and(|reached| reached >= moment) {
            return started.elapsed();
        }
        assert!(
            started.elapsed() < Duration::from_secs(40),
            "{reached:?} {moment}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn now() -> DateTime<Utc> {
    mainstay::Clock::now(&SystemClock)
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    id: i64,
    begun: DateTime<Utc>,
    acknowledged: DateTime<Utc>,
}

/// Writers that note what was acknowledged.
struct Load {
    stop: Arc<AtomicBool>,
    known: Arc<Mutex<Vec<Entry>>>,
    writers: Vec<JoinHandle<()>>,
}

impl Load {
    async fn start(whole: &Whole) -> Self {
        whole.sql("CREATE TABLE entries (id bigint PRIMARY KEY, text text NOT NULL)");
        let (stop, known) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let mut writers = Vec::new();
        for writer in 0..3_i64 {
            let db = Database::open(&whole.config).await.expect("it opens");
            let (stop, known) = (Arc::clone(&stop), Arc::<Mutex<Vec<Entry>>>::clone(&known));
            writers.push(tokio::spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let (id, begun) = (writer << 32 | number, now());
                    let insert =
                        db.sql("INSERT INTO entries VALUES (?, 'an entry of some length')");
                    insert.bind(id).execute().await.expect("it is written");
                    let acknowledged = now();
                    known.lock().unwrap().push(Entry {
                        id,
                        begun,
                        acknowledged,
                    });
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                server::close(db).await;
            }));
        }
        Self {
            stop,
            known,
            writers,
        }
    }

    async fn stop(self) -> Vec<Entry> {
        self.stop.store(true, Ordering::Relaxed);
        for writer in self.writers {
            writer.await.expect("it ends");
        }
        self.known.lock().unwrap().clone()
    }
}

async fn entries(instance: &Instance) -> BTreeSet<i64> {
    let db = Database::open(&instance.config).await.expect("it opens");
    let ids: Vec<i64> = db
        .sql("SELECT id FROM entries")
        .fetch_with(|row| row.get(0))
        .await
        .expect("it reads");
    server::close(db).await;
    ids.into_iter().collect()
}

/// All that was acknowledged before a moment is there, and nothing that was begun after it.
fn compare(there: &BTreeSet<i64>, known: &[Entry], to: DateTime<Utc>) {
    let before = known.iter().filter(|entry| entry.acknowledged < to);
    let missing: Vec<_> = before.filter(|entry| !there.contains(&entry.id)).collect();
    assert!(
        missing.is_empty(),
        "{to}: {} missing: {:?}",
        missing.len(),
        missing[0]
    );
    let after = known.iter().filter(|entry| entry.begun > to);
    let extra: Vec<_> = after.filter(|entry| there.contains(&entry.id)).collect();
    assert!(
        extra.is_empty(),
        "{to}: {} too many: {:?}",
        extra.len(),
        extra[0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_moments_are_recovered_as_they_were() {
    let Some(whole) = whole() else { return };
    let load = Load::start(&whole).await;
    let base = whole.base().await;
    let store = Store::memory();
    let log = log(&store);
    let spool = folder();
    let following = Following::start(&whole, &base.0, &log, &spool);
    let first = now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let last = now();
    wait_for(&log, last).await;
    let known = load.stop().await;
    following.stop().await;

    let entropy = SeededEntropy::new(20);
    let span = (last - first).num_microseconds().expect("seconds") as f64;
    let places = folder();
    for number in 0..20 {
        let to = first + chrono::TimeDelta::microseconds((span * entropy.unit()) as i64);
        let place = places.path().join(number.to_string());
        let instance = whole
            .recover(&base, Some(&log), Some(to), place.clone())
            .await;
        let instance = instance.expect("it is recovered");
        compare(&entries(&instance).await, &known, to);
        blocking(move || drop(instance)).await;
        fs::remove_dir_all(place).expect("it is removed");
    }

    // All there is: everything, because the log was followed for longer than was written.
    let instance = whole
        .recover(&base, Some(&log), None, places.path().join("all"))
        .await;
    let instance = instance.expect("it is recovered");
    assert_eq!(entries(&instance).await.len(), known.len());
    blocking(move || drop(instance)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_is_recovered_alone_and_lives_on() {
    let Some(whole) = whole() else { return };
    let load = Load::start(&whole).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let base = whole.base().await;
    let known = load.stop().await;
    let places = folder();
    let place = places.path().join("a");
    let instance = whole.recover(&base, None, None, place.clone()).await;
    let instance = instance.expect("it is recovered");
    let there = entries(&instance).await;
    let before = known
        .iter()
        .filter(|entry| entry.acknowledged < base.0.taken_at);
    let before: Vec<_> = before.collect();
    assert!(before.iter().all(|entry| there.contains(&entry.id)));
    assert!(
        before.len() + 400 > there.len(),
        "{} {}",
        before.len(),
        there.len()
    );
    let engine = whole.engine.clone();
    assert!(
        instance.switch().contains("pg_ctl"),
        "{}",
        instance.switch()
    );
    let (instance, tables) = blocking(move || {
        let tables = instance.tables(&engine, &Control::new());
        (instance, tables)
    })
    .await;
    let tables = tables.expect("they are read");
    assert_eq!(tables[0].name, "entries");
    assert_eq!(tables[0].rows, there.len() as u64);

    // It is made to go on by itself, and stopped as an operator would.
    let config = instance.config.clone();
    let (left, port) = blocking(move || instance.leave())
        .await
        .expect("it is left");
    assert_eq!(config.url.port(), Some(port));
    let db = Database::open(&config).await.expect("it opens");
    db.sql("INSERT INTO entries VALUES (-1, 'after')")
        .execute()
        .await
        .expect("it writes");
    server::close(db).await;
    let process = fs::read_to_string(left.join("postmaster.pid")).expect("its number");
    let process = process.lines().next().expect("a line").to_owned();
    let asked = std::process::Command::new("kill")
        .args(["-INT", &process])
        .status();
    assert!(asked.expect("kill runs").success());
    for _ in 0..500 {
        if !left.join("postmaster.pid").exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_goes_on_after_crashes_of_either_side() {
    let Some(mut whole) = whole() else { return };
    whole.sql("CREATE TABLE entries (id bigint PRIMARY KEY)");
    let base = whole.base().await;
    let store = Store::memory();
    let log = log(&store);
    let spool = folder();
    let write = |whole: &Whole, id: i64| {
        // More than a file of the log, so that it goes on in the next one.
        whole.sql(&format!(
            "INSERT INTO entries VALUES ({id}); \
             CREATE TABLE more_{id} AS SELECT repeat(md5(n::text), 10) FROM generate_series(1, 9000) n"
        ));
        now()
    };
    let following = Following::start(&whole, &base.0, &log, &spool);
    let at = write(&whole, 1);
    wait_for(&log, at).await;

    // We are gone without a word, and come back.
    following.task.abort();
    let _ = following.task.await;
    assert_eq!(
        whole.sql("SELECT count(*) FROM pg_replication_slots WHERE NOT active"),
        "0"
    );
    write(&whole, 2);
    let following = Following::start(&whole, &base.0, &log, &spool);
    let at = write(&whole, 3);
    wait_for(&log, at).await;

    // The server crashes, and comes back.
    whole.server.kill().expect("it is killed");
    tokio::time::sleep(Duration::from_millis(500)).await;
    whole.server.restart().expect("it starts");
    let at = write(&whole, 4);
    wait_for(&log, at).await;
    assert!(!following.waited.lock().unwrap().is_empty());
    assert!(!following.task.is_finished());

    // A single transaction is in the target within the interval, and a little for this machine.
    let at = {
        whole.sql("INSERT INTO entries VALUES (5)");
        now()
    };
    let took = wait_for(&log, at).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    following.stop().await;
    assert_eq!(whole.sql("SELECT count(*) FROM pg_stat_replication"), "0");

    // Somewhere else, with nothing of the spool left.
    let spool = folder();
    let following = Following::start(&whole, &base.0, &log, &spool);
    whole.sql("INSERT INTO entries VALUES (6)");
    wait_for(&log, now()).await;
    following.stop().await;

    let places = folder();
    let instance = whole
        .recover(&base, Some(&log), None, places.path().join("a"))
        .await;
    let instance = instance.expect("it is recovered");
    let there: Vec<i64> = entries(&instance).await.into_iter().collect();
    assert_eq!(there, [1, 2, 3, 4, 5, 6]);
    blocking(move || drop(instance)).await;
    // Not before the base, and not after the log.
    for (to, part) in [
        (
            base.0.taken_at - chrono::TimeDelta::hours(1),
            "first moment",
        ),
        (now() + chrono::TimeDelta::hours(1), "the log ends with"),
    ] {
        let place = places.path().join("b");
        let refused = whole
            .recover(&base, Some(&log), Some(to), place.clone())
            .await;
        let error = refused.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::BackupRefused);
        assert!(error.detail().contains(part), "{error:?}");
        assert!(!place.exists());
    }
    // A piece that is missing is found before anything is made.
    let segments = log.list().await.expect("a list");
    log.remove(&segments[segments.len() / 2])
        .await
        .expect("it is removed");
    let broken = whole
        .recover(&base, Some(&log), None, places.path().join("b"))
        .await;
    assert_eq!(
        broken.expect_err("it has a hole").kind(),
        ErrorKind::BackupDamaged
    );
    assert!(newest(&log).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_recovered_is_refused() {
    let Some(whole) = whole() else { return };
    whole.sql("CREATE TABLE t AS SELECT n FROM generate_series(1, 10000) n; CHECKPOINT");
    let base = whole.base().await;
    let places = folder();
    let full = places.path().join("full");
    fs::create_dir(&full).expect("it is made");
    fs::write(full.join("data"), "important").expect("it is written");
    let error = whole
        .recover(&base, None, None, full.clone())
        .await
        .expect_err("not empty");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(
        fs::read(full.join("data")).expect("it is there"),
        b"important"
    );

    // A byte within a table's file.
    let mut damaged = base.clone();
    let at = damaged
        .1
        .windows(10)
        .position(|part| part == b"base/5/112")
        .or_else(|| damaged.1.windows(7).position(|part| part == b"base/1/"));
    let at = at.expect("a file") + 512 + 100;
    damaged.1[at] ^= 0x20;
    let error = whole
        .recover(&damaged, None, None, places.path().join("damaged"))
        .await;
    assert_eq!(
        error.expect_err("it is damaged").kind(),
        ErrorKind::BackupDamaged
    );

    // A logical backup is no base, and another server's log does not go with it.
    let mut logical = base.0.clone();
    logical.kind = Kind::Logical;
    let refused = whole
        .recover(&(logical, Vec::new()), None, None, places.path().join("l"))
        .await;
    assert_eq!(
        refused.expect_err("no base").kind(),
        ErrorKind::BackupRefused
    );
    let (store, spool) = (Store::memory(), folder());
    let mut other = base.0.clone();
    other.position.as_mut().expect("a position")["system"] = "7".into();
    let following = Following::start(&whole, &other, &log(&store), &spool);
    let ended = following.task.await.expect("it ends");
    assert_eq!(
        ended.expect_err("another server").kind(),
        ErrorKind::BackupRefused
    );

    // Rights that are missing are named.
    whole.sql("CREATE ROLE plain LOGIN PASSWORD 'secret-word'");
    let url = whole.server.url().as_str().to_owned();
    let (_, rest) = url.split_once('@').expect("a user");
    let plain = engine(&config(&format!("postgres://plain:secret-word@{rest}")));
    let refused =
        blocking(move || plain.capture(Kind::Physical, &mut Vec::new(), &Control::new())).await;
    let error = refused.expect_err("no rights");
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error:?}");
    assert!(
        error.hint().expect("a hint").contains("REPLICATION"),
        "{error:?}"
    );
    assert_eq!(whole.sql("SELECT count(*) FROM pg_replication_slots"), "0");
}
