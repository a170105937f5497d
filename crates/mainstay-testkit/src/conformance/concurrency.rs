//! Many tasks at once: nothing is lost, nothing happens twice.

use std::time::Duration;

use mainstay::driver::Isolation;
use mainstay::error::Outcome;
use mainstay::{Database, Error, ErrorKind};
use tokio::task::JoinHandle;

use super::entities::{Account, Author, Loan, NewAuthor, Shelf, loan};
use super::support::{assert_kind, at_rest, burst};
use crate::Fixture;

/// Fifty tasks add one, twenty times each.
pub async fn increments_are_never_lost(fx: &Fixture) {
    let db = fx.db();
    let accounts = db.repository::<Account>();
    accounts
        .create(Account { id: 1, balance: 0 })
        .await
        .unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let accounts = accounts.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    accounts.update(1, [Account::BALANCE.increment(1)]).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(accounts.find_by_id(1).await.unwrap().unwrap().balance, 1000);
    at_rest(db).await;
}

/// Read, add, write: under a lock nothing comes between.
pub async fn for_update_keeps_others_out(fx: &Fixture) {
    let db = fx.db();
    let accounts = db.repository::<Account>();
    accounts
        .create(Account { id: 1, balance: 0 })
        .await
        .unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    db.transaction(|tx| async move {
                        let accounts = tx.repository::<Account>();
                        let account = accounts.find_for_update(1).await?;
                        let balance = account.map_or(0, |account| account.balance);
                        accounts
                            .update(1, [Account::BALANCE.set(balance + 1)])
                            .await
                    })
                    .await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(accounts.find_by_id(1).await.unwrap().unwrap().balance, 100);
}

/// Money moves between accounts; whoever looks meanwhile sees the same sum.
pub async fn transfers_keep_the_sum(fx: &Fixture) {
    let db = fx.db();
    let accounts = db.repository::<Account>();
    for id in 0..4 {
        accounts.create(Account { id, balance: 100 }).await.unwrap();
    }
    let mut tasks = Vec::new();
    for task in 0..8_i64 {
        let db = db.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..8_i64 {
                let (from, to) = ((task + round) % 4, (task + round * 3 + 1) % 4);
                if from == to {
                    continue;
                }
                db.transaction(|tx| async move {
                    let accounts = tx.repository::<Account>();
                    accounts
                        .update(from, [Account::BALANCE.increment(-1)])
                        .await?;
                    accounts.update(to, [Account::BALANCE.increment(1)]).await
                })
                .max_attempts(50)
                .await?;
            }
            Ok::<_, Error>(())
        }));
    }
    for _ in 0..20 {
        let rows = db
            .transaction(|tx| async move { tx.repository::<Account>().find_many().await })
            .isolation(Isolation::RepeatableRead)
            .read_only()
            .await
            .unwrap();
        assert_eq!(rows.iter().map(|account| account.balance).sum::<i64>(), 400);
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let rows = accounts.find_many().await.unwrap();
    assert_eq!(rows.iter().map(|account| account.balance).sum::<i64>(), 400);
}

/// Of many tasks that want the same name one gets it, and the others are told.
pub async fn a_name_is_given_once(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let tasks: Vec<_> = (0..20)
        .map(|_| tokio::spawn(authors.create(NewAuthor::named("ada")).into_future()))
        .collect();
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Duplicate, "{error:?}");
                assert_eq!(error.constraint(), Some("authors_email_key"));
            }
        }
    }
    assert_eq!(made, 1);
    assert_eq!(authors.find_many().await.unwrap().len(), 1);
}

/// Upserts of one key meet without an error, and leave one row that one of them wrote.
pub async fn upserts_of_one_key_meet(fx: &Fixture) {
    let shelves = fx.db().repository::<Shelf>();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let shelf = Shelf {
                code: "a".to_owned(),
                label: format!("label {number}"),
                slots: number,
            };
            tokio::spawn(shelves.upsert(shelf, []).into_future())
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let rows = shelves.find_many().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].label, format!("label {}", rows[0].slots));
}

/// What was acknowledged is seen by the next read, whichever connection it gets.
pub async fn own_writes_are_read_at_once(fx: &Fixture) {
    let db = fx.db();
    let accounts = db.repository::<Account>();
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let accounts = accounts.clone();
            tokio::spawn(async move {
                for balance in 0..20 {
                    let id = task * 100 + balance;
                    accounts.create(Account { id, balance }).await?;
                    let found = accounts.find_by_id(id).await?;
                    assert_eq!(found.map(|account| account.balance), Some(balance));
                    accounts.update(id, [Account::BALANCE.increment(1)]).await?;
                    let listed = accounts.find_many().filter(Account::ID.eq(id)).await?;
                    assert_eq!(listed[0].balance, balance + 1);
                    accounts.delete(id).await?;
                    assert!(!accounts.exists(id).await?);
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    at_rest(db).await;
}

/// Where a transaction that writes excludes all writers, they wait together and go through
/// afterwards, or give up in time; who reads goes on.
pub(super) async fn a_writer_holds_up_no_reader(db: &Database, other: &Database) {
    let (loans, accounts) = (other.repository::<Loan>(), other.repository::<Account>());
    let result: Result<_, Error> = db
        .transaction(|tx| {
            let (loans, accounts) = (loans.clone(), accounts.clone());
            async move {
                tx.repository::<Loan>().create(loan(1)).await?;
                let waiting = burst((100..130).map(|number| loans.create(loan(number))));
                let soon = Duration::from_millis(300);
                let hasty =
                    burst((200..210).map(|number| loans.create(loan(number)).timeout(soon)));
                for answer in burst((0..60).map(|_| accounts.find_by_id(1))) {
                    assert!(answer.await.unwrap().unwrap().is_some());
                }
                let mut outcomes = Vec::new();
                for answer in hasty {
                    let error = assert_kind(answer.await.unwrap(), ErrorKind::Deadline);
                    outcomes.push(error.outcome());
                }
                assert!(!waiting.iter().any(JoinHandle::is_finished));
                Ok((waiting, outcomes))
            }
        })
        .await;
    let (waiting, outcomes) = result.unwrap();
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    at_rest(other).await;
    // A statement that carries others as well waits on for them, so its caller cannot know.
    for (number, outcome) in (200..).zip(outcomes) {
        let found = loans.find_by_id(loan(number).id).await.unwrap();
        assert_ne!(outcome, Outcome::Applied);
        assert!(outcome == Outcome::Unknown || found.is_none(), "{number}");
    }
    for number in [1, 100, 129] {
        let found = loans.find_by_id(loan(number).id).await.unwrap();
        assert!(found.is_some(), "{number}");
    }
}
