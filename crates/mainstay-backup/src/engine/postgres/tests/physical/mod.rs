//! Base backups, the log that follows them, and recovery to a moment.
//!
//! - `moments`: a server under a load of writes, as it was at one moment or another
//! - `follows`: the log goes on, whoever crashes
//! - `refusals`: what cannot be taken or recovered

mod follows;
mod moments;
mod refusals;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;

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
