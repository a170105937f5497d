//! A database that goes away, refuses, and comes back.

use std::sync::Arc;
use std::time::Duration;

use mainstay::error::Outcome;
use mainstay::resilience::breaker::State;
use mainstay::{Database, Error, ErrorKind};
use tokio::net::lookup_host;
use tokio::time::{Instant, sleep};

use super::entities::Item;
use super::support::{PATIENCE, assert_kind, at_rest, eventually};
use crate::proxy::{Ending, Fault, FaultProxy, Mode};
use crate::{Engine, Fixture};

/// A handle whose connections go through a proxy, and a table with one row in it. `None` for an
/// engine without a wire.
async fn behind_a_proxy(fx: &Fixture) -> Option<(FaultProxy, Database)> {
    let url = fx.server_url()?;
    let address = lookup_host((url.host(), url.port())).await.unwrap().next();
    let proxy = FaultProxy::start(address.unwrap()).await.unwrap();
    let through = url.through_port(proxy.address().port());
    let settings = [
        ("url", through.as_str()),
        ("pool.max", "4"),
        ("tls", "disable"),
        ("timeouts.connect", "5s"),
    ];
    let db = fx.open(&settings).await.unwrap();
    with_counter(fx.db()).await;
    Some((proxy, db))
}

async fn with_counter(db: &Database) {
    db.script("CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
        .await
        .unwrap();
    let insert = db.sql("INSERT INTO counters VALUES (1, 0)").execute();
    insert.await.unwrap();
}

async fn counted(db: &Database) -> i64 {
    let read = db.sql("SELECT n FROM counters WHERE id = 1").scalar();
    read.timeout(PATIENCE).await.unwrap()
}

/// A read that is known to be one.
async fn read(db: &Database) -> Result<(), Error> {
    let found = db
        .repository::<Item>()
        .find_many()
        .timeout(PATIENCE)
        .await?;
    assert!(found.is_empty());
    Ok(())
}

async fn count(db: &Database) -> Result<(), Error> {
    let write = db.sql("UPDATE counters SET n = n + 1 WHERE id = 1");
    write.execute().timeout(PATIENCE).await.map(|_| ())
}

fn state(db: &Database) -> State {
    db.status().breakers[0].state
}

/// While nothing answers, calls are refused at once, and say when to come again. Afterwards the
/// breaker closes by itself.
pub async fn an_outage_opens_the_breaker(fx: &Fixture) {
    let Some((proxy, db)) = behind_a_proxy(fx).await else {
        // Without a wire there is nothing to cut; its breaker is tested over a made-up driver.
        return;
    };
    read(&db).await.unwrap();
    proxy.set_mode(Mode::Refuse).await;
    proxy.cut(Ending::Reset);
    eventually("the breaker is open", async || {
        let failed = db.sql("SELECT 1").scalar::<i64>().no_retry().await;
        assert_eq!(failed.unwrap_err().http_status(), 503);
        state(&db) == State::Open
    })
    .await;
    let refused = db.sql("SELECT 1").scalar::<i64>().no_retry();
    if let Err(error) = refused.await
        && error.kind() == ErrorKind::CircuitOpen
    {
        assert_eq!(
            (error.code(), error.outcome()),
            ("CIRCUIT_OPEN", Outcome::NotApplied)
        );
        assert!(error.retry_after().is_some() && error.hint().is_some());
    }
    assert!(db.status().is_degraded());
    eventually("calls are refused by the breaker", async || {
        let _ = db.sql("SELECT 1").scalar::<i64>().no_retry().await;
        db.status().counts.refused_by_breaker > 0
    })
    .await;
    proxy.set_mode(Mode::Forward).await;
    eventually("the breaker is closed", async || {
        let _ = db.sql("SELECT 1").scalar::<i64>().no_retry().await;
        state(&db) == State::Closed
    })
    .await;
    read(&db).await.unwrap();
    assert!(!db.status().is_degraded());
    at_rest(&db).await;
}

/// Refusals of statements say nothing against the database.
pub async fn duplicates_never_open_the_breaker(fx: &Fixture) {
    with_counter(fx.db()).await;
    for _ in 0..100 {
        let again = fx.db().sql("INSERT INTO counters VALUES (1, 0)").execute();
        assert_kind(again.await, ErrorKind::Duplicate);
    }
    for breaker in fx.db().status().breakers {
        assert_eq!(breaker.state, State::Closed);
    }
    assert!(!fx.db().status().is_degraded());
}

/// Reads, and transactions given as closures, survive connections that are cut.
pub async fn reads_and_closures_survive_cut_connections(fx: &Fixture) {
    let Some((proxy, db)) = behind_a_proxy(fx).await else {
        return;
    };
    for round in 1..=5 {
        proxy.cut(if round % 2 == 0 {
            Ending::Reset
        } else {
            Ending::Close
        });
        read(&db).await.unwrap();
        proxy.inject(Fault::LoseRequest(Ending::Reset));
        read(&db).await.unwrap();
        proxy.inject_on(b"UPDATE", Fault::LoseRequest(Ending::Reset));
        let done = db.transaction(|tx| async move {
            let write = tx.sql("UPDATE counters SET n = n + 1 WHERE id = 1");
            write.execute().await
        });
        done.timeout(PATIENCE).await.unwrap();
        proxy.disarm();
        assert_eq!(counted(fx.db()).await, round);
        // With half of all calls failing the breaker would have its say.
        for _ in 0..10 {
            read(&db).await.unwrap();
        }
    }
    assert!(db.status().counts.retries > 0);
    // Whoever does not want it is told.
    proxy.inject(Fault::LoseReply(Ending::Reset));
    let lost = db.sql("SELECT 1").scalar::<i64>().no_retry().await;
    assert_kind(lost, ErrorKind::ConnectionLost);
    at_rest(&db).await;
}

/// An outage that ends before the time limit is not seen by reads and closures.
pub async fn a_short_outage_is_not_seen(fx: &Fixture) {
    let Some((proxy, db)) = behind_a_proxy(fx).await else {
        return;
    };
    proxy.set_mode(Mode::Refuse).await;
    proxy.cut(Ending::Reset);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                read(&db).await?;
                let counted = db.transaction(|tx| async move {
                    let write = tx.sql("UPDATE counters SET n = n + 1 WHERE id = 1");
                    write.execute().await
                });
                counted.timeout(PATIENCE).await
            })
        })
        .collect();
    sleep(Duration::from_millis(700)).await;
    proxy.set_mode(Mode::Forward).await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(counted(fx.db()).await, 8);
    at_rest(&db).await;
}

/// A write whose reply was lost is not sent again, and its outcome is not guessed.
pub async fn a_write_without_reply_is_not_repeated(fx: &Fixture) {
    let Some((proxy, db)) = behind_a_proxy(fx).await else {
        return;
    };
    let mut unknown = 0;
    for round in 0..10 {
        // What the first call on a connection sends besides is sent now.
        count(&db).await.unwrap();
        let before = counted(fx.db()).await;
        proxy.inject(Fault::LoseReply(Ending::Reset));
        let answer = count(&db).await;
        proxy.disarm();
        let after = counted(fx.db()).await;
        match answer {
            Ok(()) => assert_eq!(after, before + 1, "round {round}"),
            Err(error) => {
                assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
                assert!(after <= before + 1, "round {round}: repeated");
                unknown += 1;
            }
        }
    }
    assert!(unknown > 0, "no reply of a write was lost");
    at_rest(&db).await;
}

/// What was begun on connections that are half open since: their callers go away, and the server knows
/// neither that nor of the connections' end. What they held is free all the same.
pub async fn forsaken_transactions_let_go_of_their_rows(fx: &Fixture) {
    let Some((proxy, db)) = behind_a_proxy(fx).await else {
        return;
    };
    let proxy = Arc::new(proxy);
    let mut expected = 0;
    for answered in [true, false] {
        // Prepares the statement on the connection that is lent next.
        let warm = db.transaction(|tx| async move {
            let write = tx.sql("UPDATE counters SET n = n + 1 WHERE id = 1");
            write.execute().await
        });
        warm.timeout(PATIENCE).await.unwrap();
        at_rest(&db).await;
        let forsaken = Arc::clone(&proxy);
        let given_up = db.transaction(move |tx| {
            let proxy = Arc::clone(&forsaken);
            async move {
                let limit = Duration::from_millis(300);
                let write = "UPDATE counters SET n = n + 1 WHERE id = 1";
                if answered {
                    tx.sql(write).execute().await?;
                    proxy.forsake();
                    return tx.sql(write).execute().timeout(limit).await;
                }
                proxy.set_mode(Mode::SwallowReplies).await;
                let lost = tx.sql(write).execute().timeout(limit).await;
                proxy.forsake();
                proxy.set_mode(Mode::Forward).await;
                lost
            }
        });
        let given_up = given_up.timeout(PATIENCE).await;
        assert_eq!(given_up.unwrap_err().outcome(), Outcome::NotApplied);
        // Of a handle that knows nothing of it, and which waits for the row.
        count(fx.db()).await.unwrap();
        expected += 2;
        assert_eq!(counted(fx.db()).await, expected);
        eventually("the pool has recovered", async || read(&db).await.is_ok()).await;
        at_rest(&db).await;
    }
}

/// While the database takes no writes they are refused at once, and reads go on; then one write
/// finds out that it does again.
pub async fn a_read_only_database_stops_writes(fx: &Fixture) {
    let (off, on) = match fx.engine() {
        Engine::Sqlite => ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        Engine::Postgres => (
            "SET default_transaction_read_only = on",
            "SET default_transaction_read_only = off",
        ),
        // Its switch is one for all databases of the server.
        Engine::MariaDb => return,
    };
    with_counter(fx.db()).await;
    let db = fx
        .open(&[("pool.max", "1"), ("pool.min", "1")])
        .await
        .unwrap();
    db.script(off).await.unwrap();
    assert_kind(count(&db).await, ErrorKind::ReadOnly);
    let started = Instant::now();
    let refused = assert_kind(count(&db).await, ErrorKind::ReadOnly);
    if started.elapsed() < Duration::from_millis(400) {
        assert!(refused.retry_after().is_some());
        assert!(db.status().is_degraded());
        assert!(db.status().counts.writes_refused > 0);
    }
    read(&db).await.unwrap();
    eventually("the database takes writes again", async || {
        db.script(on).await.is_ok()
    })
    .await;
    count(&db).await.unwrap();
    assert_eq!(counted(&db).await, 1);
    assert!(!db.status().is_degraded());
}

/// A write in a transaction that is read-only stops nobody else's.
pub async fn a_read_only_transaction_stops_nobody(fx: &Fixture) {
    let db = fx.db();
    with_counter(db).await;
    let refused = db.transaction(|tx| async move {
        let write = tx.sql("UPDATE counters SET n = n + 1 WHERE id = 1");
        write.execute().await
    });
    assert_kind(refused.read_only().await, ErrorKind::ReadOnly);
    count(db).await.unwrap();
    assert!(!db.status().is_degraded());
}
