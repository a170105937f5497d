//! What is to be done, without SQL.

use mainstay::schema::Dialect;

use super::super::order::in_order;
use super::super::testing::{check, column, index, key, refers, table};
use super::*;
use crate::catalog::Generated;

#[test]
fn constraints_are_kept_renamed_or_replaced() {
    let left = [key("a", &["x"]), key("b", &["y"]), key("c", &["z"])];
    let right = [key("a", &["x"]), key("b", &["y", "x"]), key("d", &["z"])];
    let mut parts = Parts::of(constraints(&left, &right));
    assert_eq!(parts.keep, [(&left[0], &right[0])]);
    assert_eq!(
        (&parts.drop, &parts.add),
        (&vec![&left[1]], &vec![&right[1]])
    );
    assert_eq!(parts.rename, [(&left[2], &right[2])]);
    assert!(!parts.is_done());
    assert!(parts.redo(|key| key.columns == ["z"]));
    assert!(parts.rename.is_empty() && parts.drop.len() == 2);
    assert!(!parts.redo(|key| key.columns == ["nothing"]));
}

fn computed(line: &str, expression: &str) -> Column {
    let generated = Some(Generated {
        expression: expression.to_owned(),
        stored: true,
    });
    Column {
        generated,
        ..column(line)
    }
}

#[test]
fn what_depends_on_a_column_that_moves_is_made_again() {
    let mut from = table("t", &["a integer", "b integer", "n integer"]);
    from.columns.push(computed("c integer", "a + 1"));
    from.columns.push(computed("d integer", "b + 1"));
    from.checks = vec![check("ca", "a > 0"), check("cb", "b > 0")];
    from.indexes = vec![
        index("ic", &["c"]),
        index("id", &["d"]),
        index("ia", &["a"]),
    ];
    let mut to = from.clone();
    to.columns[1].ty = "bigint".to_owned();
    let mut work = TableWork::new(&from, &to);
    work.remake_columns(Dialect::Postgres, true);
    assert_eq!(work.remade_columns(), ["c"]);
    assert_eq!(work.moved_columns(), ["a", "c"]);
    work.redo_what_mentions(Dialect::Postgres, "a", false);
    work.redo_what_mentions(Dialect::Postgres, "c", true);
    assert_eq!(work.checks.drop, [&from.checks[0]]);
    assert_eq!(work.indexes.drop, [&from.indexes[0]]);
}

#[test]
fn a_stored_computed_column_becomes_a_plain_one_where_it_stands() {
    let mut from = table("t", &["a integer"]);
    from.columns.push(computed("c integer", "a + 1"));
    let mut to = from.clone();
    to.columns[2].generated = None;
    for (keeps, remade) in [(true, vec![]), (false, vec!["c"])] {
        let mut work = TableWork::new(&from, &to);
        work.remake_columns(Dialect::Postgres, keeps);
        assert_eq!(work.remade_columns(), remade);
    }
}

#[test]
fn tables_come_behind_those_they_refer_to() {
    let mut a = table("a", &["b_id bigint"]);
    a.foreign_keys.push(refers("a_b", "b_id", "b"));
    a.foreign_keys.push(refers("a_a", "b_id", "a"));
    let mut b = table("b", &["c_id bigint"]);
    b.foreign_keys.push(refers("b_c", "c_id", "c"));
    let c = table("c", &[]);
    let names = |tables: &[&Table]| -> Vec<String> {
        tables.iter().map(|table| table.name.clone()).collect()
    };
    let (tables, circles) = in_order(&[&a, &b, &c]);
    assert_eq!(names(&tables), ["c", "b", "a"]);
    assert!(circles.is_empty());

    let mut c = c;
    c.foreign_keys.push(refers("c_a", "id", "a"));
    let (tables, circles) = in_order(&[&a, &b, &c]);
    assert_eq!(tables.len(), 3);
    assert_eq!(circles.len(), 1);
}

#[test]
fn partitions_come_behind_what_they_are_part_of() {
    let mut part = table("a_2020", &[]);
    part.options
        .push("PARTITION OF z FOR VALUES IN (1)".to_owned());
    let whole = table("z", &[]);
    let (tables, _) = in_order(&[&part, &whole]);
    assert_eq!(tables, [&whole, &part]);
}
