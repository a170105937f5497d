//! Values at the edges of their types, there and back.

use chrono::NaiveDate;
use uuid::Uuid;

use super::*;
use crate::error::ErrorKind;

/// Writes each value into a column of the type, reads it back and finds it by itself.
async fn round_trip(conn: &mut dyn Connection, column: &str, values: Vec<Value>) {
    conn.run_script(&format!(
        "CREATE OR REPLACE TABLE edges (id BIGINT PRIMARY KEY, v {column})"
    ))
    .await
    .unwrap();
    for (id, value) in (0_i64..).zip(values) {
        let stored = vec![Value::I64(id), value.clone()];
        write(conn, "INSERT INTO edges (id, v) VALUES (?, ?)", stored)
            .await
            .unwrap_or_else(|error| panic!("{column} {value:?}: {error}"));
        let read = one(
            conn,
            "SELECT v FROM edges WHERE id = ?",
            vec![Value::I64(id)],
        )
        .await
        .unwrap_or_else(|error| panic!("{column} {value:?}: {error}"));
        assert_eq!(read, native(&value), "{column}");
        let found = one(
            conn,
            "SELECT id FROM edges WHERE v = ? AND id = ?",
            vec![value.clone(), Value::I64(id)],
        )
        .await;
        assert_eq!(found.unwrap(), Value::I64(id), "{column} {value:?}");
    }
}

/// The form in which the engine gives a value back.
fn native(value: &Value) -> Value {
    match value {
        Value::Bool(v) => Value::I64(i64::from(*v)),
        Value::I32(v) => Value::I64(i64::from(*v)),
        Value::Uuid(v) => Value::Bytes(v.as_bytes().to_vec()),
        Value::Json(v) => Value::Text(v.to_string()),
        other => other.clone(),
    }
}

fn instant(text: &str) -> Value {
    Value::Instant(text.parse().unwrap())
}

fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse().unwrap())
}

fn date(year: i32, month: u32, day: u32) -> Value {
    Value::Date(NaiveDate::from_ymd_opt(year, month, day).unwrap())
}

#[tokio::test]
async fn every_type_keeps_its_edges() {
    let Some(db) = Db::create("types").await else {
        return;
    };
    let mut conn = db.connect().await;
    let conn = &mut *conn;
    round_trip(
        conn,
        "TINYINT(1)",
        vec![Value::Bool(true), Value::Bool(false)],
    )
    .await;
    let ints = vec![Value::I32(i32::MIN), Value::I32(0), Value::I32(i32::MAX)];
    round_trip(conn, "INT", ints).await;
    let bigs = vec![Value::I64(i64::MIN), Value::I64(-1), Value::I64(i64::MAX)];
    round_trip(conn, "BIGINT", bigs).await;
    let doubles = [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 0.1, -0.1, 0.0]
        .map(Value::F64)
        .to_vec();
    round_trip(conn, "DOUBLE", doubles).await;
    let decimals = ["-0.01", "99999999.99", "0.00"].map(decimal).to_vec();
    round_trip(conn, "DECIMAL(10, 2)", decimals).await;
    let widest = ["9999999999999999999999999999", "-1"].map(decimal).to_vec();
    round_trip(conn, "DECIMAL(28, 0)", widest).await;
    let dates = vec![date(1000, 1, 1), date(2024, 2, 29), date(9999, 12, 31)];
    round_trip(conn, "DATE", dates).await;
    let instants = [
        "1000-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "2024-10-27T00:59:59.000001Z",
        "9999-12-31T23:59:59.999999Z",
    ]
    .map(instant)
    .to_vec();
    round_trip(conn, "DATETIME(6)", instants).await;
    let uuids = vec![Value::Uuid(Uuid::nil()), Value::Uuid(Uuid::max())];
    round_trip(conn, "BINARY(16)", uuids).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let blobs = vec![
        Value::Bytes(vec![]),
        Value::Bytes(every_byte),
        Value::Bytes(vec![0xff; 100_000]),
    ];
    round_trip(conn, "LONGBLOB", blobs).await;
    let texts = vec![
        text(""),
        text("it's \"quoted\" \\ `b` ? :name\n\t%_"),
        text("\u{10ffff} 😀 é e\u{301} ß"),
        text("trailing   "),
        text(&"x".repeat(200)),
    ];
    round_trip(conn, "VARCHAR(200)", texts.clone()).await;
    round_trip(conn, "LONGTEXT", texts).await;
    let json = serde_json::json!({"a": [1, null, "😀"], "b": {"c": 1.5}});
    round_trip(conn, "JSON", vec![Value::Json(json)]).await;
    db.end().await;
}

#[tokio::test]
async fn nulls_of_every_type() {
    let Some(db) = Db::create("nulls").await else {
        return;
    };
    let mut conn = db.connect().await;
    for column in ["INT", "DOUBLE", "DECIMAL(5, 2)", "DATE", "LONGBLOB", "JSON"] {
        let sql = format!("CREATE OR REPLACE TABLE edges (v {column} NULL)");
        conn.run_script(&sql).await.unwrap();
        write(
            &mut *conn,
            "INSERT INTO edges (v) VALUES (?)",
            vec![Value::Null],
        )
        .await
        .unwrap();
        let read = one(&mut *conn, "SELECT v FROM edges", vec![]).await;
        assert_eq!(read.unwrap(), Value::Null, "{column}");
    }
    db.end().await;
}

#[tokio::test]
async fn text_compares_by_code_point() {
    let Some(db) = Db::create("collation").await else {
        return;
    };
    let mut conn = db.connect().await;
    conn.run_script("CREATE TABLE words (w VARCHAR(20) UNIQUE)")
        .await
        .unwrap();
    for word in ["a", "A", "a ", "ä", "z", "Z", "é", "e\u{301}"] {
        write(&mut *conn, "INSERT INTO words VALUES (?)", vec![text(word)])
            .await
            .unwrap();
    }
    let sorted = rows(&mut *conn, "SELECT w FROM words ORDER BY w", vec![])
        .await
        .unwrap();
    let sorted: Vec<_> = sorted.iter().map(|row| row.values[0].clone()).collect();
    let expected = ["A", "Z", "a", "a ", "e\u{301}", "z", "ä", "é"].map(text);
    assert_eq!(sorted, expected);
    // Two parameters compare as columns do.
    let same = one(
        &mut *conn,
        "SELECT CAST(? AS CHAR) = CAST(? AS CHAR)",
        vec![text("a"), text("a ")],
    );
    assert_eq!(same.await.unwrap(), Value::I64(0));
    db.end().await;
}

#[tokio::test]
async fn other_native_types() {
    let Some(db) = Db::create("native").await else {
        return;
    };
    let mut conn = db.connect().await;
    let conn = &mut *conn;
    let read = rows(conn, "SELECT 1, 18446744073709551615", vec![]).await;
    // The unsigned number does not fit, and names its column.
    let error = read.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(
        error.columns().collect::<Vec<_>>(),
        ["18446744073709551615"]
    );
    let read = rows(
        conn,
        "SELECT CAST('-26:03:04' AS TIME), CAST('x' AS BINARY), SUM(n), AVG(n), NULL, \
         CAST(0.1 AS FLOAT), 9223372036854775807, TIMESTAMP('2024-01-02 03:04:05.5') \
         FROM (SELECT 1 AS n UNION ALL SELECT 2) AS two",
        vec![],
    )
    .await
    .unwrap();
    assert_eq!(
        read[0].values,
        [
            text("-26:03:04"),
            Value::Bytes(b"x".to_vec()),
            decimal("3"),
            decimal("1.5000"),
            Value::Null,
            Value::F64(0.1),
            Value::I64(i64::MAX),
            instant("2024-01-02T03:04:05.5Z"),
        ]
    );
    conn.run_script("CREATE TABLE bits (one BIT(1), many BIT(64), y YEAR)")
        .await
        .unwrap();
    write(conn, "INSERT INTO bits VALUES (b'1', 258, 2024)", vec![])
        .await
        .unwrap();
    let read = rows(conn, "SELECT one, many, y FROM bits", vec![]).await;
    assert_eq!(
        read.unwrap()[0].values,
        [Value::I64(1), Value::I64(258), Value::I64(2024)]
    );
    db.end().await;
}

#[tokio::test]
async fn parameters_use_indexes() {
    let Some(db) = Db::create("indexes").await else {
        return;
    };
    let mut conn = db.connect().await;
    let conn = &mut *conn;
    conn.run_script(
        "CREATE TABLE keyed (id BINARY(16) PRIMARY KEY, at DATETIME(6) UNIQUE, \
         on_day DATE UNIQUE, price DECIMAL(10, 2) UNIQUE, word VARCHAR(20) UNIQUE); \
         SET max_recursive_iterations = 10000; \
         INSERT INTO keyed WITH RECURSIVE n AS \
         (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n WHERE n < 1000) \
         SELECT UNHEX(MD5(n)), '2024-01-01' + INTERVAL n SECOND, \
         '2000-01-01' + INTERVAL n DAY, n, CONCAT('w', n) FROM n",
    )
    .await
    .unwrap();
    let id = one(conn, "SELECT id FROM keyed WHERE price = 1000", vec![]).await;
    for (column, value) in [
        ("id", id.unwrap()),
        ("at", instant("2024-01-01T00:00:07Z")),
        ("on_day", date(2000, 1, 8)),
        ("price", decimal("7")),
        ("word", text("w7")),
    ] {
        conn.run_script("FLUSH STATUS").await.unwrap();
        let sql = format!("SELECT word FROM keyed WHERE {column} = ?");
        let found = rows(conn, &sql, vec![value]).await.unwrap();
        assert_eq!(found.len(), 1, "{column}");
        let scanned = rows(
            conn,
            "SHOW SESSION STATUS LIKE 'Handler_read_rnd_next'",
            vec![],
        )
        .await
        .unwrap();
        let Value::Text(scanned) = &scanned[0].values[1] else {
            panic!("not a count");
        };
        assert!(scanned.parse::<u32>().unwrap() < 100, "{column}: {scanned}");
    }
    db.end().await;
}

/// Beyond 16 MiB the client sends values in pieces, which is another path. Whether it is taken
/// depends on the server's max_allowed_packet.
#[tokio::test]
async fn values_as_large_as_a_packet() {
    let Some(db) = Db::create("large").await else {
        return;
    };
    let mut conn = db.connect().await;
    let conn = &mut *conn;
    let Value::I64(packet) = one(conn, "SELECT @@max_allowed_packet", vec![])
        .await
        .unwrap()
    else {
        panic!("not a number");
    };
    let size = usize::try_from(packet.min(20 << 20)).unwrap() - 4096;
    conn.run_script("CREATE TABLE large (id INT, b LONGBLOB, t LONGTEXT)")
        .await
        .unwrap();
    let blob: Vec<u8> = (0..=255).cycle().take(size).collect();
    let insert = "INSERT INTO large VALUES (?, ?, ?)";
    let values = vec![Value::I32(1), Value::Bytes(blob.clone()), text("é\\ 😀")];
    write(conn, insert, values).await.unwrap();
    let row = rows(conn, "SELECT b, t FROM large", vec![])
        .await
        .unwrap()
        .remove(0);
    assert!(row.values[0] == Value::Bytes(blob));
    assert_eq!(row.values[1], text("é\\ 😀"));
    db.end().await;
}
