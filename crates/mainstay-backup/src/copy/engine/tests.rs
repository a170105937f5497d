//! The types of the engines, without one.

use mainstay::schema::Dialect::{MariaDb, Postgres, Sqlite};
use mainstay::schema::ddl::column::column_type;
use mainstay::value::ColumnType as Ty;

use super::types::split;
use super::*;

#[test]
fn the_names_of_types_are_read() {
    assert_eq!(split("numeric(10, 2)"), ("numeric".to_owned(), vec![10, 2]));
    assert_eq!(
        split("bigint(20) unsigned"),
        ("bigint unsigned".to_owned(), vec![20])
    );
    assert_eq!(
        split("timestamp(6) with time zone"),
        ("timestamp with time zone".to_owned(), vec![6])
    );
    assert_eq!(split("TEXT"), ("text".to_owned(), vec![]));
}

#[test]
fn each_type_goes_as_it_is_stored_by_an_entity() {
    let decimal = |precision, scale| Ty::Decimal { precision, scale };
    for ty in [
        Ty::Bool,
        Ty::I32,
        Ty::I64,
        Ty::F64,
        decimal(18, 4),
        decimal(28, 10),
        TEXT,
        Ty::Bytes,
        Ty::Uuid,
        Ty::Instant,
        Ty::Date,
        Ty::Json,
    ] {
        for dialect in [Sqlite, Postgres, MariaDb] {
            let written = column_type(dialect, &ty);
            let native = written.split(" COLLATE").next().expect("the type is first");
            assert!(keeps(dialect, native, &ty), "{dialect:?} {native} {ty:?}");
            assert!(!drops_microseconds(dialect, native), "{native}");
        }
    }
}

#[test]
fn what_does_not_go_has_no_candidates() {
    for (dialect, native) in [
        (Sqlite, "NUMERIC"),
        (Postgres, "numeric"),
        (Postgres, "numeric(40,2)"),
        (Postgres, "integer[]"),
        (Postgres, "character(3)"),
        (Postgres, "interval"),
        (Postgres, "real"),
        (MariaDb, "bit(1)"),
        (MariaDb, "time"),
        (MariaDb, "float"),
        (MariaDb, "binary(20)"),
        (MariaDb, "decimal(30,0)"),
    ] {
        assert_eq!(candidates(dialect, native), [], "{native}");
    }
}

#[test]
fn columns_that_would_drop_microseconds_are_known() {
    for (dialect, native, drops) in [
        (Postgres, "timestamp(3) with time zone", true),
        (Postgres, "timestamp with time zone", false),
        (MariaDb, "datetime", true),
        (MariaDb, "datetime(3)", true),
        (MariaDb, "datetime(6)", false),
    ] {
        assert_eq!(drops_microseconds(dialect, native), drops, "{native}");
    }
}
