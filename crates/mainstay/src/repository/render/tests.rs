use super::*;
use crate::database::texts::Texts;
use crate::driver::Capabilities;
use crate::schema::Dialect;
use crate::schema::filter::{Comparison, TextMatch};
use crate::schema::model::{Automatic, ColumnModel, TextForm, UniqueModel};
use crate::value::ColumnType;

const fn column(name: &'static str, ty: ColumnType, nullable: bool) -> ColumnModel {
    ColumnModel {
        name,
        field: name,
        ty,
        nullable,
        default: None,
        automatic: Automatic::No,
        form: TextForm::Line,
        rules: &[],
    }
}

const TEXT: ColumnType = ColumnType::Text { max: Some(50) };

pub(super) static TABLE: TableModel = TableModel {
    name: "things",
    columns: &[
        column("id", ColumnType::I64, false),
        column("name", TEXT, true),
        column(
            "price",
            ColumnType::Decimal {
                precision: 10,
                scale: 2,
            },
            false,
        ),
        column(
            "huge",
            ColumnType::Decimal {
                precision: 28,
                scale: 2,
            },
            false,
        ),
    ],
    primary_key: &[0],
    uniques: &[UniqueModel {
        name: "things_name_key",
        columns: &["name"],
    }],
    indexes: &[],
    foreign_keys: &[],
    checks: &[],
};

pub(super) fn on<T>(dialect: Dialect, work: impl FnOnce(Table<'_>) -> T) -> T {
    let capabilities = Capabilities::of(dialect);
    work(Table {
        texts: &Texts::default(),
        model: &TABLE,
        dialect,
        capabilities: &capabilities,
    })
}

fn compare(column: usize, comparison: Comparison, value: Value) -> Condition {
    Condition::Compare {
        column,
        comparison,
        value,
    }
}

fn sql(dialect: Dialect, selection: &Selection) -> (String, Vec<Value>) {
    let statement = on(dialect, |table| table.select(selection)).unwrap();
    (statement.sql.to_string(), statement.values)
}

#[test]
fn a_read_by_key_is_the_same_everywhere_but_for_quotes_and_placeholders() {
    let mut selection = Selection::whole(&TABLE);
    selection.condition = Some(compare(0, Comparison::Equal, Value::I64(7)));
    assert_eq!(
        sql(Dialect::Postgres, &selection),
        (
            r#"SELECT "id", "name", "price", "huge" FROM "things" WHERE "id" = $1"#.to_owned(),
            vec![Value::I64(7)]
        )
    );
    assert_eq!(
        sql(Dialect::MariaDb, &selection).0,
        "SELECT `id`, `name`, `price`, `huge` FROM `things` WHERE `id` = ?"
    );
    assert_eq!(
        sql(Dialect::Sqlite, &selection).0,
        r#"SELECT "id", "name", "price", "huge" FROM "things" WHERE "id" = ?"#
    );
}

#[test]
fn nulls_are_smallest_on_every_engine() {
    let mut selection = Selection::whole(&TABLE);
    selection.columns = vec![0];
    selection.order = vec![
        By {
            column: 1,
            descending: true,
        },
        By {
            column: 0,
            descending: false,
        },
    ];
    assert_eq!(
        sql(Dialect::Postgres, &selection).0,
        r#"SELECT "id" FROM "things" ORDER BY "name" DESC NULLS LAST, "id" ASC"#
    );
    assert_eq!(
        sql(Dialect::Sqlite, &selection).0,
        r#"SELECT "id" FROM "things" ORDER BY "name" DESC, "id" ASC"#
    );
}

#[test]
fn values_are_bound_in_stored_form() {
    let price = Value::Decimal("1.5".parse().unwrap());
    let mut selection = Selection::whole(&TABLE);
    selection.columns = vec![0];
    selection.condition = Some(compare(2, Comparison::Greater, price.clone()));
    assert_eq!(sql(Dialect::Sqlite, &selection).1, [Value::I64(150)]);
    assert_eq!(sql(Dialect::Postgres, &selection).1, [price]);
}

#[test]
fn what_is_stored_without_order_is_not_ordered_by() {
    let mut selection = Selection::whole(&TABLE);
    selection.order = vec![By {
        column: 3,
        descending: false,
    }];
    let refused = on(Dialect::Sqlite, |table| table.select(&selection)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(on(Dialect::Postgres, |table| table.select(&selection)).is_ok());
    selection.order.clear();
    selection.condition = Some(compare(
        3,
        Comparison::Less,
        Value::Decimal(rust_decimal::Decimal::ONE),
    ));
    assert!(on(Dialect::Sqlite, |table| table.select(&selection)).is_err());
}

#[test]
fn an_offset_without_a_limit_gets_one() {
    let mut selection = Selection::whole(&TABLE);
    selection.columns = vec![0];
    selection.skip = Some(5);
    assert_eq!(
        sql(Dialect::MariaDb, &selection),
        (
            "SELECT `id` FROM `things` LIMIT ? OFFSET ?".to_owned(),
            vec![Value::I64(i64::MAX), Value::I64(5)]
        )
    );
}

#[test]
fn empty_lists_and_empty_groups_are_constants() {
    let cases = [
        (Condition::All(vec![]), "1 = 1"),
        (Condition::Any(vec![]), "1 = 0"),
        (
            Condition::In {
                column: 0,
                values: vec![],
                negated: false,
            },
            "1 = 0",
        ),
        (
            Condition::In {
                column: 0,
                values: vec![],
                negated: true,
            },
            "1 = 1",
        ),
    ];
    for (condition, expected) in cases {
        let statement = on(Dialect::Sqlite, |table| table.count(Some(&condition))).unwrap();
        assert_eq!(
            &*statement.sql,
            format!(r#"SELECT COUNT(*) FROM "things" WHERE {expected}"#)
        );
    }
}

#[test]
fn nested_conditions_keep_their_brackets() {
    let one = || compare(0, Comparison::Equal, Value::I64(1));
    let condition = Condition::All(vec![
        Condition::Any(vec![
            one(),
            Condition::IsNull {
                column: 1,
                negated: false,
            },
        ]),
        Condition::Not(Box::new(Condition::All(vec![one(), one()]))),
    ]);
    let statement = on(Dialect::Sqlite, |table| table.count(Some(&condition))).unwrap();
    assert_eq!(
        &*statement.sql,
        r#"SELECT COUNT(*) FROM "things" WHERE ("id" = ? OR "name" IS NULL) AND (NOT ("id" = ? AND "id" = ?))"#
    );
}

#[test]
fn text_matches_have_no_wildcards() {
    let matching = |matching| Condition::Text {
        column: 1,
        matching,
        text: "5%".to_owned(),
    };
    let text = |dialect, how| {
        let condition = matching(how);
        let statement = on(dialect, |table| table.count(Some(&condition))).unwrap();
        let (_, condition) = statement.sql.split_once("WHERE ").unwrap();
        (condition.to_owned(), statement.values)
    };
    let five = || Value::Text("5%".to_owned());
    assert_eq!(
        text(Dialect::Postgres, TextMatch::Contains),
        (
            r#"strpos("name", $1) > $2"#.to_owned(),
            vec![five(), Value::I32(0)]
        )
    );
    assert_eq!(
        text(Dialect::Sqlite, TextMatch::StartsWith),
        (
            r#""name" >= ? AND "name" < ?"#.to_owned(),
            vec![five(), Value::Text("5&".to_owned())]
        )
    );
    assert_eq!(
        text(Dialect::Sqlite, TextMatch::EndsWith),
        (
            r#"substr("name", ?) = ?"#.to_owned(),
            vec![Value::I64(-2), five()]
        )
    );
}

#[test]
fn writes_return_the_row_where_the_engine_can() {
    let row = || vec![vec![Value::I64(1), Value::Null]];
    let insert = |dialect, returning| {
        let statement = on(dialect, |table| table.insert(&[0, 1], row(), returning)).unwrap();
        statement.sql.to_string()
    };
    assert_eq!(
        insert(Dialect::MariaDb, true),
        "INSERT INTO `things` (`id`, `name`) VALUES (?, ?) RETURNING `id`, `name`, `price`, `huge`"
    );
    assert_eq!(
        insert(Dialect::MySql, false),
        "INSERT INTO `things` (`id`, `name`) VALUES (?, ?)"
    );
    let add = [Assignment {
        column: 0,
        change: Change::Add(Value::I64(2)),
    }];
    let update = on(Dialect::Postgres, |table| {
        table.update(
            &add,
            Some(&compare(0, Comparison::Equal, Value::I64(1))),
            false,
        )
    })
    .unwrap();
    assert_eq!(
        &*update.sql,
        r#"UPDATE "things" SET "id" = "id" + $1 WHERE "id" = $2"#
    );
    assert_eq!(update.access, Access::Write);
    assert_eq!(update.table, Some("things"));
}

#[test]
fn an_upsert_names_its_key_where_the_engine_takes_it() {
    let upsert = |dialect| {
        let values = vec![Value::I64(1), Value::Text("a".into())];
        let statement = on(dialect, |table| table.upsert(&[0, 1], values, &[0], &[1])).unwrap();
        statement.sql.to_string()
    };
    assert_eq!(
        upsert(Dialect::Sqlite),
        "INSERT INTO \"things\" (\"id\", \"name\") VALUES (?, ?) ON CONFLICT (\"id\") DO UPDATE \
         SET \"name\" = \"excluded\".\"name\" RETURNING \"id\", \"name\", \"price\", \"huge\""
    );
    assert_eq!(
        upsert(Dialect::MariaDb),
        "INSERT INTO `things` (`id`, `name`) VALUES (?, ?) ON DUPLICATE KEY UPDATE \
         `name` = VALUES(`name`)"
    );
}

#[test]
fn a_locking_read_is_a_write_for_the_connection() {
    let mut selection = Selection::whole(&TABLE);
    selection.columns = vec![0];
    selection.for_update = true;
    let postgres = on(Dialect::Postgres, |table| table.select(&selection)).unwrap();
    assert!(postgres.sql.ends_with("FOR UPDATE"));
    let sqlite = on(Dialect::Sqlite, |table| table.select(&selection)).unwrap();
    assert!(!sqlite.sql.contains("FOR UPDATE"));
    assert_eq!(sqlite.access, Access::Write);
}
