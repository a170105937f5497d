//! The statements of one rich table in the four dialects, and what is refused.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{create_all, create_table, drop_table};
use crate::schema::{Dialect, Schema};
use crate::{Entity, ErrorKind, TextEnum};

#[derive(Debug, Clone, Copy, PartialEq, TextEnum)]
pub(super) enum Status {
    Open,
    InProgress,
    Done,
}

#[derive(Debug, Clone, Entity)]
pub(super) struct Owner {
    #[entity(key, auto)]
    id: i64,
    #[entity(unique, max = 100, default = "it's a \\")]
    name: String,
}

#[derive(Debug, Clone, Entity)]
#[entity(
    unique(owner_id, title),
    index(status, day),
    check(
        name = "span",
        condition = "weight <= 100 OR total > 0",
        columns(weight, total)
    )
)]
pub(super) struct Goal {
    #[entity(key, auto)]
    id: Uuid,
    #[entity(references(Owner::id, on_delete = cascade))]
    owner_id: i64,
    #[entity(references(Goal::id, on_delete = set_null))]
    parent_id: Option<Uuid>,
    #[entity(max = 120)]
    title: String,
    notes: Option<String>,
    #[entity(max = 9000)]
    story: Option<String>,
    #[entity(enumeration, default = "open")]
    status: Status,
    #[entity(default = true)]
    active: bool,
    #[entity(default = -1)]
    weight: i32,
    #[entity(default = 0)]
    total: i64,
    #[entity(default = 0.5)]
    ratio: f64,
    #[entity(decimal(10, 2), default = "1.5")]
    price: Decimal,
    #[entity(decimal(20, 4))]
    amount: Option<Decimal>,
    picture: Option<Vec<u8>>,
    #[entity(default = "{}")]
    settings: serde_json::Value,
    day: NaiveDate,
    #[entity(created_at)]
    created_at: DateTime<Utc>,
}

fn sql(dialect: Dialect) -> String {
    let schema = Schema::new().with::<Owner>().with::<Goal>();
    let statements = create_all(dialect, &schema).unwrap();
    statements.iter().map(|sql| format!("{sql};\n")).collect()
}

#[test]
fn sqlite() {
    assert_eq!(sql(Dialect::Sqlite), SQLITE);
}

#[test]
fn postgres() {
    assert_eq!(sql(Dialect::Postgres), POSTGRES);
}

#[test]
fn mariadb() {
    assert_eq!(sql(Dialect::MariaDb), MARIADB);
}

#[test]
fn mysql_differs_from_mariadb_in_the_collation_only() {
    assert_eq!(
        sql(Dialect::MySql),
        MARIADB.replace("utf8mb4_nopad_bin", "utf8mb4_0900_bin")
    );
}

const SQLITE: &str = include_str!("snapshots/sqlite.sql");
const POSTGRES: &str = include_str!("snapshots/postgres.sql");
const MARIADB: &str = include_str!("snapshots/mariadb.sql");

#[test]
fn dropping_quotes_the_name() {
    let table = Owner::table();
    assert_eq!(
        drop_table(Dialect::Postgres, table),
        "DROP TABLE \"owners\""
    );
    assert_eq!(drop_table(Dialect::MariaDb, table), "DROP TABLE `owners`");
}

#[derive(Debug, Clone, Entity)]
#[entity(unique(a, b))]
struct WideIndex {
    #[entity(key)]
    id: Uuid,
    #[entity(max = 400)]
    a: String,
    #[entity(max = 400)]
    b: String,
}

#[derive(Debug, Clone, Entity)]
struct LongKey {
    #[entity(key, max = 4001)]
    id: String,
}

#[derive(Debug, Clone, Entity)]
struct WideRow {
    #[entity(key)]
    id: Uuid,
    #[entity(max = 4000)]
    a: String,
    #[entity(max = 4000)]
    b: String,
    #[entity(max = 4000)]
    c: String,
    #[entity(max = 4000)]
    d: String,
    #[entity(max = 400)]
    e: String,
}

#[derive(Debug, Clone, Entity)]
struct WrongDefault {
    #[entity(key)]
    id: Uuid,
    #[entity(max = 3, default = "four")]
    name: String,
}

#[test]
fn what_mariadb_cannot_hold_is_refused_there() {
    for (table, columns, hint) in [
        (WideIndex::table(), vec!["a", "b"], "four bytes"),
        (LongKey::table(), vec!["id"], "at most 768"),
        (WideRow::table(), vec![], "stored apart"),
    ] {
        let error = create_table(Dialect::MariaDb, table).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert_eq!(error.table(), Some(table.name));
        assert_eq!(error.columns().collect::<Vec<_>>(), columns);
        assert!(error.hint().unwrap().contains(hint), "{error}");
        assert!(create_table(Dialect::Postgres, table).is_ok());
        assert!(create_table(Dialect::Sqlite, table).is_ok());
    }
}

#[test]
fn a_default_that_does_not_fit_is_refused() {
    for dialect in Dialect::ALL {
        let error = create_table(dialect, WrongDefault::table()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_eq!(error.columns().collect::<Vec<_>>(), ["name"]);
        assert!(error.detail().contains("at most 3 characters"), "{error}");
    }
}
