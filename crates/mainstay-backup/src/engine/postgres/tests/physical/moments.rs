//! A server under a load of writes, as it was at one moment or another.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use mainstay::{Entropy, SeededEntropy};

use super::*;

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
    let moments: Vec<DateTime<Utc>> = (0..20)
        .map(|_| first + chrono::TimeDelta::microseconds((span * entropy.unit()) as i64))
        .collect();
    let places = folder();
    // Two at a time, since much of each is waiting.
    let (whole, log, known) = (&whole, &log, &known);
    let each = moments.into_iter().enumerate().map(|(number, to)| {
        let (base, place) = (&base, places.path().join(number.to_string()));
        async move {
            let instance = whole
                .recover(base, Some(log), Some(to), place.clone())
                .await;
            let instance = instance.expect("it is recovered");
            compare(&entries(&instance).await, known, to);
            blocking(move || drop(instance)).await;
            fs::remove_dir_all(place).expect("it is removed");
        }
    });
    let compared = futures_util::stream::iter(each).buffer_unordered(2).count();
    assert_eq!(compared.await, 20);

    // All there is: everything, because the log was followed for longer than was written.
    let instance = whole
        .recover(&base, Some(log), None, places.path().join("all"))
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
