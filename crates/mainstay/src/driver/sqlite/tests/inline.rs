//! Reads on the caller's own thread: what runs there, and what is given up.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::driver::{BeginOptions, Inline, RowSink};
use crate::error::{Error, ErrorKind};

fn short(sql: &str, values: Vec<Value>) -> Statement {
    Statement::new(sql, values, Access::Read).short()
}

/// Numbers from 1.
fn numbers(up_to: u32) -> Statement {
    short(
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {up_to}) \
             SELECT i FROM n"
        ),
        Vec::new(),
    )
}

fn collect() -> Collect<i64, impl FnMut(&Row<'_>) -> Result<i64>> {
    Collect::new(|row: &Row<'_>| row.get::<i64>(0))
}

fn ran(inline: Inline) -> Result<Done> {
    match inline {
        Inline::Ran { result, .. } => result,
        other => panic!("not here: {other:?}"),
    }
}

#[tokio::test]
async fn a_read_by_key_runs_here_and_sees_what_was_written() {
    let fixture = Fixture::with_table().await;
    let mut reader = fixture.reader().await;
    let read = short("SELECT word, id FROM t WHERE id = ?", vec![Value::I64(7)]);
    for round in 0..3 {
        let mut sink = Collect::new(|row: &Row<'_>| row.to_owned());
        let done = ran(reader.run_inline(&read, &mut sink)).unwrap();
        assert_eq!(done.rows, u64::from(round > 0));
        if round == 0 {
            fixture.writer().run(insert(7), &mut Ignore).await.unwrap();
            continue;
        }
        assert_eq!(*sink.items[0].names, ["word".to_owned(), "id".to_owned()]);
        let values = [Value::Text("word 7".to_owned()), Value::I64(7)];
        assert_eq!(sink.items[0].values, values);
    }
}

#[tokio::test]
async fn a_list_by_an_index_runs_here() {
    let fixture = Fixture::with_table().await;
    fixture
        .writer()
        .run_script(
            "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
             WHERE i < 1000) SELECT i, 'word ' || i FROM n",
        )
        .await
        .unwrap();
    let mut reader = fixture.reader().await;
    let read = short(
        "SELECT id, word, id + 1, id + 2, id + 3, id + 4, id + 5, id + 6, id + 7, word FROM t \
         WHERE word >= ? ORDER BY word LIMIT 100",
        vec![Value::Text("word 3".to_owned())],
    );
    let mut sink = collect();
    let Inline::Ran { result, work } = reader.run_inline(&read, &mut sink) else {
        panic!("a hundred rows are short");
    };
    assert_eq!(result.unwrap().rows, 100);
    assert_eq!(sink.items.len(), 100);
    // It takes about as long as sixty reads by key: a turn of 128.
    assert!((100..140).contains(&work), "{work}");
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_and_runs_on_a_thread() {
    let fixture = Fixture::new().await;
    let mut reader = fixture.reader().await;
    let many_bytes = short(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) \
         SELECT i, zeroblob(10000) FROM n",
        Vec::new(),
    );
    // By its rows, its instructions and its bytes.
    for (read, rows) in [
        (numbers(600), 600),
        (numbers(100_000), 100_000),
        (many_bytes, 100),
    ] {
        let mut sink = Collect::new(|row: &Row<'_>| {
            if row.len() > 1 {
                row.get::<Vec<u8>>(1)?;
            }
            row.get::<i64>(0)
        });
        for _ in 0..2 {
            let inline = reader.run_inline(&read, &mut sink);
            assert!(matches!(inline, Inline::GivenUp), "{inline:?}");
            assert_eq!(sink.items, [0; 0]);
        }
        let done = reader.run(read, &mut sink).await.unwrap();
        assert_eq!(done.rows, rows);
        assert!(sink.items.iter().copied().eq(1..=rows as i64));
    }
    // Without a row, too.
    let endless = short(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0",
        Vec::new(),
    );
    let inline = reader.run_inline(&endless, &mut Ignore);
    assert!(matches!(inline, Inline::GivenUp), "{inline:?}");
}

/// Passes its rows on, so that it cannot forget them.
struct PassedOn;

impl RowSink for PassedOn {
    fn row(&mut self, _: &Row<'_>) -> Result<()> {
        panic!("no row comes here");
    }
}

#[tokio::test]
async fn only_short_reads_whose_sink_can_forget_them_are_tried() {
    let fixture = Fixture::with_table().await;
    let mut reader = fixture.reader().await;
    let read = short("SELECT 1", Vec::new());
    let tried = |inline| !matches!(inline, Inline::NotTried);
    assert!(!tried(reader.run_inline(&read, &mut PassedOn)));
    for access in [Access::Unknown, Access::Write] {
        let other = Statement::new("SELECT 1", Vec::new(), access).short();
        assert!(!tried(reader.run_inline(&other, &mut Ignore)));
    }
    let long = Statement::new("SELECT 1", Vec::new(), Access::Read);
    assert!(!tried(reader.run_inline(&long, &mut Ignore)));
    assert!(!tried(fixture.writer().run_inline(&read, &mut Ignore)));
    assert!(tried(reader.run_inline(&read, &mut Ignore)));
    // A read that writes is found out where everything can go.
    let write = short("DELETE FROM t", Vec::new());
    assert!(!tried(reader.run_inline(&write, &mut Ignore)));
    let refused = reader.run(write, &mut Ignore).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
}

#[tokio::test]
async fn errors_are_the_same_as_on_a_thread() {
    let fixture = Fixture::with_table().await;
    let mut reader = fixture.reader().await;
    for (sql, values) in [
        ("SELECT nothing FROM t", vec![]),
        ("SELECT * FROM missing", vec![]),
        ("SELECT * FROM t WHERE id = ?", vec![]),
        ("SELECT FROM", vec![]),
        (
            "SELECT json_extract('{}', ?)",
            vec![Value::Text("secret".to_owned())],
        ),
        ("SELECT abs(-9223372036854775807 - 1)", vec![]),
        ("SELECT 1 AS number, CAST(x'ff' AS TEXT) AS broken", vec![]),
    ] {
        let read = short(sql, values).on("t");
        let mut sink = Collect::new(|row: &Row<'_>| row.get::<String>(1));
        let here = ran(reader.run_inline(&read, &mut sink)).unwrap_err();
        let mut sink = Collect::new(|row: &Row<'_>| row.get::<String>(1));
        let there = reader.run(read, &mut sink).await.unwrap_err();
        assert_eq!(format!("{here:?}"), format!("{there:?}"), "{sql}");
        assert!(!format!("{here:?}").contains("secret"), "{here:?}");
    }
    // The connection is as good as before.
    let mut sink = collect();
    ran(reader.run_inline(&numbers(3), &mut sink)).unwrap();
    assert_eq!(sink.items, [1, 2, 3]);
}

#[tokio::test]
async fn a_sinks_refusal_ends_the_read() {
    let fixture = Fixture::new().await;
    let mut reader = fixture.reader().await;
    let mut seen = 0;
    let mut sink = Collect::new(|_: &Row<'_>| -> Result<()> {
        seen += 1;
        Err(Error::new(ErrorKind::Decode, "enough"))
    });
    let error = ran(reader.run_inline(&numbers(3), &mut sink)).unwrap_err();
    assert_eq!((error.detail(), seen), ("enough", 1));

    let mut panics = Collect::new(|_: &Row<'_>| -> Result<()> { panic!("as asked") });
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        reader.run_inline(&numbers(3), &mut panics)
    }));
    assert!(panicked.is_err());
    // Neither the connection nor the thread's limits remember it.
    assert_eq!(
        reader
            .run(numbers(100_000), &mut Ignore)
            .await
            .unwrap()
            .rows,
        100_000
    );
    assert!(ran(reader.run_inline(&numbers(3), &mut Ignore)).is_ok());
}

#[tokio::test]
async fn a_transaction_keeps_its_snapshot() {
    let fixture = Fixture::with_table().await;
    fixture.writer().run(insert(1), &mut Ignore).await.unwrap();
    let mut reader = fixture.reader().await;
    let ids = short("SELECT id FROM t ORDER BY id", Vec::new());
    let read = |reader: &mut dyn Connection| {
        let mut sink = collect();
        ran(reader.run_inline(&ids, &mut sink)).unwrap();
        sink.items
    };
    reader.begin(BeginOptions::default()).await.unwrap();
    fixture.writer().run(insert(2), &mut Ignore).await.unwrap();
    assert_eq!(read(&mut *reader), [1]);
    // What is given up does not end the transaction.
    let inline = reader.run_inline(&numbers(100_000), &mut Ignore);
    assert!(matches!(inline, Inline::GivenUp), "{inline:?}");
    assert_eq!(read(&mut *reader), [1]);
    let (on_thread, _) = rows(&mut *reader, ids.clone()).await.unwrap();
    assert_eq!(on_thread.len(), 1);
    reader.commit().await.unwrap();
    assert_eq!(read(&mut *reader), [1, 2]);
    // Begin and its end leave nothing open, however it ends.
    reader.begin(BeginOptions::default()).await.unwrap();
    reader.rollback().await.unwrap();
    assert_eq!(
        reader.commit().await.unwrap_err().kind(),
        ErrorKind::TransactionClosed
    );
    assert_eq!(read(&mut *reader), [1, 2]);
}

#[tokio::test]
async fn statements_that_end_or_open_transactions_are_found_out() {
    let fixture = Fixture::with_table().await;
    let mut reader = fixture.reader().await;
    let opened = ran(reader.run_inline(&short("BEGIN", Vec::new()), &mut Ignore)).unwrap_err();
    assert_eq!(opened.kind(), ErrorKind::Unsupported);
    reader.begin(BeginOptions::default()).await.unwrap();
    let ended = ran(reader.run_inline(&short("COMMIT", Vec::new()), &mut Ignore)).unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::TransactionClosed);
    // From now on everything is refused, until the transaction ends.
    let read = short("SELECT 1", Vec::new());
    let inline = reader.run_inline(&read, &mut Ignore);
    assert!(matches!(inline, Inline::NotTried), "{inline:?}");
    let refused = reader.run(read.clone(), &mut Ignore).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TransactionClosed);
    reader.rollback().await.unwrap();
    assert!(ran(reader.run_inline(&read, &mut Ignore)).is_ok());
}

#[tokio::test]
async fn a_dropped_call_on_a_thread_does_not_stop_the_next_read_here() {
    let fixture = Fixture::new().await;
    let mut reader = fixture.reader().await;
    for _ in 0..5 {
        let mut sink = Ignore;
        let mut call = Box::pin(reader.run(numbers(u32::MAX), &mut sink));
        let cut = std::future::poll_fn(|context| {
            std::task::Poll::Ready(call.as_mut().poll(context).is_pending())
        });
        assert!(cut.await);
        drop(call);
        let inline = reader.run_inline(&numbers(3), &mut Ignore);
        assert!(matches!(inline, Inline::NotTried), "{inline:?}");
        assert_eq!(reader.recover().await, crate::driver::Recovery::Ready);
        assert!(ran(reader.run_inline(&numbers(3), &mut Ignore)).is_ok());
    }
}
