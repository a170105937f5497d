use super::super::tests::{TABLE, on};
use super::*;
use crate::schema::Dialect;

const KEY: Value = Value::I64(7);

fn set(column: usize, value: impl Into<String>) -> Assignment {
    Assignment::set(column, Value::Text(value.into()))
}

fn add(column: usize, by: i64) -> Assignment {
    Assignment {
        column,
        change: Change::Add(Value::I64(by)),
    }
}

#[test]
fn a_kept_text_is_the_same_as_one_written_anew() {
    for dialect in Dialect::ALL {
        on(dialect, |table| {
            let mut selection = Selection::whole(&TABLE);
            selection.condition = Some(table.key_condition(vec![KEY]));
            let anew = table.select(&selection).unwrap();
            for _ in 0..2 {
                let kept = table.select_by_key(vec![KEY]).unwrap();
                assert_eq!((&kept.sql, &kept.values), (&anew.sql, &anew.values));
            }
            for _ in 0..2 {
                let kept = table.exists_by_key(vec![KEY]).unwrap();
                let places = kept.sql.matches(['?', '$']).count();
                assert_eq!((places, &*kept.values), (1, &[KEY][..]), "{}", kept.sql);
            }
            let condition = table.key_condition(vec![KEY]);
            let anew = table.delete(Some(&condition), false).unwrap();
            for _ in 0..2 {
                let kept = table.delete_by_key(vec![KEY], false).unwrap();
                assert_eq!((&kept.sql, &kept.values), (&anew.sql, &anew.values));
            }
        });
    }
}

#[test]
fn the_tail_says_what_a_text_ends_with() {
    on(Dialect::Postgres, |table| {
        let equal = |column, value| Condition::Compare {
            column,
            comparison: Comparison::Equal,
            value,
        };
        let note = || Value::Text("a".into());
        let by_key = || table.key_condition(vec![KEY]);
        let both = Condition::All(vec![equal(0, KEY), equal(1, note())]);
        let change = [set(1, "b")];
        let update = |condition: &Condition| table.update_where(&change, condition).unwrap();
        let delete = |condition: &Condition| table.delete_where(condition).unwrap();
        for returning in [true, false] {
            let expected = match returning {
                true => Tail::Returning,
                false => Tail::OneRow,
            };
            for statement in [
                table.insert_row(&[0, 1], vec![KEY, note()], returning),
                table.update_by_key(&change, vec![KEY], None, returning),
                table.delete_by_key(vec![KEY], returning),
            ] {
                let statement = statement.unwrap();
                assert_eq!(statement.tail, expected, "{}", statement.sql);
                assert_eq!(statement.sql.contains(" RETURNING "), returning);
            }
        }
        for one_row in [update(&by_key()), update(&both), delete(&by_key())] {
            assert_eq!(one_row.tail, Tail::OneRow, "{}", one_row.sql);
        }
        for any in [update(&equal(1, note())), delete(&equal(1, note()))] {
            assert_eq!(any.tail, Tail::Other, "{}", any.sql);
        }
    });
}

#[test]
fn values_belong_to_the_call_and_texts_to_the_shape() {
    on(Dialect::Postgres, |table| {
        let insert =
            |columns: &[usize], row: Vec<Value>| table.insert_row(columns, row, true).unwrap();
        let first = insert(&[0, 1], vec![KEY, Value::Text("a".into())]);
        let second = insert(&[0, 1], vec![Value::I64(8), Value::Text("b".into())]);
        assert!(Arc::ptr_eq(&first.sql, &second.sql));
        assert_eq!(second.values, [Value::I64(8), Value::Text("b".into())]);
        let other = insert(&[0], vec![KEY]);
        assert_ne!(first.sql, other.sql);
        let without = table.insert_row(&[0], vec![KEY], false).unwrap();
        assert_ne!(without.sql, other.sql);
        // Out of the table's order there is no shape, and no mistake.
        let turned = insert(&[1, 0], vec![Value::Text("a".into()), KEY]);
        assert_eq!(turned.values, [Value::Text("a".into()), KEY]);
        assert!(turned.sql.contains(r#"("name", "id")"#), "{}", turned.sql);
    });
}

#[test]
fn an_update_sets_in_the_order_of_the_table_whatever_order_is_given() {
    on(Dialect::Sqlite, |table| {
        let update = |assignments: &[Assignment]| {
            table
                .update_by_key(assignments, vec![KEY], None, false)
                .unwrap()
        };
        let one = update(&[set(1, "a"), add(2, 5)]);
        let two = update(&[add(2, 6), set(1, "b")]);
        assert!(Arc::ptr_eq(&one.sql, &two.sql));
        assert_eq!(
            &*two.sql,
            r#"UPDATE "things" SET "name" = ?, "price" = "price" + ? WHERE "id" = ?"#
        );
        assert_eq!(
            two.values,
            [Value::Text("b".into()), Value::I64(6), Value::I64(7)]
        );
        let set_instead = update(&[set(1, "a"), Assignment::set(2, Value::I64(5))]);
        assert_ne!(set_instead.sql, one.sql);
    });
}

fn is(column: usize, value: Value) -> Condition {
    Condition::Compare {
        column,
        comparison: Comparison::Equal,
        value,
    }
}

#[test]
fn filters_for_given_values_are_one_text_for_each_choice_of_columns() {
    for dialect in Dialect::ALL {
        on(dialect, |table| {
            let both = Condition::All(vec![is(0, KEY), is(1, Value::Text("a".into()))]);
            let change = [add(2, 5), set(1, "b")];
            for condition in [is(0, KEY), both] {
                let anew = table.delete(Some(&condition), false).unwrap();
                let kept = table.delete_where(&condition).unwrap();
                let again = table.delete_where(&condition).unwrap();
                assert_eq!((&kept.sql, &kept.values), (&anew.sql, &anew.values));
                assert!(Arc::ptr_eq(&kept.sql, &again.sql));
                let in_order = [set(1, "b"), add(2, 5)];
                let anew = table.update(&in_order, Some(&condition), false).unwrap();
                let kept = table.update_where(&change, &condition).unwrap();
                let again = table.update_where(&in_order, &condition).unwrap();
                assert_eq!((&kept.sql, &kept.values), (&anew.sql, &anew.values));
                assert!(Arc::ptr_eq(&kept.sql, &again.sql));
            }
            let turned = Condition::All(vec![is(1, Value::Text("a".into())), is(0, KEY)]);
            let turned = table.delete_where(&turned).unwrap();
            assert_eq!(turned.values.len(), 2);
            assert_eq!(turned.values[1], Value::Text("a".into()));
        });
    }
}

#[test]
fn other_filters_have_texts_of_their_own() {
    on(Dialect::Sqlite, |table| {
        let not_equal = Condition::Compare {
            column: 0,
            comparison: Comparison::NotEqual,
            value: KEY,
        };
        let kept = table.delete_where(&is(0, KEY)).unwrap();
        for other in [
            not_equal.clone(),
            Condition::All(Vec::new()),
            Condition::Any(vec![is(0, KEY), is(0, Value::I64(8))]),
            Condition::All(vec![is(0, KEY), is(0, Value::I64(8))]),
            Condition::All(vec![is(0, KEY), not_equal]),
            Condition::Not(Box::new(is(0, KEY))),
            is(1, Value::Text("a".into())),
        ] {
            let anew = table.delete(Some(&other), false).unwrap();
            let given = table.delete_where(&other).unwrap();
            assert_eq!((&given.sql, &given.values), (&anew.sql, &anew.values));
            assert_ne!(given.sql, kept.sql);
        }
    });
}

#[test]
fn a_key_that_no_engine_may_be_given_is_refused_also_when_the_text_is_kept() {
    on(Dialect::Sqlite, |table| {
        assert!(table.select_by_key(vec![KEY]).is_ok());
        let refused = table.select_by_key(vec![Value::Text("7".into())]);
        assert!(refused.is_err());
        assert!(table.delete_where(&is(0, KEY)).is_ok());
        assert!(table.delete_where(&is(0, Value::Text("7".into()))).is_err());
    });
}
