//! What becomes of the rest when a part of it fails: rows that nobody can read, scripts of several
//! statements, long statements in company.

use tokio::sync::oneshot;

use super::*;
use crate::driver::{Recovery, RowSink};
use crate::error::{Error, ErrorKind, Outcome};

/// A row whose word is no text, as another program may have written it.
const NO_TEXT: &str = "INSERT INTO t (id, word) VALUES (1, CAST(x'ff' AS TEXT))";

fn raise() -> Statement {
    let sql = "UPDATE t SET id = id + 100 RETURNING word";
    Statement::new(sql, Vec::new(), Access::Write)
}

/// Refuses every row.
struct Refuses;

impl RowSink for Refuses {
    fn row(&mut self, _: &Row<'_>) -> Result<()> {
        Err(Error::new(ErrorKind::Decode, "as told"))
    }
}

async fn only_id(fixture: &Fixture) -> i64 {
    let mut reader = fixture.reader().await;
    number(&mut *reader, "SELECT id FROM t").await.unwrap()
}

/// Alone, in company and on a held connection: a write whose rows cannot be read has no effect.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_rows_cannot_be_read_is_undone() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    writer.run_script(NO_TEXT).await.unwrap();
    for held in [false, true] {
        if held {
            writer.hold(None).await.unwrap();
        }
        let error = writer.run(raise(), &mut Ignore).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        if held {
            writer.let_go().await.unwrap();
        }
        assert_eq!(only_id(&fixture).await, 1);
    }
    // It works on.
    let sql = "UPDATE t SET word = 'one'";
    let mend = Statement::new(sql, Vec::new(), Access::Write);
    writer.run(mend, &mut Ignore).await.unwrap();
    writer.run(raise(), &mut Ignore).await.unwrap();
    assert_eq!(only_id(&fixture).await, 101);
}

/// On a held connection each statement is committed by itself, whatever its reader makes of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusing_sink_is_told_what_took_effect() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    let sql = "INSERT INTO t (id, word) VALUES (1, 'one')";
    writer.run_script(sql).await.unwrap();
    writer.hold(None).await.unwrap();
    let error = writer.run(raise(), &mut Refuses).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Applied);
    writer.let_go().await.unwrap();
    assert_eq!(only_id(&fixture).await, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_fails_half_way_does_not_say_that_nothing_happened() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    let half = "INSERT INTO t (id) VALUES (1); INSERT INTO nowhere VALUES (1)";
    let error = writer.run_script(half).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TableMissing);
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(fixture.count().await, 1);
    let first = "INSERT INTO nowhere VALUES (1); INSERT INTO t (id) VALUES (2)";
    let error = writer.run_script(first).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied);
    assert_eq!(fixture.count().await, 1);
    // Within a transaction it is the transaction that is undone.
    writer.begin(Default::default()).await.unwrap();
    let half = half.replace("(1)", "(3)");
    let error = writer.run_script(&half).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied);
    writer.rollback().await.unwrap();
    assert_eq!(fixture.count().await, 1);
}

/// One that takes long in company is stopped, and everybody has his answer all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_write_in_company_is_stopped_with_its_caller() {
    let fixture = Fixture::with_table().await;
    let mut holder = fixture.writer();
    holder.hold(None).await.unwrap();
    let (first, first_answered) = oneshot::channel();
    let endless = "INSERT INTO t (id) WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i FROM n) \
                   SELECT i FROM n WHERE i < 0";
    let mut early = fixture.writer();
    let early = tokio::spawn(async move {
        let _ = first.send(());
        early.run(insert(1), &mut Ignore).await
    });
    first_answered.await.unwrap();
    let mut long = fixture.writer();
    let long = tokio::spawn(async move {
        let statement = Statement::new(endless, Vec::new(), Access::Write);
        let limit = Duration::from_secs(2);
        let ended = tokio::time::timeout(limit, long.run(statement, &mut Ignore)).await;
        assert!(ended.is_err(), "{ended:?}");
        let outcome = long.outcome_of_dropped().await;
        (outcome, long.recover().await)
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    holder.let_go().await.unwrap();
    early.await.unwrap().unwrap();
    let (outcome, recovery) = long.await.unwrap();
    assert_eq!((outcome, recovery), (Outcome::NotApplied, Recovery::Ready));
    fixture.writer().run(insert(2), &mut Ignore).await.unwrap();
    assert_eq!(fixture.count().await, 2);
}
