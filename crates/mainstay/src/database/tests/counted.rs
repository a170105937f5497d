//! What calls tell the breaker, the budget and the write stop, over a driver that answers as it is
//! told, under paused time.

use super::fake::{Answer, Fake, Script};
use super::outage::{call, open_with, statement};
use super::*;
use crate::driver::Access;
use crate::driver::row::Ignore;
use crate::entropy::SeededEntropy;
use crate::pool::PoolOptions;
use crate::resilience::breaker::State;

fn state(db: &Database) -> State {
    db.status().breakers[0].state
}

/// A frozen server answers nobody: what the pool says of its queue is no answer of its.
#[tokio::test(start_paused = true)]
async fn callers_that_are_shed_do_not_keep_the_breaker_closed() {
    let script = Arc::<Script>::default();
    let driver = Fake {
        script: Arc::clone(&script),
        capabilities: Capabilities::of(Dialect::Postgres),
    };
    let pool = PoolOptions {
        max: 10,
        min: 0,
        ..PoolOptions::default()
    };
    let timeouts = Timeouts {
        statement: Duration::from_secs(4),
        ..Timeouts::default()
    };
    let db = Database::builder()
        .entropy(SeededEntropy::new(7))
        .open_driver(Arc::new(driver), pool, timeouts, false)
        .await
        .unwrap();
    script.always(Some(Answer::Never));
    let mut calls = Vec::new();
    for _ in 0..300 {
        if state(&db) == State::Open {
            break;
        }
        for _ in 0..10 {
            let db = db.clone();
            calls.push(tokio::spawn(async move { call(&db, Access::Read).await }));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(state(&db), State::Open);
    assert!(db.status().pool.shed_total > 20);
    for call in calls {
        call.await.unwrap().unwrap_err();
    }
}

/// Transactions wait on their own statements: a server that answers none of them is in trouble,
/// whatever else the closure took its time for.
#[tokio::test(start_paused = true)]
async fn statements_given_up_in_transactions_open_the_breaker() {
    for patient in [true, false] {
        let (db, script) = open_with(Resilience::default()).await;
        script.always(Some(Answer::Never));
        let limit = Duration::from_millis(if patient { 1500 } else { 100 });
        let calls = (0..10).map(|_| {
            let work = db.transaction(move |tx| async move {
                tokio::time::sleep(Duration::from_millis(1500)).await;
                tx.sql("SELECT 1").timeout(limit).execute().await
            });
            work.max_attempts(1).into_future()
        });
        for failed in futures_util::future::join_all(calls).await {
            assert_eq!(failed.unwrap_err().kind(), ErrorKind::Deadline);
        }
        assert_eq!(state(&db) == State::Open, patient);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_earn_retries_whoever_looks_and_without_a_breaker() {
    for breaker in [true, false] {
        let resilience = Resilience::default();
        let (db, _script) = open_with(Resilience {
            breaker: resilience.breaker.filter(|_| breaker),
            ..resilience
        })
        .await;
        let before = db.status().retries_left;
        for _ in 0..1000 {
            call(&db, Access::Read).await.unwrap();
            // A look at the handle takes nothing away.
            db.status();
        }
        let earned = db.status().retries_left - before;
        assert!((190..=200).contains(&earned), "{earned}");
    }
}

/// Whether writes work again is found out by one that wrote.
#[tokio::test(start_paused = true)]
async fn a_transaction_that_wrote_nothing_does_not_end_a_write_stop() {
    let (db, script) = open_with(Resilience::default()).await;
    let told = Error::new(ErrorKind::ReadOnly, "as told").with_state_of_server();
    script.then([Answer::Fails(told)]);
    call(&db, Access::Write).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let run = async |access| {
        let work = db.transaction(move |tx| async move {
            tx.run(statement(access), &mut Ignore, &CallOptions::here())
                .await
        });
        work.await.unwrap();
    };
    run(Access::Read).await;
    assert!(db.status().writes_stopped.is_some());
    run(Access::Write).await;
    assert!(db.status().writes_stopped.is_none());
}

/// What failed in good times is not what a later outage comes of.
#[tokio::test(start_paused = true)]
async fn a_refusal_names_no_old_failure() {
    let (db, script) = open_with(Resilience::default()).await;
    let once = CallOptions {
        retry: false,
        ..CallOptions::here()
    };
    let fail = async |message: &'static str| {
        let error = Error::new(ErrorKind::ConnectionLost, message);
        script.then([Answer::Fails(error)]);
        let ran = db.run(statement(Access::Read), &mut Ignore, &once).await;
        ran.unwrap_err()
    };
    fail("long ago").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    script.always(Some(Answer::Never));
    let calls = (0..10).map(|_| async {
        let limit = CallOptions {
            timeout: Some(Duration::from_secs(2)),
            ..once
        };
        db.run(statement(Access::Read), &mut Ignore, &limit).await
    });
    for ran in futures_util::future::join_all(calls).await {
        assert_eq!(ran.unwrap_err().kind(), ErrorKind::Deadline);
    }
    assert_eq!(state(&db), State::Open);
    let refused = db.run(statement(Access::Read), &mut Ignore, &once).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::CircuitOpen);
    assert!(!refused.to_string().contains("long ago"), "{refused}");
}

/// Work that is done in steps has one limit for all of them.
#[tokio::test(start_paused = true)]
async fn a_call_keeps_the_limit_of_the_work_it_is_part_of() {
    let until = tokio::time::Instant::now() + Duration::from_secs(7);
    let part = CallOptions {
        until: Some(until),
        ..CallOptions::here()
    };
    let told = |options: CallOptions| async move { Ok(options.until) };
    assert_eq!(Request::new(part, told).await.unwrap(), Some(until));
    let shorter = Request::new(part, told).timeout(Duration::from_secs(1));
    assert!(shorter.await.unwrap().unwrap() < until);
    let free = Request::new(CallOptions::here(), told).await.unwrap();
    assert_eq!(free, None);
}
