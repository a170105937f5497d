//! Pages by offset and by key.

use mainstay::ErrorKind;
use mainstay::repository::{Cursor, FindMany};
use mainstay::schema::{Filter, Order};

use super::entities::{Author, AuthorName, Item, NewAuthor};
use super::support::assert_kind;
use crate::Fixture;

/// Twenty items in four ranks and without one.
async fn twenty(fx: &Fixture) {
    let rows = (0..20).map(|id| {
        let rank = id % 5;
        Item::new(
            id,
            (rank != 0).then_some(rank as i32),
            &format!("item {id}"),
        )
    });
    fx.db()
        .repository::<Item>()
        .create_many(rows)
        .await
        .unwrap();
}

fn ids(items: &[Item]) -> Vec<i64> {
    items.iter().map(|item| item.id).collect()
}

/// Offset pages know how many there are, and end with an empty page.
pub async fn pages_by_offset(fx: &Fixture) {
    twenty(fx).await;
    let items = fx.db().repository::<Item>();
    let page = async |number, size| {
        let found = items
            .find_many()
            .filter(Item::ID.lt(19))
            .page(number, size)
            .await;
        found.unwrap()
    };
    let first = page(1, 8).await;
    assert_eq!(ids(&first.items), (0..8).collect::<Vec<_>>());
    assert_eq!(
        (first.number, first.size, first.total, first.pages()),
        (1, 8, 19, 3)
    );
    assert_eq!(ids(&page(3, 8).await.items), [16, 17, 18]);
    assert_eq!(page(4, 8).await.items, []);
    assert_eq!(page(u64::MAX, u64::MAX).await.items, []);
    assert_eq!(
        page(0, 5).await.number,
        1,
        "there is no page before the first"
    );
}

async fn walk(find: impl Fn() -> FindMany<Item>, size: u64) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = find().page_after(cursor, size).await.unwrap();
        assert!(page.items.len() as u64 <= size);
        seen.extend(ids(&page.items));
        // A cursor survives being text in a URL.
        match page
            .next
            .map(|next| next.to_string().parse::<Cursor>().unwrap())
        {
            Some(next) => cursor = Some(next),
            None => return seen,
        }
    }
}

/// Keyset pages of any size see what one query sees: with ties, NULLs, up and down.
pub async fn keyset_pages_see_every_row_once(fx: &Fixture) {
    twenty(fx).await;
    let items = fx.db().repository::<Item>();
    let orders: [&[Order<Item>]; 6] = [
        &[],
        &[Item::ID.desc()],
        &[Item::RANK.asc()],
        &[Item::RANK.desc()],
        &[Item::RANK.desc(), Item::ID.desc()],
        &[Item::RANK.asc(), Item::LABEL.desc()],
    ];
    for order in orders {
        let find = || {
            let find = items.find_many().filter(Item::ID.ne(7));
            order.iter().fold(find, |find, order| find.order_by(*order))
        };
        let all = ids(&find().by_key().await.unwrap());
        assert_eq!(all.len(), 19);
        for size in [1, 3, 4, 19, 20] {
            assert_eq!(walk(find, size).await, all, "{order:?} by {size}");
        }
    }
}

/// Rows that come and go between pages neither repeat nor hide others.
pub async fn keyset_pages_stand_still_under_changes(fx: &Fixture) {
    twenty(fx).await;
    let items = fx.db().repository::<Item>();
    let find = || items.find_many().order_by(Item::RANK.asc());
    let first = find().page_after(None, 6).await.unwrap();
    // Before, at and behind the place where the first page ended.
    items.create(Item::new(100, None, "early")).await.unwrap();
    items.delete(first.items[5].id).await.unwrap();
    items.create(Item::new(101, Some(4), "late")).await.unwrap();
    let mut seen = ids(&first.items);
    let mut next = first.next;
    while let Some(cursor) = next {
        let page = find().page_after(Some(cursor), 6).await.unwrap();
        seen.extend(ids(&page.items));
        next = page.next;
    }
    seen.sort_unstable();
    let expected: Vec<i64> = (0..20).chain([101]).collect();
    assert_eq!(seen, expected);
}

/// A cursor that is damaged, or of another order, is the caller's mistake and said to be.
pub async fn foreign_cursors_are_refused(fx: &Fixture) {
    twenty(fx).await;
    let items = fx.db().repository::<Item>();
    let by_rank = || items.find_many().order_by(Item::RANK.asc());
    let cursor = by_rank().page_after(None, 2).await.unwrap().next.unwrap();
    let damaged: Cursor = "AAAA".parse().unwrap();
    let empty: Cursor = "".parse().unwrap();
    let cut: Cursor = cursor.to_string()[1..].parse().unwrap();
    for wrong in [damaged, empty, cut] {
        let error = assert_kind(
            by_rank().page_after(Some(wrong), 2).await,
            ErrorKind::Validation,
        );
        let fields: Vec<_> = error.fields().iter().map(|f| f.field.as_ref()).collect();
        assert_eq!(fields, ["cursor"]);
    }
    let other = items.find_many().order_by(Item::RANK.desc());
    assert_kind(
        other.page_after(Some(cursor.clone()), 2).await,
        ErrorKind::Validation,
    );
    assert_kind(
        items.find_many().page_after(Some(cursor), 2).await,
        ErrorKind::Validation,
    );
    let huge = "x".repeat(100_000).parse::<Cursor>();
    assert_kind(huge, ErrorKind::Validation);
}

/// Pages of projections and of text and instant keys.
pub async fn pages_of_projections(fx: &Fixture) {
    let authors = fx.db().repository::<Author>();
    for name in ["ada", "bea", "cleo", "dora", "eve"] {
        authors.create(NewAuthor::named(name)).await.unwrap();
    }
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let page = authors
            .find_many()
            .order_by(Author::CREATED_AT.asc())
            .order_by(Author::NAME.desc())
            .project::<AuthorName>()
            .page_after(cursor, 2)
            .await
            .unwrap();
        names.extend(page.items.into_iter().map(|author| author.name));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["eve", "dora", "cleo", "bea", "ada"]);
    let page = authors
        .find_many()
        .filter(Filter::none())
        .page_after(None, 2)
        .await
        .unwrap();
    assert_eq!((page.items.len(), page.next), (0, None));
}
