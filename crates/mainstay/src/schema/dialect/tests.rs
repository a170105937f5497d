use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::*;
use Dialect::{MariaDb, MySql, Postgres, Sqlite};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

#[test]
fn sqlite_stores_what_it_lacks_as_integers_and_text() {
    let id = Uuid::from_u128(0x0190_163d_8694_739b_aea5_966c_26f8_ad91);
    for (value, ty, stored) in [
        (Value::Bool(true), ColumnType::Bool, Value::I64(1)),
        (
            Value::Uuid(id),
            ColumnType::Uuid,
            text("0190163d-8694-739b-aea5-966c26f8ad91"),
        ),
        (
            Value::Instant(at("2030-01-01T00:00:00Z")),
            ColumnType::Instant,
            text("2030-01-01T00:00:00.000000Z"),
        ),
        (
            Value::Date(NaiveDate::from_ymd_opt(1000, 1, 2).unwrap()),
            ColumnType::Date,
            text("1000-01-02"),
        ),
        (
            Value::Json(json!({"a": 1})),
            ColumnType::Json,
            text(r#"{"a":1}"#),
        ),
        (
            Value::Bytes(vec![0]),
            ColumnType::Bytes,
            Value::Bytes(vec![0]),
        ),
        (Value::Null, ColumnType::Bool, Value::Null),
    ] {
        assert_eq!(Sqlite.lower(value, &ty), stored);
    }
}

#[test]
fn sqlite_scales_decimals_by_their_column() {
    let lower = |number: &str, precision, scale| {
        let number = Value::Decimal(number.parse().expect("a decimal"));
        Sqlite.lower(number, &ColumnType::Decimal { precision, scale })
    };
    assert_eq!(lower("12.3", 18, 2), Value::I64(1230));
    assert_eq!(lower("-0.05", 18, 2), Value::I64(-5));
    assert_eq!(lower("0", 18, 2), Value::I64(0));
    assert_eq!(
        lower("9999999999999999.99", 18, 2),
        Value::I64(999_999_999_999_999_999)
    );
    assert_eq!(lower("12.3", 19, 2), text("12.30"));
    assert_eq!(
        Sqlite.lower_parameter(Value::Decimal("1.50".parse().unwrap())),
        text("1.50")
    );
    for dialect in [Postgres, MariaDb, MySql] {
        let number = Value::Decimal("1.5".parse().unwrap());
        let ty = ColumnType::Decimal {
            precision: 18,
            scale: 2,
        };
        assert_eq!(dialect.lower(number.clone(), &ty), number);
    }
}

#[test]
fn servers_take_their_native_forms() {
    let id = Uuid::from_u128(1);
    let json = Value::Json(json!([1]));
    for dialect in [MariaDb, MySql] {
        assert_eq!(
            dialect.lower_parameter(Value::Uuid(id)),
            Value::Bytes(id.as_bytes().to_vec())
        );
        assert_eq!(dialect.lower_parameter(json.clone()), text("[1]"));
    }
    for value in [Value::Uuid(id), json, Value::Bool(true)] {
        assert_eq!(Postgres.lower_parameter(value.clone()), value);
    }
}

#[test]
fn integers_get_the_width_of_their_column() {
    for dialect in Dialect::ALL {
        assert_eq!(
            dialect.lower(Value::I32(5), &ColumnType::I64),
            Value::I64(5)
        );
        assert_eq!(
            dialect.lower(Value::I64(5), &ColumnType::I32),
            Value::I32(5)
        );
    }
}

#[test]
fn instants_lose_what_is_finer_than_a_microsecond_everywhere() {
    let fine = Value::Instant(at("2500-01-01T00:00:00.1234569Z"));
    for dialect in [Postgres, MariaDb, MySql] {
        assert_eq!(
            dialect.lower(fine.clone(), &ColumnType::Instant),
            Value::Instant(at("2500-01-01T00:00:00.123456Z"))
        );
    }
    assert_eq!(
        Sqlite.lower(fine, &ColumnType::Instant),
        text("2500-01-01T00:00:00.123456Z")
    );
}

#[test]
fn the_text_order_of_instants_is_their_order() {
    let instants = [
        "1000-01-01T00:00:00Z",
        "1969-12-31T23:59:59.9Z",
        "1970-01-01T00:00:00.000001Z",
        "2016-12-31T23:59:60.5Z",
        "2017-01-01T00:00:01Z",
        "9999-12-31T23:59:59.999999Z",
    ];
    let stored: Vec<String> = instants
        .iter()
        .map(|i| match Sqlite.lower_parameter(Value::Instant(at(i))) {
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(stored.is_sorted(), "{stored:?}");
    assert!(stored.iter().all(|text| text.len() == 27));
}

#[test]
fn names_are_quoted() {
    assert_eq!(Postgres.quote("a\"b"), "\"a\"\"b\"");
    assert_eq!(Sqlite.quote("a`b"), "\"a`b\"");
    assert_eq!(MySql.quote("a`b"), "`a``b`");
    assert_eq!(MariaDb.quote("a\"b"), "`a\"b`");
}

#[test]
fn instants_are_written_as_the_library_writes_them() {
    for text in [
        "2026-11-22T17:05:09.000001Z",
        "0000-01-01T00:00:00.000000Z",
        "9999-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59.120000Z",
        "2016-12-31T23:59:60.500000Z",
    ] {
        let at: DateTime<Utc> = text.parse().unwrap();
        assert_eq!(
            instant_text(at),
            at.to_rfc3339_opts(SecondsFormat::Micros, true)
        );
        assert_eq!(instant_text(at), text);
    }
}
