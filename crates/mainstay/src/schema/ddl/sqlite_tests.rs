//! The SQLite statements, tried on SQLite.
#![cfg(feature = "sqlite")]

use rusqlite::{Connection, params};

use super::create_all;
use super::tests::{Goal, Owner};
use crate::schema::{Dialect, Schema};

fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = ON")
        .unwrap();
    let schema = Schema::new().with::<Owner>().with::<Goal>();
    for statement in create_all(Dialect::Sqlite, &schema).unwrap() {
        connection.execute(&statement, []).unwrap();
    }
    connection
        .execute("INSERT INTO owners DEFAULT VALUES", [])
        .unwrap();
    connection
}

/// Inserts a goal with one more column set; the error in words, if any.
fn insert(connection: &Connection, column: &str, value: &str) -> Option<String> {
    let sql = format!(
        "INSERT INTO goals (id, owner_id, title, day, created_at, {column}) \
         VALUES (?1, 1, ?1, '2024-01-01', '2024-01-01T00:00:00.000000Z', {value})"
    );
    connection
        .execute(&sql, params![format!("{column} {value}")])
        .err()
        .map(|error| error.to_string())
}

#[test]
fn defaults_are_stored() {
    let connection = database();
    assert_eq!(insert(&connection, "notes", "NULL"), None);
    let row: (String, bool, i32, i64, f64, i64, String) = connection
        .query_row(
            "SELECT status, active, weight, total, ratio, price, settings FROM goals",
            [],
            |row| row.try_into(),
        )
        .unwrap();
    let expected = ("open".to_owned(), true, -1, 0, 0.5, 150, "{}".to_owned());
    assert_eq!(row, expected);
    let owner: (i64, String) = connection
        .query_row("SELECT id, name FROM owners", [], |row| row.try_into())
        .unwrap();
    assert_eq!(owner, (1, "it's a \\".to_owned()));
}

#[test]
fn type_checks_refuse_what_other_engines_would() {
    let connection = database();
    for (column, bad, good) in [
        ("active", "2", "0"),
        ("weight", "2147483648", "-2147483648"),
        ("price", "10000000000", "9999999999"),
        ("price", "-10000000000", "-9999999999"),
        ("status", "'closed'", "'in_progress'"),
        ("settings", "'{'", "'[1]'"),
        ("story", "printf('%.9001c', 'é')", "printf('%.9000c', 'é')"),
    ] {
        let error = insert(&connection, column, bad).unwrap();
        assert!(
            error.contains(&format!("CHECK constraint failed: goals_{column}_check")),
            "{error}"
        );
        assert_eq!(insert(&connection, column, good), None, "{column}");
    }
    assert!(
        insert(&connection, "total", "'many'")
            .unwrap()
            .contains("cannot store TEXT value in INTEGER column")
    );
}

#[test]
fn named_constraints_refuse_and_cascade() {
    let connection = database();
    let error = insert(&connection, "weight", "101").unwrap();
    assert!(error.contains("goals_span_check"), "{error}");
    assert_eq!(insert(&connection, "total", "1"), None);
    let error = insert(&connection, "total", "1").unwrap();
    assert!(error.contains("UNIQUE constraint failed"), "{error}");
    let error = insert(&connection, "parent_id", "'nobody'").unwrap();
    assert!(error.contains("FOREIGN KEY constraint failed"), "{error}");

    // A child keeps living without its parent; goals go with their owner.
    assert_eq!(insert(&connection, "parent_id", "'total 1'"), None);
    connection
        .execute("DELETE FROM goals WHERE id = 'total 1'", [])
        .unwrap();
    let orphans = "SELECT count(*) FROM goals WHERE parent_id IS NULL";
    let count: i64 = connection.query_row(orphans, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
    connection.execute("DELETE FROM owners", []).unwrap();
    let count: i64 = connection
        .query_row("SELECT count(*) FROM goals", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 0);
}

#[test]
fn identities_are_not_used_again() {
    let connection = database();
    connection.execute("DELETE FROM owners", []).unwrap();
    connection
        .execute("INSERT INTO owners DEFAULT VALUES", [])
        .unwrap();
    assert_eq!(connection.last_insert_rowid(), 2);
}
