//! Sessions whose connection is half open: they are given up here, and the server does not know.

use std::sync::Arc;
use std::time::Duration;

use mainstay_testkit::proxy::{FaultProxy, Mode};
use tokio::time::{Instant, sleep, timeout};

use super::witness::is_known;
use super::{one, open, pid, server, statement, table, write};
use crate::Value;
use crate::driver::contract::{BeginOptions, Connection, Recovery};
use crate::driver::postgres::PostgresOptions;
use crate::driver::postgres::account::{Process, Server};
use crate::driver::postgres::connection::PostgresConnection;
use crate::driver::postgres::ending::{Closing, Forsaken, Mark};
use crate::driver::postgres::key;
use crate::driver::row::Ignore;
use crate::driver::statement::Access;
use crate::error::Outcome;

/// When a statement is dropped that gets no answer.
const DEADLINE: Duration = Duration::from_millis(200);

/// The server, by way of a proxy.
async fn behind_a_proxy(options: &PostgresOptions) -> (FaultProxy, PostgresOptions) {
    let address = tokio::net::lookup_host((options.host.as_str(), options.port));
    let target = address.await.unwrap().next().unwrap();
    let proxy = FaultProxy::start(target).await.unwrap();
    let through = PostgresOptions {
        host: "127.0.0.1".into(),
        port: proxy.address().port(),
        ..options.clone()
    };
    (proxy, through)
}

fn update(table: &str) -> String {
    format!("UPDATE {table} SET n = n + 1 WHERE id = 1")
}

/// A table with one row, and a session that changes it.
async fn with_row(options: &PostgresOptions, name: &str) -> PostgresConnection {
    let mut connection = open(options).await;
    table(&mut connection, name, "id integer, n integer").await;
    let insert = format!("INSERT INTO {name} VALUES (1, 0)");
    write(&mut connection, &insert, vec![]).await.unwrap();
    connection
}

/// A statement that gets no answer, and is dropped at its deadline.
async fn unanswered(connection: &mut PostgresConnection, sql: &str) {
    let statement = statement(sql, vec![], Access::Write);
    let mut sink = Ignore;
    let call = timeout(DEADLINE, connection.run(statement, &mut sink));
    assert!(call.await.is_err(), "{sql}");
}

/// Changes the row while somebody may hold it, and says what it was.
async fn changes_row(observer: &mut PostgresConnection, table: &str) -> Value {
    observer
        .run_script("SET statement_timeout = '20s'")
        .await
        .unwrap();
    let changed = write(observer, &update(table), vec![]).await;
    assert_eq!(changed.unwrap().rows, 1);
    let read = format!("SELECT n FROM {table} WHERE id = 1");
    one(observer, &read, vec![]).await.unwrap()
}

async fn is_there(observer: &mut PostgresConnection, pid: &Value) -> bool {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = ?";
    let count = one(observer, sql, vec![pid.clone()]).await;
    count.unwrap() == Value::I64(1)
}

#[tokio::test]
async fn a_forsaken_transaction_lets_go_of_its_rows() {
    let Some(options) = server() else { return };
    let mut observer = with_row(&options, "forsaken_known").await;
    for recovered in [true, false] {
        let before = changes_row(&mut observer, "forsaken_known").await;
        let (proxy, through) = behind_a_proxy(&options).await;
        let mut connection = open(&through).await;
        connection.begin_for_test().await;
        let sql = update("forsaken_known");
        write(&mut connection, &sql, vec![]).await.unwrap();
        is_known(&mut connection).await;
        proxy.forsake();
        unanswered(&mut connection, &sql).await;
        let started = Instant::now();
        if recovered {
            assert_eq!(connection.recover().await, Recovery::Discard);
        }
        Box::new(connection).close().await;
        // The goodbye is not waited for.
        let closed = started.elapsed();
        assert!(!recovered || closed < Duration::from_secs(3), "{closed:?}");
        let after = changes_row(&mut observer, "forsaken_known").await;
        let (Value::I64(before), Value::I64(after)) = (before, after) else {
            panic!("a count is a number");
        };
        // Nothing of the transaction is there.
        assert_eq!(after, before + 1);
    }
}

/// The answer to the first write is what did not come, so that nobody knows the transaction's id.
#[tokio::test]
async fn a_transaction_that_is_forsaken_with_its_first_write_lets_go_too() {
    let Some(options) = server() else { return };
    let mut observer = with_row(&options, "forsaken_first").await;
    let (proxy, through) = behind_a_proxy(&options).await;
    let mut connection = open(&through).await;
    let session = pid(&mut connection).await;
    let sql = update("forsaken_first");
    // Prepared, so that it is sent without asking.
    connection.begin_for_test().await;
    write(&mut connection, &sql, vec![]).await.unwrap();
    connection.rollback_for_test().await;
    connection.begin_for_test().await;
    proxy.set_mode(Mode::SwallowReplies).await;
    unanswered(&mut connection, &sql).await;
    proxy.forsake();
    proxy.set_mode(Mode::Forward).await;
    assert!(connection.witness().is_none());
    let held = "SELECT state FROM pg_stat_activity WHERE pid = ?";
    let state = one(&mut observer, held, vec![session.clone()]).await;
    assert_eq!(state.unwrap(), Value::Text("idle in transaction".into()));
    assert_eq!(connection.recover().await, Recovery::Discard);
    Box::new(connection).close().await;
    changes_row(&mut observer, "forsaken_first").await;
    assert!(!is_there(&mut observer, &session).await);
}

/// A transaction that keeps a ledger wants no id, and is ended as well.
#[tokio::test]
async fn a_forsaken_transaction_that_nobody_asks_about_lets_go() {
    let Some(options) = server() else { return };
    let mut observer = with_row(&options, "forsaken_ledger").await;
    let (proxy, through) = behind_a_proxy(&options).await;
    let mut connection = open(&through).await;
    let ledger = BeginOptions {
        unwitnessed: true,
        ..BeginOptions::default()
    };
    connection.begin(ledger).await.unwrap();
    let sql = update("forsaken_ledger");
    write(&mut connection, &sql, vec![]).await.unwrap();
    assert!(connection.witness().is_none());
    proxy.forsake();
    assert!(timeout(DEADLINE, connection.commit()).await.is_err());
    assert_eq!(connection.recover().await, Recovery::Discard);
    let count = changes_row(&mut observer, "forsaken_ledger").await;
    assert_eq!(count, Value::I64(1));
    // The next transaction on such a session may want its id all the same.
    let mut connection = open(&options).await;
    connection.begin(ledger).await.unwrap();
    write(&mut connection, &sql, vec![]).await.unwrap();
    connection.commit().await.unwrap();
    connection.begin_for_test().await;
    write(&mut connection, &sql, vec![]).await.unwrap();
    is_known(&mut connection).await;
    connection.rollback_for_test().await;
}

/// An abandoned transaction without a call in flight is found out about by its ROLLBACK.
#[tokio::test]
async fn a_transaction_that_is_forsaken_between_calls_lets_go() {
    let Some(options) = server() else { return };
    let mut observer = with_row(&options, "forsaken_idle").await;
    let (proxy, through) = behind_a_proxy(&options).await;
    let mut connection = open(&through).await;
    connection.begin_for_test().await;
    write(&mut connection, &update("forsaken_idle"), vec![])
        .await
        .unwrap();
    proxy.forsake();
    assert_eq!(connection.recover().await, Recovery::Discard);
    drop(connection);
    changes_row(&mut observer, "forsaken_idle").await;
}

/// COMMIT did not come through. It is asked about while the session is given up.
#[tokio::test]
async fn a_forsaken_commit_is_ended_and_asked_about_at_once() {
    let Some(options) = server() else { return };
    let mut observer = with_row(&options, "forsaken_commit").await;
    let (proxy, through) = behind_a_proxy(&options).await;
    let mut connection = open(&through).await;
    connection.begin_for_test().await;
    write(&mut connection, &update("forsaken_commit"), vec![])
        .await
        .unwrap();
    let witness = connection.witness().unwrap();
    proxy.forsake();
    assert!(timeout(DEADLINE, connection.commit()).await.is_err());
    let asked = witness(Instant::now() + Duration::from_secs(30));
    let (recovery, outcome) = tokio::join!(connection.recover(), asked);
    assert_eq!(
        (recovery, outcome),
        (Recovery::Discard, Outcome::NotApplied)
    );
    let count = changes_row(&mut observer, "forsaken_commit").await;
    assert_eq!(count, Value::I64(1));
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_tried_again() {
    let Some(options) = server() else { return };
    let mut observer = with_row(&options, "forsaken_later").await;
    let (proxy, through) = behind_a_proxy(&options).await;
    let mut connection = open(&through).await;
    connection.begin_for_test().await;
    let sql = update("forsaken_later");
    write(&mut connection, &sql, vec![]).await.unwrap();
    proxy.forsake();
    proxy.set_mode(Mode::Refuse).await;
    unanswered(&mut connection, &sql).await;
    assert_eq!(connection.recover().await, Recovery::Discard);
    drop(connection);
    sleep(Duration::from_millis(300)).await;
    proxy.set_mode(Mode::Forward).await;
    changes_row(&mut observer, "forsaken_later").await;
}

/// After a crash the numbers are somebody else's.
#[tokio::test]
async fn only_the_session_that_was_meant_is_ended() {
    let Some(options) = server() else { return };
    let mut connection = with_row(&options, "forsaken_other").await;
    connection.begin_for_test().await;
    write(&mut connection, &update("forsaken_other"), vec![])
        .await
        .unwrap();
    let (mark, server) = connection.account.mark().unwrap();
    let Mark::Transaction(id) = mark else {
        panic!("the id is known");
    };
    connection.account.forget_id();
    let (mark, _) = connection.account.mark().unwrap();
    let Mark::Process(process) = mark else {
        panic!("the process is known");
    };
    assert_eq!(
        pid(&mut connection).await,
        Value::I64(process.number.into())
    );
    let crashed = Arc::new(Server {
        since: "1".into(),
        ..Server::clone(&server)
    });
    let later = Process {
        started: process.started + 1,
        ..process
    };
    for (mark, server) in [
        (Mark::Transaction(id), &crashed),
        (Mark::Transaction(id + (1 << 30)), &server),
        (Mark::Process(process), &crashed),
        (Mark::Process(later), &server),
    ] {
        ended(&connection, mark, server).await;
        pid(&mut connection).await;
    }
    // One that is idle holds nothing.
    connection.commit().await.unwrap();
    ended(&connection, Mark::Process(process), &server).await;
    pid(&mut connection).await;
    connection.begin_for_test().await;
    pid(&mut connection).await;
    ended(&connection, Mark::Process(process), &server).await;
    assert!(connection.ping().await.is_err());
}

async fn ended(connection: &PostgresConnection, mark: Mark, server: &Arc<Server>) {
    let forsaken = Forsaken {
        dialer: Arc::clone(&connection.dialer),
        server: Arc::clone(server),
        mark,
    };
    // No socket of anybody's.
    let task = tokio::spawn(std::future::pending::<()>());
    forsaken.end(Closing(task.abort_handle())).await;
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn the_key_names_the_process_with_and_without_tls() {
    for options in [server(), super::connecting::with_tls()] {
        let Some(options) = options else { return };
        let mut connection = open(&options).await;
        let named = key::process(&connection.client.cancel_token()).unwrap();
        assert_eq!(pid(&mut connection).await, Value::I64(named.into()));
    }
}

/// Where nobody can end the session, the server finds out by itself.
#[tokio::test]
async fn the_server_looks_after_silent_clients() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    for (setting, expected) in [
        ("tcp_keepalives_idle", "15"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ] {
        let shown = one(&mut connection, &format!("SHOW {setting}"), vec![]).await;
        assert_eq!(shown.unwrap(), Value::Text(expected.into()), "{setting}");
    }
}
