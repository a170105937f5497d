//! Rows made at random, through all engines and back.

use chrono::{DateTime, NaiveDate, TimeDelta};
use mainstay::Value;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::entities::{add, things};
use super::support::{Place, close, copied, dump};

/// Runs of all rows through all engines, and rows in each.
const RUNS: usize = 6;
const ROWS: usize = 40;

fn word(longest: usize) -> impl Strategy<Value = String> {
    let character = any::<char>().prop_filter("no engine stores it", |c| *c != '\0');
    let plain = prop_oneof![character, proptest::char::range(' ', '~')];
    vec(plain, 0..longest).prop_map(|all| all.into_iter().collect())
}

fn maybe(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 4 => values]
}

fn decimal(digits: u32, scale: u32) -> impl Strategy<Value = Value> {
    let limit = 10_i128.pow(digits) - 1;
    (-limit..=limit, 0..=digits).prop_map(move |(number, shorter)| {
        let number = number / 10_i128.pow(shorter);
        Value::Decimal(Decimal::from_i128_with_scale(number, scale))
    })
}

fn document() -> impl Strategy<Value = serde_json::Value> {
    // PostgreSQL writes those from 1e16 on as whole numbers, which are read as such where they fit.
    let is_kept = |number: &f64| number.is_finite() && !(1e16..2e19).contains(&number.abs());
    let number = any::<f64>().prop_filter("comes back as it was", is_kept);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        // PostgreSQL's numbers in documents are decimal, and know one zero.
        number.prop_map(|number| serde_json::json!(number + 0.0)),
        word(12).prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 30, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Into::into),
            vec((word(6), inner), 0..5)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn row() -> impl Strategy<Value = Vec<Value>> {
    let first = DateTime::parse_from_rfc3339("1000-01-01T00:00:00Z").expect("an instant");
    let first = first.to_utc();
    let micros = 0..283_996_800_000_000_000_i64;
    let day = NaiveDate::from_ymd_opt(1000, 1, 1).expect("a day");
    let numbers = (
        any::<u128>().prop_map(|id| Value::Uuid(Uuid::from_u128(id))),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::I32),
        any::<i64>().prop_map(Value::I64),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            // One engine does not tell the zeros apart.
            .prop_map(|number| Value::F64(if number == 0.0 { 0.0 } else { number })),
        decimal(18, 4),
        maybe(decimal(28, 10)),
    );
    let others = (
        word(200).prop_map(Value::Text),
        maybe(word(3000).prop_map(Value::Text)),
        maybe(vec(any::<u8>(), 0..2000).prop_map(Value::Bytes)),
        micros.prop_map(move |micros| Value::Instant(first + TimeDelta::microseconds(micros))),
        maybe((0..3_287_181_i64).prop_map(move |days| Value::Date(day + TimeDelta::days(days)))),
        maybe(document().prop_map(Value::Json)),
        prop_oneof![Just("calm"), Just("happy")].prop_map(|word| Value::Text(word.to_owned())),
    );
    (numbers, others).prop_map(|((a, b, c, d, e, f, g), (h, i, j, k, l, m, n))| {
        vec![a, b, c, d, e, f, g, h, i, j, k, l, m, n, Value::Null]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_made_at_random_come_back_byte_for_byte() {
    let mut runner = TestRunner::new(Config::default());
    for run in 0..RUNS {
        let rows = vec(row(), ROWS)
            .new_tree(&mut runner)
            .expect("rows")
            .current();
        let first = Place::sqlite().migrated().await;
        let db = first.open().await;
        add(&db, things(), rows).await;
        close(db).await;
        let mut stops = Place::all();
        stops.remove(0);
        stops.push(Place::sqlite());
        let mut before = &first;
        for stop in &stops {
            copied(before, stop).await;
            before = stop;
        }
        let (there, back) = (dump(&first, "things").await, dump(before, "things").await);
        for (a, b) in there.iter().zip(&back) {
            assert_eq!(a, b, "run {run}");
        }
        assert_eq!(there.len(), back.len());
    }
}
