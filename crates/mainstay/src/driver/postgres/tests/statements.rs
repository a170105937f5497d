use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{LIMIT, one, open, rows, server, statement, table, write};
use crate::Value;
use crate::driver::contract::{BoxFuture, Connection, Driver};
use crate::driver::postgres::PostgresDriver;
use crate::driver::row::RowSink;
use crate::driver::statement::Access;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::value::Row;

#[tokio::test]
async fn the_driver_tells_of_its_server_and_sets_sessions_up() {
    let Some(options) = server() else { return };
    let driver = PostgresDriver::open(options, LIMIT, true).await.unwrap();
    assert!(!driver.server_info().version.is_empty());
    assert!(driver.server_info().max_connections.unwrap() > 3);
    assert!(driver.writer().is_none());
    let mut connection = driver.connect(LIMIT).await.unwrap();
    let mut found = crate::driver::row::Collect::new(|row: &Row<'_>| row.get::<String>(0));
    let sql = "SELECT current_setting(name) FROM unnest(ARRAY['TimeZone',
        'default_transaction_isolation', 'standard_conforming_strings', 'client_encoding',
        'application_name', 'client_min_messages']) AS s (name)";
    let asked = statement(sql, vec![], Access::Read);
    connection.run(asked, &mut found).await.unwrap();
    assert_eq!(
        found.items,
        [
            "UTC",
            "read committed",
            "on",
            "UTF8",
            "mainstay-test",
            "warning"
        ]
    );
    connection.ping().await.unwrap();
    connection.close().await;
    driver.close().await.unwrap();
}

#[tokio::test]
async fn rows_are_counted() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(
        &mut connection,
        "counted",
        "id integer PRIMARY KEY, n integer",
    )
    .await;
    let insert = "INSERT INTO counted SELECT g, 0 FROM generate_series(1, 5) AS s (g)";
    assert_eq!(
        write(&mut connection, insert, vec![]).await.unwrap().rows,
        5
    );
    let same = "UPDATE counted SET n = 0 WHERE id > ?";
    let done = write(&mut connection, same, vec![Value::I64(2)])
        .await
        .unwrap();
    assert_eq!(done.rows, 3);
    let returning = "DELETE FROM counted WHERE id = 1 RETURNING id";
    assert_eq!(
        write(&mut connection, returning, vec![])
            .await
            .unwrap()
            .rows,
        1
    );
    let query = "SELECT id FROM counted";
    assert_eq!(write(&mut connection, query, vec![]).await.unwrap().rows, 4);
    assert_eq!(rows(&mut connection, query, vec![]).await.unwrap().len(), 4);
    let ddl = "CREATE INDEX counted_n ON counted (n)";
    assert_eq!(write(&mut connection, ddl, vec![]).await.unwrap().rows, 0);
}

#[tokio::test]
async fn constraints_are_named() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "parents", "id integer PRIMARY KEY").await;
    let columns = "id integer PRIMARY KEY, email text NOT NULL CONSTRAINT kids_email UNIQUE,
        parent integer CONSTRAINT kids_parent REFERENCES parents,
        age integer CONSTRAINT kids_age CHECK (age > 0)";
    table(&mut connection, "kids", columns).await;
    write(
        &mut connection,
        "INSERT INTO kids VALUES (1, 'secret', NULL, 1)",
        vec![],
    )
    .await
    .unwrap();
    for (values, kind, constraint, column) in [
        (
            "2, 'secret', NULL, 1",
            ErrorKind::Duplicate,
            Some("kids_email"),
            Some("email"),
        ),
        (
            "1, 'b', NULL, 1",
            ErrorKind::Duplicate,
            Some("kids_pkey"),
            Some("id"),
        ),
        (
            "2, 'b', 77, 1",
            ErrorKind::ForeignKey,
            Some("kids_parent"),
            None,
        ),
        ("2, NULL, NULL, 1", ErrorKind::NotNull, None, Some("email")),
        ("2, 'b', NULL, -5", ErrorKind::Check, Some("kids_age"), None),
    ] {
        let sql = format!("INSERT INTO kids VALUES ({values})");
        let error = write(&mut connection, &sql, vec![]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.constraint(), constraint);
        assert_eq!(error.table(), Some("kids"));
        assert_eq!(error.columns().next(), column);
        assert_eq!(error.outcome(), Outcome::NotApplied);
        assert!(!format!("{error:?}").contains("secret"));
    }
    for (sql, code) in [
        ("SELECT * FROM no_such_table", "TABLE_MISSING"),
        ("SELECT no_such_column FROM kids", "COLUMN_MISSING"),
        ("SELEC 1", "P2010"),
        ("SELECT no_such_function()", "P2039"),
    ] {
        let error = rows(&mut connection, sql, vec![]).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}

/// Takes `room` rows, then wants to be flushed.
struct Slow {
    seen: usize,
    waiting: usize,
    room: usize,
    most: Arc<AtomicUsize>,
}

impl RowSink for Slow {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        assert_eq!(row.get::<i32>(0)?, i32::try_from(self.seen).unwrap());
        self.seen += 1;
        self.waiting += 1;
        self.most.fetch_max(self.waiting, Ordering::Relaxed);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.waiting >= self.room
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            self.waiting = 0;
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_long_result_waits_for_its_reader() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let mut sink = Slow {
        seen: 0,
        waiting: 0,
        room: 64,
        most: Arc::default(),
    };
    let sql = "SELECT g, repeat('x', 100) FROM generate_series(0, 99999) AS s (g)";
    let query = statement(sql, vec![], Access::Read);
    let done = connection.run(query, &mut sink).await.unwrap();
    assert_eq!((done.rows, sink.seen), (100_000, 100_000));
    assert_eq!(sink.most.load(Ordering::Relaxed), 64);
}

/// Refuses the row after `left` more.
struct Refuses {
    left: usize,
}

impl RowSink for Refuses {
    fn row(&mut self, _: &Row<'_>) -> Result<()> {
        if self.left == 0 {
            return Err(Error::new(ErrorKind::Decode, "no more"));
        }
        self.left -= 1;
        Ok(())
    }
}

#[tokio::test]
async fn a_refusing_sink_ends_even_an_endless_statement() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let before = super::pid(&mut connection).await;
    let endless = "SELECT repeat('x', 1000), generate_series(1, 1000000000)";
    let query = statement(endless, vec![], Access::Read);
    let started = tokio::time::Instant::now();
    let error = connection
        .run(query, &mut Refuses { left: 3 })
        .await
        .unwrap_err();
    assert_eq!(error.detail(), "no more");
    assert!(started.elapsed() < LIMIT);
    // The cancel hits nothing that comes after.
    for _ in 0..50 {
        assert_eq!(super::pid(&mut connection).await, before);
    }

    table(&mut connection, "refusal", "id integer").await;
    let insert = "INSERT INTO refusal VALUES (1), (2) RETURNING id";
    let insert = statement(insert, vec![], Access::Write);
    let error = connection
        .run(insert, &mut Refuses { left: 1 })
        .await
        .unwrap_err();
    assert_eq!(error.outcome(), Outcome::Applied);
    let count = one(&mut connection, "SELECT count(*) FROM refusal", vec![]).await;
    assert_eq!(count.unwrap(), Value::I64(2));
}

#[tokio::test]
async fn kept_statements_are_few_and_made_anew_when_stale() {
    let Some(mut options) = server() else { return };
    options.statement_cache = 4;
    let mut connection = open(&options).await;
    for n in 0..20 {
        let sql = format!("SELECT {n} AS n");
        let value = one(&mut connection, &sql, vec![]).await.unwrap();
        assert_eq!(value, Value::I64(n));
    }
    let kept = "SELECT count(*) FROM pg_prepared_statements";
    let Value::I64(kept) = one(&mut connection, kept, vec![]).await.unwrap() else {
        panic!("a count is a number");
    };
    assert!(kept <= 4, "{kept}");

    table(&mut connection, "changing", "a integer").await;
    write(&mut connection, "INSERT INTO changing VALUES (1)", vec![])
        .await
        .unwrap();
    let query = "SELECT * FROM changing";
    assert_eq!(
        rows(&mut connection, query, vec![]).await.unwrap()[0]
            .values
            .len(),
        1
    );
    // By another session: our own scripts make us forget what is kept.
    let mut other = open(&options).await;
    let add = "ALTER TABLE changing ADD COLUMN b text";
    other.run_script(add).await.unwrap();
    assert_eq!(
        rows(&mut connection, query, vec![]).await.unwrap()[0]
            .values
            .len(),
        2
    );
    connection
        .client
        .batch_execute("DEALLOCATE ALL")
        .await
        .unwrap();
    assert_eq!(
        rows(&mut connection, query, vec![]).await.unwrap()[0]
            .values
            .len(),
        2
    );

    // The types of kept parameters change with the table, seen by us or by the server.
    for (ty, value) in [
        ("uuid", Value::Uuid(uuid::Uuid::nil())),
        ("text", Value::Text("x".into())),
        ("varchar(9)", Value::Text("y".into())),
        ("date", Value::Date("2020-01-01".parse().unwrap())),
        ("bigint", Value::I64(1 << 40)),
        ("double precision", Value::F64(0.1)),
        ("numeric", Value::Decimal(rust_decimal::Decimal::MAX)),
    ] {
        other
            .script_for_test(&format!(
                "DROP TABLE IF EXISTS retyped; CREATE TABLE retyped (v {ty})"
            ))
            .await;
        let insert = "INSERT INTO retyped VALUES (?)";
        assert_eq!(
            write(&mut connection, insert, vec![value.clone()])
                .await
                .unwrap()
                .rows,
            1
        );
        let query = "SELECT v FROM retyped";
        let back = one(&mut connection, query, vec![]).await.unwrap();
        assert_eq!(back, value, "{ty}");
    }

    let drop = "ALTER TABLE changing DROP COLUMN b";
    other.run_script(drop).await.unwrap();
    connection.begin_for_test().await;
    let error = rows(&mut connection, query, vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteConflict);
    connection.rollback_for_test().await;
    assert_eq!(
        rows(&mut connection, query, vec![]).await.unwrap()[0]
            .values
            .len(),
        1
    );
}

#[tokio::test]
async fn odd_statements_are_refused_or_discarded() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    let error = connection.run_script("SELECT '\0'").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
    let error = rows(&mut connection, "SELECT '\0'", vec![])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
    let many = vec![Value::I64(1); 65_536];
    let error = rows(&mut connection, "SELECT 1", many).await.unwrap_err();
    assert_eq!(error.prisma_code(), Some("P2029"));
    assert_eq!(rows(&mut connection, "", vec![]).await.unwrap().len(), 0);
    assert!(!connection.is_broken());
    let error = write(&mut connection, "COPY pg_class TO STDOUT", vec![]).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Unknown);
    assert!(connection.is_broken());
}
