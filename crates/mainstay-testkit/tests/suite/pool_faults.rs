//! A pool while its server is killed, restarted and frozen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mainstay::config::ConfigLoader;
use mainstay::{Database, ErrorKind};
use mainstay_testkit::servers::{Options, Server, ServerKind, require};
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::{Instant, sleep};

/// Far beyond what is needed, so that a slow machine fails nothing.
const PATIENCE: Duration = Duration::from_secs(60);

const CONNECTIONS: usize = 5;

/// A server of the test's own, and a handle on it.
async fn open(kind: ServerKind) -> Option<(Server, Database)> {
    require(kind)?;
    let server = block_in_place(|| Server::start(kind, Options::default())).unwrap();
    let url = server.url();
    let config = ConfigLoader::new()
        .set("url", url.as_str())
        .set("tls", "require")
        .set("tls_ca_file", url.ca().unwrap().display().to_string())
        .set("pool.max", CONNECTIONS.to_string())
        .set("pool.min", CONNECTIONS.to_string())
        .load()
        .unwrap();
    let db = Database::open(&config).await.unwrap();
    Some((server, db))
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "still not so: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Callers who go on asking, whatever they are answered.
struct Load {
    served: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(db: &Database) -> Self {
        let (served, failed) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let stop = Arc::<AtomicBool>::default();
        let tasks = (0..3 * CONNECTIONS).map(|_| {
            let (db, served, failed) = (db.clone(), Arc::clone(&served), Arc::clone(&failed));
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    match db.health().timeout(Duration::from_secs(2)).await {
                        Ok(_) => served.fetch_add(1, Ordering::SeqCst),
                        Err(_) => failed.fetch_add(1, Ordering::SeqCst),
                    };
                    sleep(Duration::from_millis(2)).await;
                }
            })
        });
        Self {
            tasks: tasks.collect(),
            served,
            failed,
            stop,
        }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            let ended = tokio::time::timeout(PATIENCE, task).await;
            ended.expect("no caller hangs").unwrap();
        }
    }
}

fn is_whole(db: &Database) -> bool {
    let status = db.pool().status();
    status.open == CONNECTIONS
        && status.dialling.is_empty()
        && status.checking == 0
        && status.recovering == 0
        && !status.is_failing()
}

/// After the server has come back all connections are there again, and nobody fails any more.
async fn returns_to_full_service(db: &Database, load: Load) {
    eventually("all connections are there again", || is_whole(db)).await;
    // What was under way when the last dead connection was found may still fail, and the breaker
    // lets callers in little by little.
    let until = Instant::now() + PATIENCE;
    loop {
        let served = load.served.load(Ordering::SeqCst);
        let failed = load.failed.load(Ordering::SeqCst);
        eventually("callers are served", || {
            load.served.load(Ordering::SeqCst) > served + 200
        })
        .await;
        if load.failed.load(Ordering::SeqCst) == failed {
            break;
        }
        assert!(Instant::now() < until, "callers go on failing");
    }
    load.end().await;
    eventually("nothing is left of it", || {
        let status = db.pool().status();
        status.idle == CONNECTIONS && status.closing == 0
    })
    .await;
    let status = db.pool().status();
    assert_eq!((status.in_use(), status.waiting), (0, 0));
    assert_eq!(status.leaks_total, 0);
}

async fn survives_a_restart(kind: ServerKind) {
    let Some((mut server, db)) = open(kind).await else {
        return;
    };
    let load = Load::start(&db);
    eventually("callers are served", || {
        load.served.load(Ordering::SeqCst) > 100
    })
    .await;
    block_in_place(|| server.kill()).unwrap();
    eventually("the pool knows", || db.pool().status().is_failing()).await;
    let error = db.health().await.unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Unreachable | ErrorKind::ConnectionLost | ErrorKind::CircuitOpen
        ),
        "{error}"
    );
    block_in_place(|| server.restart()).unwrap();
    returns_to_full_service(&db, load).await;
    db.close(PATIENCE).await.unwrap();
}

async fn survives_a_freeze(kind: ServerKind) {
    let Some((server, db)) = open(kind).await else {
        return;
    };
    let load = Load::start(&db);
    eventually("callers are served", || {
        load.served.load(Ordering::SeqCst) > 100
    })
    .await;
    server.freeze().unwrap();
    let failed = load.failed.load(Ordering::SeqCst);
    // Each caller meets its limit, several times over.
    eventually("callers are told", || {
        load.failed.load(Ordering::SeqCst) > failed + 6 * CONNECTIONS
    })
    .await;
    let status = db.pool().status();
    assert!(status.open <= CONNECTIONS, "{status:?}");
    server.thaw().unwrap();
    returns_to_full_service(&db, load).await;
    server.freeze().unwrap();
    let started = Instant::now();
    // It may say that not all could be closed, but it does not hang.
    let _ = db.close(Duration::from_secs(1)).await;
    assert!(started.elapsed() < PATIENCE);
    server.thaw().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_survives_a_restart_of_postgres() {
    survives_a_restart(ServerKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_survives_a_restart_of_mariadb() {
    survives_a_restart(ServerKind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_survives_a_freeze_of_postgres() {
    survives_a_freeze(ServerKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_survives_a_freeze_of_mariadb() {
    survives_a_freeze(ServerKind::MariaDb).await;
}
