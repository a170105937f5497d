use super::super::tests::{TABLE, on};
use super::*;
use crate::schema::Dialect;

#[test]
fn several_keys_are_one_list() {
    for dialect in Dialect::ALL {
        on(dialect, |table| {
            for _ in 0..2 {
                let keys = vec![Value::I64(1), Value::I64(2), Value::I64(2)];
                let statement = table.select_by_keys(0, keys.clone()).unwrap();
                assert_eq!(statement.values, keys);
                let list = &statement.sql[statement.sql.find(" IN ").unwrap()..];
                assert_eq!(list.matches([',', '(']).count(), 3, "{list}");
            }
        });
    }
}

#[test]
fn several_rows_come_back_and_duplicates_are_passed_over_where_the_engine_can() {
    for dialect in Dialect::ALL {
        on(dialect, |table| {
            let row = |number| {
                let mut row = vec![Value::Null; TABLE.columns.len()];
                row[0] = Value::I64(number);
                row
            };
            for _ in 0..2 {
                let statement = table.insert_rows(vec![row(1), row(2)]).unwrap();
                assert_eq!(statement.values, [row(1), row(2)].concat());
                assert!(statement.sql.contains(" RETURNING "), "{}", statement.sql);
                assert_eq!(
                    statement.sql.contains(" ON CONFLICT DO NOTHING RETURNING "),
                    table.capabilities.insert_skips_duplicates,
                    "{}",
                    statement.sql
                );
            }
        });
    }
}
