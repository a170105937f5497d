use std::time::Duration;

use tokio::time::Instant;

use super::drops::dropped_after;
use super::relay::Relay;
use super::{one, open, pid, rows, server, statement, table, write};
use crate::Value;
use crate::driver::contract::{Batch, Connection, Done, Recovery};
use crate::driver::postgres::connection::PostgresConnection;
use crate::driver::row::{Collect, Ignore, RowSink};
use crate::driver::statement::{Access, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::value::Row;

fn insert(table: &str, id: i64) -> Statement {
    let sql = format!("INSERT INTO {table} VALUES (?)");
    statement(&sql, vec![Value::I64(id)], Access::Write)
}

fn plain(sql: &str) -> Statement {
    statement(sql, vec![], Access::Write)
}

async fn run(
    connection: &mut PostgresConnection,
    statements: Vec<Statement>,
    sink: &mut dyn RowSink,
) -> Result<Vec<Done>> {
    let batch = Batch {
        statements,
        lock_wait: None,
    };
    connection.run_batch(batch, sink).await
}

async fn ids(connection: &mut PostgresConnection, table: &str) -> Vec<Value> {
    let found = rows(
        connection,
        &format!("SELECT id FROM {table} ORDER BY id"),
        vec![],
    )
    .await;
    found
        .unwrap()
        .into_iter()
        .map(|mut row| row.values.remove(0))
        .collect()
}

#[derive(Default)]
struct Turns(Vec<(usize, Option<i64>)>);

impl RowSink for Turns {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let turn = self.0.last().map_or(usize::MAX, |(turn, _)| *turn);
        self.0.push((turn, Some(row.get::<i64>(0)?)));
        Ok(())
    }

    fn statement(&mut self, index: usize) {
        self.0.push((index, None));
    }
}

#[tokio::test]
async fn rows_come_in_the_order_of_the_statements() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "batch_rows", "id bigint").await;
    for _ in 0..2 {
        let mut turns = Turns::default();
        let done = run(
            &mut connection,
            vec![
                insert("batch_rows", 1),
                plain("SELECT count(*) FROM batch_rows"),
                plain("DELETE FROM batch_rows RETURNING id"),
                plain("SELECT g::bigint FROM generate_series(7, 8) g"),
            ],
            &mut turns,
        )
        .await;
        let counts: Vec<_> = done.unwrap().iter().map(|done| done.rows).collect();
        assert_eq!(counts, [1, 1, 1, 2]);
        let expected = [
            (0, None),
            (1, None),
            (1, Some(1)),
            (2, None),
            (2, Some(1)),
            (3, None),
            (3, Some(7)),
            (3, Some(8)),
            (4, None),
        ];
        assert_eq!(turns.0, expected);
        assert!(!connection.in_transaction && !connection.in_flight);
    }
    let large = plain("SELECT g::bigint FROM generate_series(1, 50000) g");
    let mut all = Collect::new(|row: &Row<'_>| row.get::<i64>(0));
    run(&mut connection, vec![large.clone(), large], &mut all)
        .await
        .unwrap();
    assert_eq!(all.items.len(), 100_000);
}

/// Prepared already, a batch takes one trip to the server and back, whatever it has.
#[tokio::test]
async fn a_batch_is_one_flight() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    // Each statement waits; were they sent one after another, others would see it happen.
    let slow = || plain("SELECT pg_sleep(0)");
    run(&mut connection, vec![slow(), slow(), slow()], &mut Ignore)
        .await
        .unwrap();
    let mut sink = Ignore;
    let mut call = Box::pin(run(
        &mut connection,
        vec![slow(), slow(), slow()],
        &mut sink,
    ));
    let mut polls = 0;
    let done = std::future::poll_fn(|context| {
        polls += 1;
        // The task of the socket runs in between, with all that has been given to it.
        call.as_mut().poll(context)
    })
    .await;
    assert_eq!(done.unwrap().len(), 3);
    // BEGIN, three times rows and the end of rows, COMMIT: never a wait for a request to be sent.
    assert!(polls <= 12, "{polls} polls");
}

#[tokio::test]
async fn the_first_error_is_the_answer_and_nothing_is_kept() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "batch_error", "id bigint PRIMARY KEY").await;
    let mut turns = Turns::default();
    let statements = vec![
        insert("batch_error", 1),
        insert("batch_error", 1),
        plain("SELECT 1 / 0"),
        insert("batch_error", 2),
    ];
    let error = run(&mut connection, statements, &mut turns)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate, "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert_eq!(turns.0, [(0, None), (1, None)]);
    assert_eq!(ids(&mut connection, "batch_error").await, []);
    assert!(!connection.in_transaction && !connection.is_broken());
    // What only COMMIT finds is not laid at a statement's door.
    table(
        &mut connection,
        "batch_deferred",
        "id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED",
    )
    .await;
    let mut turns = Turns::default();
    let twice = vec![insert("batch_deferred", 1), insert("batch_deferred", 1)];
    let error = run(&mut connection, twice, &mut turns).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate, "{error:?}");
    assert_eq!(turns.0.last(), Some(&(2, None)));
    assert_eq!(ids(&mut connection, "batch_deferred").await, []);
    // A text that cannot be prepared.
    let wrong = vec![insert("batch_error", 5), plain("SELEC 1")];
    let error = run(&mut connection, wrong, &mut Ignore).await.unwrap_err();
    assert_eq!(error.code(), "P2010");
    assert_eq!(ids(&mut connection, "batch_error").await, []);
}

#[tokio::test]
async fn a_value_that_cannot_be_sent_calls_the_batch_off() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "batch_encode", "id integer").await;
    for _ in 0..2 {
        let statements = vec![
            insert("batch_encode", 1),
            insert("batch_encode", 3_000_000_000),
            insert("batch_encode", 2),
        ];
        let error = run(&mut connection, statements, &mut Ignore)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error:?}");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        assert_eq!(ids(&mut connection, "batch_encode").await, []);
    }
    let too_few = vec![insert("batch_encode", 1), plain("SELECT $1::integer")];
    let error = run(&mut connection, too_few, &mut Ignore)
        .await
        .unwrap_err();
    assert_eq!(error.prisma_code(), Some("P1016"));
    assert_eq!(ids(&mut connection, "batch_encode").await, []);
}

#[tokio::test]
async fn kept_statements_that_no_longer_fit_are_prepared_anew() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let mut other = open(&options).await;
    table(&mut connection, "batch_stale", "id integer").await;
    let statements = || vec![insert("batch_stale", 1), plain("SELECT * FROM batch_stale")];
    run(&mut connection, statements(), &mut Ignore)
        .await
        .unwrap();
    let change = "ALTER TABLE batch_stale ADD COLUMN more text";
    other.run_script(change).await.unwrap();
    let done = run(&mut connection, statements(), &mut Ignore).await;
    assert_eq!(done.unwrap()[1].rows, 2);
    // The parameter's type changed, and a value that fits only the new one is sent.
    let change = "ALTER TABLE batch_stale DROP COLUMN more; \
         ALTER TABLE batch_stale ALTER COLUMN id TYPE bigint";
    other.run_script(change).await.unwrap();
    let wide = vec![
        insert("batch_stale", 9),
        insert("batch_stale", 3_000_000_000),
    ];
    run(&mut connection, wide, &mut Ignore).await.unwrap();
    assert_eq!(ids(&mut connection, "batch_stale").await.len(), 4);
}

#[tokio::test]
async fn a_short_patience_for_locks() {
    let Some(options) = server() else { return };
    let mut holder = open(&options).await;
    let mut connection = open(&options).await;
    table(&mut holder, "batch_locks", "id integer").await;
    write(&mut holder, "INSERT INTO batch_locks VALUES (1)", vec![])
        .await
        .unwrap();
    holder.begin_for_test().await;
    let lock = "UPDATE batch_locks SET id = 2";
    write(&mut holder, lock, vec![]).await.unwrap();
    let batch = |limit| Batch {
        statements: vec![plain("SELECT 1"), plain(lock)],
        lock_wait: Some(limit),
    };
    let started = Instant::now();
    let mut sink = Ignore;
    let blocked = connection.run_batch(batch(Duration::from_micros(300)), &mut sink);
    let error = blocked.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteConflict, "{error:?}");
    assert_eq!(error.native_code(), Some("55P03"));
    assert!(started.elapsed() < Duration::from_secs(5));
    // The limit ended with its transaction.
    let limit = one(&mut connection, "SHOW lock_timeout", vec![]).await;
    assert_eq!(limit.unwrap(), Value::Text("0".into()));
    holder.rollback().await.unwrap();
    let free = connection.run_batch(batch(Duration::from_secs(1)), &mut sink);
    assert_eq!(free.await.unwrap().len(), 2);
}

#[tokio::test]
async fn sql_that_ends_the_transaction_leaves_the_outcome_open() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "batch_ended", "id integer").await;
    let ended = vec![
        insert("batch_ended", 1),
        plain("COMMIT"),
        insert("batch_ended", 2),
    ];
    let error = run(&mut connection, ended, &mut Ignore).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionClosed, "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    let failed = vec![
        insert("batch_ended", 3),
        plain("COMMIT"),
        plain("SELECT 1 / 0"),
    ];
    let error = run(&mut connection, failed, &mut Ignore).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
    assert!(!connection.in_transaction);
    pid(&mut connection).await;
}

#[tokio::test]
async fn a_refusing_sink_comes_too_late() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "batch_sink", "id integer").await;
    let mut refusing = Collect::new(|_: &Row<'_>| -> Result<()> {
        Err(Error::new(ErrorKind::Unexpected, "no, thanks"))
    });
    let statements = vec![
        insert("batch_sink", 1),
        plain("SELECT 1"),
        plain("SELECT 2"),
    ];
    let error = run(&mut connection, statements, &mut refusing)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected);
    assert_eq!(error.outcome(), Outcome::Applied);
    assert_eq!(ids(&mut connection, "batch_sink").await.len(), 1);
}

#[tokio::test]
async fn a_lost_session_leaves_the_outcome_open() {
    let Some(options) = server() else { return };
    let mut observer = open(&options).await;
    table(&mut observer, "batch_lost", "id integer").await;
    let statements = || vec![insert("batch_lost", 1), plain("SELECT pg_sleep(2)")];
    let relay = Relay::to(&options).await;
    let mut connection = open(&relay.options).await;
    let mut sink = Ignore;
    let (result, ()) = tokio::join!(run(&mut connection, statements(), &mut sink), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        relay.cut();
    });
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitUnknown, "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(connection.recover().await, Recovery::Discard);
    // Before anything was sent it is known.
    let error = run(&mut connection, statements(), &mut Ignore)
        .await
        .unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied);
    // An administrator's end of the session comes with an answer: COMMIT was never looked at.
    let mut connection = open(&options).await;
    let session = pid(&mut connection).await;
    let (result, ()) = tokio::join!(run(&mut connection, statements(), &mut sink), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let kill = "SELECT pg_terminate_backend(?)";
        one(&mut observer, kill, vec![session]).await.unwrap();
    });
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotApplied);
}

#[tokio::test]
async fn a_batch_dropped_anywhere_is_whole_or_nothing() {
    let Some(options) = server() else { return };
    let mut observer = open(&options).await;
    table(&mut observer, "batch_dropped", "id bigint").await;
    let mut finished = 0;
    for polls in 0..30 {
        let mut connection = open(&options).await;
        let three = (0..3).map(|_| insert("batch_dropped", polls)).collect();
        let mut sink = Ignore;
        let batch = run(&mut connection, three, &mut sink);
        let outcome = dropped_after(usize::try_from(polls).unwrap(), batch).await;
        finished += usize::from(outcome.is_some());
        assert_eq!(connection.recover().await, Recovery::Ready, "{polls}");
        let sql = "SELECT count(*) FROM batch_dropped WHERE id = ?";
        let found = one(&mut observer, sql, vec![Value::I64(polls)])
            .await
            .unwrap();
        assert!(
            found == Value::I64(0) || found == Value::I64(3),
            "{polls}: {found:?}"
        );
        assert!(outcome.is_none() || found == Value::I64(3), "{polls}");
        let again = run(&mut connection, vec![plain("SELECT 1"); 2], &mut Ignore).await;
        assert_eq!(again.unwrap().len(), 2, "{polls}");
    }
    assert!(finished > 0, "no run was polled to its end");
}
