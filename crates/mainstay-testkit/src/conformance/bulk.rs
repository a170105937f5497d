//! Very many rows at once.

use mainstay::schema::Filter;
use mainstay::{Error, ErrorKind, Outcome};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::entities::{Author, Book, Item, NewAuthor, NewBook, NewPublisher, Publisher, Sample};
use super::random::sample;
use super::support::{assert_kind, assert_refused};
use crate::Fixture;

/// Random rows of every type, NULLs among them, come back as they were written.
pub async fn every_type_in_bulk(fx: &Fixture) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let samples = fx.db().repository::<Sample>();
    for count in [1_usize, 49, 50, 700] {
        let rows = vec(sample(1..u128::MAX), count).new_tree(&mut runner);
        let mut rows = rows.unwrap().current();
        rows.sort_by_key(|row| row.id);
        rows.dedup_by_key(|row| row.id);
        let made = samples.create_many(rows.clone()).await.unwrap();
        assert_eq!(made, rows.len() as u64);
        let mut found = samples.find_many().await.unwrap();
        found.sort_by_key(|row| row.id);
        assert!(found == rows, "{count} rows came back changed");
        samples.delete_many(Filter::all()).await.unwrap();
    }
}

/// What is filled in one by one is filled in for many: each row has a key of its own, and keys go up
/// in the order of the rows, however many threads have made them.
pub async fn many_rows_are_filled_in(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let given = |n: i32| NewAuthor {
        email: format!(" Author{n}@Example.com "),
        name: format!(" n{n} "),
    };
    let now = mainstay::Clock::now(fx.clock());
    for count in [1_200, 4_000, 12_000] {
        let made = authors.create_many((0..count).map(given)).await.unwrap();
        assert_eq!(made, u64::try_from(count).unwrap());
        let found = authors.find_many().by_key().await.unwrap();
        assert_eq!(found.len(), usize::try_from(count).unwrap());
        for (n, author) in (0..).zip(&found) {
            assert_eq!(
                (author.created_at, author.version, author.fame),
                (now, 1, 0)
            );
            assert_eq!(author.email, format!("author{n}@example.com"));
            assert_eq!(author.name, format!("n{n}"));
            assert_eq!(author.id.get_version_num(), 7);
        }
        authors.delete_many(Filter::all()).await.unwrap();
    }
    // Keys made by the database, and rows that give different columns.
    let publishers = fx.db().repository::<Publisher>();
    let titles = (0..300).map(|n| NewPublisher {
        title: format!("t{n}"),
    });
    assert_eq!(publishers.create_many(titles).await.unwrap(), 300);
    assert_eq!(publishers.count(Filter::all()).await.unwrap(), 300);
}

/// One bad row among twenty thousand, and nothing is kept; the error names the constraint.
pub async fn one_bad_row_keeps_nothing(fx: &Fixture) {
    let db = fx.db();
    let items = db.repository::<Item>();
    let twice = |id: i64| Item::new(if id == 15_000 { 7 } else { id }, None, "x");
    let error = assert_refused(
        items.create_many((0..20_000).map(twice)).await,
        ErrorKind::Duplicate,
        ("items", Some("items_pkey")),
        &["id"],
        &["id"],
    );
    assert_eq!(error.outcome(), Outcome::NotApplied);
    if fx.db().capabilities().bulk_load {
        let detail = error.detail();
        assert!(detail.starts_with("row 15001 of 20000: "), "{error:?}");
    }
    assert_eq!(items.count(Filter::all()).await.unwrap(), 0);
    let author = db.repository::<Author>().create(NewAuthor::named("ada"));
    let author = author.await.unwrap();
    let books = db.repository::<Book>();
    let lonely = |n: i64| NewBook {
        publisher_id: (n == 1_500).then_some(4711),
        ..NewBook::by(author.id, &format!("{n}"))
    };
    let error = assert_refused(
        books.create_many((0..2_000).map(lonely)).await,
        ErrorKind::ForeignKey,
        ("books", Some("books_publisher_id_fkey")),
        &["publisher_id"],
        &["publisherId"],
    );
    assert_eq!(error.outcome(), Outcome::NotApplied);
    let unread = |n: i64| NewBook {
        read_pages: Some(i32::from(n == 1_900) * 5),
        ..NewBook::by(author.id, &format!("{n}"))
    };
    let error = assert_kind(
        books.create_many((0..2_000).map(unread)).await,
        ErrorKind::Check,
    );
    assert_eq!(error.constraint(), Some("books_span_check"));
    assert_eq!(books.count(Filter::all()).await.unwrap(), 0);
    // Refused input is found before anything is sent.
    let too_long = |n: i64| NewBook::by(author.id, &"x".repeat(if n == 99 { 41 } else { 1 }));
    assert_kind(
        books.create_many((0..100).map(too_long)).await,
        ErrorKind::Validation,
    );
    // The handle is in order, and inside a transaction a failure poisons it.
    let poisoned: Result<(), Error> = db
        .transaction(|tx| async move {
            let items = tx.repository::<Item>();
            items
                .create_many((0..100).map(|id| Item::new(id, None, "x")))
                .await?;
            let again = items.create_many((90..200).map(|id| Item::new(id, None, "x")));
            assert_kind(again.await, ErrorKind::Duplicate);
            assert_kind(
                items.count(Filter::all()).await,
                ErrorKind::TransactionClosed,
            );
            Ok(())
        })
        .await;
    assert_kind(poisoned, ErrorKind::Duplicate);
    let made = items.create_many((0..2_000).map(|id| Item::new(id, None, "x")));
    assert_eq!(made.await.unwrap(), 2_000);
    assert_eq!(items.count(Filter::all()).await.unwrap(), 2_000);
}

/// However many rows there are, the types of columns and the rights of users mean the same. Only
/// PostgreSQL loads in a way that takes less than its INSERT.
pub async fn the_number_of_rows_changes_no_meaning(fx: &Fixture) {
    let db = fx.db();
    let items = db.repository::<Item>();
    let given = |count: i64| {
        (0..count).map(|id| Item {
            note: Some(format!("00000000-0000-0000-0000-{id:012}")),
            ..Item::new(id, None, if id % 2 == 0 { "a" } else { "b" })
        })
    };
    let native = [
        "CREATE TYPE letter AS ENUM ('a', 'b'); ALTER TABLE items ALTER COLUMN label TYPE letter \
         USING label::letter",
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext') THEN \
         CREATE EXTENSION citext; ALTER TABLE items ALTER COLUMN label TYPE citext \
         USING label::text::citext; END IF; END $$",
        "ALTER TABLE items ALTER COLUMN note TYPE uuid USING note::uuid",
        "ALTER TABLE items ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY everybody ON items FOR INSERT WITH CHECK (true)",
    ];
    let is_postgres = fx.engine() == crate::Engine::Postgres;
    for change in native {
        if is_postgres {
            db.script(change).await.unwrap();
        }
        for count in [49, 50, 200] {
            let made = db
                .transaction(|tx| async move {
                    if is_postgres {
                        // One whom row security concerns: it does not concern the owner.
                        tx.script("SET LOCAL ROLE pg_write_all_data").await?;
                    }
                    tx.repository::<Item>().create_many(given(count)).await
                })
                .await;
            assert_eq!(made.unwrap(), count.unsigned_abs(), "{change}");
            assert_eq!(
                items.delete_many(Filter::all()).await.unwrap(),
                count.unsigned_abs()
            );
            let made = items.create_many(given(count)).await;
            assert_eq!(made.unwrap(), count.unsigned_abs(), "{change}");
            assert_eq!(
                items.delete_many(Filter::all()).await.unwrap(),
                count.unsigned_abs()
            );
        }
    }
}

/// Rows whose values are large go in as many statements as the server takes.
pub async fn many_large_rows(fx: &Fixture) {
    let samples = fx.db().repository::<Sample>();
    let large = |number: u128| Sample {
        prose: "ä".repeat(100_000),
        data: vec![7; 100_000],
        ..Sample::plain(number)
    };
    let made = samples.create_many((1..100).map(large)).await.unwrap();
    assert_eq!(made, 99);
    let found = samples.find_many().take(3).await.unwrap();
    assert!(
        found
            .iter()
            .all(|row| row.prose.len() == 200_000 && row.data.len() == 100_000)
    );
}
