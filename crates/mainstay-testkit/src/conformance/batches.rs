//! Batches: writes known beforehand, sent as one.

use std::time::Duration;

use mainstay::schema::Filter;
use mainstay::value::ToValue;
use mainstay::{Error, ErrorKind, Outcome};
use uuid::Uuid;

use super::entities::{Account, Author, AuthorPatch, Book, Item, NewAuthor, NewBook, Publisher};
use super::support::{assert_kind, assert_refused, at_rest};
use crate::Fixture;

fn rename(name: &str, version: i64) -> AuthorPatch {
    AuthorPatch {
        name: Some(name.to_owned()),
        version: Some(version),
    }
}

async fn stored(fx: &Fixture) -> Vec<Item> {
    let items = fx.db().repository::<Item>();
    items.find_many().by_key().await.unwrap()
}

/// Every kind of statement, counted in order.
pub async fn a_batch_counts_in_order(fx: &Fixture) {
    let db = fx.db();
    let author = db
        .repository::<Author>()
        .create(NewAuthor::named("ada"))
        .await
        .unwrap();
    let changed = db
        .batch()
        .create::<Item>(Item::new(1, Some(1), "a"))
        .create::<Item>(Item::new(2, Some(1), "b"))
        .create::<Item>(Item::new(3, Some(2), "c"))
        .update::<Item>(3, [Item::RANK.increment(5)])
        .update_many::<Item>(Item::RANK.eq(1), [Item::LABEL.set("one".to_owned())])
        .update::<Author>(author.id, rename("Bea", 1))
        .sql(
            "UPDATE items SET note = ? WHERE id > ?",
            ["noted".to_value(), 1_i64.to_value()],
        )
        .delete::<Item>(1)
        .delete_many::<Item>(Item::ID.gt(2))
        .await
        .unwrap();
    assert_eq!(changed, [1, 1, 1, 1, 2, 1, 2, 1, 1]);
    let left = stored(fx).await;
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].label.as_str(), left[0].rank), ("one", Some(1)));
    assert_eq!(left[0].note.as_deref(), Some("noted"));
    let author = db.repository::<Author>().find_by_id(author.id).await;
    let author = author.unwrap().unwrap();
    assert_eq!((author.name.as_str(), author.version), ("Bea", 2));
    assert_eq!(db.batch().await.unwrap(), [0_u64; 0]);
}

/// A key or a version that is not there counts 0 and holds nobody up; a patch without anything in
/// it counts what it finds.
pub async fn what_a_batch_does_not_find_counts_nothing(fx: &Fixture) {
    let db = fx.db();
    let author = db
        .repository::<Author>()
        .create(NewAuthor::named("ada"))
        .await
        .unwrap();
    let missing = Uuid::from_u128(4711);
    let changed = db
        .batch()
        .update::<Author>(missing, [Author::FAME.set(1)])
        .delete::<Author>(missing)
        .update::<Author>(author.id, rename("Bea", 7))
        .update::<Author>(author.id, AuthorPatch::default())
        .update_many::<Author>(Filter::none(), AuthorPatch::default())
        .create::<Item>(Item::new(1, None, "x"))
        .await
        .unwrap();
    assert_eq!(changed, [0, 0, 0, 1, 0, 1]);
    assert_eq!(
        db.batch()
            .update::<Author>(missing, [Author::FAME.set(1)])
            .await
            .unwrap(),
        [0]
    );
    // What says the same again finds its row.
    let same = || [Item::LABEL.set("x".to_owned())];
    let again = db
        .batch()
        .update::<Item>(1, same())
        .update::<Item>(1, same());
    assert_eq!(again.await.unwrap(), [1, 1]);
    let unchanged = db.repository::<Author>().find_by_id(author.id).await;
    assert_eq!(unchanged.unwrap(), Some(author));
}

/// One refused statement, wherever it stands, and nothing of the batch is kept; the error is that
/// of the single operation and says which statement it was.
pub async fn a_batch_is_all_or_nothing(fx: &Fixture) {
    let db = fx.db();
    let items = db.repository::<Item>();
    items.create(Item::new(0, None, "there")).await.unwrap();
    for position in 0..3 {
        let mut batch = db.batch();
        for step in 0..3 {
            let id = if step == position { 0 } else { 10 + step };
            batch = batch.create::<Item>(Item::new(id, None, "x"));
        }
        let error = assert_refused(
            batch.await,
            ErrorKind::Duplicate,
            ("items", Some("items_pkey")),
            &["id"],
            &["id"],
        );
        let place = format!("statement {} of 3", position + 1);
        assert!(error.detail().starts_with(&place), "{error:?}");
        assert_eq!(error.outcome(), Outcome::NotApplied);
        assert_eq!(stored(fx).await.len(), 1);
    }
    // The handle, and with it each connection, is in order.
    for id in 20..30 {
        let made = db
            .batch()
            .create::<Item>(Item::new(id, None, "x"))
            .update::<Item>(id, [Item::RANK.set(Some(1))])
            .await;
        assert_eq!(made.unwrap(), [1, 1]);
    }
    let wrong = db
        .batch()
        .delete_many::<Item>(Filter::all())
        .sql("UPDATE nowhere SET a = 1", []);
    assert_kind(wrong.await, ErrorKind::TableMissing);
    assert_eq!(stored(fx).await.len(), 11);
}

/// Input is refused before anything is sent, and the first refused entry is named.
pub async fn a_batch_validates_first(fx: &Fixture) {
    let db = fx.db();
    let bad = NewAuthor {
        email: "nobody".to_owned(),
        name: String::new(),
    };
    let refused = db
        .batch()
        .create::<Author>(NewAuthor::named("ada"))
        .create::<Author>(bad)
        .await;
    let error = assert_kind(refused, ErrorKind::Validation);
    assert!(error.detail().starts_with("statement 2 of 2"), "{error:?}");
    assert_eq!(error.fields().iter().count(), 2);
    let authors = db.repository::<Author>();
    assert_eq!(authors.count(Filter::all()).await.unwrap(), 0);
}

/// A refused foreign key is named, on every engine where the batch itself does not blur which.
pub async fn foreign_keys_in_a_batch(fx: &Fixture) {
    let db = fx.db();
    let made = db.repository::<Author>().create(NewAuthor::named("ada"));
    let author = made.await.unwrap();
    let lonely = NewBook {
        publisher_id: Some(4711),
        ..NewBook::by(author.id, "One")
    };
    assert_refused(
        db.batch()
            .create::<Item>(Item::new(1, None, "x"))
            .create::<Book>(lonely)
            .await,
        ErrorKind::ForeignKey,
        ("books", Some("books_publisher_id_fkey")),
        &["publisher_id"],
        &["publisherId"],
    );
    assert_eq!(stored(fx).await, []);
    // A parent made in the same batch is found, and one that is missing is never confused with it.
    let parent = Publisher {
        id: 5,
        title: "P".to_owned(),
    };
    let child = NewBook {
        publisher_id: Some(5),
        ..NewBook::by(author.id, "Two")
    };
    let made = db
        .batch()
        .create::<Publisher>(parent.clone())
        .create::<Book>(child.clone())
        .await;
    assert_eq!(made.unwrap(), [1, 1]);
    let orphan = NewBook {
        author_id: Uuid::from_u128(1),
        publisher_id: Some(6),
        ..NewBook::by(author.id, "Three")
    };
    let refused = db
        .batch()
        .create::<Publisher>(Publisher { id: 6, ..parent })
        .create::<Book>(orphan)
        .await;
    let error = assert_kind(refused, ErrorKind::ForeignKey);
    if let Some(named) = error.constraint() {
        assert_eq!(named, "books_author_id_fkey");
    }
}

/// Inside a transaction a batch belongs to it.
pub async fn a_batch_inside_a_transaction(fx: &Fixture) {
    let db = fx.db();
    let undone: Result<(), Error> = db
        .transaction(|tx| async move {
            let changed = tx
                .batch()
                .create::<Item>(Item::new(1, None, "x"))
                .update::<Item>(1, [Item::RANK.set(Some(2))])
                .await?;
            assert_eq!(changed, [1, 1]);
            assert!(tx.repository::<Item>().exists(1).await?);
            Err(Error::new(ErrorKind::NotFound, "changed my mind"))
        })
        .await;
    assert_kind(undone, ErrorKind::NotFound);
    assert_eq!(stored(fx).await, []);
    // A failure poisons the transaction.
    let poisoned: Result<(), Error> = db
        .transaction(|tx| async move {
            let item = Item::new(1, None, "x");
            let batch = tx.batch().create::<Item>(item.clone()).create::<Item>(item);
            let error = assert_kind(batch.await, ErrorKind::Duplicate);
            assert!(error.detail().starts_with("statement 2 of 2"), "{error:?}");
            assert_kind(
                tx.repository::<Item>().exists(1).await,
                ErrorKind::TransactionClosed,
            );
            Ok(())
        })
        .await;
    assert_kind(poisoned, ErrorKind::Duplicate);
    assert_eq!(stored(fx).await, []);
    // Through the handle it would wait for itself where there is one writer.
    let handle = db.clone();
    let outside: Result<(), Error> = db
        .transaction(move |_| {
            let db = handle.clone();
            async move {
                let batch = db
                    .batch()
                    .create::<Item>(Item::new(2, None, "x"))
                    .create::<Item>(Item::new(3, None, "x"));
                let result = batch.await;
                if db.capabilities().concurrent_writers {
                    assert_eq!(result.unwrap(), [1, 1]);
                } else {
                    assert_kind(result, ErrorKind::TransactionClosed);
                }
                Ok(())
            }
        })
        .await;
    outside.unwrap();
}

/// A batch that waits for a row meets its deadline, and leaves nothing half done.
pub async fn a_blocked_batch_meets_its_deadline(fx: &Fixture) {
    let db = fx.db();
    let accounts = db.repository::<Account>();
    accounts
        .create(Account { id: 1, balance: 0 })
        .await
        .unwrap();
    let other = fx.open(&[("pool.max", "2")]).await.unwrap();
    // With a connection that is there already: what is to take too long is the wait for the row.
    let read = other.repository::<Account>().find_by_id(1).await;
    assert!(read.unwrap().is_some());
    let blocked: Result<(), Error> = db
        .transaction(|tx| {
            let other = other.clone();
            async move {
                tx.repository::<Account>()
                    .update(1, [Account::BALANCE.increment(1)])
                    .await?;
                let late = tokio::spawn(async move {
                    other
                        .batch()
                        .create::<Account>(Account { id: 2, balance: 0 })
                        .update::<Account>(1, [Account::BALANCE.increment(10)])
                        .timeout(Duration::from_millis(200))
                        .await
                });
                assert_kind(late.await.unwrap(), ErrorKind::Deadline);
                Ok(())
            }
        })
        .await;
    blocked.unwrap();
    // Given up, it is undone in the background, unless the row got free first. It is over, one way
    // or the other, when its connection is back.
    at_rest(&other).await;
    let account = accounts.find_by_id(1).await.unwrap().unwrap();
    let second = accounts.find_by_id(2).await.unwrap();
    assert_eq!(account.balance == 11, second.is_some());
}

/// Batches that lock the same rows in opposite orders are run again, and no change is lost.
pub async fn crossing_batches_all_go_through(fx: &Fixture) {
    let db = fx.db();
    let accounts = db.repository::<Account>();
    for id in [1, 2] {
        accounts.create(Account { id, balance: 0 }).await.unwrap();
    }
    let mut tasks = Vec::new();
    for task in 0..2 {
        let db = db.clone();
        tasks.push(tokio::spawn(async move {
            let (first, second) = if task % 2 == 0 { (1, 2) } else { (2, 1) };
            for _ in 0..6 {
                let changed = db
                    .batch()
                    .update::<Account>(first, [Account::BALANCE.increment(1)])
                    .update::<Account>(second, [Account::BALANCE.increment(1)])
                    .await;
                assert_eq!(changed.unwrap(), [1, 1]);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for id in [1, 2] {
        let account = accounts.find_by_id(id).await.unwrap().unwrap();
        assert_eq!(account.balance, 12);
    }
}

/// Many batches at once, a part of them refused: each caller gets its own answer.
pub async fn concurrent_batches_get_their_own_answers(fx: &Fixture) {
    let db = fx.db();
    let items = db.repository::<Item>();
    items.create(Item::new(-1, None, "there")).await.unwrap();
    let mut tasks = Vec::new();
    for task in 0..32_i64 {
        let db = db.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..5 {
                let id = task * 100 + round * 10;
                let last = if (task + round) % 4 == 0 { -1 } else { id + 1 };
                let result = db
                    .batch()
                    .create::<Item>(Item::new(id, None, "x"))
                    .update::<Item>(id, [Item::RANK.set(Some(task as i32))])
                    .update::<Item>(-2, [Item::RANK.set(None)])
                    .create::<Item>(Item::new(last, None, "y"))
                    .await;
                let there = db.repository::<Item>().exists(id).await.unwrap();
                if last == -1 {
                    let error = assert_kind(result, ErrorKind::Duplicate);
                    assert_eq!(error.constraint(), Some("items_pkey"));
                    assert!(error.detail().starts_with("statement 4 of 4"), "{error:?}");
                    assert!(!there, "a refused batch left a row");
                } else {
                    assert_eq!(result.unwrap(), [1, 1, 0, 1]);
                    assert!(there, "an acknowledged batch is not to be seen");
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(items.count(Filter::all()).await.unwrap(), 1 + 2 * 120);
}
