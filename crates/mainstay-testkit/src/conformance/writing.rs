//! Create, update, delete and their relatives.

use chrono::TimeDelta;
use mainstay::schema::Filter;
use mainstay::{Clock, ErrorKind, RetryClass};
use uuid::Uuid;

use super::entities::{
    Account, Author, AuthorPatch, Book, Chapter, Item, Mood, NewAuthor, NewBook, NewPublisher,
    Publisher, Shelf,
};
use super::support::{assert_kind, assert_refused};
use crate::{Engine, Fixture};

/// A new row has its key, timestamps, version and defaults filled in, and its text in normal form.
pub async fn create_fills_in(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let given = NewAuthor {
        email: " Ada@Example.COM ".to_owned(),
        name: "  Ada\u{308} ".to_owned(),
    };
    let author = authors.create(given).await.unwrap();
    assert_eq!(author.email, "ada@example.com");
    assert_eq!(author.name, "Ad\u{e4}");
    assert_eq!(author.id.get_version_num(), 7);
    let now = fx.clock().now();
    assert_eq!((author.created_at, author.updated_at), (now, now));
    assert_eq!((author.version, author.fame), (1, 0));
    let books = fx.db().repository::<Book>();
    let book = books.create(NewBook::by(author.id, "One")).await.unwrap();
    assert_eq!((book.pages, book.read_pages), (1, 0));
    assert_eq!(book.mood, Mood::Calm);
    assert_eq!(book.rating, None);
}

/// Keys made by the database go up, and are not used again after a delete.
pub async fn identity_keys_go_up(fx: &Fixture) {
    let publishers = fx.db().repository::<Publisher>();
    let mut last = 0;
    for title in ["a", "b", "c"] {
        let title = title.to_owned();
        let made = publishers.create(NewPublisher { title }).await.unwrap();
        assert!(made.id > last, "{} after {last}", made.id);
        last = made.id;
    }
    publishers.delete(last).await.unwrap();
    let title = "d".to_owned();
    let made = publishers.create(NewPublisher { title }).await.unwrap();
    assert!(made.id > last, "{} after {last}", made.id);
}

/// An update changes what it names; `updated_at` and the version follow.
pub async fn update_follows_the_clock(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let author = authors.create(NewAuthor::named("ada")).await.unwrap();
    fx.clock().advance(TimeDelta::microseconds(1_500_001));
    let patch = AuthorPatch {
        name: Some("Bea".to_owned()),
        version: None,
    };
    let changed = authors.update(author.id, patch).await.unwrap();
    let expected = Author {
        name: "Bea".to_owned(),
        updated_at: author.updated_at + TimeDelta::microseconds(1_500_001),
        version: 2,
        ..author.clone()
    };
    assert_eq!(changed, expected);
    assert_eq!(authors.find_by_id(author.id).await.unwrap(), Some(expected));
    // An update that says the same again still finds its row.
    fx.clock().advance(TimeDelta::seconds(-60));
    let same = authors
        .update(author.id, [Author::NAME.set("Bea".to_owned())])
        .await;
    assert_eq!(same.unwrap().version, 3);
    // A patch without anything in it reads.
    let nothing = authors
        .update(author.id, AuthorPatch::default())
        .await
        .unwrap();
    assert_eq!(nothing.version, 3);
}

/// An update whose values are those already stored is no `NOT_FOUND`.
pub async fn an_update_that_changes_nothing_finds_its_row(fx: &Fixture) {
    let accounts = fx.db().repository::<Account>();
    accounts
        .create(Account { id: 1, balance: 7 })
        .await
        .unwrap();
    let same = accounts.update(1, [Account::BALANCE.set(7)]).await.unwrap();
    assert_eq!(same.balance, 7);
    let many = accounts.update_many(Account::ID.eq(1), [Account::BALANCE.set(7)]);
    assert_eq!(many.await.unwrap(), 1);
    let done = fx
        .db()
        .sql("UPDATE accounts SET balance = 7 WHERE id = 1")
        .execute();
    assert_eq!(done.await.unwrap().rows, 1);
}

/// Update and delete of what is not there is `NOT_FOUND`, and creates nothing.
pub async fn what_is_not_there_is_not_found(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let missing = Uuid::from_u128(4711);
    assert_eq!(authors.find_by_id(missing).await.unwrap(), None);
    assert!(!authors.exists(missing).await.unwrap());
    let change = [Author::FAME.set(1)];
    let error = assert_refused(
        authors.update(missing, change).await,
        ErrorKind::NotFound,
        ("authors", None),
        &[],
        &[],
    );
    assert_eq!((error.code(), error.http_status()), ("NOT_FOUND", 404));
    assert_eq!(error.public_message(), "Record not found");
    assert_kind(authors.delete(missing).await, ErrorKind::NotFound);
    assert_kind(
        authors.update(missing, AuthorPatch::default()).await,
        ErrorKind::NotFound,
    );
    let stale = AuthorPatch {
        name: Some("x".to_owned()),
        version: Some(1),
    };
    assert_kind(authors.update(missing, stale).await, ErrorKind::NotFound);
    assert_eq!(authors.count(Filter::all()).await.unwrap(), 0);
}

/// A delete returns the row as it was.
pub async fn delete_returns_the_row(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let author = authors.create(NewAuthor::named("ada")).await.unwrap();
    assert_eq!(authors.delete(author.id).await.unwrap(), author);
    assert_eq!(authors.find_by_id(author.id).await.unwrap(), None);
}

/// A version that somebody else has passed is a conflict, which repeating cannot mend.
pub async fn stale_versions_conflict(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let author = authors.create(NewAuthor::named("ada")).await.unwrap();
    let rename = |name: &str, version| AuthorPatch {
        name: Some(name.to_owned()),
        version: Some(version),
    };
    let first = authors.update(author.id, rename("Bea", 1)).await.unwrap();
    assert_eq!(first.version, 2);
    let error = assert_kind(
        authors.update(author.id, rename("Cleo", 1)).await,
        ErrorKind::WriteConflict,
    );
    assert_eq!((error.code(), error.http_status()), ("WRITE_CONFLICT", 409));
    assert_eq!(error.retry(), RetryClass::Never);
    assert_eq!(authors.find_by_id(author.id).await.unwrap(), Some(first));
}

/// `create_many` makes all rows or none, beyond any parameter limit.
pub async fn create_many_is_all_or_nothing(fx: &Fixture) {
    let items = fx.db().repository::<Item>();
    let rows = (0..20_000).map(|id| Item::new(id, None, "x"));
    assert_eq!(items.create_many(rows).await.unwrap(), 20_000);
    assert_eq!(items.count(Filter::all()).await.unwrap(), 20_000);
    // The duplicate is in the last statement.
    let rows = (20_000..24_000)
        .chain([0])
        .map(|id| Item::new(id, None, "y"));
    assert_refused(
        items.create_many(rows).await,
        ErrorKind::Duplicate,
        ("items", Some("items_pkey")),
        &["id"],
        &["id"],
    );
    assert_eq!(items.count(Filter::all()).await.unwrap(), 20_000);
    // The last row breaks a rule, the first the key: rules come first, however many rows there are.
    for count in [3, 15_000] {
        let rows = [0].into_iter().chain(30_000..30_000 + count);
        let label = |id| if id == 29_999 + count { "\0" } else { "z" };
        let refused = items
            .create_many(rows.map(|id| Item::new(id, None, label(id))))
            .await;
        assert_kind(refused, ErrorKind::Validation);
        assert_eq!(items.count(Filter::all()).await.unwrap(), 20_000);
    }
    assert_eq!(items.create_many(Vec::<Item>::new()).await.unwrap(), 0);
}

/// `update_many` and `delete_many` say how many rows they matched.
pub async fn many_rows_at_once(fx: &Fixture) {
    let items = fx.db().repository::<Item>();
    let rows = (0..10).map(|id| Item::new(id, Some(id as i32 % 2), "x"));
    items.create_many(rows).await.unwrap();
    let odd = || Item::RANK.eq(1);
    let changed = items.update_many(odd(), [Item::LABEL.set("odd".to_owned())]);
    assert_eq!(changed.await.unwrap(), 5);
    assert_eq!(items.count(Item::LABEL.eq("odd")).await.unwrap(), 5);
    let none = items.update_many(Filter::none(), [Item::RANK.set(None)]);
    assert_eq!(none.await.unwrap(), 0);
    assert_eq!(items.delete_many(odd()).await.unwrap(), 5);
    assert_eq!(items.delete_many(odd()).await.unwrap(), 0);
    assert_eq!(items.delete_many(Filter::all()).await.unwrap(), 5);
}

/// `increment` adds to what is stored, and is refused where it makes no sense.
pub async fn increment_adds(fx: &Fixture) {
    let items = fx.db().repository::<Item>();
    items.create(Item::new(1, Some(5), "x")).await.unwrap();
    let item = items
        .update(1, [Item::RANK.increment(-7), Item::SCORE.increment(0.5)])
        .await;
    let item = item.unwrap();
    assert_eq!((item.rank, item.score), (Some(-2), 0.5));
    let beyond = items.update(1, [Item::RANK.increment(i32::MIN)]).await;
    assert_kind(beyond, ErrorKind::OutOfRange);
    // NULL stays NULL, as in SQL.
    items.update(1, [Item::RANK.set(None)]).await.unwrap();
    let item = items.update(1, [Item::RANK.increment(1)]).await.unwrap();
    assert_eq!(item.rank, None);
}

/// An upsert makes the row or changes it, by primary key.
pub async fn upsert_by_key(fx: &Fixture) {
    let shelves = fx.db().repository::<Shelf>();
    let shelf = |label: &str, slots| Shelf {
        code: "a".to_owned(),
        label: label.to_owned(),
        slots,
    };
    let made = shelves.upsert(shelf("first", 1), []).await.unwrap();
    assert_eq!(made, shelf("first", 1));
    let changed = shelves.upsert(shelf("second", 2), []).await.unwrap();
    assert_eq!(changed, shelf("second", 2));
    assert_eq!(shelves.find_many().await.unwrap(), [shelf("second", 2)]);
    let same = shelves.upsert(shelf("second", 2), []).await.unwrap();
    assert_eq!(same, shelf("second", 2));
}

/// An upsert by a unique key keeps the row's key and creation time, and counts its version up.
pub async fn upsert_by_unique_key(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let on = || [Author::EMAIL.any()];
    let made = authors.upsert(NewAuthor::named("ada"), on()).await.unwrap();
    fx.clock().advance(TimeDelta::seconds(5));
    let given = NewAuthor {
        name: "Countess".to_owned(),
        ..NewAuthor::named("ada")
    };
    let changed = authors.upsert(given, on()).await.unwrap();
    let expected = Author {
        name: "Countess".to_owned(),
        updated_at: made.updated_at + TimeDelta::seconds(5),
        version: 2,
        ..made
    };
    assert_eq!(changed, expected);
    assert_eq!(authors.count(Filter::all()).await.unwrap(), 1);
}

/// An upsert that cannot mean one unique key is refused, never guessed.
pub async fn an_ambiguous_upsert_is_refused(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let by_name = authors
        .upsert(NewAuthor::named("ada"), [Author::NAME.any()])
        .await;
    assert_kind(by_name, ErrorKind::Unsupported);
    // With the key given there are two unique keys the row might collide with.
    let author = authors.create(NewAuthor::named("ada")).await.unwrap();
    let result = authors.upsert(author.clone(), [Author::EMAIL.any()]).await;
    if fx.engine() == Engine::MariaDb {
        let error = assert_kind(result, ErrorKind::Unsupported);
        assert_eq!(error.table(), Some("authors"));
        assert!(error.hint().is_some());
    } else {
        assert_eq!(result.unwrap().id, author.id);
    }
}

/// Composite keys find, change and delete one row.
pub async fn composite_keys(fx: &Fixture) {
    let db = fx.db();
    let author = db
        .repository::<Author>()
        .create(NewAuthor::named("ada"))
        .await
        .unwrap();
    let book = db
        .repository::<Book>()
        .create(NewBook::by(author.id, "One"))
        .await
        .unwrap();
    let chapters = db.repository::<Chapter>();
    for number in 1..=3 {
        let chapter = Chapter {
            book_id: book.id,
            number,
            heading: format!("Chapter {number}"),
        };
        assert_eq!(chapters.create(chapter.clone()).await.unwrap(), chapter);
    }
    let key = (book.id, 2);
    let heading = "The second".to_owned();
    let changed = chapters
        .update(key, [Chapter::HEADING.set(heading.clone())])
        .await;
    assert_eq!(changed.unwrap().heading, heading);
    assert!(chapters.exists(key).await.unwrap());
    assert_eq!(chapters.delete(key).await.unwrap().heading, heading);
    assert_eq!(chapters.find_by_id(key).await.unwrap(), None);
    let left = chapters.find_many().by_key().await.unwrap();
    assert_eq!(left.iter().map(|c| c.number).collect::<Vec<_>>(), [1, 3]);
}
