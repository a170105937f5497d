use mainstay::schema::Dialect::{self, MariaDb, Postgres, Sqlite};

use super::super::reading::read;
use super::*;

fn understood(dialect: Dialect, text: &str) -> Condition {
    read(dialect, text).unwrap_or_else(|| panic!("not understood: {text}"))
}

fn allows(condition: &Condition, row: &[(&str, Value)]) -> bool {
    condition.allows(&|name| {
        let found = row.iter().find(|(column, _)| *column == name);
        found.map(|(_, value)| value.clone())
    })
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn a_list_of_words_is_read_from_every_engine() {
    for (dialect, sql) in [
        (Sqlite, "\"status\" IN ('active', 'done')"),
        (MariaDb, "`status` in ('active','done')"),
        (
            Postgres,
            "status = ANY (ARRAY['active'::text, 'done'::text])",
        ),
        (
            Postgres,
            "((status)::text = ANY ((ARRAY['active'::character varying, \
             'done'::character varying])::text[]))",
        ),
        (Sqlite, "status IS NULL OR status IN ('active', 'done')"),
    ] {
        let condition = understood(dialect, sql);
        assert_eq!(
            condition.words("status"),
            Some(vec!["active".to_owned(), "done".to_owned()]),
            "{sql}"
        );
        assert!(allows(&condition, &[("status", text("done"))]), "{sql}");
        assert!(!allows(&condition, &[("status", text("gone"))]), "{sql}");
        assert!(allows(&condition, &[("status", Value::Null)]), "{sql}");
    }
}

#[test]
fn ranges_bound_a_number() {
    for (dialect, sql, bounds) in [
        (Sqlite, "a >= 0 AND a <= 9", (Some(0), Some(9))),
        (Sqlite, "\"a\" BETWEEN -5 AND 5", (Some(-5), Some(5))),
        (Postgres, "((a > 0) AND (10 > a))", (Some(1), Some(9))),
        (
            Postgres,
            "(a >= '-2147483648'::integer)",
            (Some(-2_147_483_648), None),
        ),
        (MariaDb, "`a` in (0,1)", (Some(0), Some(1))),
        (MariaDb, "`a` >= 0 or `a` = -9", (None, None)),
        (Sqlite, "b >= 0", (None, None)),
    ] {
        assert_eq!(understood(dialect, sql).bounds("a"), bounds, "{sql}");
    }
    let length = understood(Postgres, "char_length((a)::text) <= 20");
    assert_eq!(length.longest("a"), Some(20));
    assert!(!allows(&length, &[("a", text("123456789012345678901"))]));
}

#[test]
fn columns_are_held_against_each_other() {
    let sql = "((status = 'done'::text) AND (at IS NOT NULL)) OR ((status <> 'done'::text) AND \
               (at IS NULL))";
    let condition = understood(Postgres, sql);
    let done = ("status", text("done"));
    let open = ("status", text("open"));
    let at = ("at", text("2026-01-01"));
    let never = ("at", Value::Null);
    assert!(allows(&condition, &[done.clone(), at.clone()]));
    assert!(!allows(&condition, &[done, never.clone()]));
    assert!(allows(&condition, &[open.clone(), never]));
    assert!(!allows(&condition, &[open, at]));

    let condition = understood(Sqlite, "value >= 0 AND value <= max_value");
    let row = |value, max| [("value", Value::I64(value)), ("max_value", Value::I64(max))];
    assert!(allows(&condition, &row(5, 5)));
    assert!(!allows(&condition, &row(6, 5)));
    assert!(!allows(&condition, &row(-1, 5)));
}

#[test]
fn what_is_not_known_holds() {
    let json = understood(Sqlite, "json_valid(\"a\")");
    assert!(allows(&json, &[("a", text("{"))]));
    assert!(json.wants_json("a") && !json.wants_json("b"));
    let nullable = understood(MariaDb, "`a` is null or json_valid(`a`)");
    assert!(nullable.wants_json("a"));
    let mixed = understood(Sqlite, "json_valid(a) AND b > 1");
    assert!(!allows(&mixed, &[("b", Value::I64(1))]));
    assert!(allows(&mixed, &[("b", Value::I64(2))]));
    let sum = understood(Postgres, "((a + b) > 3)");
    assert!(allows(&sum, &[("a", Value::I64(1)), ("b", Value::I64(1))]));
    let pattern = understood(Postgres, "(a ~ '^x'::text)");
    assert!(allows(&pattern, &[("a", text("y"))]));
    for sql in ["CASE WHEN a THEN 1 END", "a >", "(a", "a = 1 b"] {
        assert_eq!(read(Sqlite, sql), None, "{sql}");
    }
}

#[test]
fn truth_values_and_negations() {
    let flag = understood(Postgres, "NOT hidden OR price > 1.5");
    assert!(allows(&flag, &[("hidden", Value::Bool(false))]));
    let row = [("hidden", Value::Bool(true)), ("price", Value::F64(1.5))];
    assert!(!allows(&flag, &row));
    let outside = understood(Sqlite, "a NOT IN (1, 2) AND a NOT BETWEEN 5 AND 6");
    for (number, allowed) in [(1, false), (3, true), (5, false), (7, true)] {
        assert_eq!(allows(&outside, &[("a", Value::I64(number))]), allowed);
    }
    let none = understood(Postgres, "(a <> ALL (ARRAY['x'::text]))");
    assert!(!allows(&none, &[("a", text("x"))]));
    assert!(allows(&none, &[("a", text("y"))]));
}
