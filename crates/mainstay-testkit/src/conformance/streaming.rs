//! Large results in constant memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use mainstay::driver::Row;
use mainstay::schema::FromRow;
use mainstay::{Database, Error, Projection};

use super::entities::Item;
use super::support::{at_rest, eventually};
use crate::{Engine, Fixture};

const ROWS: i64 = 100_000;

/// Fills the table by one statement: the point here is reading.
async fn fill(db: &Database, engine: Engine, rows: i64) {
    let numbers = match engine {
        Engine::MariaDb => {
            format!("SELECT seq, 1, 'a label of some length', NULL, 0.5 FROM seq_1_to_{rows}")
        }
        Engine::Sqlite => format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
             SELECT i, 1, 'a label of some length', NULL, 0.5 FROM n"
        ),
        Engine::Postgres => format!(
            "SELECT i, 1, 'a label of some length', NULL, 0.5 FROM generate_series(1, {rows}) i"
        ),
    };
    let into = match engine {
        Engine::MariaDb => "INSERT INTO items (id, `rank`, label, note, score)",
        _ => "INSERT INTO items (id, rank, label, note, score)",
    };
    let done = db.sql(format!("{into} {numbers}")).execute().await.unwrap();
    assert_eq!(done.rows, rows.unsigned_abs());
}

/// The process's memory in use now, in bytes.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// A hundred thousand rows pass through without being in memory together.
pub async fn a_large_result_in_constant_memory(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "1"), ("pool.min", "1")])
        .await
        .unwrap();
    fill(&db, fx.engine(), ROWS).await;
    let items = db.repository::<Item>();
    let mut stream = items.find_many().order_by(Item::ID.asc()).stream();
    let mut expected = 1;
    let mut at_start = None;
    let mut most = 0;
    while let Some(item) = stream.next().await {
        assert_eq!(item.unwrap().id, expected);
        expected += 1;
        if expected % 5_000 == 0 {
            let now = memory().unwrap_or(0);
            most = most.max(now.saturating_sub(*at_start.get_or_insert(now)));
        }
    }
    assert_eq!(expected, ROWS + 1);
    // All rows together would take more than this several times over.
    assert!(
        most < 8 << 20,
        "memory grew by {most} bytes while streaming"
    );
    at_rest(&db).await;
}

/// Filters without an index, more of them than connections, give every row once, and reads by key
/// go on beside them.
pub async fn a_heavy_filter_beside_reads_by_key(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "2"), ("pool.min", "1")])
        .await
        .unwrap();
    fill(&db, fx.engine(), ROWS).await;
    let heavy: Vec<_> = (0..4)
        .map(|_| {
            let items = db.repository::<Item>();
            tokio::spawn(async move {
                items
                    .find_many()
                    .filter(Item::LABEL.ends_with("length").and(Item::RANK.eq(1)))
                    .order_by(Item::ID.desc())
                    .take(20_000)
                    .await
            })
        })
        .collect();
    let items = db.repository::<Item>();
    for id in 1..=200 {
        let found = items.find_by_id(id).await.unwrap();
        assert_eq!(found.map(|item| item.id), Some(id));
    }
    for found in heavy {
        let found = found.await.unwrap().unwrap();
        let ids = found.iter().map(|item| item.id);
        assert!(ids.eq((1..=ROWS).rev().take(20_000)));
    }
    at_rest(&db).await;
}

/// Rows that [`Counted`] has read: only one case uses it, once per process.
static READ: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl FromRow for Counted {
    fn from_row(_: &Row<'_>) -> Result<Self, Error> {
        READ.fetch_add(1, Ordering::Relaxed);
        Ok(Self)
    }
}

impl Projection<Item> for Counted {
    const COLUMNS: &'static [usize] = &[0];
}

/// A slow reader stops the query: the driver is never more than a few chunks ahead.
pub async fn a_stream_waits_for_its_reader(fx: &Fixture) {
    let db = fx.db();
    fill(db, fx.engine(), 20_000).await;
    let find = db.repository::<Item>().find_many().project::<Counted>();
    let mut stream = Box::pin(find.stream());
    assert!(stream.next().await.unwrap().is_ok());
    let ahead = READ.load(Ordering::Relaxed);
    assert!(ahead <= 1_024, "{ahead} rows were read for one");
    // While nobody polls, the query holds its one connection and everything else goes on.
    assert_eq!(db.pool().status().in_use(), 1);
    db.health().await.unwrap();
    assert_eq!(
        READ.load(Ordering::Relaxed),
        ahead,
        "read on without a reader"
    );
    let rest = stream.by_ref().take(500).count().await;
    assert_eq!(rest, 500);
    let ahead = READ.load(Ordering::Relaxed) - 501;
    assert!(ahead <= 1_024, "{ahead} rows ahead of the reader");
    assert_eq!(db.pool().status().in_use(), 1);
    drop(stream);
    at_rest(db).await;
}

/// A stream dropped early gives its connection back, in order.
pub async fn a_stream_dropped_early(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "1"), ("pool.min", "1")])
        .await
        .unwrap();
    fill(&db, fx.engine(), 20_000).await;
    let items = db.repository::<Item>();
    for taken in [0, 1, 255, 256, 257, 3_000] {
        let mut stream = items.find_many().stream();
        for _ in 0..taken {
            stream.next().await.unwrap().unwrap();
        }
        drop(stream);
        assert_eq!(
            items.count(Item::ID.le(10)).await.unwrap(),
            10,
            "after {taken}"
        );
    }
    eventually("the connection is idle", async || {
        db.pool().status().idle == 1
    })
    .await;
}

/// A stream inside a transaction sees what the transaction wrote.
pub async fn a_stream_inside_a_transaction(fx: &Fixture) {
    let seen = fx
        .db()
        .transaction(|tx| async move {
            let items = tx.repository::<Item>();
            items
                .create_many((0..600).map(|id| Item::new(id, None, "x")))
                .await?;
            let mut stream = items.find_many().stream();
            let mut seen = 0;
            while let Some(item) = stream.next().await {
                item?;
                seen += 1;
            }
            Ok::<_, mainstay::Error>(seen)
        })
        .await
        .unwrap();
    assert_eq!(seen, 600);
}
