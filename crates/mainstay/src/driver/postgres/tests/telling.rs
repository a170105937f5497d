//! Statements whose rows tell the id of their transaction.

use super::witness::is_known;
use super::{one, open, server, table};
use crate::Value;
use crate::driver::contract::Connection;
use crate::driver::postgres::connection::PostgresConnection;
use crate::driver::row::Collect;
use crate::driver::statement::{Access, Statement, Tail};
use crate::error::{ErrorKind, Result};
use crate::value::{OwnedRow, Row};

/// How often sessions of this test have asked for the id by a question of its own.
async fn questions(connection: &mut PostgresConnection) -> Value {
    let sql = "SELECT sum(generic_plans + custom_plans)::int8 FROM pg_prepared_statements \
               WHERE statement LIKE 'SELECT pg_catalog.pg_current_xact_id_if_assigned()%'";
    one(connection, sql, vec![]).await.unwrap()
}

/// Runs a write, and returns how many rows it concerned and those it returned.
async fn run(
    connection: &mut PostgresConnection,
    sql: &str,
    tail: Tail,
) -> Result<(u64, Vec<OwnedRow>)> {
    let statement = Statement::new(sql, vec![], Access::Write).ending_with(tail);
    let mut found = Collect::new(|row: &Row<'_>| row.to_owned());
    let done = connection.run(statement, &mut found).await?;
    Ok((done.rows, found.items))
}

#[tokio::test]
async fn rows_tell_the_id_and_callers_do_not_see_it() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "told_rows", "id integer, note text").await;
    let insert = "INSERT INTO told_rows VALUES (1, 'a'), (2, 'b') RETURNING id, note";
    let update = "UPDATE told_rows SET note = 'c' WHERE id = 1";
    for _ in 0..2 {
        connection.begin_for_test().await;
        let (count, rows) = run(&mut connection, insert, Tail::Returning).await.unwrap();
        let names: Vec<_> = rows.iter().map(|row| row.names.to_vec()).collect();
        assert_eq!((count, names.len(), names[0].len()), (2, 2, 2), "{names:?}");
        assert_eq!(rows[1].values, [Value::I64(2), Value::Text("b".into())]);
        is_known(&mut connection).await;
        connection.rollback_for_test().await;
    }
    run(&mut connection, insert, Tail::Returning).await.unwrap();
    for _ in 0..2 {
        connection.begin_for_test().await;
        let done = run(&mut connection, update, Tail::OneRow).await.unwrap();
        assert_eq!((done.0, done.1.len()), (1, 0));
        is_known(&mut connection).await;
        connection.commit().await.unwrap();
    }
    assert_eq!(questions(&mut connection).await, Value::I64(0));
}

#[tokio::test]
async fn what_changes_nothing_tells_nothing_and_the_next_is_asked() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "told_none", "id integer PRIMARY KEY").await;
    let delete = "DELETE FROM told_none WHERE id = 7";
    let insert = "INSERT INTO told_none VALUES (7) RETURNING id";
    connection.begin_for_test().await;
    let done = run(&mut connection, delete, Tail::OneRow).await.unwrap();
    assert_eq!(done.0, 0);
    assert!(connection.witness().is_none());
    run(&mut connection, insert, Tail::Returning).await.unwrap();
    is_known(&mut connection).await;
    connection.commit().await.unwrap();
    // One that fails tells nothing, and its error is its own.
    connection.begin_for_test().await;
    let refused = run(&mut connection, insert, Tail::Returning).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Duplicate);
    assert!(connection.witness().is_none());
    connection.rollback_for_test().await;
}

/// A view with rules cannot return rows. That must not show.
#[tokio::test]
async fn what_cannot_return_rows_is_asked_behind() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "told_base", "id integer, note text").await;
    connection
        .script_for_test(
            "CREATE VIEW told_view AS SELECT * FROM told_base; \
             CREATE RULE changed AS ON UPDATE TO told_view DO INSTEAD \
             UPDATE told_base SET note = NEW.note WHERE id = OLD.id; \
             INSERT INTO told_base VALUES (1, 'a')",
        )
        .await;
    let update = "UPDATE told_view SET note = 'b' WHERE id = 1";
    let select = "SELECT note FROM told_base";
    for first in [true, false, true] {
        connection.begin_for_test().await;
        if !first {
            one(&mut connection, select, vec![]).await.unwrap();
        }
        let done = run(&mut connection, update, Tail::OneRow).await.unwrap();
        assert_eq!(done.0, 1, "first: {first}");
        is_known(&mut connection).await;
        connection.commit().await.unwrap();
    }
    let note = one(&mut connection, select, vec![]).await.unwrap();
    assert_eq!(note, Value::Text("b".into()));
    assert_eq!(questions(&mut connection).await, Value::I64(3));
}

/// A text that is prepared first when the transaction has begun could spoil it.
#[tokio::test]
async fn a_transaction_that_has_begun_is_not_put_at_risk() {
    let Some(options) = server() else { return };
    let mut connection = open(&options).await;
    table(&mut connection, "told_late", "id integer").await;
    connection
        .script_for_test("INSERT INTO told_late VALUES (1)")
        .await;
    let update = "UPDATE told_late SET id = 1 WHERE id = 1";
    for (first, asked) in [(false, 1), (true, 1), (false, 1)] {
        connection.begin_for_test().await;
        if !first {
            let select = "SELECT id FROM told_late";
            one(&mut connection, select, vec![]).await.unwrap();
        }
        run(&mut connection, update, Tail::OneRow).await.unwrap();
        is_known(&mut connection).await;
        connection.commit().await.unwrap();
        // Once it is kept, it is no risk.
        assert_eq!(questions(&mut connection).await, Value::I64(asked));
    }
}
