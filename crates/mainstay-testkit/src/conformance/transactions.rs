//! One transaction by itself: how it ends, what poisons it, savepoints, limits.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay::repository::Repository;
use mainstay::schema::Filter;
use mainstay::{Error, ErrorKind, Outcome, Tx};
use uuid::Uuid;

use super::entities::{Account, Author, Item, NewAuthor};
use super::support::{assert_kind, at_rest};
use crate::Fixture;

async fn count(fx: &Fixture) -> u64 {
    fx.db()
        .repository::<Item>()
        .count(Filter::all())
        .await
        .unwrap()
}

fn item(id: i64) -> Item {
    Item::new(id, None, "x")
}

/// What a closure did is there when it returned `Ok`, and its value comes back.
pub async fn ok_commits(fx: &Fixture) {
    let value = fx
        .db()
        .transaction(|tx| async move {
            let items = tx.repository::<Item>();
            items.create(item(1)).await?;
            items.create(item(2)).await?;
            // A transaction sees its own writes.
            assert_eq!(items.count(Filter::all()).await?, 2);
            Ok::<_, Error>("done")
        })
        .await;
    assert_eq!(value.unwrap(), "done");
    assert_eq!(count(fx).await, 2);
    at_rest(fx.db()).await;
}

#[derive(Debug, PartialEq)]
enum AppError {
    Mine(u32),
    Database(ErrorKind),
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Database(error.kind())
    }
}

/// An error rolls back, and the caller's own error comes back unchanged.
pub async fn an_error_rolls_back(fx: &Fixture) {
    let result = fx
        .db()
        .transaction(|tx| async move {
            tx.repository::<Item>().create(item(1)).await?;
            Err::<(), _>(AppError::Mine(42))
        })
        .await;
    assert_eq!(result, Err(AppError::Mine(42)));
    assert_eq!(count(fx).await, 0);
    at_rest(fx.db()).await;
}

/// A panic rolls back and goes on to the caller.
pub async fn a_panic_rolls_back(fx: &Fixture) {
    let db = fx.db().clone();
    let task = tokio::spawn(async move {
        db.transaction(|tx| async move {
            tx.repository::<Item>().create(item(1)).await?;
            if true {
                panic!("as the test wants it");
            }
            Ok::<_, Error>(())
        })
        .await
    });
    assert!(task.await.unwrap_err().is_panic());
    at_rest(fx.db()).await;
    assert_eq!(count(fx).await, 0);
}

/// The first error of a statement poisons: later statements are refused, and `Ok` is not believed.
pub async fn an_error_poisons(fx: &Fixture) {
    let later = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&later);
    let result = fx
        .db()
        .transaction(move |tx| {
            let seen = Arc::clone(&seen);
            async move {
                let items = tx.repository::<Item>();
                items.create(item(1)).await?;
                assert!(items.create(item(1)).await.is_err());
                let refused = [
                    items.create(item(2)).await.map(|_| ()),
                    items.find_many().await.map(|_| ()),
                    tx.sql("DELETE FROM items").execute().await.map(|_| ()),
                    tx.script("DELETE FROM items").await,
                    tx.savepoint(|_| async { Ok(()) }).await,
                ];
                *seen.lock().unwrap() = refused.map(Result::unwrap_err).to_vec();
                Ok::<_, Error>(())
            }
        })
        .await;
    let error = assert_kind(result, ErrorKind::Duplicate);
    assert_eq!(error.outcome(), Outcome::NotApplied);
    for refused in later.lock().unwrap().iter() {
        assert_eq!(refused.kind(), ErrorKind::TransactionClosed, "{refused:?}");
        assert!(
            refused.to_string().contains("Unique constraint"),
            "{refused}"
        );
    }
    assert_eq!(later.lock().unwrap().len(), 5);
    assert_eq!(count(fx).await, 0);
    at_rest(fx.db()).await;
}

/// What Mainstay itself finds wrong, or does not find, poisons nothing.
pub async fn refused_input_does_not_poison(fx: &Fixture) {
    let result = fx
        .db()
        .transaction(|tx| async move {
            let authors = tx.repository::<Author>();
            let missing = authors.delete(Uuid::nil()).await;
            assert_kind(missing, ErrorKind::NotFound);
            let missing = authors.update(Uuid::nil(), [Author::FAME.set(1)]).await;
            assert_kind(missing, ErrorKind::NotFound);
            let empty = authors.create(NewAuthor::named("")).await;
            assert_kind(empty, ErrorKind::Validation);
            authors.create(NewAuthor::named("ada")).await
        })
        .await;
    assert_eq!(result.unwrap().name, "ada");
}

/// A savepoint confines an error: what it did is undone, and the transaction goes on.
pub async fn savepoints_heal(fx: &Fixture) {
    fx.db()
        .transaction(|tx| async move {
            tx.repository::<Item>().create(item(1)).await?;
            let inner = tx
                .savepoint(|tx| async move {
                    let items = tx.repository::<Item>();
                    items.create(item(2)).await?;
                    items.create(item(1)).await?;
                    Ok::<_, Error>(())
                })
                .await;
            assert_kind(inner, ErrorKind::Duplicate);
            // An error of the application's own undoes as well.
            let inner = tx
                .savepoint(|tx| async move {
                    tx.repository::<Item>().create(item(3)).await?;
                    Err::<(), _>(AppError::Mine(1))
                })
                .await;
            assert_eq!(inner, Err(AppError::Mine(1)));
            // A hidden error is not believed here either.
            let inner = tx
                .savepoint(|tx| async move {
                    let _ = tx.repository::<Item>().create(item(1)).await;
                    Ok::<_, Error>(())
                })
                .await;
            assert_kind(inner, ErrorKind::Duplicate);
            tx.savepoint(|tx| async move { tx.repository::<Item>().create(item(4)).await })
                .await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let items = fx
        .db()
        .repository::<Item>()
        .find_many()
        .by_key()
        .await
        .unwrap();
    assert_eq!(items, [item(1), item(4)]);
}

/// Savepoints inside savepoints: the inner one's failure leaves the outer one whole, and the
/// outer one's failure takes the inner one along.
pub async fn savepoints_nest(fx: &Fixture) {
    fx.db()
        .transaction(|tx| async move {
            tx.savepoint(|tx| async move {
                tx.repository::<Item>().create(item(1)).await?;
                let innermost = tx
                    .savepoint(|tx| async move {
                        tx.repository::<Item>().create(item(2)).await?;
                        tx.repository::<Item>().create(item(1)).await
                    })
                    .await;
                assert_kind(innermost, ErrorKind::Duplicate);
                tx.repository::<Item>().create(item(3)).await
            })
            .await?;
            let outer = tx
                .savepoint(|tx| async move {
                    tx.savepoint(|tx| async move { tx.repository::<Item>().create(item(4)).await })
                        .await?;
                    Err::<(), Error>(Error::new(ErrorKind::Unexpected, "on purpose"))
                })
                .await;
            assert_kind(outer, ErrorKind::Unexpected);
            tx.repository::<Item>().create(item(5)).await
        })
        .await
        .unwrap();
    let items = fx
        .db()
        .repository::<Item>()
        .find_many()
        .by_key()
        .await
        .unwrap();
    assert_eq!(items, [item(1), item(3), item(5)]);
}

/// A handle on a transaction that is kept beyond its end refuses work.
pub async fn a_leaked_transaction_refuses(fx: &Fixture) {
    let leaked: Arc<Mutex<Option<Tx>>> = Arc::default();
    let keep = Arc::clone(&leaked);
    fx.db()
        .transaction(move |tx| {
            let keep = Arc::clone(&keep);
            async move {
                tx.repository::<Item>().create(item(1)).await?;
                *keep.lock().unwrap() = Some(tx);
                Ok::<_, Error>(())
            }
        })
        .await
        .unwrap();
    let tx = leaked.lock().unwrap().take().unwrap();
    let write = tx.repository::<Item>().create(item(2)).await;
    assert_kind(write, ErrorKind::TransactionClosed);
    let read = tx.repository::<Item>().find_many().await;
    assert_kind(read, ErrorKind::TransactionClosed);
    let inner = tx.savepoint(|_| async { Ok::<_, Error>(()) }).await;
    assert_kind(inner, ErrorKind::TransactionClosed);
    assert_eq!(count(fx).await, 1);
    at_rest(fx.db()).await;
}

/// A transaction that outlives its limit is rolled back.
pub async fn the_time_limit_rolls_back(fx: &Fixture) {
    let db = fx.db();
    let result = db
        .transaction(|tx| async move {
            tx.repository::<Item>().create(item(1)).await?;
            std::future::pending::<()>().await;
            Ok::<_, Error>(())
        })
        .timeout(Duration::from_millis(300))
        .await;
    let error = assert_kind(result, ErrorKind::TransactionClosed);
    assert_eq!(error.outcome(), Outcome::NotApplied);
    at_rest(db).await;
    assert_eq!(count(fx).await, 0);
    db.repository::<Item>().create(item(1)).await.unwrap();
}

/// A read-only transaction reads, and refuses to write.
pub async fn read_only_refuses_writes(fx: &Fixture) {
    let db = fx.db();
    db.repository::<Item>().create(item(1)).await.unwrap();
    let read = db
        .transaction(|tx| async move { tx.repository::<Item>().find_many().await })
        .read_only()
        .await;
    assert_eq!(read.unwrap(), [item(1)]);
    let write = db
        .transaction(|tx| async move { tx.repository::<Item>().create(item(2)).await })
        .read_only()
        .await;
    assert_kind(write, ErrorKind::ReadOnly);
    assert_eq!(count(fx).await, 1);
    // The connection it ran on is not read-only for the next one.
    for id in 10..20 {
        db.repository::<Item>().create(item(id)).await.unwrap();
    }
}

/// A write through the handle from inside a transaction is refused where it would wait for itself,
/// and a transaction of its own elsewhere.
pub async fn the_handle_inside_a_transaction(fx: &Fixture) {
    let db = fx.db();
    let outer = db.clone();
    let result = db
        .transaction(move |tx| {
            let outer = outer.clone();
            async move {
                tx.repository::<Item>().create(item(1)).await?;
                // Nobody else sees what is not committed.
                let others = outer.repository::<Item>().count(Filter::all()).await?;
                assert_eq!(others, 0);
                let write = outer
                    .repository::<Account>()
                    .create(Account { id: 1, balance: 0 });
                let nested = outer
                    .transaction(|tx| async move { tx.repository::<Account>().find_many().await });
                if outer.capabilities().concurrent_writers {
                    write.await?;
                    assert_eq!(nested.await?.len(), 1);
                } else {
                    for error in [write.await.map(|_| ()), nested.await.map(|_| ())] {
                        let error = assert_kind(error, ErrorKind::TransactionClosed);
                        assert!(error.hint().unwrap().contains("transaction"), "{error}");
                    }
                }
                Ok::<_, Error>(())
            }
        })
        .await;
    result.unwrap();
    assert_eq!(count(fx).await, 1);
}

async fn rename(authors: Repository<Author>, name: &'static str) -> Result<Author, Error> {
    let author = authors.create(NewAuthor::named("ada")).await?;
    authors
        .update(author.id, [Author::NAME.set(name.to_owned())])
        .await
}

/// The same repository code runs on the handle and inside a transaction.
pub async fn repositories_are_the_same_on_both(fx: &Fixture) {
    let db = fx.db();
    let inside = db
        .transaction(|tx| async move {
            let author = rename(tx.repository(), "Inside").await?;
            tx.repository::<Author>().delete(author.id).await
        })
        .await;
    assert_eq!(inside.unwrap().name, "Inside");
    let outside = rename(db.repository(), "Outside").await.unwrap();
    assert_eq!((outside.name.as_str(), outside.version), ("Outside", 2));
}

/// On a connection held outside of transactions each statement takes effect by itself, and stays
/// when a later one fails. Nothing runs on it once the closure has returned.
pub async fn a_held_connection_has_no_transaction(fx: &Fixture) {
    let db = fx.db();
    let insert = |id: i64| ("INSERT INTO accounts (id, balance) VALUES (?, 0)", id);
    let accounts = db.repository::<Account>();
    let seen = accounts.clone();
    let leaked = Arc::new(Mutex::new(None));
    let leak = Arc::clone(&leaked);
    let held = db.exclusive(move |held| async move {
        let (sql, id) = insert(1);
        held.sql(sql).bind(id).execute().await?;
        // Others see it already.
        assert!(seen.find_by_id(1).await?.is_some());
        held.script("DELETE FROM accounts WHERE id = 7").await?;
        let rows = held.sql("SELECT id FROM accounts").fetch_rows().await?;
        assert_eq!(rows.len(), 1);
        *leak.lock().unwrap() = Some(held.clone());
        held.sql(sql).bind(id).execute().await
    });
    assert_kind(held.await, ErrorKind::Duplicate);
    assert!(accounts.find_by_id(1).await.unwrap().is_some());
    let leaked = leaked.lock().unwrap().take().unwrap();
    let (sql, id) = insert(2);
    let late = leaked.sql(sql).bind(id).execute().await;
    assert_kind(late, ErrorKind::TransactionClosed);
    assert!(accounts.find_by_id(2).await.unwrap().is_none());
    // A statement that fails does not end the closure, and its limit does.
    let result = db.exclusive(move |held| async move {
        let (sql, _) = insert(1);
        assert_kind(
            held.sql(sql).bind(1_i64).execute().await,
            ErrorKind::Duplicate,
        );
        held.sql(sql).bind(3_i64).execute().await
    });
    assert_eq!(result.await.unwrap().rows, 1);
    let endless = db.exclusive(|held| async move {
        held.sql("DELETE FROM accounts WHERE id = 3")
            .execute()
            .await?;
        std::future::pending::<Result<(), Error>>().await
    });
    let endless = endless.timeout(Duration::from_secs(1)).await;
    assert_kind(endless, ErrorKind::Deadline);
    at_rest(db).await;
    // Whoever writes next is not kept waiting.
    accounts
        .create(Account { id: 4, balance: 0 })
        .await
        .unwrap();
    assert!(accounts.find_by_id(3).await.unwrap().is_none());
}
