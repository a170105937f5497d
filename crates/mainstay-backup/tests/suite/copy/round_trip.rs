//! Through all engines and back.

use chrono::{DateTime, NaiveDate};
use mainstay::Value;
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use super::entities::{add, counts, tags, things};
use super::support::{Place, copied, dump};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn decimal(digits: &str) -> Value {
    Value::Decimal(Decimal::from_str_exact(digits).expect("a decimal"))
}

fn instant(text: &str) -> Value {
    Value::Instant(text.parse::<DateTime<chrono::Utc>>().expect("an instant"))
}

/// A row of plain values.
pub(crate) fn plain(number: u128) -> Vec<Value> {
    vec![
        Value::Uuid(Uuid::from_u128(number)),
        Value::Bool(number.is_multiple_of(2)),
        Value::I32(i32::try_from(number % 1000).expect("it is small")),
        Value::I64(i64::try_from(number).expect("it is small")),
        Value::F64(number as f64 / 7.0),
        decimal(&format!("{}.{:04}", number % 100_000, number % 10_000)),
        Value::Null,
        text(&format!("thing {number}")),
        Value::Null,
        Value::Null,
        instant("2026-01-02T03:04:05.678901Z"),
        Value::Null,
        Value::Null,
        text("calm"),
        Value::Null,
    ]
}

/// Rows at the ends of what all engines store.
fn extremes() -> Vec<Vec<Value>> {
    let deep = (0..31).fold(json!("\u{1F600} \"quoted\" \\ \u{7}"), |inner, level| {
        if level % 2 == 0 {
            json!([inner])
        } else {
            json!({"b\u{e9}": inner, "": null})
        }
    });
    // The array and the object around it are levels as well.
    let deep = deep[0].clone();
    let all_bytes: Vec<u8> = (0..=255).collect();
    let mut first = plain(1);
    first[2] = Value::I32(i32::MIN);
    first[3] = Value::I64(i64::MIN);
    first[4] = Value::F64(f64::MIN_POSITIVE);
    first[5] = decimal("-99999999999999.9999");
    first[6] = decimal("-999999999999999999.9999999999");
    first[7] = text("");
    first[8] = text("");
    first[9] = Value::Bytes(Vec::new());
    first[10] = instant("1000-01-01T00:00:00.000000Z");
    first[11] = Value::Date(NaiveDate::from_ymd_opt(1000, 1, 1).expect("a day"));
    first[12] = Value::Json(json!(null));
    let mut second = plain(2);
    second[2] = Value::I32(i32::MAX);
    second[3] = Value::I64(i64::MAX);
    second[4] = Value::F64(f64::MAX);
    second[5] = decimal("99999999999999.9999");
    second[6] = decimal("999999999999999999.9999999999");
    second[7] = text(&"\u{1F680}".repeat(200));
    second[8] = text("line\r\n\ttab \\ 'quote' \"double\" % _ trailing  ");
    second[9] = Value::Bytes(all_bytes.repeat(300));
    second[10] = instant("9999-12-31T23:59:59.999999Z");
    second[11] = Value::Date(NaiveDate::from_ymd_opt(9999, 12, 31).expect("a day"));
    second[12] = Value::Json(deep);
    second[13] = text("happy");
    // It comes before the row that it refers to, and after another one.
    second[14] = Value::Uuid(Uuid::from_u128(99_999));
    let mut third = plain(3);
    third[4] = Value::F64(-1.0e-300);
    third[6] = decimal("0.0000000001");
    third[7] = text("e\u{301} \u{e9} \u{df} \u{10FFFF}");
    third[8] = text(&"\u{4e2d}\u{6587} ".repeat(20_000));
    third[12] = Value::Json(json!({
        "zz": 1, "a": [1, 2.5, -0.1, 1.0e300, 123_456_789_012_345_678_i64, u64::MAX, true, false],
        "": "", "nested": {"b": {}, "a": []}, "text": "\u{1F600}\u{2028}\n",
    }));
    third[14] = Value::Uuid(Uuid::from_u128(3));
    vec![first, second, third]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_rows_come_back_byte_for_byte() {
    let first = Place::sqlite().migrated().await;
    let db = first.open().await;
    let mut rows = extremes();
    rows.extend((4..100_000).map(|number| {
        let mut row = plain(number);
        if number % 3 == 0 {
            // Some parents have been read before, some come a long time behind.
            row[14] = Value::Uuid(Uuid::from_u128(99_999 - number % 50_000));
        }
        row
    }));
    add(&db, things(), rows).await;
    let count = |id: i64, thing: u128| {
        let thing = Value::Uuid(Uuid::from_u128(thing));
        vec![Value::I64(id), Value::I64(-id), thing]
    };
    let counted = [0, 1, 7, 5_000_000_000].map(|id| count(id, 1));
    add(&db, counts(), counted.to_vec()).await;
    let words = ["", "a", "A", "a ", "\u{e4}", "\u{1F600}"];
    let tagged = words.map(|word| vec![text(word), Value::I64(0)]);
    add(&db, tags(), tagged.to_vec()).await;
    super::support::close(db).await;

    let mut stops = Place::all();
    stops.remove(0);
    stops.push(Place::sqlite());
    let mut before = &first;
    let mut hashes = Vec::new();
    for stop in &stops {
        let report = copied(before, stop).await;
        let rows: Vec<_> = (report.tables.iter())
            .map(|table| (table.name.as_str(), table.rows))
            .collect();
        assert_eq!(rows, [("things", 99_999), ("counts", 4), ("a_tags", 6)]);
        assert_eq!(report.migrations, 1);
        hashes.push(
            report
                .tables
                .into_iter()
                .map(|table| table.hash)
                .collect::<Vec<_>>(),
        );
        // Keys that the database makes go on behind the greatest.
        let db = stop.open().await;
        let sql =
            "INSERT INTO counts (number, thing_id) SELECT 5, thing_id FROM counts WHERE id = 7";
        db.sql(sql).execute().await.expect("a key is made");
        let made = db.sql("SELECT max(id) FROM counts").scalar::<i64>().await;
        assert_eq!(made.expect("a key"), 5_000_000_001, "{}", stop.config.url);
        let gone = db
            .sql("DELETE FROM counts WHERE number = 5")
            .execute()
            .await;
        assert_eq!(gone.expect("deleted").rows, 1);
        super::support::close(db).await;
        before = stop;
    }
    assert!(
        hashes.windows(2).all(|pair| pair[0] == pair[1]),
        "{hashes:?}"
    );
    for table in ["things", "counts", "a_tags"] {
        let (there, back) = (dump(&first, table).await, dump(before, table).await);
        assert!(!there.is_empty(), "{table}");
        assert!(there == back, "{table} differs");
    }
}
