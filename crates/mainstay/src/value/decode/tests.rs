use std::borrow::Cow;
use std::fmt::Debug;

use serde_json::json;

use super::*;

const ANY: ColumnType = ColumnType::Bytes;

fn text(text: &str) -> Cell<'_> {
    Cell::Text(Cow::Borrowed(text))
}

fn bytes(bytes: &[u8]) -> Cell<'_> {
    Cell::Bytes(Cow::Borrowed(bytes))
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// All cells in `good` read as `expected`, all in `bad` are refused, and so is NULL unless asked.
fn reads<T: FromCell + PartialEq + Debug>(expected: &T, good: Vec<Cell<'_>>, bad: Vec<Cell<'_>>) {
    assert_eq!(Option::<T>::from_cell(Cell::Null, &ANY).unwrap(), None);
    for cell in good {
        let optional = Option::<T>::from_cell(cell.clone(), &ANY).unwrap();
        assert_eq!(optional.as_ref(), Some(expected), "{cell:?}");
        assert_eq!(&T::from_cell(cell, &ANY).unwrap(), expected);
    }
    for cell in bad.into_iter().chain([Cell::Null]) {
        let shown = format!("{cell:?}");
        let error = T::from_cell(cell, &ANY).expect_err(&shown);
        assert_eq!(error.kind(), ErrorKind::Decode, "{shown}");
        assert!(error.detail().starts_with("expected "), "{error}");
    }
}

#[test]
fn truth_values() {
    reads(
        &true,
        vec![Cell::Bool(true), Cell::I64(1)],
        vec![Cell::I64(2), Cell::I64(-1), text("true"), Cell::F64(1.0)],
    );
    reads(&false, vec![Cell::Bool(false), Cell::I64(0)], vec![]);
}

#[test]
fn integers() {
    reads(
        &i32::MIN,
        vec![Cell::I64(i64::from(i32::MIN))],
        vec![
            Cell::I64(i64::from(i32::MIN) - 1),
            Cell::F64(1.0),
            text("1"),
        ],
    );
    reads(
        &7_i64,
        vec![
            Cell::I64(7),
            Cell::Decimal(decimal("7")),
            Cell::Decimal(decimal("7.00")),
        ],
        vec![
            Cell::Decimal(decimal("7.5")),
            Cell::Decimal(decimal("9223372036854775808")),
            Cell::F64(7.0),
            text("7"),
        ],
    );
}

#[test]
fn doubles() {
    reads(
        &2.5,
        vec![Cell::F64(2.5), Cell::Decimal(decimal("2.5"))],
        vec![text("2.5"), Cell::Bool(true)],
    );
    reads(&3.0, vec![Cell::I64(3)], vec![]);
}

#[test]
fn decimals() {
    reads(
        &decimal("12.30"),
        vec![Cell::Decimal(decimal("12.30")), text("12.30")],
        vec![text("twelve"), text(""), Cell::F64(12.3)],
    );
    // SQLite's scaled integer needs the column to be read.
    let price = ColumnType::Decimal {
        precision: 18,
        scale: 2,
    };
    let read = |cell| Decimal::from_cell(cell, &price).unwrap().to_string();
    assert_eq!(read(Cell::I64(1230)), "12.30");
    assert_eq!(read(Cell::I64(-5)), "-0.05");
    assert_eq!(read(Cell::I64(i64::MAX)), "92233720368547758.07");
    assert_eq!(
        Decimal::from_cell(Cell::I64(1230), &ANY).unwrap(),
        decimal("1230")
    );
}

#[test]
fn text_and_bytes() {
    reads(
        &"é".to_owned(),
        vec![text("é")],
        vec![bytes("é".as_bytes()), Cell::I64(1), Cell::Json(json!("é"))],
    );
    reads(&vec![0_u8, 255], vec![bytes(&[0, 255])], vec![text("a")]);
}

#[test]
fn uuids() {
    let id = Uuid::from_u128(0x0190_163d_8694_739b_aea5_966c_26f8_ad91);
    reads(
        &id,
        vec![
            Cell::Uuid(id),
            text("0190163d-8694-739b-aea5-966c26f8ad91"),
            bytes(id.as_bytes()),
        ],
        vec![text("0190163d"), bytes(&[1; 15]), Cell::I64(1)],
    );
}

#[test]
fn instants_and_dates() {
    let at: DateTime<Utc> = "2030-01-01T00:00:00.123456Z".parse().unwrap();
    reads(
        &at,
        vec![
            Cell::Instant(at),
            text("2030-01-01T00:00:00.123456Z"),
            text("2030-01-01T01:00:00.123456+01:00"),
        ],
        vec![
            text("2030-01-01"),
            text("2030-01-01 00:00:00"),
            Cell::I64(0),
        ],
    );
    let day = at.date_naive();
    reads(
        &day,
        vec![Cell::Date(day), text("2030-01-01")],
        vec![
            text("2030-02-30"),
            text("2030-01-01T00:00:00Z"),
            Cell::Instant(at),
        ],
    );
}

#[test]
fn json_documents() {
    reads(
        &json!({"a": [1]}),
        vec![Cell::Json(json!({"a": [1]})), text(r#"{"a": [1]}"#)],
        vec![text("{"), Cell::I64(1)],
    );
    // JSON's null is a document, SQL's NULL is none.
    let null = Option::<serde_json::Value>::from_cell(text("null"), &ANY).unwrap();
    assert_eq!(null, Some(serde_json::Value::Null));
}

#[test]
fn any_value_goes_there_and_back() {
    let at: DateTime<Utc> = "2030-01-01T00:00:00Z".parse().unwrap();
    for value in [
        Value::Null,
        Value::Bool(true),
        Value::I64(1),
        Value::F64(0.5),
        Value::Decimal(decimal("1.50")),
        Value::Text("t".into()),
        Value::Bytes(vec![1]),
        Value::Uuid(Uuid::nil()),
        Value::Instant(at),
        Value::Date(at.date_naive()),
        Value::Json(json!([])),
    ] {
        let cell = Cell::from(&value);
        assert_eq!(Value::from_cell(cell, &ANY).unwrap(), value);
    }
    let cell = Cell::from(&Value::I32(1));
    assert_eq!(cell.into_value(), Value::I64(1));
}
