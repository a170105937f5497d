//! Finding rows: filters, orders, projections, relations, aggregates.

use chrono::NaiveDate;
use mainstay::schema::Filter;
use mainstay::{Database, ErrorKind};
use uuid::Uuid;

use super::entities::{Author, AuthorName, Book, Item, NewAuthor, NewBook, Sample};
use super::spy::Spy;
use super::support::assert_kind;
use crate::Fixture;

async fn ids(fx: &Fixture, filter: Filter<Item>) -> Vec<i64> {
    let items = fx.db().repository::<Item>();
    let found = items
        .find_many()
        .filter(filter.clone())
        .by_key()
        .await
        .unwrap();
    let count = items.count(filter).await.unwrap();
    assert_eq!(count, found.len() as u64, "count and find agree");
    found.into_iter().map(|item| item.id).collect()
}

async fn five_ranks(fx: &Fixture) {
    let ranks = [Some(1), Some(2), None, Some(3), None];
    let rows = ranks
        .into_iter()
        .enumerate()
        .map(|(id, rank)| Item::new(id as i64, rank, "x"));
    fx.db()
        .repository::<Item>()
        .create_many(rows)
        .await
        .unwrap();
}

/// Comparisons, and what NULL means to them.
pub async fn comparisons(fx: &Fixture) {
    five_ranks(fx).await;
    for (filter, expected) in [
        (Item::RANK.eq(2), vec![1]),
        (Item::RANK.ne(2), vec![0, 3]),
        (Item::RANK.lt(2), vec![0]),
        (Item::RANK.le(2), vec![0, 1]),
        (Item::RANK.gt(2), vec![3]),
        (Item::RANK.ge(2), vec![1, 3]),
        (Item::RANK.between(1, 2), vec![0, 1]),
        (Item::RANK.is_null(), vec![2, 4]),
        (Item::RANK.is_not_null(), vec![0, 1, 3]),
        (Filter::all(), vec![0, 1, 2, 3, 4]),
        (Filter::none(), vec![]),
    ] {
        let shown = format!("{filter:?}");
        assert_eq!(ids(fx, filter).await, expected, "{shown}");
    }
}

/// And, or, not, in, and lists with nothing in them.
pub async fn combinations(fx: &Fixture) {
    five_ranks(fx).await;
    let none: [i32; 0] = [];
    for (filter, expected) in [
        (Item::RANK.eq(1).or(Item::RANK.eq(3)), vec![0, 3]),
        (Item::RANK.ge(1).and(Item::RANK.le(1)), vec![0]),
        (
            Item::RANK
                .eq(1)
                .or(Item::RANK.is_null())
                .and(Item::ID.lt(3)),
            vec![0, 2],
        ),
        (
            Item::RANK.eq(1).and(Item::ID.eq(9)).or(Item::ID.eq(4)),
            vec![4],
        ),
        // As in SQL: a comparison with NULL holds neither plainly nor negated.
        (Item::RANK.eq(1).not(), vec![1, 3]),
        (Item::RANK.is_null().not(), vec![0, 1, 3]),
        (Item::RANK.eq(1).and(Item::ID.eq(0)).not(), vec![1, 2, 3, 4]),
        (Filter::all().not(), vec![]),
        (Filter::none().not(), vec![0, 1, 2, 3, 4]),
        (Item::RANK.is_in([1, 3, 99]), vec![0, 3]),
        (Item::RANK.not_in([1, 3]), vec![1]),
        (Item::RANK.is_in(none), vec![]),
        (Item::RANK.not_in(none), vec![0, 1, 2, 3, 4]),
    ] {
        let shown = format!("{filter:?}");
        assert_eq!(ids(fx, filter).await, expected, "{shown}");
    }
}

/// `contains`, `starts_with` and `ends_with` tell case, and take wildcards as they are.
pub async fn text_matching(fx: &Fixture) {
    let labels = [
        "Apple pie",
        "apple",
        "100%",
        "100 %",
        "a_b",
        "axb",
        "",
        "pie ",
        "\u{1F600} pie",
        "a\\b",
    ];
    let rows = (0..)
        .zip(labels)
        .map(|(id, label)| Item::new(id, None, label));
    fx.db()
        .repository::<Item>()
        .create_many(rows)
        .await
        .unwrap();
    for (filter, expected) in [
        (Item::LABEL.contains("pie"), vec![0, 7, 8]),
        (Item::LABEL.contains("Pie"), vec![]),
        (Item::LABEL.contains("%"), vec![2, 3]),
        (Item::LABEL.contains("_"), vec![4]),
        (Item::LABEL.contains("\\"), vec![9]),
        (Item::LABEL.contains("\u{1F600}"), vec![8]),
        (Item::LABEL.contains(""), vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (Item::LABEL.starts_with("apple"), vec![1]),
        (Item::LABEL.starts_with("A"), vec![0]),
        (Item::LABEL.starts_with("100%"), vec![2]),
        (Item::LABEL.starts_with("a_"), vec![4]),
        (Item::LABEL.starts_with("\u{1F600}"), vec![8]),
        (
            Item::LABEL.starts_with(""),
            vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        ),
        (Item::LABEL.ends_with("pie"), vec![0, 8]),
        (Item::LABEL.ends_with("pie "), vec![7]),
        (Item::LABEL.ends_with("%"), vec![2, 3]),
        (Item::LABEL.ends_with("_b"), vec![4]),
        (
            Item::LABEL.ends_with("a label longer than any of these"),
            vec![],
        ),
    ] {
        let shown = format!("{filter:?}");
        assert_eq!(ids(fx, filter).await, expected, "{shown}");
    }
    // A filter whose value is longer than the column matches nothing and is no error.
    assert_eq!(
        ids(fx, Item::LABEL.eq("x".repeat(100))).await,
        [] as [i64; 0]
    );
    assert_eq!(
        ids(fx, Item::NOTE.contains("")).await,
        [] as [i64; 0],
        "NULL"
    );
}

/// NULLs come first when ascending, last when descending; further columns decide ties.
pub async fn orders(fx: &Fixture) {
    five_ranks(fx).await;
    let items = fx.db().repository::<Item>();
    let order = async |orders: Vec<mainstay::schema::Order<Item>>| {
        let mut find = items.find_many();
        for order in orders {
            find = find.order_by(order);
        }
        let found = find.await.unwrap();
        found.into_iter().map(|item| item.id).collect::<Vec<_>>()
    };
    let (rank, id) = (Item::RANK, Item::ID);
    assert_eq!(order(vec![rank.asc(), id.asc()]).await, [2, 4, 0, 1, 3]);
    assert_eq!(order(vec![rank.asc(), id.desc()]).await, [4, 2, 0, 1, 3]);
    assert_eq!(order(vec![rank.desc(), id.asc()]).await, [3, 1, 0, 2, 4]);
    assert_eq!(order(vec![id.desc()]).await, [4, 3, 2, 1, 0]);
    let some = items
        .find_many()
        .order_by(id.asc())
        .skip(1)
        .take(2)
        .await
        .unwrap();
    assert_eq!(some.iter().map(|i| i.id).collect::<Vec<_>>(), [1, 2]);
    let rest = items.find_many().order_by(id.asc()).skip(3).await.unwrap();
    assert_eq!(rest.iter().map(|i| i.id).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(items.find_many().take(0).await.unwrap(), []);
    let first = items.find_one(rank.is_null()).await.unwrap().unwrap();
    assert_eq!(first.id, 2);
    assert_eq!(items.find_one(rank.eq(99)).await.unwrap(), None);
}

/// JSON is never compared, on no engine.
pub async fn json_has_no_order_and_no_equality(fx: &Fixture) {
    let samples = fx.db().repository::<Sample>();
    let filter = Sample::DOCUMENT.eq(serde_json::json!({}));
    assert_kind(samples.count(filter).await, ErrorKind::Unsupported);
    let order = samples.find_many().order_by(Sample::DOCUMENT.asc()).await;
    assert_kind(order, ErrorKind::Unsupported);
}

/// A projection reads only its columns, with the same filters and orders.
pub async fn projections(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    let ada = authors.create(NewAuthor::named("ada")).await.unwrap();
    let bea = authors.create(NewAuthor::named("bea")).await.unwrap();
    let names = authors
        .find_many()
        .filter(Author::EMAIL.ends_with("@example.com"))
        .order_by(Author::NAME.desc())
        .project::<AuthorName>()
        .await
        .unwrap();
    let expected = [bea, ada].map(|author| AuthorName {
        name: author.name,
        id: author.id,
    });
    assert_eq!(names, expected);
}

/// Relations take one query however many rows there are, in both directions.
pub async fn relations_without_a_query_per_row(fx: &Fixture) {
    let (driver, counts) = Spy::open(&fx.config(&[])).await.unwrap();
    let builder = Database::builder().schema(fx.db().schema().clone());
    let db = builder
        .open_driver(driver, Default::default(), Default::default(), false)
        .await
        .unwrap();
    let (authors, books) = (db.repository::<Author>(), db.repository::<Book>());
    for name in ["ada", "bea", "cleo"] {
        let author = authors.create(NewAuthor::named(name)).await.unwrap();
        for number in 0..name.len() - 2 {
            let title = format!("Book {number}");
            books.create(NewBook::by(author.id, &title)).await.unwrap();
        }
    }
    let before = counts.statements();
    let people = authors
        .find_many()
        .order_by(Author::NAME.asc())
        .await
        .unwrap();
    let found = books
        .find_related(Book::AUTHOR_ID, people.iter().map(|author| author.id))
        .await
        .unwrap();
    assert_eq!(counts.statements() - before, 2);
    let sizes: Vec<_> = people.iter().map(|a| found.of(&a.id).len()).collect();
    assert_eq!(sizes, [1, 1, 2]);
    assert_eq!(found.of(&Uuid::nil()), []);
    let all = books.find_many().await.unwrap();
    let before = counts.statements();
    let parents = authors
        .find_related(Author::ID, all.iter().map(|book| book.author_id))
        .await
        .unwrap();
    assert_eq!(counts.statements() - before, 1);
    assert!(
        all.iter()
            .all(|book| parents.one(&book.author_id).is_some())
    );
    // More values than one list takes: a query per thousand, none for none.
    let before = counts.statements();
    let many = (0..2500).map(Uuid::from_u128);
    books.find_related(Book::AUTHOR_ID, many).await.unwrap();
    assert_eq!(counts.statements() - before, 3);
    let none = books.find_related(Book::AUTHOR_ID, []).await.unwrap();
    assert!(none.of(&Uuid::nil()).is_empty());
    assert_eq!(counts.statements() - before, 3);
}

/// Aggregates over all rows, per group, and over no rows at all.
pub async fn aggregates(fx: &Fixture) {
    let items = fx.db().repository::<Item>();
    let row = |id, rank, score| Item {
        score,
        ..Item::new(id, rank, if id < 3 { "low" } else { "high" })
    };
    let none = items
        .aggregate()
        .count()
        .sum(Item::RANK)
        .average(Item::SCORE)
        .await
        .unwrap();
    assert_eq!(none.len(), 1);
    assert_eq!(none[0].value::<i64>(0).unwrap(), 0);
    assert_eq!(none[0].value::<Option<i64>>(1).unwrap(), None);
    assert_eq!(none[0].value::<Option<f64>>(2).unwrap(), None);
    let rows = [
        row(1, Some(1), 0.5),
        row(2, None, 1.5),
        row(3, Some(4), 2.0),
        row(4, Some(5), 4.0),
    ];
    items.create_many(rows).await.unwrap();
    let groups = items
        .aggregate()
        .group_by([Item::LABEL.any()])
        .count()
        .sum(Item::RANK)
        .average(Item::RANK)
        .smallest(Item::SCORE)
        .greatest(Item::LABEL)
        .await
        .unwrap();
    let read: Vec<_> = groups
        .iter()
        .map(|row| {
            (
                row.group::<String>(0).unwrap(),
                row.value::<i64>(0).unwrap(),
                row.value::<i64>(1).unwrap(),
                row.value::<f64>(2).unwrap(),
                row.value::<f64>(3).unwrap(),
                row.value::<String>(4).unwrap(),
            )
        })
        .collect();
    let expected = [("high", 2, 9, 4.5, 2.0), ("low", 2, 1, 1.0, 0.5)].map(
        |(label, count, sum, average, least)| {
            (
                label.to_owned(),
                count,
                sum,
                average,
                least,
                label.to_owned(),
            )
        },
    );
    assert_eq!(read, expected);
    let filtered = items
        .aggregate()
        .filter(Item::RANK.gt(1))
        .count()
        .sum(Item::SCORE)
        .await;
    let filtered = filtered.unwrap();
    assert_eq!(filtered[0].value::<i64>(0).unwrap(), 2);
    assert_eq!(filtered[0].value::<f64>(1).unwrap(), 6.0);
    assert_kind(
        items.aggregate().sum(Item::LABEL).await,
        ErrorKind::Unsupported,
    );
}

/// Sums beyond 32 bits, and of decimals, are exact; dates have a first and a last.
pub async fn aggregates_of_every_type(fx: &Fixture) {
    let samples = fx.db().repository::<Sample>();
    for number in 1..=2 {
        let sample = Sample {
            small: i32::MAX,
            price: rust_decimal::Decimal::new(1, 6),
            day: NaiveDate::from_ymd_opt(2000 + number, 1, 1).unwrap(),
            ..Sample::plain(number as u128)
        };
        samples.create(sample).await.unwrap();
    }
    let rows = samples
        .aggregate()
        .sum(Sample::SMALL)
        .sum(Sample::PRICE)
        .smallest(Sample::DAY)
        .greatest(Sample::AT)
        .await
        .unwrap();
    assert_eq!(rows[0].value::<i64>(0).unwrap(), 2 * i64::from(i32::MAX));
    let sum = rows[0].value::<rust_decimal::Decimal>(1).unwrap();
    assert_eq!(sum, rust_decimal::Decimal::new(2, 6));
    let first = rows[0].value::<NaiveDate>(2).unwrap();
    assert_eq!(first, NaiveDate::from_ymd_opt(2001, 1, 1).unwrap());
    let last = rows[0].value::<chrono::DateTime<chrono::Utc>>(3).unwrap();
    assert_eq!(last, chrono::DateTime::UNIX_EPOCH);
}
