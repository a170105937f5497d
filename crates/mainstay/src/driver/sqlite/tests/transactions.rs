use super::*;
use crate::driver::{BeginOptions, Isolation, Recovery};
use crate::error::{ErrorKind, Outcome};

const READ_ONLY: BeginOptions = BeginOptions {
    isolation: Isolation::RepeatableRead,
    read_only: true,
    alone: false,
    until: None,
    unwitnessed: false,
};

async fn fill(connection: &mut dyn Connection, ids: &[i64]) {
    for id in ids {
        connection.run(insert(*id), &mut Ignore).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_keeps_and_rollback_and_dropping_do_not() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    writer.begin(BeginOptions::default()).await.unwrap();
    fill(&mut *writer, &[1, 2]).await;
    assert_eq!(fixture.count().await, 0);
    writer.commit().await.unwrap();
    assert_eq!(fixture.count().await, 2);

    writer.begin(BeginOptions::default()).await.unwrap();
    fill(&mut *writer, &[3]).await;
    writer.rollback().await.unwrap();

    writer.begin(BeginOptions::default()).await.unwrap();
    fill(&mut *writer, &[4]).await;
    drop(writer);

    let mut writer = fixture.writer();
    writer.begin(BeginOptions::default()).await.unwrap();
    fill(&mut *writer, &[5]).await;
    assert_eq!(writer.recover().await, Recovery::Ready);
    fill(&mut *writer, &[6]).await;
    assert_eq!(fixture.count().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn savepoints_undo_what_came_after_them() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    writer.begin(BeginOptions::default()).await.unwrap();
    fill(&mut *writer, &[1]).await;
    writer.savepoint("s1").await.unwrap();
    fill(&mut *writer, &[2]).await;
    assert_eq!(
        writer.run(insert(2), &mut Ignore).await.unwrap_err().kind(),
        ErrorKind::Duplicate
    );
    writer.rollback_to("s1").await.unwrap();
    writer.savepoint("s1").await.unwrap();
    fill(&mut *writer, &[3]).await;
    writer.release("s1").await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(fixture.count().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_sqlite_ended_stays_ended() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    fill(&mut *writer, &[1]).await;
    writer.begin(BeginOptions::default()).await.unwrap();
    fill(&mut *writer, &[2]).await;
    // ROLLBACK as the resolution of a conflict ends the whole transaction.
    let clash = "INSERT OR ROLLBACK INTO t (id) VALUES (1)";
    let error = execute(&mut *writer, clash).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    // Nothing after it slips through outside of a transaction.
    let error = writer.run(insert(3), &mut Ignore).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    let error = writer.commit().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Duplicate, Outcome::NotApplied)
    );
    assert_eq!(fixture.count().await, 1);
    fill(&mut *writer, &[4]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_control_by_hand_is_refused_and_leaves_nothing_open() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    let mut reader = fixture.reader().await;
    for connection in [&mut *writer, &mut *reader] {
        let error = execute(connection, "BEGIN").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    writer.begin(BeginOptions::default()).await.unwrap();
    fill(&mut *writer, &[1]).await;
    let error = execute(&mut *writer, "COMMIT").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::TransactionClosed, Outcome::Unknown)
    );
    let error = writer.commit().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::TransactionClosed, Outcome::Unknown)
    );
    // A script that opens and closes its own is fine.
    let mut reader = fixture.reader().await;
    reader
        .run_script("BEGIN; INSERT INTO t (id) VALUES (9); COMMIT")
        .await
        .unwrap();
    assert_eq!(fixture.count().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_commit_leaves_nothing_behind() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    writer
        .run_script(
            "CREATE TABLE child (t INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED) STRICT",
        )
        .await
        .unwrap();
    writer.begin(BeginOptions::default()).await.unwrap();
    fill(&mut *writer, &[1]).await;
    execute(&mut *writer, "INSERT INTO child VALUES (99)")
        .await
        .unwrap();
    let error = writer.commit().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::ForeignKey, Outcome::NotApplied)
    );
    assert_eq!(fixture.count().await, 0);
    fill(&mut *writer, &[2]).await;
    assert_eq!(fixture.count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_one_snapshot_and_refuses_to_write() {
    let fixture = Fixture::with_table().await;
    let count = "SELECT count(*) FROM t";
    let mut reader = fixture.reader().await;
    reader.begin(READ_ONLY).await.unwrap();
    // Committed after the start, before the first statement.
    fill(&mut *fixture.writer(), &[1]).await;
    assert_eq!(number(&mut *reader, count).await.unwrap(), 0);
    for access in [Access::Write, Access::Unknown, Access::Read] {
        let statement = Statement {
            access,
            ..insert(2)
        };
        let error = reader.run(statement, &mut Ignore).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly);
    }
    let error = reader.run_script("DELETE FROM t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    reader.savepoint("s").await.unwrap();
    reader.release("s").await.unwrap();
    reader.commit().await.unwrap();
    assert_eq!(number(&mut *reader, count).await.unwrap(), 1);
    assert_eq!(
        reader.commit().await.unwrap_err().kind(),
        ErrorKind::TransactionClosed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writer_reads_only_when_asked_to() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    writer.begin(READ_ONLY).await.unwrap();
    let error = writer.run(insert(1), &mut Ignore).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    writer.rollback().await.unwrap();
    fill(&mut *writer, &[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_outside_a_transaction_hands_writes_to_the_writer() {
    let fixture = Fixture::with_table().await;
    let mut reader = fixture.reader().await;
    let sql = "INSERT INTO t (word) VALUES ('a') RETURNING id, word";
    for access in [Access::Unknown, Access::Write] {
        let statement =
            Statement::new(sql.replace("'a'", &format!("'{access:?}'")), vec![], access);
        let (rows, done) = rows(&mut *reader, statement).await.unwrap();
        assert_eq!((rows.len(), done.rows), (1, 1));
    }
    let lie = Statement::new(sql, vec![], Access::Read);
    let refused = rows(&mut *reader, lie).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
    reader
        .run_script("DELETE FROM t; CREATE TABLE u (a INTEGER)")
        .await
        .unwrap();
    assert_eq!(
        number(&mut *reader, "SELECT count(*) FROM u")
            .await
            .unwrap(),
        0
    );
    reader.ping().await.unwrap();
}
