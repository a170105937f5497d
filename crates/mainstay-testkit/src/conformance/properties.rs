//! Random rows, filters and pages, each against a model in memory.

use mainstay::repository::FindMany;
use mainstay::schema::Filter;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::entities::{Item, Sample};
use super::model::{Expression, expression, item_rows};
use super::random::sample;
use crate::Fixture;

/// Runs a property on random values. One database serves all of them.
fn check<S: Strategy>(
    cases: u32,
    strategy: S,
    property: impl AsyncFn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = block_in_place(|| {
        TestRunner::new(config).run(&strategy, |value| {
            Handle::current().block_on(property(value))
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Any row that may be written is read back as it was, from the insert, the update and the select.
pub async fn random_rows_come_back(fx: &Fixture) {
    let samples = fx.db().repository::<Sample>();
    let other = samples.create(Sample::plain(0)).await.unwrap();
    check(64, sample(1..u128::MAX), async |row: Sample| {
        // A shrunken case may use the key of an earlier one.
        samples.delete_many(Sample::ID.eq(row.id)).await.unwrap();
        prop_assert_eq!(&samples.create(row.clone()).await.unwrap(), &row);
        let found = samples.find_by_id(row.id).await.unwrap();
        prop_assert_eq!(found.as_ref(), Some(&row));
        let key = Sample::ID.position();
        let changes: Vec<_> = mainstay::Insert::<Sample>::assignments(row.clone())
            .into_iter()
            .filter(|change| change.column != key)
            .collect();
        let updated = samples.update(other.id, changes).await.unwrap();
        prop_assert_eq!(
            updated,
            Sample {
                id: other.id,
                ..row
            }
        );
        Ok(())
    });
}

/// Any filter finds the rows that the same expression finds in memory.
pub async fn random_filters_equal_a_model(fx: &Fixture) {
    let items = fx.db().repository::<Item>();
    let rows = item_rows();
    items.create_many(rows.clone()).await.unwrap();
    check(200, expression(), async |expression: Expression| {
        let expected: Vec<_> = rows
            .iter()
            .filter(|row| expression.holds(row) == Some(true))
            .map(|row| row.id)
            .collect();
        let found = items
            .find_many()
            .filter(expression.filter())
            .by_key()
            .await
            .unwrap();
        let found: Vec<_> = found.into_iter().map(|row| row.id).collect();
        prop_assert_eq!(&found, &expected);
        let count = items.count(expression.filter()).await.unwrap();
        prop_assert_eq!(count, expected.len() as u64);
        Ok(())
    });
}

/// Any order is the order of the model, NULLs first.
pub async fn random_orders_equal_a_model(fx: &Fixture) {
    let items = fx.db().repository::<Item>();
    let mut rows = item_rows();
    items.create_many(rows.clone()).await.unwrap();
    let orders = proptest::collection::vec((0..4_usize, any::<bool>()), 0..4);
    let rows = std::cell::RefCell::new(&mut rows);
    check(40, orders, async |orders: Vec<(usize, bool)>| {
        let find = in_order(items.find_many(), &orders).by_key();
        let expected: Vec<_> = {
            let mut rows = rows.borrow_mut();
            rows.sort_by(|a, b| compare(a, b, &orders));
            rows.iter().map(|row| row.id).collect()
        };
        let found: Vec<_> = find.await.unwrap().into_iter().map(|row| row.id).collect();
        prop_assert_eq!(found, expected);
        Ok(())
    });
}

fn in_order(mut find: FindMany<Item>, orders: &[(usize, bool)]) -> FindMany<Item> {
    for (column, descending) in orders {
        let order = match (column, descending) {
            (0, false) => Item::RANK.asc(),
            (0, true) => Item::RANK.desc(),
            (1, false) => Item::LABEL.asc(),
            (1, true) => Item::LABEL.desc(),
            (2, false) => Item::NOTE.asc(),
            (2, true) => Item::NOTE.desc(),
            (_, false) => Item::SCORE.asc(),
            (_, true) => Item::SCORE.desc(),
        };
        find = find.order_by(order);
    }
    find
}

fn compare(a: &Item, b: &Item, orders: &[(usize, bool)]) -> std::cmp::Ordering {
    for (column, descending) in orders {
        let order = match column {
            0 => a.rank.cmp(&b.rank),
            1 => a.label.cmp(&b.label),
            2 => a.note.cmp(&b.note),
            _ => a.score.total_cmp(&b.score),
        };
        let order = if *descending { order.reverse() } else { order };
        if order.is_ne() {
            return order;
        }
    }
    a.id.cmp(&b.id)
}

/// Keyset pages of any size in any order see each row that stays exactly once, and no row twice,
/// while other tasks insert and delete.
pub async fn random_pages_under_concurrent_inserts(fx: &Fixture) {
    let items = fx.db().repository::<Item>();
    let orders = proptest::collection::vec((0..4_usize, any::<bool>()), 0..3);
    check(
        16,
        (orders, 1..12_u64),
        async |(orders, size): (Vec<_>, u64)| {
            items.delete_many(Filter::all()).await.unwrap();
            let rows = item_rows();
            items.create_many(rows.clone()).await.unwrap();
            let writer = items.clone();
            let writing = tokio::spawn(async move {
                for number in 0..30_i64 {
                    let mut row = item_rows()[number as usize].clone();
                    row.id = 1_000 + number;
                    writer.create(row).await?;
                    if number % 3 == 0 {
                        writer.delete(1_000 + number).await?;
                    }
                }
                Ok::<_, mainstay::Error>(())
            });
            let mut seen = Vec::new();
            let mut cursor = None;
            loop {
                let find = in_order(items.find_many(), &orders);
                let page = find.page_after(cursor, size).await.unwrap();
                seen.extend(page.items.into_iter().map(|row| row.id));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            writing.await.unwrap().unwrap();
            let total = seen.len();
            seen.sort_unstable();
            seen.dedup();
            prop_assert_eq!(seen.len(), total, "a row was seen twice");
            let stayed: Vec<_> = seen.into_iter().filter(|id| *id < 1_000).collect();
            let mut expected: Vec<_> = rows.iter().map(|row| row.id).collect();
            expected.sort_unstable();
            prop_assert_eq!(stayed, expected, "a row that stayed was not seen");
            Ok(())
        },
    );
}
