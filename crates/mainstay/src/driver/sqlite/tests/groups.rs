//! Jobs that share a commit, and those that do not.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::*;
use crate::driver::sqlite::job::Job;
use crate::driver::{Batch, BeginOptions};
use crate::error::{Error, ErrorKind, Outcome};

/// The pages that commits have written to the log so far: what a group writes once, single commits
/// write again and again.
fn pages_logged(fixture: &Fixture) -> u64 {
    let log = fixture.folder.path().join("test.db-wal");
    // Looks at the name only: the file is not opened.
    log.metadata().map_or(0, |found| found.len() / 4096)
}

/// Holds the writer until dropped or rolled back, so that others queue.
async fn hold(fixture: &Fixture) -> Box<dyn Connection> {
    let mut holder = fixture.writer();
    let alone = BeginOptions {
        alone: true,
        ..BeginOptions::default()
    };
    holder.begin(alone).await.unwrap();
    holder
}

/// A call in the writer's queue.
type Call = tokio::task::JoinHandle<Result<Done>>;

/// Queues statements, each by a caller of its own, in order.
async fn queue(fixture: &Fixture, statements: Vec<Statement>) -> Vec<Call> {
    let mut calls = Vec::new();
    for statement in statements {
        let mut writer = fixture.writer();
        let mut call = Box::pin(async move { writer.run(statement, &mut Ignore).await });
        // The first poll queues it.
        assert!(futures_util::poll!(&mut call).is_pending());
        calls.push(tokio::spawn(call));
    }
    calls
}

async fn answers(calls: Vec<Call>) -> Vec<Result<Done>> {
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

fn kinds<T>(answers: &[Result<T>]) -> Vec<Option<ErrorKind>> {
    let kind = |answer: &Result<T>| answer.as_ref().err().map(Error::kind);
    answers.iter().map(kind).collect()
}

async fn words(fixture: &Fixture) -> Vec<i64> {
    let mut reader = fixture.reader().await;
    let (rows, _) = rows(
        &mut *reader,
        statement("SELECT id FROM t ORDER BY id", vec![]),
    )
    .await
    .unwrap();
    let id = |row: &OwnedRow| match row.values[0] {
        Value::I64(id) => id,
        ref other => panic!("not a number: {other:?}"),
    };
    rows.iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_committed_together() {
    let fixture = Fixture::with_table().await;
    for id in 0..40 {
        let mut writer = fixture.writer();
        writer.run(insert(id), &mut Ignore).await.unwrap();
    }
    let before = pages_logged(&fixture);
    assert!(before >= 80, "each commit writes its pages: {before}");

    let mut holder = hold(&fixture).await;
    let calls = queue(&fixture, (100..140).map(insert).collect()).await;
    holder.rollback().await.unwrap();
    for answer in answers(calls).await {
        assert_eq!(answer.unwrap().rows, 1);
    }
    let together = pages_logged(&fixture) - before;
    assert!(
        together < 10,
        "one commit writes each page once: {together}"
    );
    assert_eq!(fixture.count().await, 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_gets_its_own_answer() {
    let fixture = Fixture::with_table().await;
    let mut holder = hold(&fixture).await;
    let wrong = || statement("INSERT INTO nowhere VALUES (1)", vec![]);
    let keeps_half = || {
        let sql = "INSERT OR FAIL INTO t (id) VALUES (50), (1), (51)";
        statement(sql, vec![])
    };
    let calls = queue(
        &fixture,
        vec![
            insert(1),
            insert(1),
            wrong(),
            insert(2),
            keeps_half(),
            insert(3),
        ],
    )
    .await;
    holder.rollback().await.unwrap();
    let answers = answers(calls).await;
    assert_eq!(
        kinds(&answers),
        [
            None,
            Some(ErrorKind::Duplicate),
            Some(ErrorKind::TableMissing),
            None,
            Some(ErrorKind::Duplicate),
            None
        ]
    );
    // Nothing of what is reported as not applied is there.
    assert_eq!(words(&fixture).await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_commit_concerns_only_its_cause() {
    let fixture = Fixture::with_table().await;
    fixture
        .writer()
        .run_script(
            "CREATE TABLE child (t INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED) STRICT",
        )
        .await
        .unwrap();
    let child = || statement("INSERT INTO child VALUES (99)", vec![]);
    let mut holder = hold(&fixture).await;
    let calls = queue(&fixture, vec![insert(1), child(), insert(1), insert(2)]).await;
    holder.rollback().await.unwrap();
    let answers = answers(calls).await;
    assert_eq!(
        kinds(&answers),
        [
            None,
            Some(ErrorKind::ForeignKey),
            Some(ErrorKind::Duplicate),
            None
        ]
    );
    assert_eq!(words(&fixture).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_lost_by_one_is_not_lost_by_others() {
    let fixture = Fixture::with_table().await;
    fixture.writer().run(insert(1), &mut Ignore).await.unwrap();
    let mut holder = hold(&fixture).await;
    // Rolls back the whole transaction of SQLite's.
    let sql = "INSERT OR ROLLBACK INTO t (id) VALUES (1)";
    let clash = || statement(sql, vec![]);
    let calls = queue(&fixture, vec![insert(2), clash(), insert(3)]).await;
    holder.rollback().await.unwrap();
    let answers = answers(calls).await;
    assert_eq!(kinds(&answers), [None, Some(ErrorKind::Duplicate), None]);
    assert_eq!(words(&fixture).await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_file_fails_only_what_does_not_fit() {
    let fixture = Fixture::with_table().await;
    let limit = "PRAGMA max_page_count = 20";
    let mut writer = fixture.writer();
    writer.run_script(limit).await.unwrap();
    let large = |id: i64| {
        let text = Value::Text("x".repeat(200_000) + &id.to_string());
        let sql = "INSERT INTO t (id, word) VALUES (?, ?)";
        statement(sql, vec![Value::I64(id), text])
    };
    let error = writer.run(large(1), &mut Ignore).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::DiskFull, Outcome::NotApplied)
    );
    // The connection was opened anew, which lifts this limit as an operator would.
    writer.run(large(1), &mut Ignore).await.unwrap();

    writer
        .run_script("PRAGMA max_page_count = 80")
        .await
        .unwrap();
    let mut holder = hold(&fixture).await;
    let calls = queue(&fixture, vec![insert(2), large(3), insert(4)]).await;
    holder.rollback().await.unwrap();
    for answer in answers(calls).await {
        answer.unwrap();
    }
    assert_eq!(words(&fixture).await, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_keeps_half_keeps_nothing_when_alone() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    writer.run(insert(1), &mut Ignore).await.unwrap();
    let sql = "INSERT OR FAIL INTO t (id) VALUES (50), (1), (51)";
    let error = execute(&mut *writer, sql).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Duplicate, Outcome::NotApplied)
    );
    assert_eq!(words(&fixture).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_costs_only_its_own_answer() {
    let fixture = Fixture::with_table().await;
    let mut holder = hold(&fixture).await;
    let first = queue(&fixture, vec![insert(1)]).await;
    let (answer, answered) = oneshot::channel();
    fixture
        .driver
        .shared_writer()
        .queue(Job::Panic(answer))
        .unwrap();
    let last = queue(&fixture, vec![insert(2)]).await;
    holder.rollback().await.unwrap();
    assert!(answered.await.is_err());
    for answer in answers(first).await.into_iter().chain(answers(last).await) {
        assert_eq!(answer.unwrap().rows, 1);
    }
    assert_eq!(words(&fixture).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_the_queue_is_skipped() {
    let fixture = Fixture::with_table().await;
    let mut holder = hold(&fixture).await;
    let mut calls = queue(&fixture, (1..=4).map(insert).collect()).await;
    for gone in [2, 0] {
        let call = calls.remove(gone);
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    holder.rollback().await.unwrap();
    for answer in answers(calls).await {
        answer.unwrap();
    }
    assert_eq!(words(&fixture).await, [2, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_share_a_transaction_keeps_its_place() {
    let fixture = Fixture::with_table().await;
    let mut holder = hold(&fixture).await;
    let sql = [
        "INSERT INTO t (id) VALUES (1)",
        "ALTER TABLE t RENAME TO u",
        "INSERT INTO u (id) VALUES (2)",
        "VACUUM",
        "PRAGMA user_version = 7",
        "INSERT INTO u (id) VALUES (3)",
        "ALTER TABLE u RENAME TO t",
    ];
    let statements = sql.map(|sql| statement(sql, vec![])).to_vec();
    let calls = queue(&fixture, statements).await;
    holder.rollback().await.unwrap();
    for answer in answers(calls).await {
        answer.unwrap();
    }
    assert_eq!(words(&fixture).await, [1, 2, 3]);
}

/// The rows of each statement of a batch.
#[derive(Default)]
struct PerStatement(Vec<Vec<OwnedRow>>);

impl crate::driver::RowSink for PerStatement {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let rows = self
            .0
            .last_mut()
            .expect("a statement comes before its rows");
        rows.push(row.to_owned()?);
        Ok(())
    }

    fn statement(&mut self, index: usize) {
        // The first may be without a turn of its own in a batch that failed later.
        assert!(index >= self.0.len(), "turns come in order");
        self.0.resize(index + 1, Vec::new());
    }
}

fn batch(statements: Vec<Statement>) -> Batch {
    Batch {
        statements,
        lock_wait: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_takes_effect_as_a_whole_or_not_at_all() {
    let fixture = Arc::new(Fixture::with_table().await);
    let mut holder = hold(&fixture).await;
    let before = queue(&fixture, vec![insert(1)]).await;
    let batches = [
        vec![
            insert(2),
            insert(3),
            statement("SELECT id FROM t ORDER BY id", vec![]),
        ],
        vec![insert(4), insert(1), insert(5)],
        vec![insert(6)],
    ];
    let mut calls = Vec::new();
    for statements in batches {
        let mut reader = fixture.reader().await;
        let mut call = Box::pin(async move {
            let mut sink = PerStatement::default();
            let done = reader.run_batch(batch(statements), &mut sink).await;
            (done, sink.0)
        });
        assert!(futures_util::poll!(&mut call).is_pending());
        calls.push(tokio::spawn(call));
    }
    holder.rollback().await.unwrap();
    assert!(answers(before).await[0].is_ok());
    let mut came = Vec::new();
    for call in calls {
        came.push(call.await.unwrap());
    }
    let counts = |done: &[Done]| done.iter().map(|done| done.rows).collect::<Vec<_>>();
    assert_eq!(counts(came[0].0.as_ref().unwrap()), [1, 1, 3]);
    let rows: Vec<_> = came[0].1.iter().map(Vec::len).collect();
    assert_eq!(rows, [0, 0, 3]);
    let error = came[1].0.as_ref().unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Duplicate, Outcome::NotApplied)
    );
    assert_eq!(counts(came[2].0.as_ref().unwrap()), [1]);
    assert_eq!(words(&fixture).await, [1, 2, 3, 6]);

    // And alone, through the writer.
    let mut writer = fixture.writer();
    let whole = batch(vec![insert(7), insert(8)]);
    writer.run_batch(whole, &mut Ignore).await.unwrap();
    let half = batch(vec![insert(9), insert(8)]);
    writer.run_batch(half, &mut Ignore).await.unwrap_err();
    assert_eq!(words(&fixture).await, [1, 2, 3, 6, 7, 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_write_is_seen() {
    let fixture = Arc::new(Fixture::with_table().await);
    let tasks = (0..16).map(|task| {
        let fixture = Arc::clone(&fixture);
        tokio::spawn(async move {
            let (mut writer, mut reader) = (fixture.writer(), fixture.reader().await);
            for id in (0..30).map(|round| task * 100 + round) {
                writer.run(insert(id), &mut Ignore).await.unwrap();
                let sql = format!("SELECT count(*) FROM t WHERE id = {id}");
                assert_eq!(number(&mut *reader, &sql).await.unwrap(), 1);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}
