//! Rows, errors, scripts, streams.

use super::*;
use crate::driver::contract::{BeginOptions, BoxFuture};
use crate::driver::row::RowSink;
use crate::error::{Error, ErrorKind, Outcome};
use crate::value::Row;

const TABLES: &str = "CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, \
        email VARCHAR(20) NOT NULL, age INT, \
        CONSTRAINT users_email_key UNIQUE (email), CONSTRAINT users_age CHECK (age >= 0)); \
    CREATE TABLE goals (id BIGINT PRIMARY KEY, user_id BIGINT NOT NULL, \
        CONSTRAINT goals_user_fk FOREIGN KEY (user_id) REFERENCES users (id))";

#[tokio::test]
async fn rows_are_counted_as_found() {
    let Some(db) = Db::create("counted").await else {
        return;
    };
    let mut conn = db.connect().await;
    let conn = &mut *conn;
    conn.run_script(TABLES).await.unwrap();
    let insert = "INSERT INTO users (email) VALUES (?)";
    let done = write(conn, insert, vec![text("a")]).await.unwrap();
    assert_eq!((done.rows, done.last_insert_id), (1, Some(1)));
    let same = "UPDATE users SET email = email";
    assert_eq!(write(conn, same, vec![]).await.unwrap().rows, 1);
    let none = "UPDATE users SET email = email WHERE id = 9";
    let done = write(conn, none, vec![]).await.unwrap();
    assert_eq!((done.rows, done.last_insert_id), (0, None));
    let done = conn
        .run(
            statement("SELECT 1 UNION SELECT 2", vec![], Access::Read),
            &mut Ignore,
        )
        .await
        .unwrap();
    assert_eq!(done.rows, 2);
    let returned = rows(conn, "SELECT id AS number, email FROM users", vec![]).await;
    assert_eq!(*returned.unwrap()[0].names, ["number", "email"]);
    if db.driver.capabilities().insert_returning {
        let returning = "INSERT INTO users (email) VALUES (?) RETURNING id, email";
        let returned = rows(conn, returning, vec![text("b")]).await.unwrap();
        assert_eq!(returned[0].values, [Value::I64(2), text("b")]);
    }
    db.end().await;
}

#[tokio::test]
async fn constraints_are_named_and_values_hidden() {
    let Some(db) = Db::create("constraints").await else {
        return;
    };
    let mut conn = db.connect().await;
    let conn = &mut *conn;
    conn.run_script(TABLES).await.unwrap();
    let insert = "INSERT INTO users (email) VALUES (?)";
    write(conn, insert, vec![text("secret")]).await.unwrap();

    let error = write(conn, insert, vec![text("secret")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert_eq!(error.constraint(), Some("users_email_key"));
    assert!(error.native_code().unwrap().starts_with("1062 (23000)"));
    assert!(!format!("{error} {error:?}").contains("secret"));

    let orphan = "INSERT INTO goals VALUES (1, 77)";
    let error = write(conn, orphan, vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignKey);
    assert_eq!(error.table(), Some("goals"));
    assert_eq!(error.constraint(), Some("goals_user_fk"));
    assert_eq!(error.columns().collect::<Vec<_>>(), ["user_id"]);

    write(conn, "INSERT INTO goals VALUES (1, 1)", vec![])
        .await
        .unwrap();
    let error = write(conn, "DELETE FROM users", vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignKey);
    assert_eq!(error.table(), Some("goals"));

    let negative = "UPDATE users SET age = ?";
    let error = write(conn, negative, vec![Value::I64(-1)])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Check);
    assert_eq!(error.constraint(), Some("users_age"));

    let error = write(conn, insert, vec![Value::Null]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotNull);
    assert_eq!(error.columns().collect::<Vec<_>>(), ["email"]);
    let error = write(conn, "INSERT INTO users (age) VALUES (1)", vec![])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingValue);
    let error = write(conn, insert, vec![text(&"x".repeat(21))])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueTooLong);
    assert_eq!(error.columns().collect::<Vec<_>>(), ["email"]);
    let error = write(conn, negative, vec![Value::I64(i64::MAX)])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    let error = write(conn, negative, vec![text("secret")])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
    assert_eq!(error.columns().collect::<Vec<_>>(), ["age"]);
    assert!(!format!("{error} {error:?}").contains("secret"));

    let error = rows(conn, "SELECT * FROM nowhere", vec![])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TableMissing);
    assert_eq!(error.table(), Some("nowhere"));
    let error = rows(conn, "SELECT nope FROM users", vec![])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ColumnMissing);
    let error = rows(conn, "SELEKT 1", vec![]).await.unwrap_err();
    assert_eq!(error.code(), "P2010");
    db.end().await;
}

#[tokio::test]
async fn mistakes_cost_neither_connection_nor_transaction() {
    let Some(db) = Db::create("mistakes").await else {
        return;
    };
    let mut conn = db.connect().await;
    let conn = &mut *conn;
    conn.begin(Default::default()).await.unwrap();
    let error = rows(conn, "SELECT ?", vec![]).await.unwrap_err();
    assert!(error.detail().contains("1 placeholders but 0 values"));
    let error = rows(conn, "SELECT :name, ?", vec![Value::Null]).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);
    let Value::I64(packet) = one(conn, "SELECT @@max_allowed_packet", vec![])
        .await
        .unwrap()
    else {
        panic!("not a number");
    };
    let packet = usize::try_from(packet).unwrap();
    let big = vec![Value::Bytes(vec![0; packet])];
    let error = rows(conn, "SELECT LENGTH(?)", big).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueTooLong);
    let long = format!("SELECT '{}'", "x".repeat(packet));
    let error = conn.run_script(&long).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueTooLong);
    // A row may be larger than what the server takes at once.
    let big = "SELECT REPEAT('x', 10 << 20), REPEAT('y', 10 << 20)";
    let row = rows(conn, big, vec![]).await.unwrap().remove(0);
    assert!(matches!(&row.values[1], Value::Text(text) if text.len() == 10 << 20));
    assert_eq!(
        one(conn, "SELECT ':a', @n := ?", vec![Value::I64(5)])
            .await
            .unwrap(),
        text(":a")
    );
    conn.commit().await.unwrap();
    assert!(!conn.is_broken());
    db.end().await;
}

#[tokio::test]
async fn scripts_lose_no_error() {
    let Some(db) = Db::create("scripts").await else {
        return;
    };
    let mut conn = db.connect().await;
    let conn = &mut *conn;
    let error = conn
        .run_script(
            "CREATE TABLE a (n INT); INSERT INTO nowhere VALUES (1); CREATE TABLE b (n INT)",
        )
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TableMissing);
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(count(conn, "a").await, 0);
    assert!(rows(conn, "SELECT * FROM b", vec![]).await.is_err());
    let error = conn.run_script("CREATE TABLE a (n INT)").await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied);
    db.end().await;
}

#[tokio::test]
async fn procedures_and_unpreparable_statements() {
    let Some(db) = Db::create("procedures").await else {
        return;
    };
    let mut conn = db.connect().await;
    let conn = &mut *conn;
    conn.run_script("CREATE PROCEDURE p(n INT) BEGIN SELECT n; SELECT n + 1, 2; END")
        .await
        .unwrap();
    let returned = rows(conn, "CALL p(?)", vec![Value::I64(4)]).await.unwrap();
    assert_eq!(returned.len(), 1);
    assert_eq!(returned[0].values, [Value::I64(4)]);
    write(conn, "LOCK TABLES mysql.user READ", vec![])
        .await
        .unwrap();
    write(conn, "UNLOCK TABLES", vec![]).await.unwrap();
    assert_eq!(one(conn, "SELECT 1", vec![]).await.unwrap(), Value::I64(1));
    db.end().await;
}

#[tokio::test]
async fn prepared_statements_follow_the_table_and_do_not_pile_up() {
    let Some(mut db) = Db::create("prepared").await else {
        return;
    };
    db.options.statement_cache = 2;
    db.driver = MySqlDriver::open(db.options.clone(), LIMIT, true)
        .await
        .unwrap();
    let mut conn = db.connect().await;
    let conn = &mut *conn;
    conn.run_script("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    let all = "SELECT * FROM t";
    assert_eq!(rows(conn, all, vec![]).await.unwrap()[0].values.len(), 1);
    conn.run_script("ALTER TABLE t ADD b VARCHAR(5) DEFAULT 'x', MODIFY a VARCHAR(5)")
        .await
        .unwrap();
    for _ in 0..2 {
        let row = rows(conn, all, vec![]).await.unwrap().remove(0);
        assert_eq!(row.values, [text("1"), text("x")]);
        assert_eq!(*row.names, ["a", "b"]);
    }
    for number in 0..20 {
        let sql = format!("SELECT {number}");
        assert_eq!(one(conn, &sql, vec![]).await.unwrap(), Value::I64(number));
    }
    let closed = rows(conn, "SHOW SESSION STATUS LIKE 'Com_stmt_close'", vec![])
        .await
        .unwrap();
    let Value::Text(closed) = &closed[0].values[1] else {
        panic!("not a count");
    };
    assert!(closed.parse::<u32>().unwrap() >= 18, "{closed}");
    db.end().await;
}

/// Takes a few rows at a time, and can fail at one of them.
struct Slow {
    taken: u64,
    flushes: u64,
    fail_at: Option<u64>,
}

impl RowSink for Slow {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        assert!(!self.is_full() || self.taken == 0, "a row for a full sink");
        let number: i64 = row.get(0)?;
        assert_eq!(number, i64::try_from(self.taken).unwrap());
        self.taken += 1;
        if self.fail_at == Some(self.taken) {
            return Err(Error::new(ErrorKind::Unexpected, "enough"));
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.taken / 1000 > self.flushes
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            self.flushes += 1;
            Ok(())
        })
    }
}

async fn stream(conn: &mut dyn Connection, fail_at: Option<u64>) -> (Result<Done>, Slow) {
    let mut sink = Slow {
        taken: 0,
        flushes: 0,
        fail_at,
    };
    let sql = "WITH RECURSIVE n AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM n WHERE n < 99999) \
               SELECT n, REPEAT('x', 100) FROM n";
    let done = conn
        .run(statement(sql, vec![], Access::Read), &mut sink)
        .await;
    (done, sink)
}

#[tokio::test]
async fn a_stream_waits_for_its_reader() {
    let Some(db) = Db::create("stream").await else {
        return;
    };
    let mut conn = db.connect().await;
    conn.run_script("SET max_recursive_iterations = 100001")
        .await
        .unwrap();
    let (done, sink) = stream(&mut *conn, None).await;
    assert_eq!(done.unwrap().rows, 100_000);
    assert_eq!((sink.taken, sink.flushes), (100_000, 99));

    // Little is left unread: the connection stays.
    let (done, sink) = stream(&mut *conn, Some(95_000)).await;
    assert_eq!(done.unwrap_err().detail(), "enough");
    assert_eq!(sink.taken, 95_000);
    assert!(!conn.is_broken());
    assert_eq!(
        one(&mut *conn, "SELECT 7", vec![]).await.unwrap(),
        Value::I64(7)
    );

    // Much is left: the session is ended instead.
    let (done, _) = stream(&mut *conn, Some(5)).await;
    assert_eq!(done.unwrap_err().detail(), "enough");
    assert!(conn.is_broken());
    assert_eq!(
        conn.ping().await.unwrap_err().kind(),
        ErrorKind::ConnectionLost
    );
    db.end().await;
}

#[tokio::test]
async fn a_write_whose_rows_cannot_be_read_has_taken_effect() {
    let Some(db) = Db::create("refused_rows").await else {
        return;
    };
    let mut conn = db.connect().await;
    conn.run_script("CREATE TABLE t (n INT)").await.unwrap();
    let refused = async |conn: &mut dyn Connection| {
        let mut sink = Collect::new(|_: &Row<'_>| -> Result<()> {
            Err(Error::new(ErrorKind::Decode, "unreadable"))
        });
        let insert = "INSERT INTO t VALUES (1), (2) RETURNING n";
        conn.run(statement(insert, vec![], Access::Write), &mut sink)
            .await
            .unwrap_err()
    };
    let error = refused(&mut *conn).await;
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.outcome(), Outcome::Applied);
    assert_eq!(count(&mut *conn, "t").await, 2);

    conn.begin(BeginOptions::default()).await.unwrap();
    let error = refused(&mut *conn).await;
    assert_eq!(error.outcome(), Outcome::NotApplied);
    conn.rollback().await.unwrap();
    assert_eq!(count(&mut *conn, "t").await, 2);
    db.end().await;
}
