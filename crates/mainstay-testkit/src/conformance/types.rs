//! Every type at its edges: what is written is read back, and what no engine may be given is
//! refused with the same error everywhere.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use mainstay::schema::Assignment;
use mainstay::{Error, ErrorKind, TextEnum};
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use super::entities::{Mood, Sample};
use super::support::{assert_kind, assert_refused};
use crate::Fixture;

async fn round_trip(fx: &Fixture, sample: Sample) {
    let samples = fx.db().repository::<Sample>();
    let made = samples.create(sample.clone()).await.unwrap();
    assert_eq!(made, sample, "as the insert returned it");
    let found = samples.find_by_id(sample.id).await.unwrap();
    assert_eq!(found, Some(sample), "as a later read found it");
}

/// Rows with plain values and with NULL in every nullable column come back as they were.
pub async fn nulls_and_plain_values_come_back(fx: &Fixture) {
    round_trip(fx, Sample::plain(1)).await;
    let filled = Sample {
        flag: true,
        maybe_flag: Some(false),
        maybe_small: Some(0),
        maybe_large: Some(0),
        maybe_ratio: Some(0.0),
        maybe_price: Some(Decimal::ZERO),
        maybe_exact: Some(Decimal::ZERO),
        maybe_word: Some(String::new()),
        maybe_prose: Some(String::new()),
        maybe_data: Some(Vec::new()),
        maybe_token: Some(Uuid::nil()),
        maybe_at: Some(DateTime::UNIX_EPOCH),
        maybe_day: Some(NaiveDate::default()),
        maybe_document: Some(json!({})),
        maybe_mood: Some(Mood::Happy),
        ..Sample::plain(2)
    };
    // An empty text, empty bytes and zero are values, not NULL.
    round_trip(fx, filled).await;
}

/// The smallest and greatest integers and doubles.
pub async fn numbers_at_their_limits(fx: &Fixture) {
    let ratios = [
        f64::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        -f64::MIN_POSITIVE,
        f64::EPSILON,
        0.1 + 0.2,
        1.0 / 3.0,
        9_007_199_254_740_993.0,
    ];
    let larges = [i64::MIN, i64::MAX, -1, i64::from(i32::MAX) + 1];
    let smalls = [i32::MIN, i32::MAX, -1, 1];
    for (number, ratio) in ratios.into_iter().enumerate() {
        let sample = Sample {
            ratio,
            maybe_ratio: Some(-ratio),
            large: larges[number % 4],
            maybe_large: Some(larges[(number + 1) % 4]),
            small: smalls[number % 4],
            maybe_small: Some(smalls[(number + 1) % 4]),
            ..Sample::plain(number as u128)
        };
        round_trip(fx, sample).await;
    }
}

/// Decimals of 18 and of 28 digits keep every digit.
pub async fn decimals_keep_every_digit(fx: &Fixture) {
    let prices = [
        "0.000001",
        "-0.000001",
        "999999999999.999999",
        "-999999999999.999999",
        "1.5",
    ];
    let exacts = [
        "0.0000000001",
        "-0.0000000001",
        "999999999999999999.9999999999",
        "-999999999999999999.9999999999",
        "123456789012345678.9012345678",
    ];
    for (number, (price, exact)) in prices.into_iter().zip(exacts).enumerate() {
        let price = Decimal::from_str_exact(price).unwrap();
        let exact = Decimal::from_str_exact(exact).unwrap();
        let sample = Sample {
            price,
            exact,
            maybe_price: Some(-price),
            maybe_exact: Some(-exact),
            ..Sample::plain(number as u128)
        };
        round_trip(fx, sample).await;
    }
}

/// Text keeps its case, blanks, marks and characters of four bytes.
pub async fn text_comes_back_unchanged(fx: &Fixture) {
    let texts = [
        "",
        " ",
        "trailing  ",
        "  leading",
        "Case CASE case",
        "\u{1F600}\u{10FFFF}\u{1F468}\u{200D}\u{1F469}",
        "e\u{301} is not \u{e9}",
        "'quotes\" `and` \\ back\\\\slash; -- none",
        "?1 $1 :name %s {0} ??",
        "line\r\nbreak\ttab\u{1}\u{7f}\u{feff}",
        "\u{d7ff}\u{e000}\u{fffd}\u{ffff}",
    ];
    for (number, text) in texts.into_iter().enumerate() {
        let sample = Sample {
            word: text.to_owned(),
            prose: text.repeat(1000),
            maybe_word: Some(text.to_owned()),
            maybe_prose: Some(text.to_owned()),
            ..Sample::plain(number as u128)
        };
        round_trip(fx, sample).await;
    }
    // Lengths count characters, not bytes.
    let longest = Sample {
        word: "\u{1F600}".repeat(40),
        ..Sample::plain(100)
    };
    round_trip(fx, longest).await;
}

/// Text differs by case, marks and trailing blanks, in filters too.
pub async fn text_is_compared_exactly(fx: &Fixture) {
    let samples = fx.db().repository::<Sample>();
    let words = ["a", "A", "a ", "\u{e4}", "e\u{301}", "\u{e9}"];
    for (number, word) in words.into_iter().enumerate() {
        let sample = Sample {
            word: word.to_owned(),
            ..Sample::plain(number as u128)
        };
        samples.create(sample).await.unwrap();
    }
    for (number, word) in words.into_iter().enumerate() {
        let found = samples.find_many().filter(Sample::WORD.eq(word)).await;
        let ids: Vec<_> = found.unwrap().into_iter().map(|s| s.id.as_u128()).collect();
        assert_eq!(ids, [number as u128], "{word:?}");
    }
    let sorted = samples.find_many().order_by(Sample::WORD.asc()).await;
    let sorted: Vec<_> = sorted.unwrap().into_iter().map(|s| s.word).collect();
    let mut expected = words;
    expected.sort_unstable();
    assert_eq!(sorted, expected, "by code point");
}

/// All 256 bytes, and more than a packet's worth of them.
pub async fn bytes_come_back_unchanged(fx: &Fixture) {
    let every: Vec<u8> = (0..=255).collect();
    let sample = Sample {
        data: every.repeat(4096),
        maybe_data: Some(every),
        ..Sample::plain(1)
    };
    round_trip(fx, sample).await;
    let zeros = Sample {
        data: vec![0],
        maybe_data: Some(vec![0; 3]),
        token: Uuid::max(),
        maybe_token: Some(Uuid::from_u128(1)),
        ..Sample::plain(2)
    };
    round_trip(fx, zeros).await;
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Instants to the microsecond and dates, from year 1000 to 9999.
pub async fn instants_and_dates_at_their_limits(fx: &Fixture) {
    let instants = [
        "1000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59.999999Z",
        "2024-02-29T12:34:56.000001Z",
        "2038-01-19T03:14:08Z",
    ];
    for (number, text) in instants.into_iter().enumerate() {
        let at = instant(text);
        let sample = Sample {
            at,
            maybe_at: Some(at),
            day: at.date_naive(),
            maybe_day: Some(at.date_naive()),
            ..Sample::plain(number as u128)
        };
        round_trip(fx, sample).await;
    }
}

/// What is finer than a microsecond is cut off, not rounded.
pub async fn nanoseconds_are_cut_off(fx: &Fixture) {
    let samples = fx.db().repository::<Sample>();
    let sample = Sample {
        at: instant("2024-01-01T00:00:00.123456999Z"),
        ..Sample::plain(1)
    };
    let made = samples.create(sample).await.unwrap();
    assert_eq!(made.at, instant("2024-01-01T00:00:00.123456Z"));
    let found = samples
        .count(Sample::AT.eq(made.at + TimeDelta::nanoseconds(999)))
        .await;
    assert_eq!(found.unwrap(), 1, "a filter cuts off the same way");
}

/// JSON of every kind, nested to the limit, with the names of its fields and its numbers intact.
pub async fn json_comes_back_unchanged(fx: &Fixture) {
    let deep = (0..31).fold(json!(1), |inner, _| json!([inner]));
    let documents = [
        json!(null),
        json!(true),
        json!(""),
        json!([]),
        json!({"a": {"b": [1, 2.5, -3, null, "x"]}, "": "empty name", "\u{1F600}": "\u{10FFFF}"}),
        json!({"big": 9_007_199_254_740_993_i64, "least": i64::MIN, "quote": "\"\\/\n"}),
        deep,
    ];
    for (number, document) in documents.into_iter().enumerate() {
        let sample = Sample {
            maybe_document: Some(document.clone()),
            document,
            ..Sample::plain(number as u128)
        };
        round_trip(fx, sample).await;
    }
}

/// Every word of an enum, and none but these.
pub async fn enums_are_words(fx: &Fixture) {
    for (number, word) in Mood::VARIANTS.iter().enumerate() {
        let mood = Mood::from_str_opt(word).unwrap();
        let sample = Sample {
            mood,
            maybe_mood: Some(mood),
            ..Sample::plain(number as u128)
        };
        round_trip(fx, sample).await;
    }
    let found = fx
        .db()
        .repository::<Sample>()
        .count(Sample::MOOD.eq(Mood::Happy));
    assert_eq!(found.await.unwrap(), 1);
}

/// Values that no engine may be given are refused before they are sent, and nothing is written.
pub async fn what_no_engine_may_hold_is_refused(fx: &Fixture) {
    let samples = fx.db().repository::<Sample>();
    let sample = samples.create(Sample::plain(1)).await.unwrap();
    let too_deep = (0..32).fold(json!(1), |inner, _| json!([inner]));
    let refused: Vec<(Assignment, &str)> = vec![
        (Sample::WORD.set("a\0b".to_owned()), "word"),
        (Sample::PROSE.set("\0".to_owned()), "prose"),
        (Sample::WORD.set("x".repeat(41)), "word"),
        (Sample::RATIO.set(f64::NAN), "ratio"),
        (Sample::RATIO.set(f64::INFINITY), "ratio"),
        (Sample::RATIO.set(f64::NEG_INFINITY), "ratio"),
        (Sample::AT.set(instant("0999-12-31T23:59:59Z")), "at"),
        (
            Sample::DAY.set(NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap()),
            "day",
        ),
        (Sample::PRICE.set(Decimal::new(1, 7)), "price"),
        (
            Sample::PRICE.set(Decimal::new(1_000_000_000_000, 0)),
            "price",
        ),
        (Sample::EXACT.set(Decimal::new(1, 11)), "exact"),
        (Sample::DOCUMENT.set(json!({"a": "\0"})), "document"),
        (Sample::DOCUMENT.set(json!({"\0": 1})), "document"),
        (Sample::DOCUMENT.set(too_deep), "document"),
        (
            Assignment::set(
                Sample::SMALL.position(),
                (i64::from(i32::MAX) + 1).to_value(),
            ),
            "small",
        ),
        (
            Assignment::set(Sample::MOOD.position(), "furious".to_value()),
            "mood",
        ),
        (
            Assignment::set(Sample::FLAG.position(), "true".to_value()),
            "flag",
        ),
        (
            Assignment::set(Sample::LARGE.position(), mainstay::Value::Null),
            "large",
        ),
    ];
    for (assignment, column) in refused {
        let result = samples.update(sample.id, [assignment]).await;
        assert_refused(
            result,
            ErrorKind::Validation,
            ("samples", None),
            &[column],
            &[column],
        );
    }
    assert_eq!(samples.find_by_id(sample.id).await.unwrap(), Some(sample));
}

use mainstay::value::ToValue;

/// Parameters of hand-written SQL are held to the same.
pub async fn parameters_no_engine_may_hold_are_refused(fx: &Fixture) {
    let db = fx.db();
    let count = |value: mainstay::Value| {
        db.sql("SELECT count(*) FROM samples WHERE prose = ?")
            .bind(value)
            .scalar::<i64>()
    };
    assert_eq!(count("plain".to_value()).await.unwrap(), 0);
    let refused: [(mainstay::Value, ErrorKind); 4] = [
        ("a\0".to_value(), ErrorKind::InvalidValue),
        (f64::NAN.to_value(), ErrorKind::OutOfRange),
        (json!("\0").to_value(), ErrorKind::InvalidValue),
        (
            instant("0001-01-01T00:00:00Z").to_value(),
            ErrorKind::OutOfRange,
        ),
    ];
    for (value, kind) in refused {
        let error: Error = assert_kind(count(value).await, kind);
        assert!(error.to_string().contains("parameter 1"), "{error}");
    }
}

/// A literal, a parameter and NULL of every type come out of hand-written SQL.
pub async fn hand_written_sql_reads_what_it_is_given(fx: &Fixture) {
    let db = fx.db();
    let sample = Sample {
        word: "w\u{f6}rd".to_owned(),
        large: i64::MAX,
        ..Sample::plain(7)
    };
    db.repository::<Sample>()
        .create(sample.clone())
        .await
        .unwrap();
    let found = db
        .sql("SELECT word, large, ratio, maybe_word FROM samples WHERE id = ? AND word <> '?'")
        .bind(sample.id)
        .fetch_with(|row| {
            Ok((
                row.get_named::<String>("word")?,
                row.get::<i64>(1)?,
                row.get::<f64>(2)?,
                row.get::<Option<String>>(3)?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(found, [("w\u{f6}rd".to_owned(), i64::MAX, 0.0, None)]);
    let none = db
        .sql("SELECT word FROM samples WHERE word = ?")
        .bind(None::<String>);
    assert_kind(none.scalar::<String>().await, ErrorKind::NotFound);
}
