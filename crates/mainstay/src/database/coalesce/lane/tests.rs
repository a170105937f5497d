//! Leaders that do not come to their end: whoever they carry or leave behind gets an answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::plan::{ALONE, MOST};
use super::*;
use crate::config::ConfigLoader;

/// Far beyond what is needed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many statements of [`Panics`] were started.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Every statement panics.
struct Panics;

impl Work for Panics {
    type Input = usize;
    type Output = ();
    const WRITES: bool = true;

    fn most(_: &Capabilities) -> usize {
        MOST
    }

    fn take(_: usize, _: usize) -> usize {
        2
    }

    async fn run(_: &Lane<Self>, _: &Database, _batch: Batch<Self>) {
        STARTED.fetch_add(1, Ordering::SeqCst);
        panic!("meant: the leader of a lane panics");
    }
}

/// Every statement says that it has started, and never ends.
struct Hangs;

impl Work for Hangs {
    type Input = mpsc::UnboundedSender<()>;
    type Output = ();
    const WRITES: bool = true;

    fn most(_: &Capabilities) -> usize {
        MOST
    }

    fn take(_: usize, _: usize) -> usize {
        2
    }

    async fn run(_: &Lane<Self>, _: &Database, batch: Batch<Self>) {
        let _ = batch.calls[0].input().send(());
        std::future::pending().await
    }
}

async fn open(folder: &tempfile::TempDir) -> Database {
    let url = format!("sqlite:{}/x.db", folder.path().display());
    let config = ConfigLoader::new().set("url", url).load().unwrap();
    let builder = Database::builder().create_if_missing();
    builder.open(&config).await.unwrap()
}

/// A caller, which says how its call came out: carried with an outcome, or sent back.
fn caller<W: Work>(lane: &Arc<Lane<W>>, input: W::Input) -> JoinHandle<Option<Outcome>> {
    let lane = Arc::clone(lane);
    tokio::spawn(async move {
        let deadline = Instant::now() + PATIENCE;
        match lane.enter(input, deadline, &CallOptions::here()).await {
            Entered::Done(result) => Some(result.err().unwrap().outcome()),
            Entered::Lost(_, error) => Some(error.outcome()),
            Entered::Alone(..) => None,
        }
    })
}

/// Takes all places of the lane for calls that run by themselves.
async fn fill<W: Work>(lane: &Arc<Lane<W>>, input: impl Fn() -> W::Input) -> Vec<Ticket<W>> {
    let mut tickets = Vec::new();
    for _ in 0..ALONE {
        let deadline = Instant::now() + PATIENCE;
        let options = CallOptions::here();
        let entered = Arc::clone(lane).enter(input(), deadline, &options);
        match entered.await {
            Entered::Alone(_, ticket) => tickets.push(ticket),
            Entered::Done(_) | Entered::Lost(..) => panic!("there was a place"),
        }
    }
    tickets
}

async fn all_wait<W: Work>(lane: &Lane<W>, count: usize) {
    while lane.state().waiting.len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn callers_of_a_leader_that_panics_get_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    let lane = Arc::new(Lane::<Panics>::new(Arc::downgrade(&db.shared), MOST));
    let tickets = fill(&lane, || 0).await;
    let callers: Vec<_> = (0..20).map(|number| caller(&lane, number)).collect();
    all_wait(&lane, 20).await;
    drop(tickets);
    let mut unknown = 0;
    for caller in callers {
        // It was in the statement, and nobody knows what became of it; others go by themselves.
        if let Some(outcome) = caller.await.unwrap() {
            assert_eq!(outcome, Outcome::Unknown);
            unknown += 1;
        }
    }
    assert_eq!(unknown, 2 * STARTED.load(Ordering::SeqCst));
    assert!(unknown >= 2);
    // The places are free again.
    fill(&lane, || 0).await;
}

#[tokio::test]
async fn callers_of_a_leader_whose_runtime_ends_get_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    let lane = Arc::new(Lane::<Hangs>::new(Arc::downgrade(&db.shared), MOST));
    let (started, mut has_started) = mpsc::unbounded_channel();
    let tickets = fill(&lane, || started.clone()).await;
    let callers: Vec<_> = (0..20).map(|_| caller(&lane, started.clone())).collect();
    all_wait(&lane, 20).await;
    let elsewhere = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    // Whoever gives its place back starts the leader, on the runtime it is on.
    elsewhere.spawn(async move { drop(tickets) });
    has_started.recv().await.unwrap();
    elsewhere.shutdown_background();
    let (mut unknown, mut alone) = (0, 0);
    // Those that go past the leader meanwhile would hang here, and end with their callers' patience.
    for caller in callers {
        match caller.await.unwrap() {
            Some(outcome) => {
                assert_eq!(outcome, Outcome::Unknown);
                unknown += 1;
            }
            None => alone += 1,
        }
    }
    assert!(unknown >= 2, "{unknown} unknown, {alone} alone");
    assert_eq!(unknown + alone, 20);
}
