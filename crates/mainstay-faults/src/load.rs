//! The load: workers that read, write and transfer until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use uuid::Uuid;

use crate::client::{Call, Client, Failure, Transfer};
use crate::ledger::{Kind, Ledger, Told};
use crate::model::ACCOUNTS;
use crate::rng::Rng;

/// Beyond its deadline a call is waited for this long, and then left alone as hung.
const PATIENCE: Duration = Duration::from_secs(15);

/// A note that the proxy looks for.
pub(crate) const MARK: &str = "lose-this-reply";

/// When a worker makes its next call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// After a pause of at most this length.
    Pause(Duration),
    /// So long after the one before began, give or take a half; at once when that took longer.
    Every(Duration),
}

/// What the load consists of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mix {
    pub(crate) workers: u64,
    pub(crate) pace: Pace,
    /// So many rows of its own a worker has in mind.
    pub(crate) most_rows: usize,
    /// Whether rows are changed, deleted and read again. Not where the database is exchanged for
    /// another underneath.
    pub(crate) keeps_rows: bool,
}

impl Mix {
    /// What most faults are met with.
    pub(crate) const USUAL: Self = Self {
        workers: 16,
        pace: Pace::Pause(Duration::from_millis(40)),
        most_rows: usize::MAX,
        keeps_rows: true,
    };

    /// The kinds of call it makes.
    pub(crate) fn kinds(&self) -> &'static [Kind] {
        if self.keeps_rows {
            &Kind::ALL
        } else {
            &[Kind::Create, Kind::Append, Kind::Transfer]
        }
    }
}

/// A load that runs.
#[derive(Debug)]
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    workers: JoinSet<()>,
    lag: Lag,
}

impl Load {
    pub(crate) fn start(
        client: &Arc<dyn Client>,
        ledger: &Arc<Ledger>,
        mix: Mix,
        rng: &Rng,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for number in 0..mix.workers {
            let mut worker = Worker {
                caller: Caller::new(client, ledger),
                rng: rng.fork(number + 1),
                mine: Vec::new(),
                mix,
            };
            let stop = Arc::clone(&stop);
            workers.spawn(async move {
                if let Pace::Every(interval) = mix.pace {
                    // Not all at the same moment.
                    sleep(worker.up_to(interval)).await;
                }
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    worker.call().await;
                    match mix.pace {
                        Pace::Pause(most) => sleep(worker.up_to(most)).await,
                        Pace::Every(interval) => {
                            let next = began + interval / 2 + worker.up_to(interval);
                            sleep_until(next).await;
                        }
                    }
                }
            });
        }
        Self {
            stop,
            workers,
            lag: Lag::watch(),
        }
    }

    /// Lets the workers end what they are at, and returns by how much this machine was late at
    /// worst.
    pub(crate) async fn stop(mut self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        while self.workers.join_next().await.is_some() {}
        self.lag.worst()
    }
}

/// How late timers fire, so that a busy machine is not taken for a hung call.
#[derive(Debug)]
struct Lag {
    worst: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Lag {
    fn watch() -> Self {
        let worst = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&worst);
        let task = tokio::spawn(async move {
            let tick = Duration::from_millis(20);
            loop {
                let before = Instant::now();
                sleep(tick).await;
                let late = before.elapsed().saturating_sub(tick).as_millis() as u64;
                shared.fetch_max(late, Ordering::Relaxed);
            }
        });
        Self { worst, task }
    }

    fn worst(&self) -> Duration {
        Duration::from_millis(self.worst.load(Ordering::Relaxed))
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes calls and notes what it was told.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) client: Arc<dyn Client>,
    pub(crate) ledger: Arc<Ledger>,
}

impl Caller {
    pub(crate) fn new(client: &Arc<dyn Client>, ledger: &Arc<Ledger>) -> Self {
        Self {
            client: Arc::clone(client),
            ledger: Arc::clone(ledger),
        }
    }

    /// Makes one call. When this future is dropped, the ledger has a call whose caller went away.
    async fn tell<T>(&self, kind: Kind, key: Uuid, call: Call<T>) -> (Told, Option<T>) {
        let limit = self.client.limits().of(kind);
        let number = self.ledger.begin(kind, key);
        let (told, code, value) = match timeout(limit + PATIENCE, call).await {
            Ok(Ok(value)) => (Told::Done, None, Some(value)),
            Ok(Err(Failure { code, told })) => (told, Some(code), None),
            Err(_) => (Told::Hung, Some("(no answer)".to_owned()), None),
        };
        self.ledger.end(number, told, code);
        (told, value)
    }

    /// Makes an item; it is returned if that was acknowledged.
    pub(crate) async fn create(&self, op: Uuid, note: &str) -> Option<Made> {
        let call = self.client.create(op, note.to_owned());
        let (_, id) = self.tell(Kind::Create, op, call).await;
        id.map(|id| Made { op, id, version: 0 })
    }

    pub(crate) async fn append(&self, op: Uuid) -> Told {
        self.tell(Kind::Append, op, self.client.append(op)).await.0
    }

    /// Changes an item; it is returned as it is now if that was acknowledged.
    pub(crate) async fn update(&self, item: Made) -> Option<Made> {
        let version = item.version + 1;
        let call = self.client.update(item.id, version);
        let (told, _) = self.tell(Kind::Update, item.op, call).await;
        (told == Told::Done).then_some(Made { version, ..item })
    }

    pub(crate) async fn delete(&self, item: Made) -> Told {
        let call = self.client.delete(item.id);
        self.tell(Kind::Delete, item.op, call).await.0
    }

    pub(crate) async fn transfer(&self, transfer: Transfer) -> Told {
        let call = self.client.transfer(transfer);
        self.tell(Kind::Transfer, transfer.op, call).await.0
    }

    /// Reads an item that is there as was acknowledged.
    pub(crate) async fn read(&self, item: Made) {
        let Made { op, id, version } = item;
        let (_, found) = self.tell(Kind::Read, op, self.client.read(id)).await;
        if let Some(found) = found
            && found.map(|(version, _)| version) != Some(version)
        {
            self.ledger.blind(format!(
                "acknowledged but missing: a read of item {id} saw {found:?} instead of version \
                 {version}"
            ));
        }
    }
}

/// An item that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    pub(crate) op: Uuid,
    pub(crate) id: Uuid,
    pub(crate) version: i64,
}

/// Two different accounts, the smaller first: whoever locks in this order blocks nobody for good.
pub(crate) fn transfer(rng: &mut Rng, accounts: i64) -> Transfer {
    let one = rng.below(accounts as u64) as i64;
    let other = (one + 1 + rng.below(accounts as u64 - 1) as i64) % accounts;
    Transfer {
        op: rng.uuid(),
        source: one.min(other),
        target: one.max(other),
        amount: 1 + rng.below(100) as i64,
        serializable: false,
    }
}

/// One worker, and the rows it made.
#[derive(Debug)]
struct Worker {
    caller: Caller,
    rng: Rng,
    /// Items that were acknowledged as they are here. One whose fate is not clear is forgotten.
    mine: Vec<Made>,
    mix: Mix,
}

impl Worker {
    async fn call(&mut self) {
        let dice = self.rng.below(100);
        if !self.mix.keeps_rows {
            return match dice {
                0..50 => self.create().await,
                50..70 => self.append().await,
                _ => self.transfer().await,
            };
        }
        match dice {
            _ if self.mine.is_empty() => self.create().await,
            0..35 => {
                let item = self.mine[self.rng.index(self.mine.len())];
                self.caller.read(item).await;
            }
            35..55 => self.create().await,
            55..65 => self.append().await,
            65..78 => {
                let item = self.take();
                self.mine.extend(self.caller.update(item).await);
            }
            78..84 => {
                let item = self.take();
                self.caller.delete(item).await;
            }
            _ => self.transfer().await,
        }
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.rng.below(most.as_micros() as u64))
    }

    fn take(&mut self) -> Made {
        let position = self.rng.index(self.mine.len());
        self.mine.swap_remove(position)
    }

    async fn create(&mut self) {
        let op = self.rng.uuid();
        // Marked now and then, so that a fault finds one.
        let note = if self.rng.below(4) == 0 { MARK } else { "" };
        let made = self.caller.create(op, note).await;
        if self.mix.keeps_rows {
            if self.mine.len() >= self.mix.most_rows {
                // It stays as it is.
                self.take();
            }
            self.mine.extend(made);
        }
    }

    async fn append(&mut self) {
        let op = self.rng.uuid();
        self.caller.append(op).await;
    }

    async fn transfer(&mut self) {
        let transfer = transfer(&mut self.rng, ACCOUNTS);
        self.caller.transfer(transfer).await;
    }
}
