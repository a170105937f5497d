//! What transactions see of each other, and what happens when they collide.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mainstay::driver::Isolation;
use mainstay::{Database, Error};
use tokio::sync::Barrier;
use tokio::time::timeout;

use super::entities::Account;
use super::support::at_rest;
use crate::Fixture;

async fn two_accounts(fx: &Fixture, balance: i64) {
    let accounts = fx.db().repository::<Account>();
    for id in [1, 2] {
        accounts.create(Account { id, balance }).await.unwrap();
    }
}

async fn balance(db: &Database, id: i64) -> i64 {
    db.repository::<Account>()
        .find_by_id(id)
        .await
        .unwrap()
        .unwrap()
        .balance
}

/// What is not committed is seen by nobody else, on any level.
pub async fn no_dirty_reads(fx: &Fixture) {
    two_accounts(fx, 10).await;
    let other = fx.db().clone();
    fx.db()
        .transaction(move |tx| {
            let other = other.clone();
            async move {
                tx.repository::<Account>()
                    .update(1, [Account::BALANCE.set(99)])
                    .await?;
                assert_eq!(balance(&other, 1).await, 10);
                Ok::<_, Error>(())
            }
        })
        .await
        .unwrap();
    assert_eq!(balance(fx.db(), 1).await, 99);
}

/// From repeatable read on, all statements of a transaction see one snapshot.
pub async fn repeatable_read_sees_one_snapshot(fx: &Fixture) {
    two_accounts(fx, 10).await;
    for isolation in [Isolation::RepeatableRead, Isolation::Serializable] {
        let other = fx.db().clone();
        let (first, second) = fx
            .db()
            .transaction(move |tx| {
                let other = other.clone();
                async move {
                    let accounts = tx.repository::<Account>();
                    let first = accounts.find_many().by_key().await?;
                    // Where serializable readers lock what they read, the writer has to wait.
                    let change = other
                        .repository::<Account>()
                        .update(1, [Account::BALANCE.increment(1)]);
                    let _ = change.timeout(Duration::from_millis(200)).await;
                    let second = accounts.find_many().by_key().await?;
                    Ok::<_, Error>((first, second))
                }
            })
            .isolation(isolation)
            .read_only()
            .await
            .unwrap();
        assert_eq!(first, second, "{isolation:?}");
    }
    at_rest(fx.db()).await;
}

/// On read committed each statement sees what is committed by then, unless the engine gives more.
pub async fn read_committed_moves_on(fx: &Fixture) {
    two_accounts(fx, 10).await;
    let other = fx.db().clone();
    let seen = fx
        .db()
        .transaction(move |tx| {
            let other = other.clone();
            async move {
                let accounts = tx.repository::<Account>();
                accounts.find_many().await?;
                other
                    .repository::<Account>()
                    .update(1, [Account::BALANCE.set(11)])
                    .await?;
                let account = accounts.find_by_id(1).await?;
                Ok::<_, Error>(account.map(|account| account.balance))
            }
        })
        .read_only()
        .await
        .unwrap();
    let expected = if fx.db().capabilities().concurrent_writers {
        11
    } else {
        10
    };
    assert_eq!(seen, Some(expected));
}

/// Waits for the other side, where there can be one at the same time.
async fn meet(db: &Database, barrier: &Barrier) {
    let limit = match db.capabilities().concurrent_writers {
        true => Duration::from_secs(10),
        false => Duration::from_millis(10),
    };
    let _ = timeout(limit, barrier.wait()).await;
}

/// Two serializable transactions that each allow what only one may do: one of them sees the other.
pub async fn serializable_prevents_write_skew(fx: &Fixture) {
    two_accounts(fx, 60).await;
    let barrier = Arc::new(Barrier::new(2));
    let take = |id: i64| {
        let (db, barrier) = (fx.db().clone(), Arc::clone(&barrier));
        let first_time = Arc::new(AtomicU32::new(0));
        tokio::spawn(async move {
            let inner = db.clone();
            db.transaction(move |tx| {
                let (db, barrier) = (inner.clone(), Arc::clone(&barrier));
                let attempt = first_time.fetch_add(1, Ordering::Relaxed);
                async move {
                    let accounts = tx.repository::<Account>();
                    let all = accounts.find_many().await?;
                    let sum: i64 = all.iter().map(|account| account.balance).sum();
                    if attempt == 0 {
                        meet(&db, &barrier).await;
                    }
                    // Together they may go down to 60, so only one of them may take 60.
                    if sum - 60 >= 60 {
                        accounts
                            .update(id, [Account::BALANCE.increment(-60)])
                            .await?;
                    }
                    Ok::<_, Error>(())
                }
            })
            .isolation(Isolation::Serializable)
            .await
        })
    };
    let (one, two) = (take(1), take(2));
    one.await.unwrap().unwrap();
    two.await.unwrap().unwrap();
    let left = balance(fx.db(), 1).await + balance(fx.db(), 2).await;
    assert_eq!(left, 60, "exactly one of the two has taken something");
}

/// Two transactions that lock in opposite order: one runs again, and both take effect.
pub async fn a_deadlock_runs_again(fx: &Fixture) {
    two_accounts(fx, 0).await;
    let barrier = Arc::new(Barrier::new(2));
    let attempts = Arc::new(AtomicU32::new(0));
    let add = |ids: [i64; 2]| {
        let (db, barrier) = (fx.db().clone(), Arc::clone(&barrier));
        let attempts = Arc::clone(&attempts);
        let own = Arc::new(AtomicU32::new(0));
        tokio::spawn(async move {
            let inner = db.clone();
            db.transaction(move |tx| {
                let (db, barrier) = (inner.clone(), Arc::clone(&barrier));
                attempts.fetch_add(1, Ordering::Relaxed);
                let attempt = own.fetch_add(1, Ordering::Relaxed);
                async move {
                    let accounts = tx.repository::<Account>();
                    accounts
                        .update(ids[0], [Account::BALANCE.increment(1)])
                        .await?;
                    if attempt == 0 {
                        meet(&db, &barrier).await;
                    }
                    accounts
                        .update(ids[1], [Account::BALANCE.increment(1)])
                        .await?;
                    Ok::<_, Error>(())
                }
            })
            .await
        })
    };
    let (one, two) = (add([1, 2]), add([2, 1]));
    one.await.unwrap().unwrap();
    two.await.unwrap().unwrap();
    assert_eq!(
        (balance(fx.db(), 1).await, balance(fx.db(), 2).await),
        (2, 2)
    );
    let ran = attempts.load(Ordering::Relaxed);
    if fx.db().capabilities().concurrent_writers {
        assert!(ran >= 3, "one of them had to run again, {ran} runs in all");
    } else {
        assert_eq!(ran, 2);
    }
}

/// `max_attempts(1)` never runs again: the conflict reaches the caller.
pub async fn a_conflict_can_be_told_instead(fx: &Fixture) {
    two_accounts(fx, 0).await;
    if !fx.db().capabilities().concurrent_writers {
        return;
    }
    let barrier = Arc::new(Barrier::new(2));
    let add = |ids: [i64; 2]| {
        let (db, barrier) = (fx.db().clone(), Arc::clone(&barrier));
        tokio::spawn(async move {
            db.transaction(move |tx| {
                let barrier = Arc::clone(&barrier);
                async move {
                    let accounts = tx.repository::<Account>();
                    accounts
                        .update(ids[0], [Account::BALANCE.increment(1)])
                        .await?;
                    barrier.wait().await;
                    accounts
                        .update(ids[1], [Account::BALANCE.increment(1)])
                        .await?;
                    Ok::<_, Error>(())
                }
            })
            .max_attempts(1)
            .await
        })
    };
    let (one, two) = (add([1, 2]), add([2, 1]));
    let results = [one.await.unwrap(), two.await.unwrap()];
    let failed: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].code(), "WRITE_CONFLICT");
    assert_eq!(failed[0].http_status(), 409);
    assert_eq!(
        (balance(fx.db(), 1).await, balance(fx.db(), 2).await),
        (1, 1)
    );
}
