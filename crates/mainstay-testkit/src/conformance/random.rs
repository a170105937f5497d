//! Random rows with every type.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

use super::entities::{Mood, Sample};

type Numbers = (bool, i32, i64, f64, Decimal, Decimal);
type Others = (
    String,
    String,
    Vec<u8>,
    Uuid,
    DateTime<Utc>,
    NaiveDate,
    Json,
    Mood,
);

/// A row with any values that a row may have.
pub(super) fn sample(ids: Range<u128>) -> impl Strategy<Value = Sample> {
    let required = (ids, numbers(), others());
    let nullable = (option_of_each(numbers()), option_of_each(others()));
    (required, nullable).prop_map(|((id, numbers, others), (maybe_numbers, maybe_others))| {
        let (flag, small, large, ratio, price, exact) = numbers;
        let (word, prose, data, token, at, day, document, mood) = others;
        let (a, b) = (maybe_numbers, maybe_others);
        Sample {
            id: Uuid::from_u128(id),
            flag,
            small,
            large,
            ratio,
            price,
            exact,
            word,
            prose,
            data,
            token,
            at,
            day,
            document,
            mood,
            maybe_flag: a.1[0].then_some(a.0.0),
            maybe_small: a.1[1].then_some(a.0.1),
            maybe_large: a.1[2].then_some(a.0.2),
            maybe_ratio: a.1[3].then_some(a.0.3),
            maybe_price: a.1[4].then_some(a.0.4),
            maybe_exact: a.1[5].then_some(a.0.5),
            maybe_word: b.1[0].then_some(b.0.0),
            maybe_prose: b.1[1].then_some(b.0.1),
            maybe_data: b.1[2].then_some(b.0.2),
            maybe_token: b.1[3].then_some(b.0.3),
            maybe_at: b.1[4].then_some(b.0.4),
            maybe_day: b.1[5].then_some(b.0.5),
            maybe_document: b.1[6].then_some(b.0.6),
            maybe_mood: b.1[7].then_some(b.0.7),
        }
    })
}

/// Values, and which of them are there.
fn option_of_each<T>(values: impl Strategy<Value = T>) -> impl Strategy<Value = (T, [bool; 8])>
where
    T: std::fmt::Debug,
{
    (values, any::<[bool; 8]>())
}

fn numbers() -> impl Strategy<Value = Numbers> {
    (
        any::<bool>(),
        any::<i32>(),
        any::<i64>(),
        double(),
        decimal(18, 6),
        decimal(28, 10),
    )
}

fn others() -> impl Strategy<Value = Others> {
    (
        text(40),
        text(300),
        proptest::collection::vec(any::<u8>(), 0..300),
        any::<u128>().prop_map(Uuid::from_u128),
        instant(),
        date(),
        json(),
        proptest::sample::select(vec![Mood::Calm, Mood::Happy]),
    )
}

fn double() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

fn decimal(precision: u32, scale: u32) -> impl Strategy<Value = Decimal> {
    let limit = 10_i128.pow(precision);
    (1 - limit..limit).prop_map(move |number| Decimal::from_i128_with_scale(number, scale))
}

/// Text of any characters but NUL.
fn text(longest: usize) -> impl Strategy<Value = String> {
    let character = any::<char>().prop_filter("NUL is refused", |c| *c != '\0');
    proptest::collection::vec(character, 0..=longest).prop_map(|all| all.into_iter().collect())
}

fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    // Years 1000 to 9999 in microseconds.
    (-30_610_224_000_000_000_i64..=253_402_300_799_999_999)
        .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
}

fn date() -> impl Strategy<Value = NaiveDate> {
    instant().prop_map(|at| at.date_naive())
}

/// Any document, except for doubles so large or small that PostgreSQL writes them out in digits
/// and an equal number comes back as an integer.
fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-1e15..1e15_f64).prop_map(Json::from),
        text(12).prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::hash_map(text(6), inner, 0..4)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}
