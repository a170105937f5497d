use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::driver::sqlite::rows::{CHUNK_ROWS, chunks, step_through};
use crate::driver::{BoxFuture, RowSink};
use crate::error::{Error, ErrorKind};

/// 200,000 rows of about 50 bytes.
const MANY: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
                    SELECT i, printf('%050d', i) FROM n";

/// Takes a few rows, then wants to be flushed; counts.
struct Reluctant {
    held: usize,
    most: Arc<AtomicUsize>,
    total: i64,
    refuse_at: i64,
}

impl RowSink for Reluctant {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        self.total += 1;
        if self.total == self.refuse_at {
            return Err(Error::new(ErrorKind::Decode, "enough"));
        }
        assert_eq!(row.get::<i64>(0)?, self.total);
        self.held += 1;
        self.most.fetch_max(self.held, Ordering::Relaxed);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.held >= 100
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.held = 0;
            Ok(())
        })
    }
}

fn reluctant(refuse_at: i64) -> Reluctant {
    Reluctant {
        held: 0,
        most: Arc::default(),
        total: 0,
        refuse_at,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_arrives_in_order_and_never_beyond_what_the_sink_takes() {
    let fixture = Fixture::new().await;
    let mut reader = fixture.reader().await;
    let mut inside = fixture.writer();
    inside.begin(Default::default()).await.unwrap();
    for connection in [&mut *reader, &mut *inside] {
        let mut sink = reluctant(-1);
        let done = connection
            .run(statement(MANY, Vec::new()), &mut sink)
            .await
            .unwrap();
        assert_eq!((done.rows, sink.total), (200_000, 200_000));
        assert_eq!(sink.most.load(Ordering::Relaxed), 100);
    }
}

#[test]
fn the_thread_stops_while_nobody_takes_rows() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let (sender, mut receiver) = chunks();
    let thread = std::thread::spawn(move || {
        let mut statement = connection.prepare(MANY).unwrap();
        step_through(&mut statement, MANY, Some(&sender)).unwrap().0
    });
    std::thread::sleep(Duration::from_millis(300));
    assert!(!thread.is_finished());
    // One chunk waits in the channel, one in the thread's hands; none beyond.
    assert_eq!(receiver.len(), 1);
    let mut total = 0;
    while let Some(chunk) = receiver.blocking_recv() {
        assert!(chunk.len() <= CHUNK_ROWS);
        total += chunk.len();
    }
    assert_eq!(thread.join().unwrap(), 200_000);
    assert_eq!(total, 200_000 - 200_000 % CHUNK_ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_values_make_small_chunks() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) \
               SELECT zeroblob(200000) FROM n";
    let (sender, mut receiver) = chunks();
    let thread = std::thread::spawn(move || {
        let mut statement = connection.prepare(sql).unwrap();
        step_through(&mut statement, sql, Some(&sender)).unwrap().0
    });
    while let Some(chunk) = receiver.recv().await {
        assert!(chunk.len() <= 2);
    }
    assert_eq!(thread.join().unwrap(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_refuses_ends_the_statement_and_nothing_else() {
    let fixture = Fixture::with_table().await;
    let mut reader = fixture.reader().await;
    let mut writer = fixture.writer();
    writer.begin(Default::default()).await.unwrap();
    writer.run(insert(1), &mut Ignore).await.unwrap();
    // In the first chunk, in a later one, and in the last rows.
    for at in [1, 1000, 200_000] {
        for connection in [&mut *reader, &mut *writer] {
            let mut sink = reluctant(at);
            let refused = connection.run(statement(MANY, Vec::new()), &mut sink).await;
            assert_eq!(refused.unwrap_err().detail(), "enough");
            assert_eq!(number(connection, "SELECT 7").await.unwrap(), 7);
        }
    }
    writer.commit().await.unwrap();
    assert_eq!(fixture.count().await, 1);
}
