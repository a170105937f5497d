//! Constraints and cascades: who refuses what, named alike on every engine.

use mainstay::schema::Filter;
use mainstay::{Error, ErrorKind};
use uuid::Uuid;

use super::entities::{
    Account, Author, Book, Chapter, NewAuthor, NewBook, NewPublisher, Publisher, Sample, Shelf,
};
use super::support::{assert_kind, assert_refused};
use crate::Fixture;

async fn author(fx: &Fixture, name: &str) -> Author {
    let authors = fx.db().repository::<Author>();
    authors.create(NewAuthor::named(name)).await.unwrap()
}

/// A duplicate names the unique constraint, its column and the field as the caller knows it.
pub async fn unique_over_one_column(fx: &Fixture) {
    author(fx, "ada").await;
    let authors = fx.db().repository::<Author>();
    let again = authors.create(NewAuthor::named("ada")).await;
    let error = assert_refused(
        again,
        ErrorKind::Duplicate,
        ("authors", Some("authors_email_key")),
        &["email"],
        &["emailAddress"],
    );
    assert_eq!(
        (error.code(), error.http_status()),
        ("DUPLICATE_ENTRY", 409)
    );
    assert_eq!(error.public_message(), "Unique constraint violation");
    let other = author(fx, "bea").await;
    let taken = [Author::EMAIL.set("ada@example.com".to_owned())];
    assert_refused(
        authors.update(other.id, taken).await,
        ErrorKind::Duplicate,
        ("authors", Some("authors_email_key")),
        &["email"],
        &["emailAddress"],
    );
}

/// The same over two columns: only the pair is taken.
pub async fn unique_over_two_columns(fx: &Fixture) {
    let (ada, bea) = (author(fx, "ada").await, author(fx, "bea").await);
    let books = fx.db().repository::<Book>();
    books.create(NewBook::by(ada.id, "One")).await.unwrap();
    books.create(NewBook::by(bea.id, "One")).await.unwrap();
    books.create(NewBook::by(ada.id, "one")).await.unwrap();
    assert_refused(
        books.create(NewBook::by(ada.id, "One")).await,
        ErrorKind::Duplicate,
        ("books", Some("books_author_id_title_key")),
        &["author_id", "title"],
        &["authorId", "title"],
    );
}

/// Primary keys: made by the client, text, composite.
pub async fn primary_keys(fx: &Fixture) {
    let db = fx.db();
    let samples = db.repository::<Sample>();
    samples.create(Sample::plain(1)).await.unwrap();
    assert_refused(
        samples.create(Sample::plain(1)).await,
        ErrorKind::Duplicate,
        ("samples", Some("samples_pkey")),
        &["id"],
        &["id"],
    );
    let shelf = Shelf {
        code: "a".to_owned(),
        label: "first".to_owned(),
        slots: 0,
    };
    let shelves = db.repository::<Shelf>();
    shelves.create(shelf.clone()).await.unwrap();
    assert_refused(
        shelves.create(shelf).await,
        ErrorKind::Duplicate,
        ("shelves", Some("shelves_pkey")),
        &["code"],
        &["code"],
    );
    let ada = author(fx, "ada").await;
    let book = db
        .repository::<Book>()
        .create(NewBook::by(ada.id, "One"))
        .await
        .unwrap();
    let chapter = Chapter {
        book_id: book.id,
        number: 1,
        heading: "Start".to_owned(),
    };
    let chapters = db.repository::<Chapter>();
    chapters.create(chapter.clone()).await.unwrap();
    assert_refused(
        chapters.create(chapter).await,
        ErrorKind::Duplicate,
        ("chapters", Some("chapters_pkey")),
        &["book_id", "number"],
        &["bookId", "number"],
    );
}

/// An insert or update whose parent is missing names the foreign key.
pub async fn foreign_keys_on_write(fx: &Fixture) {
    let books = fx.db().repository::<Book>();
    let orphan = books
        .create(NewBook::by(Uuid::from_u128(99), "Orphan"))
        .await;
    let error = assert_refused(
        orphan,
        ErrorKind::ForeignKey,
        ("books", Some("books_author_id_fkey")),
        &["author_id"],
        &["authorId"],
    );
    assert_eq!(
        (error.code(), error.http_status()),
        ("FOREIGN_KEY_ERROR", 400)
    );
    let ada = author(fx, "ada").await;
    let several = [
        NewBook::by(ada.id, "Kept by nobody"),
        NewBook::by(Uuid::from_u128(99), "Orphan"),
    ];
    assert_refused(
        books.create_many(several).await,
        ErrorKind::ForeignKey,
        ("books", Some("books_author_id_fkey")),
        &["author_id"],
        &["authorId"],
    );
    assert_eq!(books.count(Filter::all()).await.unwrap(), 0);
    let book = books.create(NewBook::by(ada.id, "One")).await.unwrap();
    assert_refused(
        books.update(book.id, [Book::PUBLISHER_ID.set(77)]).await,
        ErrorKind::ForeignKey,
        ("books", Some("books_publisher_id_fkey")),
        &["publisher_id"],
        &["publisherId"],
    );
    let lost = NewBook {
        shelf_code: Some("none".to_owned()),
        ..NewBook::by(ada.id, "Two")
    };
    assert_refused(
        books.create(lost).await,
        ErrorKind::ForeignKey,
        ("books", Some("books_shelf_code_fkey")),
        &["shelf_code"],
        &["shelfCode"],
    );
}

/// The same inside a transaction, where the error has poisoned it already.
pub async fn foreign_keys_inside_a_transaction(fx: &Fixture) {
    let result = fx
        .db()
        .transaction(|tx| async move {
            let orphan = NewBook::by(Uuid::from_u128(99), "Orphan");
            tx.repository::<Book>().create(orphan).await
        })
        .await;
    assert_refused(
        result,
        ErrorKind::ForeignKey,
        ("books", Some("books_author_id_fkey")),
        &["author_id"],
        &["authorId"],
    );
}

/// A row that others refer to cannot be deleted, and the error names who refers to it.
pub async fn restrict_keeps_the_parent(fx: &Fixture) {
    let db = fx.db();
    let publishers = db.repository::<Publisher>();
    let title = "Press".to_owned();
    let press = publishers.create(NewPublisher { title }).await.unwrap();
    let ada = author(fx, "ada").await;
    let book = NewBook {
        publisher_id: Some(press.id),
        ..NewBook::by(ada.id, "One")
    };
    let book = db.repository::<Book>().create(book).await.unwrap();
    let refused = |result: Result<Publisher, Error>| {
        assert_refused(
            result,
            ErrorKind::ForeignKey,
            ("books", Some("books_publisher_id_fkey")),
            &["publisher_id"],
            &["publisherId"],
        )
    };
    refused(publishers.delete(press.id).await);
    assert!(publishers.exists(press.id).await.unwrap());
    let many = publishers.delete_many(Publisher::ID.eq(press.id)).await;
    assert_kind(many, ErrorKind::ForeignKey);
    db.repository::<Book>().delete(book.id).await.unwrap();
    assert_eq!(publishers.delete(press.id).await.unwrap(), press);
}

/// Deleting a parent takes children and grandchildren along, and nobody else's.
pub async fn cascades_reach_grandchildren(fx: &Fixture) {
    let db = fx.db();
    let (ada, bea) = (author(fx, "ada").await, author(fx, "bea").await);
    let (books, chapters) = (db.repository::<Book>(), db.repository::<Chapter>());
    for author in [&ada, &bea] {
        for title in ["One", "Two"] {
            let book = books.create(NewBook::by(author.id, title)).await.unwrap();
            for number in 1..=3 {
                let heading = format!("{title} {number}");
                let book_id = book.id;
                let chapter = Chapter {
                    book_id,
                    number,
                    heading,
                };
                chapters.create(chapter).await.unwrap();
            }
        }
    }
    db.repository::<Author>().delete(ada.id).await.unwrap();
    let left = books.find_many().await.unwrap();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|book| book.author_id == bea.id));
    assert_eq!(
        chapters
            .count(mainstay::schema::Filter::all())
            .await
            .unwrap(),
        6
    );
}

/// Deleting what a nullable column refers to sets it to NULL.
pub async fn set_null_lets_go(fx: &Fixture) {
    let db = fx.db();
    let shelf = Shelf {
        code: "a".to_owned(),
        label: "first".to_owned(),
        slots: 1,
    };
    db.repository::<Shelf>().create(shelf).await.unwrap();
    let ada = author(fx, "ada").await;
    let books = db.repository::<Book>();
    let book = NewBook {
        shelf_code: Some("a".to_owned()),
        ..NewBook::by(ada.id, "One")
    };
    let book = books.create(book).await.unwrap();
    db.repository::<Shelf>()
        .delete("a".to_owned())
        .await
        .unwrap();
    let found = books.find_by_id(book.id).await.unwrap().unwrap();
    assert_eq!(found.shelf_code, None);
}

/// Checks over one and over two columns, on insert, update and increment.
pub async fn checks(fx: &Fixture) {
    let db = fx.db();
    let ada = author(fx, "ada").await;
    let books = db.repository::<Book>();
    let thin = NewBook {
        pages: Some(0),
        ..NewBook::by(ada.id, "Thin")
    };
    let error = assert_refused(
        books.create(thin).await,
        ErrorKind::Check,
        ("books", Some("books_pages_positive_check")),
        &["pages"],
        &["pages"],
    );
    assert_eq!((error.code(), error.http_status()), ("CHECK_ERROR", 400));
    let book = books.create(NewBook::by(ada.id, "One")).await.unwrap();
    assert_refused(
        books.update(book.id, [Book::READ_PAGES.set(2)]).await,
        ErrorKind::Check,
        ("books", Some("books_span_check")),
        &["read_pages", "pages"],
        &["readPages", "pages"],
    );
    let accounts = db.repository::<Account>();
    accounts
        .create(Account { id: 1, balance: 5 })
        .await
        .unwrap();
    assert_refused(
        accounts.update(1, [Account::BALANCE.increment(-6)]).await,
        ErrorKind::Check,
        ("accounts", Some("accounts_covered_check")),
        &["balance"],
        &["balance"],
    );
    assert_eq!(accounts.find_by_id(1).await.unwrap().unwrap().balance, 5);
}

/// What the repository would refuse by itself, the database refuses too: hand-written SQL gets the
/// same kinds of error.
pub async fn the_database_itself_refuses(fx: &Fixture) {
    let db = fx.db();
    let null = db
        .sql("INSERT INTO accounts (id, balance) VALUES (1, NULL)")
        .execute()
        .await;
    let error = assert_kind(null, ErrorKind::NotNull);
    assert_eq!(error.columns().collect::<Vec<_>>(), ["balance"]);
    let long = db
        .sql("INSERT INTO shelves (code, label, slots) VALUES (?, 'x', 0)")
        .bind("x".repeat(11))
        .execute()
        .await;
    assert_kind(long, ErrorKind::ValueTooLong);
    let word = db
        .sql("UPDATE books SET mood = 'furious' WHERE 1 = 1")
        .execute();
    let ada = author(fx, "ada").await;
    db.repository::<Book>()
        .create(NewBook::by(ada.id, "One"))
        .await
        .unwrap();
    assert_refused(
        word.await,
        ErrorKind::Check,
        ("books", Some("books_mood_check")),
        &["mood"],
        &["mood"],
    );
    let wide = db
        .sql("UPDATE books SET pages = 3000000000 WHERE 1 = 1")
        .execute()
        .await;
    assert_kind(wide, ErrorKind::OutOfRange);
    let duplicate = db
        .sql(
            "INSERT INTO authors (id, email, name, fame, created_at, updated_at, version) \
             SELECT ?, email, name, fame, created_at, updated_at, version FROM authors",
        )
        .bind(Uuid::from_u128(9))
        .execute()
        .await;
    assert_refused(
        duplicate,
        ErrorKind::Duplicate,
        ("authors", Some("authors_email_key")),
        &["email"],
        &["emailAddress"],
    );
}

/// All problems of an input are reported at once, per field, before any database work.
pub async fn problems_of_an_input_come_together(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let bad = NewAuthor {
        email: "nobody".to_owned(),
        name: String::new(),
    };
    let error = assert_refused(
        authors.create(bad).await,
        ErrorKind::Validation,
        ("authors", None),
        &["email", "name"],
        &["emailAddress", "name"],
    );
    assert_eq!(
        (error.code(), error.http_status()),
        ("VALIDATION_ERROR", 400)
    );
    assert_eq!(
        error.public_message(),
        "Validation error: emailAddress must be an email address, name is required"
    );
    let long = [Author::NAME.set("x".repeat(21))];
    assert_refused(
        authors.update(Uuid::nil(), long).await,
        ErrorKind::Validation,
        ("authors", None),
        &["name"],
        &["name"],
    );
}
