use chrono::NaiveDate;
use serde_json::json;

use super::*;

const TEXT3: ColumnType = ColumnType::Text { max: Some(3) };

fn refusal(value: &Value, ty: &ColumnType) -> (ErrorKind, String) {
    let refusal = check_value(value, ty).unwrap_err();
    (refusal.kind, refusal.message)
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date")
}

#[test]
fn every_type_takes_its_own_and_null() {
    let at: DateTime<Utc> = "2030-01-01T00:00:00Z".parse().unwrap();
    let own = [
        (Value::Bool(true), ColumnType::Bool),
        (Value::I32(1), ColumnType::I32),
        (Value::I64(1), ColumnType::I64),
        (Value::F64(1.0), ColumnType::F64),
        (
            Value::Decimal(Decimal::ONE),
            ColumnType::Decimal {
                precision: 2,
                scale: 0,
            },
        ),
        (Value::Text("a".into()), TEXT3),
        (Value::Bytes(vec![0]), ColumnType::Bytes),
        (Value::Uuid(uuid::Uuid::nil()), ColumnType::Uuid),
        (Value::Instant(at), ColumnType::Instant),
        (Value::Date(at.date_naive()), ColumnType::Date),
        (Value::Json(json!({})), ColumnType::Json),
    ];
    for (row, (value, _)) in own.iter().enumerate() {
        for (column, (_, ty)) in own.iter().enumerate() {
            assert_eq!(check_value(&Value::Null, ty), Ok(()));
            let integers = matches!(value, Value::I32(_) | Value::I64(_))
                && matches!(ty, ColumnType::I32 | ColumnType::I64);
            if row == column || integers {
                assert_eq!(check_value(value, ty), Ok(()));
            } else {
                let message = format!("must be of type {}, not {}", ty.name(), value.type_name());
                assert_eq!(refusal(value, ty), (ErrorKind::InvalidValue, message));
            }
        }
    }
}

#[test]
fn text_and_words() {
    assert_eq!(check_value(&Value::Text("é🦀x".into()), &TEXT3), Ok(()));
    assert_eq!(
        refusal(&Value::Text("abcd".into()), &TEXT3),
        (
            ErrorKind::ValueTooLong,
            "must have at most 3 characters".to_owned()
        )
    );
    assert_eq!(
        refusal(&Value::Text("a\0".into()), &TEXT3).0,
        ErrorKind::InvalidValue
    );
    let words = ColumnType::Enum {
        variants: &["a", "b"],
    };
    assert_eq!(check_value(&Value::Text("b".into()), &words), Ok(()));
    assert_eq!(
        refusal(&Value::Text("B".into()), &words),
        (ErrorKind::InvalidValue, "must be one of a, b".to_owned())
    );
}

#[test]
fn numbers() {
    for edge in [i32::MIN, i32::MAX] {
        let edge = i64::from(edge);
        assert_eq!(check_value(&Value::I64(edge), &ColumnType::I32), Ok(()));
        let beyond = Value::I64(edge + edge.signum());
        assert_eq!(refusal(&beyond, &ColumnType::I32).0, ErrorKind::OutOfRange);
    }
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = (ErrorKind::OutOfRange, "must be a finite number".to_owned());
        assert_eq!(refusal(&Value::F64(number), &ColumnType::F64), refused);
        assert!(check_parameter(&Value::F64(number)).is_err());
    }
    assert_eq!(check_value(&Value::F64(f64::MAX), &ColumnType::F64), Ok(()));
}

#[test]
fn decimals() {
    let check = |number: &str, precision, scale| {
        let number = Value::Decimal(number.parse().expect("a decimal"));
        check_value(&number, &ColumnType::Decimal { precision, scale })
            .map_err(|refusal| (refusal.kind, refusal.message))
    };
    for (number, precision, scale) in [
        ("999.99", 5, 2),
        ("-999.99", 5, 2),
        ("1.5000000", 5, 2),
        ("0.99", 2, 2),
        ("0", 2, 2),
        ("9999999999999999999999999999", 28, 0),
        ("0.9999999999999999999999999999", 28, 28),
    ] {
        assert_eq!(check(number, precision, scale), Ok(()), "{number}");
    }
    for (number, precision, scale, message) in [
        ("1000", 5, 2, "must have at most 3 digits before the point"),
        ("-1000", 5, 2, "must have at most 3 digits before the point"),
        ("1", 2, 2, "must have at most 0 digits before the point"),
        ("1.001", 5, 2, "must have at most 2 digits after the point"),
        (
            "10000000000000000000000000000",
            28,
            0,
            "must have at most 28 digits before the point",
        ),
    ] {
        let refused = Err((ErrorKind::OutOfRange, message.to_owned()));
        assert_eq!(check(number, precision, scale), refused, "{number}");
    }
}

#[test]
fn years() {
    for good in [date(1000, 1, 1), date(9999, 12, 31)] {
        assert_eq!(check_parameter(&Value::Date(good)), Ok(()));
        let midnight = good.and_time(chrono::NaiveTime::MIN).and_utc();
        assert_eq!(check_parameter(&Value::Instant(midnight)), Ok(()));
    }
    for bad in [date(999, 12, 31), date(10_000, 1, 1), date(-5, 1, 1)] {
        let refused = (
            ErrorKind::OutOfRange,
            "must be in the years 1000 to 9999".to_owned(),
        );
        assert_eq!(refusal(&Value::Date(bad), &ColumnType::Date), refused);
        let midnight = Value::Instant(bad.and_time(chrono::NaiveTime::MIN).and_utc());
        assert_eq!(refusal(&midnight, &ColumnType::Instant), refused);
    }
    let leap = "9999-12-31T23:59:60Z".parse().unwrap();
    assert!(check_parameter(&Value::Instant(leap)).is_err());
}

#[test]
fn json() {
    for bad in [
        json!("a\0"),
        json!(["a", ["b\0"]]),
        json!({"a": {"b\0": 1}}),
    ] {
        assert_eq!(
            refusal(&Value::Json(bad), &ColumnType::Json),
            (
                ErrorKind::InvalidValue,
                "must not contain a NUL character".to_owned()
            )
        );
    }
    for wrap in [|inner| json!([inner]), |inner| json!({ "a": inner })] {
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| wrap(inner));
        assert_eq!(check_parameter(&Value::Json(nested(JSON_DEPTH))), Ok(()));
        assert_eq!(
            refusal(&Value::Json(nested(JSON_DEPTH + 1)), &ColumnType::Json).1,
            "must not be nested deeper than 31 levels"
        );
    }
}

#[test]
fn a_refusal_becomes_an_error_of_its_field() {
    let error = check_value(&Value::I32(1), &TEXT3)
        .unwrap_err()
        .into_error("users", "name");
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
    assert_eq!(error.table(), Some("users"));
    assert_eq!(error.columns().collect::<Vec<_>>(), ["name"]);
    assert_eq!(error.fields().joined(), "must be of type text, not i32");
}
