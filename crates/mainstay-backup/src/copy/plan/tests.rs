//! Plans from catalogs made by hand.

use mainstay::schema::Dialect;
use mainstay_migrate::catalog::{Generated, Identity, Key, Trigger};

use super::*;

fn column(name: &str, ty: &str) -> Column {
    Column {
        name: name.to_owned(),
        ty: ty.to_owned(),
        collation: None,
        nullable: true,
        default: None,
        identity: None,
        generated: None,
        on_update: None,
        comment: None,
    }
}

fn table(name: &str, columns: &[(&str, &str)]) -> Table {
    Table {
        name: name.to_owned(),
        columns: columns.iter().map(|(name, ty)| column(name, ty)).collect(),
        primary_key: Some(Key {
            name: None,
            columns: vec!["id".to_owned()],
            options: Vec::new(),
        }),
        uniques: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        triggers: Vec::new(),
        options: Vec::new(),
        comment: None,
    }
}

fn refers(mut table: Table, column: &str, to: &str) -> Table {
    table.foreign_keys.push(ForeignKey {
        name: None,
        columns: vec![column.to_owned()],
        references: to.to_owned(),
        referenced_columns: vec!["id".to_owned()],
        on_delete: "NO ACTION".to_owned(),
        on_update: "NO ACTION".to_owned(),
        options: Vec::new(),
    });
    table
}

fn catalog(dialect: Dialect, tables: Vec<Table>) -> Catalog {
    Catalog {
        tables,
        ..Catalog::empty(dialect)
    }
}

fn types(plan: &Plan) -> Vec<ColumnType> {
    let tables = plan.tables();
    tables
        .flat_map(|table| table.model.columns.iter().map(|column| column.ty))
        .collect()
}

#[test]
fn types_follow_from_both_sides() {
    let sqlite = [
        ("id", "TEXT"),
        ("flag", "INTEGER"),
        ("price", "INTEGER"),
        ("seen", "TEXT"),
        ("about", "TEXT"),
        ("small", "INTEGER"),
    ];
    let postgres = [
        ("id", "uuid"),
        ("flag", "boolean"),
        ("price", "numeric(10,2)"),
        ("seen", "timestamp(6) with time zone"),
        ("about", "jsonb"),
        ("small", "integer"),
    ];
    let maria = [
        ("id", "binary(16)"),
        ("flag", "tinyint(1)"),
        ("price", "decimal(10,2)"),
        ("seen", "datetime(6)"),
        ("about", "json"),
        ("small", "int(11)"),
    ];
    let of = |dialect, columns: &[(&str, &str)]| catalog(dialect, vec![table("t", columns)]);
    let all = [
        of(Dialect::Sqlite, &sqlite),
        of(Dialect::Postgres, &postgres),
        of(Dialect::MariaDb, &maria),
    ];
    let price = ColumnType::Decimal {
        precision: 10,
        scale: 2,
    };
    for (from, to) in [(0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0)] {
        let found = plan(&all[from], &all[to], &Schema::new(), &[]).unwrap();
        // Between SQLite and MariaDB nothing says that a small number is a truth value.
        let flag = if from + to == 2 {
            ColumnType::I32
        } else {
            ColumnType::Bool
        };
        let expected = [
            ColumnType::Uuid,
            flag,
            price,
            ColumnType::Instant,
            ColumnType::Json,
            ColumnType::I32,
        ];
        assert_eq!(types(&found), expected, "{from} to {to}");
    }
}

#[test]
fn everything_in_the_way_is_told_at_once() {
    let from = catalog(
        Dialect::Postgres,
        vec![
            table("alone", &[("id", "bigint")]),
            table(
                "t",
                &[
                    ("id", "bigint"),
                    ("span", "interval"),
                    ("gone", "text"),
                    ("at", "timestamp"),
                ],
            ),
        ],
    );
    let to = catalog(
        Dialect::MariaDb,
        vec![table(
            "t",
            &[
                ("id", "bigint(20)"),
                ("span", "varchar(9)"),
                ("new", "text"),
                ("at", "datetime"),
            ],
        )],
    );
    let found = plan(&from, &to, &Schema::new(), &["other".to_owned()]).unwrap_err();
    assert_eq!(
        found,
        [
            "table other, which is to be skipped, is not in the source",
            "table alone is not in the target",
            "t.span: interval on PostgreSQL does not go to varchar(9) on MariaDB",
            "column t.gone is not in the target",
            "t.at: timestamp on PostgreSQL does not go to datetime on MariaDB: it would drop parts \
             of a second",
            "column t.new is not in the source",
        ]
    );
    let skip = ["alone".to_owned(), "t".to_owned()];
    let found = plan(&from, &to, &Schema::new(), &skip).unwrap();
    assert!(found.groups.is_empty());
}

#[test]
fn groups_keys_and_triggers_are_those_of_the_target() {
    let here = |dialect| {
        let plain = |name| table(name, &[("id", "bigint"), ("other", "bigint")]);
        catalog(dialect, vec![plain("a"), plain("b"), plain("c")])
    };
    let from = here(Dialect::Sqlite);
    let mut to = here(Dialect::Postgres);
    to.tables[0] = refers(to.tables[0].clone(), "other", "c");
    to.tables[1] = refers(to.tables[1].clone(), "other", "b");
    to.tables[2].columns[0].identity = Some(Identity::ByDefault);
    to.tables[1].triggers.push(Trigger {
        name: "tell".to_owned(),
        definition: String::new(),
    });
    let found = plan(&from, &to, &Schema::new(), &[]).unwrap();
    let order: Vec<_> = found.tables().map(|table| table.model.name).collect();
    assert_eq!(order, ["b", "c", "a"]);
    let tables: Vec<_> = found.tables().collect();
    assert_eq!(tables[0].inside.len(), 1);
    assert_eq!((&*tables[1].made, &*tables[1].key), (&[0][..], &[0][..]));
    assert!(tables[2].inside.is_empty());
    assert_eq!(found.triggers, [("b".to_owned(), "tell".to_owned())]);
}

#[test]
fn computed_columns_are_left_out() {
    let computed = || Generated {
        expression: "1".to_owned(),
        stored: true,
    };
    let columns = [("id", "bigint"), ("sum", "bigint")];
    let mut from = catalog(Dialect::Sqlite, vec![table("t", &columns)]);
    from.tables[0].columns[1].generated = Some(computed());
    let mut to = catalog(Dialect::Postgres, vec![table("t", &columns)]);
    to.tables[0].columns[1].generated = Some(computed());
    let found = plan(&from, &to, &Schema::new(), &[]).unwrap();
    assert_eq!(types(&found), [ColumnType::I64]);
    from.tables[0].columns[1].generated = None;
    let found = plan(&from, &to, &Schema::new(), &[]).unwrap_err();
    assert_eq!(
        found,
        ["t.sum is computed in the target, and not in the source"]
    );
}
