//! Breaker and retries over a driver that answers as it is told, under paused time.

use std::sync::atomic::Ordering;

use super::fake::{Answer, Fake, Script};
use super::*;
use crate::driver::{Access, Batch, Collect, Row, RowSink, Statement};
use crate::entropy::SeededEntropy;
use crate::error::Outcome;
use crate::pool::PoolOptions;
use crate::resilience::breaker::State;

pub(super) async fn open_with(resilience: Resilience) -> (Database, Arc<Script>) {
    let script = Arc::<Script>::default();
    let driver = Fake {
        script: Arc::clone(&script),
        capabilities: Capabilities::of(Dialect::Postgres),
    };
    let builder = Database::builder()
        .entropy(SeededEntropy::new(7))
        .resilience(resilience);
    let pool = PoolOptions {
        min: 0,
        ..PoolOptions::default()
    };
    let db = builder.open_driver(Arc::new(driver), pool, Timeouts::default(), false);
    (db.await.unwrap(), script)
}

async fn open() -> (Database, Arc<Script>) {
    open_with(Resilience::default()).await
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "as told")
}

fn lost() -> Answer {
    Answer::Fails(error(ErrorKind::ConnectionLost))
}

pub(super) fn statement(access: Access) -> Statement {
    Statement::new("SELECT 1", Vec::new(), access).on("t")
}

pub(super) async fn call(db: &Database, access: Access) -> Result<()> {
    call_with(db, access, &CallOptions::here()).await
}

async fn call_with(db: &Database, access: Access, options: &CallOptions) -> Result<()> {
    let mut sink = Collect::new(|_: &Row<'_>| Ok(()));
    db.run(statement(access), &mut sink, options).await?;
    Ok(())
}

fn once() -> CallOptions {
    CallOptions {
        retry: false,
        ..CallOptions::here()
    }
}

fn state(db: &Database) -> State {
    db.status().breakers[0].state
}

/// Opens the breaker: nothing can be reached.
async fn outage(db: &Database, script: &Script) {
    script.always(Some(Answer::Fails(error(ErrorKind::Unreachable))));
    while state(db) == State::Closed {
        let failed = call_with(db, Access::Read, &once()).await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Unreachable);
    }
    assert_eq!(state(db), State::Open);
}

#[tokio::test(start_paused = true)]
async fn an_outage_opens_the_breaker_which_answers_at_once_and_closes_with_a_ramp() {
    let (db, script) = open().await;
    call(&db, Access::Read).await.unwrap();
    assert!(!db.status().is_degraded());
    outage(&db, &script).await;
    let (ran, dialled) = (script.count(), script.dialled.load(Ordering::SeqCst));
    for access in [Access::Read, Access::Write, Access::Unknown] {
        let refused = call_with(&db, access, &once()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::CircuitOpen);
        assert_eq!(
            (refused.http_status(), refused.outcome()),
            (503, Outcome::NotApplied)
        );
        assert!(refused.retry_after().unwrap() <= Duration::from_millis(250));
        assert!(refused.to_string().contains("as told"), "{refused}");
    }
    let refused = db
        .transaction(|_| async { Ok::<_, Error>(()) })
        .max_attempts(1);
    assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::CircuitOpen);
    let refused = db.health().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::CircuitOpen);
    assert_eq!(script.count(), ran);
    assert_eq!(script.dialled.load(Ordering::SeqCst), dialled);
    let status = db.status();
    assert!(status.is_degraded());
    assert!(
        status.reasons()[0].contains("open"),
        "{:?}",
        status.reasons()
    );
    assert_eq!(status.counts.refused_by_breaker, 5);
    assert_eq!(status.to_json()["breakers"][0]["state"], "open");

    script.always(None);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(state(&db), State::HalfOpen);
    for _ in 0..3 {
        call_with(&db, Access::Read, &once()).await.unwrap();
    }
    assert_eq!(state(&db), State::Ramping);
    tokio::time::sleep(Duration::from_secs(1)).await;
    call(&db, Access::Write).await.unwrap();
    assert_eq!(state(&db), State::Closed);
    assert!(!db.status().is_degraded());
}

#[tokio::test(start_paused = true)]
async fn refusals_of_statements_never_open_it() {
    let (db, script) = open().await;
    for kind in [
        ErrorKind::Duplicate,
        ErrorKind::ForeignKey,
        ErrorKind::WriteConflict,
        ErrorKind::PoolTimeout,
        ErrorKind::CredentialsRefused,
        ErrorKind::Database,
        ErrorKind::Unknown,
    ] {
        script.then(vec![Answer::Fails(error(kind)); 50]);
        for _ in 0..50 {
            let failed = call_with(&db, Access::Write, &once()).await.unwrap_err();
            assert_eq!(failed.kind(), kind);
        }
    }
    assert_eq!(state(&db), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_given_up_open_it_when_they_were_patient() {
    let (db, script) = open().await;
    script.always(Some(Answer::Never));
    for (limit, expected) in [(100, State::Closed), (2_000, State::Open)] {
        let options = CallOptions {
            timeout: Some(Duration::from_millis(limit)),
            ..CallOptions::here()
        };
        let calls: Vec<_> = (0..10)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move { call_with(&db, Access::Read, &options).await })
            })
            .collect();
        for one in calls {
            let failed = one.await.unwrap().unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::Deadline);
        }
        assert_eq!(state(&db), expected);
    }
    assert_eq!(db.status().counts.deadlines, 20);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_makes_place_for_another() {
    let (db, script) = open().await;
    outage(&db, &script).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..20 {
        script.always(Some(Answer::Never));
        let (a, b) = (call(&db, Access::Read), call(&db, Access::Read));
        let both = tokio::time::timeout(Duration::from_millis(1), async { tokio::join!(a, b) });
        assert!(both.await.is_err());
        assert_eq!(state(&db), State::HalfOpen);
    }
    script.always(None);
    for _ in 0..3 {
        call_with(&db, Access::Read, &once()).await.unwrap();
    }
    assert_eq!(state(&db), State::Ramping);
}

#[tokio::test(start_paused = true)]
async fn a_read_survives_lost_connections() {
    let (db, script) = open().await;
    script.then([lost(), lost(), lost()]);
    call(&db, Access::Read).await.unwrap();
    assert_eq!((script.count(), db.status().counts.retries), (4, 3));
    // Unless its caller does not want that.
    script.then([lost()]);
    let failed = call_with(&db, Access::Read, &once()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ConnectionLost);
    // Or nobody does.
    let (db, script) = open_with(Resilience {
        retry: false,
        ..Resilience::default()
    })
    .await;
    script.then([lost()]);
    assert!(call(&db, Access::Read).await.is_err());
    assert_eq!(script.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_repeated_only_when_nothing_took_effect() {
    let (db, script) = open().await;
    script.then([lost(), Answer::Fails(error(ErrorKind::WriteConflict))]);
    call(&db, Access::Write).await.unwrap();
    assert_eq!(script.count(), 3);
    for kind in [ErrorKind::ConnectionLost, ErrorKind::CommitUnknown] {
        let unknown = error(kind).with_outcome(Outcome::Unknown);
        script.then([Answer::Fails(unknown)]);
        let before = script.count();
        let failed = call(&db, Access::Write).await.unwrap_err();
        assert_eq!((failed.kind(), failed.outcome()), (kind, Outcome::Unknown));
        assert_eq!(script.count(), before + 1);
    }
    // What may take effect bit by bit is sent once.
    script.then([lost()]);
    let before = script.count();
    let call = db.sql("CALL something()").execute().await;
    assert!(call.is_err());
    assert_eq!(script.count(), before + 1);
}

/// Calls that were joined wait for nobody's lock, so that a conflict sends each its own way. A
/// connection that was lost before anything took effect is none of theirs.
#[tokio::test(start_paused = true)]
async fn a_joined_batch_survives_lost_connections_and_is_told_of_conflicts() {
    let (db, script) = open().await;
    let run = async || {
        let batch = Batch {
            statements: vec![statement(Access::Write)],
            lock_wait: Some(Duration::from_millis(50)),
        };
        let options = CallOptions::here();
        let deadline = options.deadline(db.statement_timeout());
        let mut sink = Collect::new(|_: &Row<'_>| Ok(()));
        db.run_batch(batch, &mut sink, deadline, &options).await
    };
    script.then([lost(), lost()]);
    run().await.unwrap();
    assert_eq!(script.count(), 3);
    script.then([Answer::Fails(error(ErrorKind::WriteConflict))]);
    let refused = run().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::WriteConflict);
    assert_eq!(script.count(), 4);
    let unknown = error(ErrorKind::ConnectionLost).with_outcome(Outcome::Unknown);
    script.then([Answer::Fails(unknown)]);
    let lost = run().await.unwrap_err();
    assert_eq!(lost.outcome(), Outcome::Unknown);
    assert_eq!(script.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn conflicts_end_after_five_tries() {
    let (db, script) = open().await;
    script.always(Some(Answer::Fails(error(ErrorKind::WriteConflict))));
    let failed = call(&db, Access::Write).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::WriteConflict);
    assert_eq!(script.count(), 5);
}

/// A sink that cannot take back what it has passed on.
struct Onward(u32);

impl RowSink for Onward {
    fn row(&mut self, _: &Row<'_>) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_repeated_until_its_first_row() {
    let (db, script) = open().await;
    script.then([lost(), lost()]);
    let mut sink = Onward(0);
    let options = CallOptions::here();
    db.run(statement(Access::Read), &mut sink, &options)
        .await
        .unwrap();
    assert_eq!(script.count(), 3);
    script.then([Answer::FailsLate(error(ErrorKind::ConnectionLost))]);
    let failed = db.run(statement(Access::Read), &mut sink, &options).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::ConnectionLost);
    assert_eq!((script.count(), sink.0), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_closure_follows_what_the_handle_recorded() {
    let (db, script) = open().await;
    script.then([lost(), lost()]);
    let done = db.transaction(|tx| async move {
        let ran = tx.sql("SELECT 1").execute().await;
        // The closure makes an error of its own of it.
        ran.map_err(|_| Error::new(ErrorKind::NotFound, "mine"))
    });
    done.await.unwrap();
    assert_eq!(script.begun.load(Ordering::SeqCst), 3);

    script.fail_next_commit(error(ErrorKind::CommitUnknown));
    let failed = db.transaction(|_| async { Ok::<_, Error>(()) }).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::CommitUnknown);
    assert_eq!(script.begun.load(Ordering::SeqCst), 4);

    script.then([lost()]);
    let failed = db
        .transaction(|tx| async move { tx.sql("SELECT 1").execute().await })
        .max_attempts(1);
    assert_eq!(failed.await.unwrap_err().kind(), ErrorKind::ConnectionLost);
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_is_not_seen_and_a_long_one_fails_fast() {
    let (db, script) = open().await;
    script.always(Some(Answer::Fails(error(ErrorKind::Unreachable))));
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let db = db.clone();
            let access = [Access::Read, Access::Write][number % 2];
            tokio::spawn(async move { call(&db, access).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_ne!(state(&db), State::Closed);
    script.always(None);
    for one in calls {
        one.await.unwrap().unwrap();
    }

    tokio::time::sleep(Duration::from_secs(20)).await;
    outage(&db, &script).await;
    let started = Instant::now();
    let failed = call(&db, Access::Read).await.unwrap_err();
    assert_eq!(failed.http_status(), 503);
    assert!(
        started.elapsed() >= Duration::from_secs(5),
        "it had patience"
    );
    assert!(
        started.elapsed() <= Duration::from_secs(15),
        "and not for ever"
    );
    let mut waited = Duration::ZERO;
    for _ in 0..50 {
        let started = Instant::now();
        assert!(call(&db, Access::Read).await.is_err());
        waited = waited.max(started.elapsed());
    }
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn retries_have_a_budget() {
    let (db, script) = open_with(Resilience {
        breaker: None,
        ..Resilience::default()
    })
    .await;
    script.always(Some(Answer::Fails(error(ErrorKind::Unreachable))));
    let calls: Vec<_> = (0..500)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { call(&db, Access::Read).await })
        })
        .collect();
    for one in calls {
        assert_eq!(
            one.await.unwrap().unwrap_err().kind(),
            ErrorKind::Unreachable
        );
    }
    let counts = db.status().counts;
    // Some go on until their deadline on the reserve, which is ten a second.
    assert!((100..=500).contains(&counts.retries), "{counts:?}");
    assert!(counts.retries_over_budget >= 400, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_closed_handle_says_so_whatever_the_breaker_says() {
    let (db, script) = open().await;
    outage(&db, &script).await;
    db.close(Duration::from_secs(1)).await.unwrap();
    let refused = call(&db, Access::Read).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Closed);
}
