//! Which types keep every value of which.

use super::keeps;

#[test]
fn wider_types_keep_and_narrower_do_not() {
    let kept = [
        ("varchar(100)", "varchar(200)"),
        ("varchar(100)", "text"),
        ("varchar(100)", "VARCHAR(100)"),
        ("character varying(10)", "text"),
        ("smallint", "integer"),
        ("integer", "bigint"),
        ("int(11)", "bigint(20)"),
        ("int(10) unsigned", "bigint(20)"),
        ("integer", "numeric(10,0)"),
        ("integer", "numeric"),
        ("integer", "double precision"),
        ("integer", "text"),
        ("integer", "varchar(11)"),
        ("real", "double precision"),
        ("numeric(10,2)", "numeric(12,4)"),
        ("numeric(10,2)", "numeric"),
        ("date", "timestamp"),
        ("timestamp(3) with time zone", "timestamp(6) with time zone"),
        ("timestamp(6) with time zone", "timestamp with time zone"),
        ("datetime", "datetime(6)"),
        ("boolean", "integer"),
        ("uuid", "text"),
        ("enum('a','b')", "enum('b','c','a')"),
        ("enum('a','bc')", "varchar(2)"),
        ("varbinary(10)", "blob"),
        ("text", "longtext"),
        ("INTEGER", "ANY"),
    ];
    for (from, to) in kept {
        assert!(keeps(from, to), "{from} to {to}");
    }
    let not_kept = [
        ("varchar(200)", "varchar(100)"),
        ("text", "varchar(100)"),
        ("longtext", "text"),
        ("bigint", "integer"),
        ("bigint", "double precision"),
        ("bigint(20)", "int(10) unsigned"),
        ("int(10) unsigned", "int(11)"),
        ("integer", "numeric(9,0)"),
        ("integer", "varchar(10)"),
        ("integer", "boolean"),
        ("numeric(10,2)", "numeric(10,4)"),
        ("numeric(10,2)", "integer"),
        ("double precision", "real"),
        ("timestamp(6)", "timestamp(3)"),
        ("timestamp", "timestamp with time zone"),
        ("timestamp", "date"),
        ("text", "integer"),
        ("text", "uuid"),
        ("enum('a','b')", "enum('a')"),
        ("bytea", "text"),
        ("integer[]", "integer"),
    ];
    for (from, to) in not_kept {
        assert!(!keeps(from, to), "{from} to {to}");
    }
}
