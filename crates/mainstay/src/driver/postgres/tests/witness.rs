//! Which transactions can be asked about, and what is found out about them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::relay::Relay;
use super::{one, open, pid, server, statement, table, write};
use crate::Value;
use crate::driver::contract::{BeginOptions, Connection, Recovery};
use crate::driver::load::Load;
use crate::driver::postgres::PostgresOptions;
use crate::driver::postgres::account::Server;
use crate::driver::postgres::connection::PostgresConnection;
use crate::driver::postgres::witness::Inquiry;
use crate::driver::row::Ignore;
use crate::driver::statement::Access;
use crate::error::{ErrorKind, Outcome, RetryClass};
use crate::schema::{Automatic, ColumnModel, TableModel, TextForm};
use crate::value::ColumnType;

/// Long enough for every question to be answered.
const PATIENCE: Duration = Duration::from_secs(60);

/// The id that the session knows of its open transaction.
fn known(connection: &PostgresConnection) -> Option<u64> {
    connection.account.entry().map(|(id, _)| id)
}

/// The id that the open transaction has.
async fn true_id(connection: &mut PostgresConnection) -> Option<u64> {
    let sql = "SELECT pg_current_xact_id_if_assigned()::text";
    match one(connection, sql, vec![]).await.unwrap() {
        Value::Text(id) => Some(id.parse().unwrap()),
        Value::Null => None,
        other => panic!("{other:?}"),
    }
}

/// Asserts that the session knows the id that its transaction has.
pub(super) async fn is_known(connection: &mut PostgresConnection) {
    let id = known(connection);
    assert!(id.is_some());
    assert_eq!(id, true_id(connection).await);
}

async fn insert(connection: &mut PostgresConnection, table: &str) {
    let sql = format!("INSERT INTO {table} VALUES (1)");
    write(connection, &sql, vec![]).await.unwrap();
}

fn inquiry(connection: &PostgresConnection) -> Inquiry {
    let (id, server) = connection.account.entry().unwrap();
    Inquiry {
        dialer: Arc::clone(&connection.dialer),
        id,
        server,
    }
}

/// What comes of asking about the transaction, with another idea of the server.
async fn asked_of(of: &Inquiry, change: impl FnOnce(&mut Server)) -> Outcome {
    let mut server = Server::clone(&of.server);
    change(&mut server);
    let asked = Inquiry {
        dialer: Arc::clone(&of.dialer),
        id: of.id,
        server: Arc::new(server),
    };
    asked.until(Instant::now() + PATIENCE).await
}

/// A session whose transaction has written a row.
async fn writing(options: &PostgresOptions, table: &str) -> PostgresConnection {
    let mut connection = open(options).await;
    connection.begin_for_test().await;
    insert(&mut connection, table).await;
    connection
}

#[tokio::test]
async fn the_id_is_known_from_the_first_write_on() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "xact_first", "id integer").await;
    for _ in 0..2 {
        connection.begin_for_test().await;
        let count = "SELECT count(*) FROM xact_first";
        one(&mut connection, count, vec![]).await.unwrap();
        assert!(connection.witness().is_none());
        insert(&mut connection, "xact_first").await;
        is_known(&mut connection).await;
        let id = known(&connection);
        insert(&mut connection, "xact_first").await;
        assert_eq!(known(&connection), id);
        connection.commit().await.unwrap();
    }
    // Another begins without it.
    connection.begin_for_test().await;
    assert!(connection.witness().is_none());
    connection.rollback_for_test().await;
}

#[tokio::test]
async fn nobody_is_asked_for_ids_that_nobody_wants() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "xact_unwanted", "id integer").await;
    insert(&mut connection, "xact_unwanted").await;
    let ledger = BeginOptions {
        unwitnessed: true,
        ..BeginOptions::default()
    };
    let reads = BeginOptions {
        read_only: true,
        ..BeginOptions::default()
    };
    connection.begin(ledger).await.unwrap();
    insert(&mut connection, "xact_unwanted").await;
    assert!(connection.witness().is_none());
    connection.commit().await.unwrap();
    connection.begin(reads).await.unwrap();
    let raw = statement("SELECT 1", vec![], Access::Unknown);
    connection.run(raw, &mut Ignore).await.unwrap();
    assert!(connection.witness().is_none());
    connection.commit().await.unwrap();
    let prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE ?";
    let like = Value::Text("%xact_id%".into());
    let count = one(&mut connection, prepared, vec![like]).await;
    assert_eq!(count.unwrap(), Value::I64(0));
}

#[tokio::test]
async fn every_way_of_writing_tells_the_id() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "xact_ways", "id bigint").await;
    // SQL with rows may write.
    connection.begin_for_test().await;
    let sql = "INSERT INTO xact_ways VALUES (1) RETURNING id";
    let raw = statement(sql, vec![], Access::Unknown);
    connection.run(raw, &mut Ignore).await.unwrap();
    is_known(&mut connection).await;
    connection.rollback_for_test().await;
    // One that wrote nothing has no id, and the next is asked.
    connection.begin_for_test().await;
    let raw = || statement("SELECT 1", vec![], Access::Unknown);
    connection.run(raw(), &mut Ignore).await.unwrap();
    assert_eq!(known(&connection), None);
    insert(&mut connection, "xact_ways").await;
    is_known(&mut connection).await;
    connection.rollback_for_test().await;

    connection.begin_for_test().await;
    connection
        .run_script("INSERT INTO xact_ways VALUES (1); SELECT 1")
        .await
        .unwrap();
    is_known(&mut connection).await;
    connection.rollback_for_test().await;

    static T: TableModel = TableModel {
        name: "xact_ways",
        columns: &[ColumnModel {
            name: "id",
            field: "id",
            ty: ColumnType::I64,
            nullable: true,
            default: None,
            automatic: Automatic::No,
            form: TextForm::Line,
            rules: &[],
        }],
        primary_key: &[0],
        uniques: &[],
        indexes: &[],
        foreign_keys: &[],
        checks: &[],
    };
    let rows: Vec<_> = (0..100).map(|n| vec![Value::I64(n)]).collect();
    let load = Load::new(&T, Arc::new([0]), Arc::new(rows), 0..100);
    connection.begin_for_test().await;
    assert_eq!(connection.load(load).await.unwrap(), 100);
    is_known(&mut connection).await;
    connection.commit().await.unwrap();
}

#[tokio::test]
async fn savepoints_have_the_id_of_the_whole() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "xact_points", "id integer PRIMARY KEY").await;
    insert(&mut connection, "xact_points").await;
    connection.begin_for_test().await;
    connection.savepoint("a").await.unwrap();
    // A write that fails tells nothing.
    let again = "INSERT INTO xact_points VALUES (1)";
    let refused = write(&mut connection, again, vec![]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Duplicate);
    assert_eq!(known(&connection), None);
    connection.rollback_to("a").await.unwrap();
    connection.savepoint("b").await.unwrap();
    let other = "INSERT INTO xact_points VALUES (2)";
    write(&mut connection, other, vec![]).await.unwrap();
    let whole = known(&connection);
    connection.rollback_to("b").await.unwrap();
    is_known(&mut connection).await;
    assert_eq!(known(&connection), whole);
    connection.commit().await.unwrap();
    let asked = inquiry(&connection).until(Instant::now() + PATIENCE).await;
    assert_eq!(asked, Outcome::Applied);
}

#[tokio::test]
async fn sql_that_ends_the_transaction_leaves_no_witness() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "xact_ended", "id integer").await;
    for ends in ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN"] {
        connection.begin_for_test().await;
        insert(&mut connection, "xact_ended").await;
        is_known(&mut connection).await;
        write(&mut connection, ends, vec![]).await.unwrap();
        assert!(connection.witness().is_none(), "{ends}");
        assert_eq!(connection.recover().await, Recovery::Ready);
    }
    connection.begin_for_test().await;
    insert(&mut connection, "xact_ended").await;
    connection.run_script("COMMIT; BEGIN").await.unwrap();
    assert!(connection.witness().is_none());
    connection.rollback_for_test().await;
}

/// What the session had prepared is gone: the transaction may be done again, and is asked about.
#[tokio::test]
async fn a_question_that_is_gone_is_prepared_again() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "xact_gone", "id integer").await;
    connection.begin_for_test().await;
    insert(&mut connection, "xact_gone").await;
    connection.rollback_for_test().await;
    connection.script_for_test("DEALLOCATE ALL").await;
    connection.begin_for_test().await;
    let sql = "INSERT INTO xact_gone VALUES (1)";
    let failed = write(&mut connection, sql, vec![]).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::WriteConflict);
    assert_eq!(failed.retry(), RetryClass::Safe);
    connection.rollback_for_test().await;
    connection.begin_for_test().await;
    insert(&mut connection, "xact_gone").await;
    is_known(&mut connection).await;
    connection.commit().await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_has_ended_is_known() {
    let Some(options) = server() else { return };
    table(&mut open(&options).await, "xact_known", "id integer").await;
    for (commit, outcome) in [(true, Outcome::Applied), (false, Outcome::NotApplied)] {
        let mut connection = writing(&options, "xact_known").await;
        let witness = connection.witness().unwrap();
        if commit {
            connection.commit().await.unwrap();
        } else {
            connection.rollback_for_test().await;
        }
        assert_eq!(witness(Instant::now() + PATIENCE).await, outcome);
    }
}

/// COMMIT has not come through: it is not let in any more.
#[tokio::test]
async fn a_transaction_that_is_open_is_ended() {
    let Some(options) = server() else { return };
    table(&mut open(&options).await, "xact_open", "id integer").await;
    let mut connection = writing(&options, "xact_open").await;
    let mut bystander = writing(&options, "xact_open").await;
    let witness = connection.witness().unwrap();
    let outcome = witness(Instant::now() + PATIENCE).await;
    assert_eq!(outcome, Outcome::NotApplied);
    assert!(connection.commit().await.is_err());
    assert_eq!(connection.recover().await, Recovery::Discard);
    bystander.commit().await.unwrap();
    let count = "SELECT count(*) FROM xact_open";
    let count = one(&mut bystander, count, vec![]).await;
    assert_eq!(count.unwrap(), Value::I64(1));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_asked_until_the_deadline() {
    let Some(options) = server() else { return };
    table(&mut open(&options).await, "xact_silent", "id integer").await;
    for silent in [true, false] {
        let relay = Relay::to(&options).await;
        let mut connection = writing(&relay.options, "xact_silent").await;
        let witness = connection.witness().unwrap();
        connection.commit().await.unwrap();
        if silent {
            relay.fall_silent();
        } else {
            relay.cut();
        }
        let asked = witness(Instant::now() + Duration::from_millis(300));
        let outcome = timeout(PATIENCE, asked).await.unwrap();
        assert_eq!(outcome, Outcome::Unknown, "{silent}");
    }
}

#[tokio::test]
async fn another_server_is_not_believed() {
    let Some(options) = server() else { return };
    table(&mut open(&options).await, "xact_other", "id integer").await;
    for commit in [true, false] {
        let mut connection = writing(&options, "xact_other").await;
        let of = inquiry(&connection);
        if commit {
            connection.commit().await.unwrap();
        } else {
            connection.rollback_for_test().await;
        }
        let system = asked_of(&of, |server| server.system = "1".into()).await;
        let timeline = asked_of(&of, |server| server.timeline = "000000FF".into()).await;
        assert_eq!((system, timeline), (Outcome::Unknown, Outcome::Unknown));
        // After a crash the id may be another's. Whatever did not end well is not there.
        let crashed = asked_of(&of, |server| server.since = "1".into()).await;
        let expected = if commit {
            Outcome::Unknown
        } else {
            Outcome::NotApplied
        };
        assert_eq!(crashed, expected);
    }
}

/// A crash takes back ids that it had told, and gives them out again.
#[tokio::test]
async fn an_id_that_is_not_given_out_was_lost_in_a_crash() {
    let Some(options) = server() else { return };
    table(&mut open(&options).await, "xact_future", "id integer").await;
    let mut connection = writing(&options, "xact_future").await;
    let mut of = inquiry(&connection);
    connection.commit().await.unwrap();
    of.id += 1 << 30;
    let crashed = asked_of(&of, |server| server.since = "1".into()).await;
    assert_eq!(crashed, Outcome::NotApplied);
    assert_eq!(asked_of(&of, |_| {}).await, Outcome::Unknown);
}

/// After a crash the id may be of somebody else's transaction, which is left alone.
#[tokio::test]
async fn after_a_crash_nobody_is_ended() {
    let Some(options) = server() else { return };
    table(&mut open(&options).await, "xact_alone", "id integer").await;
    let mut connection = writing(&options, "xact_alone").await;
    let of = inquiry(&connection);
    let asked = Inquiry {
        server: Arc::new(Server {
            since: "1".into(),
            ..Server::clone(&of.server)
        }),
        ..of
    };
    let outcome = asked.until(Instant::now() + Duration::from_millis(500));
    assert_eq!(outcome.await, Outcome::Unknown);
    connection.commit().await.unwrap();
}

/// Nothing has to be granted to a user; but what is forbidden is no reason to fail.
#[tokio::test]
async fn an_ordinary_user_may_ask() {
    let Some(options) = server() else { return };
    let mut admin = open(&options).await;
    admin
        .script_for_test(
            "DROP TABLE IF EXISTS xact_plain; CREATE TABLE xact_plain (id integer); \
             DROP ROLE IF EXISTS mainstay_plain; CREATE ROLE mainstay_plain LOGIN PASSWORD 'pw'; \
             GRANT ALL ON xact_plain TO mainstay_plain",
        )
        .await;
    let plain = PostgresOptions {
        user: "mainstay_plain".into(),
        password: Some("pw".into()),
        ..options
    };
    let open_one = writing(&plain, "xact_plain").await;
    let ended = open_one.witness().unwrap()(Instant::now() + PATIENCE).await;
    assert_eq!(ended, Outcome::NotApplied);
    let mut connection = writing(&plain, "xact_plain").await;
    let witness = connection.witness().unwrap();
    connection.commit().await.unwrap();

    let revoke = "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC";
    admin.script_for_test(revoke).await;
    let outcome = witness(Instant::now() + PATIENCE).await;
    let mut untold = writing(&plain, "xact_plain").await;
    let has_witness = untold.witness().is_some();
    let committed = untold.commit().await;
    admin
        .script_for_test("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
        .await;
    assert_eq!(outcome, Outcome::Unknown);
    assert!(!has_witness);
    committed.unwrap();
    assert_ne!(pid(&mut untold).await, pid(&mut connection).await);
    drop((open_one, untold, connection));
}
