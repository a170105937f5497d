//! Values in one form for all engines.

use mainstay::driver::OwnedRow;
use mainstay::value::Cell;
use serde_json::json;

use super::*;

fn hashed(value: &Value) -> u128 {
    let mut hasher = Pieces::default();
    hash(value, &mut hasher);
    hasher.finish()
}

fn json(text: &str) -> Value {
    Value::Json(serde_json::from_str(text).unwrap())
}

fn decimal(text: &str) -> Value {
    let ty = ColumnType::Decimal {
        precision: 20,
        scale: 4,
    };
    Value::Decimal(FromCell::from_cell(Cell::Text(text.into()), &ty).unwrap())
}

#[test]
fn what_is_equal_hashes_equally() {
    for (a, b) in [
        (decimal("1.50"), decimal("1.5")),
        (decimal("0.00"), decimal("0")),
        (Value::F64(0.0), Value::F64(-0.0)),
        (Value::I32(7), Value::I64(7)),
        (
            json(r#"{"a":1,"b":[1.0]}"#),
            json(r#"{ "b": [1], "a": 1 }"#),
        ),
        (json("1e3"), json("1000")),
        (json("-1.250e-3"), json("-0.00125")),
        (json("-0.0"), json("0")),
        // As PostgreSQL writes it.
        (json("1.2345678901234568e18"), json("1234567890123456800")),
    ] {
        assert_eq!(hashed(&a), hashed(&b), "{a:?}");
    }
}

#[test]
fn what_differs_hashes_differently() {
    let all = [
        Value::Null,
        Value::Bool(false),
        Value::I64(0),
        Value::F64(0.0),
        decimal("0.1"),
        decimal("1"),
        decimal("10"),
        Value::Text(String::new()),
        Value::Text("0".into()),
        Value::Bytes(Vec::new()),
        Value::Bytes(b"0".to_vec()),
        Value::Uuid(Uuid::nil()),
        json("null"),
        json("9007199254740992"),
        json("9007199254740993"),
        json("0.1"),
        json("0.01"),
        json("\"\""),
        json("[]"),
        json("{}"),
        json("[[]]"),
        json("18446744073709551615"),
        json("0.5"),
    ];
    for (at, a) in all.iter().enumerate() {
        for b in &all[at + 1..] {
            assert_ne!(hashed(a), hashed(b), "{a:?} {b:?}");
        }
    }
    // Where one value ends and the next begins counts.
    let pair = |a: &str, b: &str| {
        let mut hasher = Pieces::default();
        hash(&Value::Text(a.into()), &mut hasher);
        hash(&Value::Text(b.into()), &mut hasher);
        hasher.finish()
    };
    assert_ne!(pair("ab", "c"), pair("a", "bc"));
}

#[test]
fn cells_are_read_as_their_columns_type() {
    let id = Uuid::from_u128(7);
    let read_one = |value: Value, ty: ColumnType| {
        let owned = OwnedRow {
            names: vec!["c".to_owned()].into(),
            values: vec![value],
        };
        read(&Row::new(&owned), 0, &ty)
    };
    let text = |text: &str| Value::Text(text.to_owned());
    for (stored, ty, value) in [
        (Value::I64(1), ColumnType::Bool, Value::Bool(true)),
        (text(&id.to_string()), ColumnType::Uuid, Value::Uuid(id)),
        (
            Value::Bytes(id.as_bytes().to_vec()),
            ColumnType::Uuid,
            Value::Uuid(id),
        ),
        (
            text(r#"{"b":1,"a":2}"#),
            ColumnType::Json,
            Value::Json(json!({"a": 2, "b": 1})),
        ),
        (Value::Null, ColumnType::Date, Value::Null),
    ] {
        assert_eq!(read_one(stored, ty).unwrap(), value);
    }
    for (stored, ty) in [
        (Value::I64(2), ColumnType::Bool),
        (Value::I64(1 << 40), ColumnType::I32),
        (text("no"), ColumnType::Uuid),
        (text(r#"{"a":1,"a":2}"#), ColumnType::Json),
    ] {
        let error = read_one(stored, ty).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    }
}

#[test]
fn a_row_is_told_by_its_key_and_a_text_is_not_told() {
    let key = [Value::I64(7), Value::Text("ada@example.com".into())];
    assert_eq!(
        row_in_words(&["id", "email"], &key).unwrap(),
        "id = 7, email = (a text)"
    );
    assert_eq!(row_in_words(&[], &[]), None);
}
