//! Rows as they were last known, while the database cannot be asked.

use std::panic::Location;
use std::time::Duration;

use mainstay::pool::PoolGuard;
use mainstay::{Database, Error, ErrorKind};
use tokio::time::Instant;

use super::entities::{Author, AuthorPatch, Book, NewAuthor, NewBook};
use super::support::{PATIENCE, assert_kind};
use crate::Fixture;

/// A handle with one connection for reads, so that an outage is made by holding it.
async fn open(fx: &Fixture, settings: &[(&str, &str)]) -> Database {
    let mut all = vec![
        ("pool.max", "1"),
        ("pool.min", "1"),
        ("timeouts.acquire", "300ms"),
        ("stale.patience", "300ms"),
    ];
    all.extend(settings);
    fx.open(&all).await.unwrap()
}

/// Nobody else reads until the guard is dropped.
async fn outage(db: &Database) -> PoolGuard {
    let until = Instant::now() + PATIENCE;
    loop {
        match db.pool().acquire(until, Location::caller()).await {
            Ok(guard) => return guard,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    }
}

/// Reads so that the row is remembered.
async fn remember(db: &Database, author: &Author) {
    let read = db.repository::<Author>().find_by_id(author.id);
    let known = read.or_stale().timeout(PATIENCE).await.unwrap();
    assert!(!known.is_stale());
    assert_eq!(known.value.as_ref(), Some(author));
}

/// The row as it is remembered, if it is.
async fn remembered(db: &Database, author: &Author) -> Option<Author> {
    let _outage = outage(db).await;
    let read = db.repository::<Author>().find_by_id(author.id);
    match read.or_stale().no_retry().await {
        Ok(known) => {
            let stale = known.stale.expect("nobody could be asked");
            assert_ne!(stale.why.kind(), ErrorKind::NotFound);
            known.value
        }
        Err(error) => {
            assert!(error.http_status() >= 500, "{error}");
            None
        }
    }
}

async fn author(db: &Database, name: &str) -> Author {
    let authors = db.repository::<Author>();
    authors.create(NewAuthor::named(name)).await.unwrap()
}

/// What was read with the option is given in an outage, marked, with its age and the reason; what
/// was read without it is not.
pub async fn rows_are_given_stale_and_say_so(fx: &Fixture) {
    let db = open(fx, &[]).await;
    let authors = db.repository::<Author>();
    let (ann, ben) = (author(&db, "ann").await, author(&db, "ben").await);
    remember(&db, &ann).await;
    authors.find_by_id(ben.id).await.unwrap().unwrap();
    assert_eq!(db.status().remembered, 1);
    let outage = outage(&db).await;
    let started = Instant::now();
    let known = authors.find_by_id(ann.id).or_stale().await.unwrap();
    assert!(started.elapsed() < PATIENCE);
    assert_eq!(known.value.as_ref(), Some(&ann));
    let stale = known.stale.unwrap();
    assert!(stale.age < PATIENCE);
    let kinds = [ErrorKind::PoolTimeout, ErrorKind::Deadline];
    assert!(kinds.contains(&stale.why.kind()), "{:?}", stale.why);
    let unknown = authors.find_by_id(ben.id).or_stale().no_retry().await;
    assert_kind(unknown, ErrorKind::PoolTimeout);
    // Who does not ask for it is told what is.
    let plain = authors.find_by_id(ann.id).no_retry().await;
    assert_kind(plain, ErrorKind::PoolTimeout);
    assert_eq!(db.status().counts.stale_answers, 1);
    drop(outage);
    remember(&db, &ann).await;
}

/// Writes through the handle leave no old row behind.
pub async fn writes_forget(fx: &Fixture) {
    let db = open(fx, &[]).await;
    let authors = db.repository::<Author>();
    let (ann, ben) = (author(&db, "ann").await, author(&db, "ben").await);
    let renamed = |name: &str| AuthorPatch {
        name: Some(name.to_owned()),
        ..AuthorPatch::default()
    };
    remember(&db, &ann).await;
    remember(&db, &ben).await;
    let ann = authors.update(ann.id, renamed("Anna")).await.unwrap();
    assert_eq!(remembered(&db, &ann).await, None);
    assert_eq!(remembered(&db, &ben).await, Some(ben.clone()));

    remember(&db, &ann).await;
    let changed = authors.update_many(Author::ID.eq(ann.id), renamed("An"));
    assert_eq!(changed.await.unwrap(), 1);
    assert_eq!(db.status().remembered, 0);

    let ann = authors.find_by_id(ann.id).await.unwrap().unwrap();
    remember(&db, &ann).await;
    let batch = db.batch().update::<Author>(ann.id, renamed("Ana")).await;
    assert_eq!(batch.unwrap(), [1]);
    assert_eq!(remembered(&db, &ann).await, None);

    let ann = authors.find_by_id(ann.id).await.unwrap().unwrap();
    remember(&db, &ann).await;
    let raw = db.sql("UPDATE authors SET fame = 7").execute();
    assert_eq!(raw.await.unwrap().rows, 2);
    assert_eq!(db.status().remembered, 0);

    let ann = authors.find_by_id(ann.id).await.unwrap().unwrap();
    remember(&db, &ann).await;
    authors.delete(ann.id).await.unwrap();
    assert_eq!(remembered(&db, &ann).await, None);
}

/// Reads, writes of other rows and of other tables forget nothing.
pub async fn other_work_forgets_nothing(fx: &Fixture) {
    let db = open(fx, &[]).await;
    let ann = author(&db, "ann").await;
    remember(&db, &ann).await;
    let ben = author(&db, "ben").await;
    let books = db.repository::<Book>();
    let book = books.create(NewBook::by(ben.id, "One")).await.unwrap();
    books.delete(book.id).await.unwrap();
    let count = db.sql("SELECT count(*) FROM authors").scalar::<i64>();
    assert_eq!(count.await.unwrap(), 2);
    let other = db.sql("UPDATE accounts SET balance = 1").execute();
    assert_eq!(other.await.unwrap().rows, 0);
    db.repository::<Author>().delete(ben.id).await.unwrap();
    assert_eq!(remembered(&db, &ann).await, Some(ann));
}

/// A delete that reaches other tables makes what is remembered of them doubtful.
pub async fn cascades_forget(fx: &Fixture) {
    let db = open(fx, &[]).await;
    let ann = author(&db, "ann").await;
    let books = db.repository::<Book>();
    let book = books.create(NewBook::by(ann.id, "One")).await.unwrap();
    let known = books.find_by_id(book.id).or_stale().await.unwrap();
    assert_eq!(known.value, Some(book));
    assert_eq!(db.status().remembered, 1);
    db.repository::<Author>().delete(ann.id).await.unwrap();
    assert_eq!(db.status().remembered, 0);
}

/// Inside a transaction nothing is remembered or given; what it wrote is forgotten when it ends,
/// also what was read meanwhile.
pub async fn transactions_forget_when_they_end(fx: &Fixture) {
    let db = fx
        .open(&[("pool.max", "3"), ("timeouts.acquire", "20s")])
        .await
        .unwrap();
    let ann = author(&db, "ann").await;
    remember(&db, &ann).await;
    db.transaction(|tx| {
        let (db, ann) = (db.clone(), ann.clone());
        async move {
            let authors = tx.repository::<Author>();
            let patch = AuthorPatch {
                name: Some("Anna".into()),
                ..AuthorPatch::default()
            };
            authors.update(ann.id, patch).await?;
            let inside = authors.find_by_id(ann.id).or_stale().await?;
            assert_eq!(inside.value.map(|row| row.name), Some("Anna".to_owned()));
            // Others still see, and remember, what was before.
            remember(&db, &ann).await;
            assert_eq!(db.status().remembered, 1);
            Ok::<_, Error>(())
        }
    })
    .await
    .unwrap();
    assert_eq!(db.status().remembered, 0);
}

/// What the database itself says is passed on, and a row that is gone is forgotten.
pub async fn the_databases_own_word_counts(fx: &Fixture) {
    let db = open(fx, &[]).await;
    let authors = db.repository::<Author>();
    let ann = author(&db, "ann").await;
    remember(&db, &ann).await;
    // Behind the handle's back.
    let other = fx.db().repository::<Author>();
    other.delete(ann.id).await.unwrap();
    let gone = authors.find_by_id(ann.id).or_stale().await.unwrap();
    assert!(gone.value.is_none() && gone.stale.is_none());
    assert_eq!(remembered(&db, &ann).await, None);
}

/// The memory has the bounds that were set: how many rows, and for how long.
pub async fn the_memory_is_bounded(fx: &Fixture) {
    let rows = [author(fx.db(), "cid").await, author(fx.db(), "dan").await];
    for (capacity, kept) in [("1", 1), ("0", 0)] {
        let db = open(fx, &[("stale.capacity", capacity)]).await;
        for one in &rows {
            remember(&db, one).await;
        }
        assert_eq!(db.status().remembered, kept);
    }
    let db = open(fx, &[("stale.max_age", "1ms")]).await;
    remember(&db, &rows[0]).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(remembered(&db, &rows[0]).await, None);
}
