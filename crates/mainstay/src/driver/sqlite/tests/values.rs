use super::*;
use crate::error::ErrorKind;

#[tokio::test(flavor = "multi_thread")]
async fn values_at_their_edges_come_back() {
    let fixture = Fixture::new().await;
    let mut writer = fixture.writer();
    writer
        .run_script("CREATE TABLE edges (n INTEGER, f REAL, t TEXT, b BLOB) STRICT")
        .await
        .unwrap();
    let texts = ["", " ", "a'b\"c", "é\u{301}\u{10FFFF}", "line\nline\ttab"];
    let numbers = [0, 1, -1, i64::MAX, i64::MIN];
    let doubles = [0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 0.1];
    for ((text, number), double) in texts.into_iter().zip(numbers).zip(doubles) {
        let values = vec![
            Value::I64(number),
            Value::F64(double),
            Value::Text(text.to_owned()),
            Value::Bytes(text.as_bytes().to_vec()),
        ];
        let sql = "INSERT INTO edges VALUES (?, ?, ?, ?) RETURNING *";
        let (back, done) = rows(&mut *writer, statement(sql, values.clone()))
            .await
            .unwrap();
        assert_eq!((done.rows, &back[0].values), (1, &values));
        let sql = "SELECT n, f, t, b FROM edges WHERE n = ? AND f = ? AND t = ? AND b = ?";
        let mut reader = fixture.reader().await;
        let (back, _) = rows(&mut *reader, statement(sql, values.clone()))
            .await
            .unwrap();
        assert_eq!(back[0].values, values);
        assert_eq!(*back[0].names, ["n", "f", "t", "b"].map(str::to_owned));
    }
    let nulls = vec![Value::Null; 4];
    let sql = "INSERT INTO edges VALUES (?, ?, ?, ?) RETURNING *";
    let (back, _) = rows(&mut *writer, statement(sql, nulls.clone()))
        .await
        .unwrap();
    assert_eq!(back[0].values, nulls);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_were_not_lowered_are_stored_as_if() {
    let fixture = Fixture::new().await;
    let mut reader = fixture.reader().await;
    let id = uuid::Uuid::from_u128(7);
    let values = vec![
        Value::Bool(true),
        Value::I32(i32::MIN),
        Value::Uuid(id),
        Value::Json(serde_json::json!({"a": 1})),
        Value::Bytes(vec![0; 100_000]),
    ];
    let (back, done) = rows(&mut *reader, statement("SELECT ?, ?, ?, ?, ?", values))
        .await
        .unwrap();
    assert_eq!(done.rows, 1);
    assert_eq!(
        back[0].values,
        [
            Value::I64(1),
            Value::I64(i64::from(i32::MIN)),
            Value::Text(id.to_string()),
            Value::Text("{\"a\":1}".to_owned()),
            Value::Bytes(vec![0; 100_000]),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf8_is_a_decode_error_on_its_column() {
    let fixture = Fixture::new().await;
    let mut reader = fixture.reader().await;
    let sql = "SELECT 1 AS fine, CAST(x'ff' AS TEXT) AS broken";
    let error = rows(&mut *reader, statement(sql, Vec::new()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.columns().collect::<Vec<_>>(), ["broken"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_those_of_the_statement() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    let done = writer.run(insert(41), &mut Ignore).await.unwrap();
    assert_eq!((done.rows, done.last_insert_id), (1, Some(41)));
    let sql = "INSERT INTO t (word) VALUES ('a'), ('b'), ('c')";
    let done = execute(&mut *writer, sql).await.unwrap();
    assert_eq!((done.rows, done.last_insert_id), (3, Some(44)));
    for (sql, count) in [
        // Neither is counted again by a statement that changes nothing.
        ("CREATE TABLE other (id INTEGER)", 0),
        ("UPDATE t SET word = word WHERE id = 0", 0),
        ("UPDATE t SET word = word", 4),
        ("UPDATE t SET word = word WHERE id > 42 RETURNING id", 2),
        ("INSERT OR IGNORE INTO t (id) VALUES (41)", 0),
        (
            "INSERT INTO t (id) VALUES (41) ON CONFLICT DO UPDATE SET word = 'z'",
            1,
        ),
        ("SELECT * FROM t", 4),
        ("DELETE FROM t", 4),
    ] {
        let done = execute(&mut *writer, sql).await.unwrap();
        assert_eq!((done.rows, done.last_insert_id), (count, None), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_statement_sees_columns_that_were_added() {
    let fixture = Fixture::with_table().await;
    fixture.writer().run(insert(1), &mut Ignore).await.unwrap();
    let mut reader = fixture.reader().await;
    let all = || statement("SELECT * FROM t", Vec::new());
    assert_eq!(
        rows(&mut *reader, all()).await.unwrap().0[0].values.len(),
        2
    );
    fixture
        .writer()
        .run_script("ALTER TABLE t ADD COLUMN more INTEGER")
        .await
        .unwrap();
    let (rows, _) = rows(&mut *reader, all()).await.unwrap();
    assert_eq!((rows[0].values.len(), &*rows[0].names[2]), (3, "more"));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_surplus_values_are_refused() {
    let fixture = Fixture::with_table().await;
    let mut writer = fixture.writer();
    for values in [vec![], vec![Value::I64(1)], vec![Value::I64(1); 3]] {
        let statement = statement("INSERT INTO t VALUES (?, ?)", values);
        let error = writer.run(statement, &mut Ignore).await.unwrap_err();
        assert_eq!(error.code(), "P1016", "{error}");
    }
    assert_eq!(fixture.count().await, 0);
}
