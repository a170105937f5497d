use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use super::{one, open, rows, server, table, write};
use crate::error::ErrorKind;
use crate::value::Value;

fn instant(text: &str) -> Value {
    Value::Instant(
        DateTime::parse_from_rfc3339(text)
            .unwrap()
            .with_timezone(&Utc),
    )
}

fn date(text: &str) -> Value {
    Value::Date(text.parse().unwrap())
}

fn decimal(text: &str) -> Value {
    Value::Decimal(Decimal::from_str_exact(text).unwrap())
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[tokio::test]
async fn every_type_survives_at_its_edges() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let cases: Vec<(&str, Vec<Value>)> = vec![
        ("boolean", vec![Value::Bool(true), Value::Bool(false)]),
        ("smallint", vec![Value::I64(-32768), Value::I64(32767)]),
        (
            "integer",
            vec![Value::I64(i32::MIN.into()), Value::I64(i32::MAX.into())],
        ),
        ("bigint", vec![Value::I64(i64::MIN), Value::I64(i64::MAX)]),
        ("oid", vec![Value::I64(0), Value::I64(u32::MAX.into())]),
        ("real", vec![Value::F64(1.5), Value::F64(f32::MAX.into())]),
        (
            "double precision",
            vec![
                Value::F64(f64::MIN),
                Value::F64(f64::MAX),
                Value::F64(f64::MIN_POSITIVE),
                Value::F64(-0.0),
                Value::F64(0.1),
            ],
        ),
        (
            "numeric",
            vec![
                decimal("0"),
                decimal("79228162514264337593543950335"),
                decimal("-79228162514264337593543950335"),
                decimal("0.0000000000000000000000000001"),
                decimal("-12345.6789"),
                decimal("10000"),
                decimal("1.50"),
            ],
        ),
        (
            "numeric(28,10)",
            vec![decimal("123456789012345678.0123456789")],
        ),
        (
            "text",
            vec![text(""), text("a\u{1F600}é \t\n'\"\\"), text("trailing  ")],
        ),
        ("varchar(3)", vec![text("é\u{1F600}z")]),
        ("name", vec![text("n")]),
        ("json", vec![Value::Json(json!({"a": [1, null, "x"]}))]),
        (
            "jsonb",
            vec![
                Value::Json(json!(null)),
                Value::Json(json!("\u{1F600}")),
                Value::Json(json!({"a": {"b": [1.5, true, -9_223_372_036_854_775_808_i64]}})),
            ],
        ),
        (
            "bytea",
            vec![Value::Bytes(vec![]), Value::Bytes((0..=255).collect())],
        ),
        (
            "uuid",
            vec![Value::Uuid(Uuid::nil()), Value::Uuid(Uuid::max())],
        ),
        (
            "timestamptz",
            vec![
                instant("1000-01-01T00:00:00Z"),
                instant("9999-12-31T23:59:59.999999Z"),
                instant("1969-12-31T23:59:59.999999Z"),
                instant("2000-01-01T00:00:00.000001Z"),
            ],
        ),
        ("timestamp", vec![instant("1999-12-31T23:59:59.999999Z")]),
        (
            "date",
            vec![date("1000-01-01"), date("9999-12-31"), date("1999-12-31")],
        ),
    ];
    for (ty, values) in cases {
        table(&mut connection, "every_type", &format!("v {ty}")).await;
        for value in values.into_iter().chain([Value::Null]) {
            write(&mut connection, "DELETE FROM every_type", vec![])
                .await
                .unwrap();
            let insert = "INSERT INTO every_type VALUES (?)";
            write(&mut connection, insert, vec![value.clone()])
                .await
                .unwrap();
            let back = one(&mut connection, "SELECT v FROM every_type", vec![]).await;
            assert_eq!(back.unwrap(), value, "{ty}");
            if value.is_null() || ty == "json" {
                continue;
            }
            // The server must see the same value, not merely give back the same bytes.
            let count = "SELECT count(*) FROM every_type WHERE v = ?";
            let count = one(&mut connection, count, vec![value.clone()]).await;
            assert_eq!(count.unwrap(), Value::I64(1), "{ty} {value:?}");
        }
    }
}

#[tokio::test]
async fn the_server_reads_what_was_meant() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    for (sql, value, shown) in [
        ("CAST(? AS numeric)", decimal("-12345.6780"), "-12345.6780"),
        ("CAST(? AS numeric)", decimal("0.00012"), "0.00012"),
        (
            "CAST(? AS numeric)",
            Value::I64(i64::MIN),
            "-9223372036854775808",
        ),
        ("CAST(? AS numeric)", Value::F64(0.1), "0.1"),
        (
            "CAST(? AS timestamptz)",
            instant("1000-01-01T00:00:00.5Z"),
            "1000-01-01 00:00:00.5+00",
        ),
        ("CAST(? AS date)", date("1999-12-31"), "1999-12-31"),
        ("CAST(? AS bytea)", Value::Bytes(vec![0, 255]), "\\x00ff"),
        ("CAST(? AS interval)", text("1 day 02:00"), "1 day 02:00:00"),
        ("CAST(? AS inet)", text("10.0.0.1/32"), "10.0.0.1/32"),
        ("CAST(? AS int4[])", text("{1,2}"), "{1,2}"),
        ("CAST(? AS numeric)", text("1.5"), "1.5"),
        (
            "CAST(? AS timestamptz)",
            text("2020-01-01 12:00+02"),
            "2020-01-01 10:00:00+00",
        ),
        ("CAST(? AS float8)", decimal("2.5"), "2.5"),
        (
            "CAST(? AS uuid)",
            text("00000000-0000-0000-0000-000000000001"),
            "00000000-0000-0000-0000-000000000001",
        ),
    ] {
        let sql = format!("SELECT CAST({sql} AS text)");
        let seen = one(&mut connection, &sql, vec![value]).await.unwrap();
        assert_eq!(seen, text(shown), "{sql}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_it_is_sent() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(
        &mut connection,
        "refused",
        "id integer, name varchar(3), at date",
    )
    .await;
    connection.begin_for_test().await;
    for (sql, values, kind) in [
        (
            "SELECT 1 WHERE 1 = ?",
            vec![Value::I64(1 << 40)],
            ErrorKind::OutOfRange,
        ),
        (
            "SELECT 1 WHERE 1 = ?",
            vec![text("1")],
            ErrorKind::InvalidValue,
        ),
        (
            "SELECT 1 WHERE 'a' = ?",
            vec![Value::I64(1)],
            ErrorKind::InvalidValue,
        ),
        (
            "SELECT CAST(? AS uuid)",
            vec![Value::Bytes(vec![0; 16])],
            ErrorKind::InvalidValue,
        ),
        ("SELECT 1 WHERE 1 = ?", vec![], ErrorKind::Database),
    ] {
        let error = rows(&mut connection, sql, values).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{sql}: {error}");
    }
    // Nothing reached the server, so the transaction still stands.
    assert_eq!(
        one(&mut connection, "SELECT 1", vec![]).await.unwrap(),
        Value::I64(1)
    );
    connection.rollback_for_test().await;

    for (sql, value, kind) in [
        (
            "INSERT INTO refused (name) VALUES (?)",
            text("long"),
            ErrorKind::ValueTooLong,
        ),
        (
            "INSERT INTO refused (at) VALUES (CAST(? AS date))",
            text("secret"),
            ErrorKind::InvalidValue,
        ),
        (
            "INSERT INTO refused (at) VALUES (CAST(? AS date))",
            text("2020-02-31"),
            ErrorKind::OutOfRange,
        ),
        (
            "SELECT CAST(? AS uuid)",
            text("secret"),
            ErrorKind::InvalidValue,
        ),
        (
            "SELECT CAST(CAST(? AS text) AS integer)",
            text("99999999999"),
            ErrorKind::OutOfRange,
        ),
    ] {
        let shown = format!("{value:?}");
        let error = write(&mut connection, sql, vec![value]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{sql}: {error}");
        for secret in ["secret", "2020-02-31", "99999999999"] {
            assert!(!format!("{error} {error:?}").contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_says_so_and_leaves_the_session_fit() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    connection
        .script_for_test(
            "DROP TYPE IF EXISTS mood CASCADE; CREATE TYPE mood AS ENUM ('sad', 'happy');
             DROP DOMAIN IF EXISTS small CASCADE; CREATE DOMAIN small AS integer CHECK (VALUE < 10)",
        )
        .await;
    for (sql, part) in [
        ("SELECT interval '1 day' AS v", "interval"),
        ("SELECT inet '10.0.0.1' AS v", "inet"),
        ("SELECT ARRAY[1, 2] AS v", "_int4"),
        ("SELECT numeric 'NaN' AS v", "NaN"),
        ("SELECT power(numeric '10', 30) AS v", "28 digits"),
        ("SELECT timestamptz 'infinity' AS v", "infinity"),
        ("SELECT date '-infinity' AS v", "infinity"),
    ] {
        let error = rows(&mut connection, sql, vec![]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{sql}");
        assert!(error.detail().contains(part), "{sql}: {error}");
        assert_eq!(error.columns().collect::<Vec<_>>(), ["v"]);
    }
    let mood = one(
        &mut connection,
        "SELECT CAST(? AS mood)",
        vec![text("happy")],
    )
    .await;
    assert_eq!(mood.unwrap(), text("happy"));
    let bad = one(
        &mut connection,
        "SELECT CAST(? AS mood)",
        vec![text("angry")],
    )
    .await;
    assert_eq!(bad.unwrap_err().kind(), ErrorKind::InvalidValue);
    let domain = one(
        &mut connection,
        "SELECT CAST(? AS small)",
        vec![Value::I64(7)],
    )
    .await;
    assert_eq!(domain.unwrap(), Value::I64(7));
    let domain = one(
        &mut connection,
        "SELECT CAST(? AS small)",
        vec![Value::I64(11)],
    )
    .await;
    assert_eq!(domain.unwrap_err().kind(), ErrorKind::Check);
    let average = "SELECT avg(v) FROM (VALUES (1), (2), (2)) AS t (v)";
    let average = one(&mut connection, average, vec![]).await.unwrap();
    assert_eq!(average, decimal("1.6666666666666667"));
    assert_eq!(
        one(&mut connection, "SELECT pg_sleep(0)", vec![])
            .await
            .unwrap(),
        Value::Null
    );
    let noon = one(
        &mut connection,
        "SELECT timestamp '2020-01-01 12:00'",
        vec![],
    )
    .await;
    let expected = Utc.with_ymd_and_hms(2020, 1, 1, 12, 0, 0).unwrap();
    assert_eq!(noon.unwrap(), Value::Instant(expected));
    assert!(NaiveDate::from_ymd_opt(2000, 1, 1) == Some(super::super::rows::EPOCH_DAY));
}
