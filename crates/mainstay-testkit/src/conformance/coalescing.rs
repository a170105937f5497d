//! Many callers at once: whether their calls travel together or not, each gets its own answer.

use std::sync::Arc;
use std::time::Duration;

use mainstay::entropy::Entropy;
use mainstay::error::Outcome;
use mainstay::pool::PoolOptions;
use mainstay::{Database, Entity, Error, ErrorKind, SeededEntropy};
use tokio::net::lookup_host;
use tokio::time::{Instant, sleep, timeout};

use super::concurrency::a_writer_holds_up_no_reader;
use super::entities::{Account, Loan, Shelf, loan};
use super::spy::Spy;
use super::support::{PATIENCE, assert_kind, assert_refused, at_rest, burst};
use crate::Fixture;
use crate::proxy::{Ending, Fault, FaultProxy};

async fn with_account(db: &Database) {
    let account = Account { id: 1, balance: 0 };
    db.repository().create(account).await.unwrap();
}

/// Rows that break a constraint are refused, each with its own error, and their neighbours are
/// there, as they were given.
pub async fn each_create_gets_its_own_answer(fx: &Fixture) {
    let db = fx.db();
    with_account(db).await;
    let loans = db.repository::<Loan>();
    let taken = Loan {
        label: "taken".into(),
        ..loan(10_000)
    };
    loans.create(taken.clone()).await.unwrap();
    // Few refusals first, then many.
    let mut kept = 1;
    for (round, every) in [(0, 50), (1, 10), (2, 4)] {
        let given: Vec<_> = (0..200_u128)
            .map(|number| {
                let mut one = loan(round * 1000 + number);
                match (number % every, number / every % 4) {
                    (3, 0) => one.label.clone_from(&taken.label),
                    (3, 1) => one.account_id = 404,
                    (3, 2) => one.amount = 0,
                    (3, _) => one.id = taken.id,
                    _ => {}
                }
                one
            })
            .collect();
        let answers = burst(given.iter().cloned().map(|one| loans.create(one)));
        for (one, answer) in given.into_iter().zip(answers) {
            let answer = answer.await.unwrap();
            let (kind, constraint, columns): (_, _, &[&str]) = if one.label == taken.label {
                let name = "loans_account_id_label_key";
                (ErrorKind::Duplicate, Some(name), &["account_id", "label"])
            } else if one.id == taken.id {
                let refused = assert_kind(answer, ErrorKind::Duplicate);
                assert_eq!(refused.columns().collect::<Vec<_>>(), ["id"]);
                continue;
            } else if one.account_id == 404 {
                let name = "loans_account_id_fkey";
                (ErrorKind::ForeignKey, Some(name), &["account_id"])
            } else if one.amount == 0 {
                let name = "loans_amount_positive_check";
                (ErrorKind::Check, Some(name), &["amount"])
            } else {
                assert_eq!(answer.unwrap(), one);
                kept += 1;
                continue;
            };
            let fields: Vec<_> = match columns {
                ["account_id", "label"] => vec!["accountId", "label"],
                ["account_id"] => vec!["accountId"],
                others => others.to_vec(),
            };
            let place = ("loans", constraint);
            let error = assert_refused(answer, kind, place, columns, &fields);
            assert_eq!(error.outcome(), Outcome::NotApplied);
        }
        assert_eq!(loans.find_many().await.unwrap().len(), kept);
    }
    at_rest(db).await;
}

/// Two callers with the same row: one makes it, the other is refused.
pub async fn twins_are_told_apart(fx: &Fixture) {
    let db = fx.db();
    with_account(db).await;
    let loans = db.repository::<Loan>();
    let given = (0..120).map(|number| loan(number / 2));
    let mut answers = burst(given.map(|one| loans.create(one))).into_iter();
    while let (Some(one), Some(other)) = (answers.next(), answers.next()) {
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        assert_kind(one.and(other), ErrorKind::Duplicate);
    }
}

async fn assert_found<E: Entity + PartialEq + std::fmt::Debug>(
    db: &Database,
    keys: Vec<E::Key>,
    expected: impl Fn(usize) -> Option<E>,
) {
    let rows = db.repository::<E>();
    let answers = burst(keys.into_iter().map(|key| rows.find_by_id(key)));
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.await.unwrap().unwrap(), expected(number));
    }
}

/// Keys of each type, some asked for twice, some without a row, each answered with its own row.
pub async fn each_read_gets_its_own_row(fx: &Fixture) {
    let db = fx.db();
    let account = |number: usize| Account {
        id: number as i64 - 20,
        balance: number as i64,
    };
    let shelf = |number: usize| Shelf {
        // Equal but for case and trailing space.
        code: ["a", "A", "a ", "\u{e4}"][number % 4].repeat(1 + number / 4),
        label: format!("{number}"),
        slots: 0,
    };
    db.repository()
        .create_many((0..40).map(account))
        .await
        .unwrap();
    db.repository()
        .create_many((0..20).map(shelf))
        .await
        .unwrap();
    with_account_and_loans(db, 40).await;
    for _ in 0..5 {
        let wanted = |number: usize| number * 7 % 50;
        let keys = (0..150).map(|number| account(wanted(number)).id).collect();
        assert_found::<Account>(db, keys, |number| {
            (wanted(number) < 40).then(|| account(wanted(number)))
        })
        .await;
        let keys = (0..150).map(|number| loan(wanted(number) as u128).id);
        assert_found::<Loan>(db, keys.collect(), |number| {
            (wanted(number) < 40).then(|| loan(wanted(number) as u128))
        })
        .await;
        let wanted = |number: usize| number * 7 % 24;
        let keys = (0..100).map(|number| shelf(wanted(number)).code).collect();
        assert_found::<Shelf>(db, keys, |number| {
            (wanted(number) < 20).then(|| shelf(wanted(number)))
        })
        .await;
    }
    // A key that no engine may hold is its caller's error only.
    let shelves = db.repository::<Shelf>();
    let keys = (0..40).map(|number| match number % 8 {
        5 => "nul\0".to_owned(),
        _ => shelf(number % 20).code,
    });
    for (number, answer) in burst(keys.map(|key| shelves.find_by_id(key)))
        .into_iter()
        .enumerate()
    {
        match (number % 8, answer.await.unwrap()) {
            (5, answer) => drop(answer.unwrap_err()),
            (_, answer) => assert_eq!(answer.unwrap(), Some(shelf(number % 20))),
        }
    }
    at_rest(db).await;
}

async fn with_account_and_loans(db: &Database, count: u128) {
    let accounts = db.repository::<Account>();
    if accounts.find_by_id(1).await.unwrap().is_none() {
        with_account(db).await;
    }
    db.repository()
        .create_many((0..count).map(loan))
        .await
        .unwrap();
}

/// Every third caller is dropped at some moment. The others get their answers, and what was
/// acknowledged is there.
pub async fn dropped_callers_disturb_nobody(fx: &Fixture) {
    let db = fx.db();
    with_account(db).await;
    let loans = db.repository::<Loan>();
    let random = SeededEntropy::new(7);
    for round in 0..4_u128 {
        let tasks: Vec<_> = (0..150_u128)
            .map(|number| {
                let (loans, one) = (loans.clone(), loan(round * 1000 + number));
                let patience = if number % 3 == 0 {
                    Duration::from_micros((random.unit() * 4000.0) as u64)
                } else {
                    PATIENCE
                };
                tokio::spawn(async move {
                    let made = timeout(patience, loans.create(one.clone()).into_future()).await;
                    let read = timeout(patience, loans.find_by_id(one.id).into_future()).await;
                    (one, made, read)
                })
            })
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            let (one, made, read) = task.await.unwrap();
            if let Ok(made) = made {
                assert_eq!(made.unwrap(), one);
                if let Ok(read) = read {
                    assert_eq!(read.unwrap().as_ref(), Some(&one));
                }
                assert_eq!(loans.find_by_id(one.id).await.unwrap(), Some(one));
            } else {
                assert_eq!(number % 3, 0, "only the impatient are dropped");
            }
        }
    }
    at_rest(db).await;
}

/// Who reads after its own acknowledged write sees it, however many others read meanwhile.
pub async fn ones_own_writes_are_seen(fx: &Fixture) {
    let db = fx.db();
    with_account(db).await;
    let tasks: Vec<_> = (0..48_u128)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                let loans = db.repository::<Loan>();
                for step in 0..8 {
                    let mut one = loan(task * 100 + step);
                    assert_eq!(loans.find_by_id(one.id).await?, None);
                    loans.create(one.clone()).await?;
                    assert_eq!(loans.find_by_id(one.id).await?.as_ref(), Some(&one));
                    one.amount = 7;
                    loans.update(one.id, [Loan::AMOUNT.set(7)]).await?;
                    assert_eq!(loans.find_by_id(one.id).await?.as_ref(), Some(&one));
                    loans.delete(one.id).await?;
                    assert_eq!(loans.find_by_id(one.id).await?, None);
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

/// A row that waits for another transaction's lock holds up its neighbours only for a moment, and
/// its caller's own limit ends its own wait.
pub async fn a_locked_row_holds_up_nobody(fx: &Fixture) {
    let db = fx.db();
    with_account(db).await;
    let other = fx.open(&[("pool.max", "6")]).await.unwrap();
    if !db.capabilities().concurrent_writers {
        return a_writer_holds_up_no_reader(db, &other).await;
    }
    let loans = other.repository::<Loan>();
    let free = async |from: u128| {
        let started = Instant::now();
        for answer in burst((from..from + 60).map(|number| loans.create(loan(number)))) {
            answer.await.unwrap().unwrap();
        }
        started.elapsed()
    };
    free(5_000).await;
    let result: Result<_, Error> = db
        .transaction(|tx| {
            let (loans, free) = (loans.clone(), &free);
            async move {
                let labelled = |number, label: &str| Loan {
                    label: label.to_owned(),
                    ..loan(number)
                };
                let held = tx.repository::<Loan>();
                held.create(labelled(1, "held")).await?;
                held.create(labelled(4, "held too")).await?;
                let blocked = |number, label, patience| {
                    loans.create(labelled(number, label)).timeout(patience)
                };
                // Among others, so that they travel with them where calls travel together.
                let before = burst((800..830).map(|number| loans.create(loan(number))));
                let mut stuck = burst([
                    blocked(2, "held", PATIENCE),
                    blocked(3, "held too", Duration::from_millis(300)),
                ]);
                let took = free(1_000).await;
                assert!(took < PATIENCE / 3, "the neighbours waited {took:?}");
                for answer in before {
                    answer.await.unwrap().unwrap();
                }
                let given_up = stuck.pop().unwrap().await.unwrap();
                assert_kind(given_up, ErrorKind::Deadline);
                free(2_000).await;
                assert!(!stuck[0].is_finished());
                held.delete(loan(1).id).await?;
                Ok(stuck)
            }
        })
        .await;
    // It goes through as soon as the lock is gone.
    for stuck in result.unwrap() {
        assert_eq!(stuck.await.unwrap().unwrap().label, "held");
    }
    assert!(loans.find_by_id(loan(2).id).await.unwrap().is_some());
    at_rest(&other).await;
}

/// Closing the handle while calls wait answers each of them, truthfully.
pub async fn closing_answers_all(fx: &Fixture) {
    with_account(fx.db()).await;
    let db = fx.open(&[("pool.max", "2")]).await.unwrap();
    let loans = db.repository::<Loan>();
    let made = burst((0..300).map(|number| loans.create(loan(number))));
    let read = burst((0..300).map(|number| loans.find_by_id(loan(number).id)));
    sleep(Duration::from_millis(2)).await;
    db.close(PATIENCE).await.unwrap();
    for answer in read {
        if let Err(error) = answer.await.unwrap() {
            assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
        }
    }
    let there = fx.db().repository::<Loan>();
    for (number, answer) in made.into_iter().enumerate() {
        let id = loan(number as u128).id;
        let answer = answer.await.unwrap();
        if let Err(error) = &answer {
            assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
        }
        assert_eq!(there.find_by_id(id).await.unwrap(), answer.ok());
    }
}

/// Calls travel together where that pays, and not when the caller or the handle says no.
pub async fn joining_can_be_switched_off(fx: &Fixture) {
    with_account_and_loans(fx.db(), 200).await;
    let open = async |joining: bool| {
        let (driver, counts) = Spy::open(&fx.config(&[])).await.unwrap();
        let mut builder = Database::builder().schema(fx.db().schema().clone());
        if !joining {
            builder = builder.no_coalesce();
        }
        let options = PoolOptions::default();
        let db = builder.open_driver(driver, options, Default::default(), false);
        (db.await.unwrap(), counts)
    };
    for (handle, call) in [(true, true), (true, false), (false, true)] {
        let (db, counts) = open(handle).await;
        let loans = db.repository::<Loan>();
        let reads = (0..200).map(|number| {
            let request = loans.find_by_id(loan(number).id);
            if call { request } else { request.no_coalesce() }
        });
        for answer in burst(reads) {
            assert!(answer.await.unwrap().unwrap().is_some());
        }
        let joins = handle && call && db.capabilities().round_trips;
        assert_eq!(counts.statements() < 200, joins, "{}", counts.statements());
        let before = counts.statements();
        let inserts = (0..200).map(|number| {
            let request = loans.create(loan(
                number + if handle { 1_000 } else { 2_000 } + u128::from(call) * 500,
            ));
            if call { request } else { request.no_coalesce() }
        });
        for answer in burst(inserts) {
            answer.await.unwrap().unwrap();
        }
        let sent = counts.statements() - before;
        assert_eq!(sent < 200, joins, "{sent}");
        db.close(PATIENCE).await.unwrap();
    }
    let config = fx.config(&[("coalesce", "false")]);
    assert!(!config.coalesce && fx.config(&[]).coalesce);
}

/// When a batch's reply is lost, no caller is told more than is known.
pub async fn a_lost_reply_is_nobodys_certainty(fx: &Fixture) {
    let Some(url) = fx.server_url() else {
        // There is no wire.
        return;
    };
    with_account(fx.db()).await;
    let address = lookup_host((url.host(), url.port())).await.unwrap().next();
    let proxy = Arc::new(FaultProxy::start(address.unwrap()).await.unwrap());
    let through = url.through_port(proxy.address().port());
    let settings = [
        ("url", through.as_str()),
        ("pool.max", "2"),
        ("tls", "disable"),
    ];
    let there = fx.db().repository::<Loan>();
    let mut unknown = 0;
    for round in 1..=6_u128 {
        let db = fx.open(&settings).await.unwrap();
        let loans = db.repository::<Loan>();
        let warm = burst((0..100).map(|number| loans.create(loan(round * 10_000 + number))));
        for answer in warm {
            answer.await.unwrap().unwrap();
        }
        let given: Vec<_> = (500..600)
            .map(|number| loan(round * 10_000 + number))
            .collect();
        let answers = burst(given.iter().cloned().map(|one| loans.create(one)));
        sleep(Duration::from_micros(100 * (round as u64 - 1))).await;
        proxy.inject(Fault::LoseReply(Ending::Reset));
        for (one, answer) in given.into_iter().zip(answers) {
            let stored = there.find_by_id(one.id);
            match answer.await.unwrap() {
                Ok(made) => assert_eq!(stored.await.unwrap(), Some(made)),
                Err(error) if error.outcome() == Outcome::Unknown => unknown += 1,
                Err(error) => {
                    assert_eq!(error.outcome(), Outcome::NotApplied, "{error:?}");
                    assert_eq!(stored.await.unwrap(), None, "{error:?}");
                }
            }
        }
        proxy.disarm();
        at_rest(&db).await;
        loans.create(loan(round * 10_000 + 999)).await.unwrap();
    }
    assert!(proxy.struck() > 0);
    assert!(unknown > 0, "no reply of an insert was lost");
}
