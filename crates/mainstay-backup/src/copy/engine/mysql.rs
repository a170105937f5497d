//! MariaDB and MySQL.

use mainstay::value::ColumnType;

use super::inside::Inside;
use super::types::{TEXT, decimal, split};

pub(super) fn candidates(ty: &str) -> Vec<ColumnType> {
    let (name, numbers) = split(ty);
    match name.as_str() {
        "tinyint" if numbers == [1] => vec![ColumnType::Bool, ColumnType::I32],
        "tinyint" | "smallint" | "mediumint" | "int" | "tinyint unsigned" | "smallint unsigned"
        | "mediumint unsigned" => vec![ColumnType::I32],
        "bigint" | "bigint unsigned" | "int unsigned" => vec![ColumnType::I64],
        "double" => vec![ColumnType::F64],
        "decimal" => decimal(&numbers),
        "varchar" | "char" | "tinytext" | "text" | "mediumtext" | "longtext" => vec![TEXT],
        "binary" if numbers == [16] => vec![ColumnType::Uuid, ColumnType::Bytes],
        "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => vec![ColumnType::Bytes],
        "datetime" | "timestamp" => vec![ColumnType::Instant],
        "date" => vec![ColumnType::Date],
        "json" => vec![ColumnType::Json],
        _ if name.starts_with("enum") => vec![TEXT],
        _ => Vec::new(),
    }
}

pub(super) fn drops_microseconds(ty: &str) -> bool {
    let (name, numbers) = split(ty);
    matches!(name.as_str(), "datetime" | "timestamp")
        && numbers.first().is_none_or(|digits| *digits < 6)
}

/// The session is the copy's own, and ends with it.
pub(super) fn begin(inside: &[Inside<'_>]) -> Vec<String> {
    // Otherwise a key of 0 would ask for a new one.
    let zero = "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',NO_AUTO_VALUE_ON_ZERO')";
    let mut out = vec![zero.to_owned()];
    if inside.iter().any(|one| !one.keys.is_empty()) {
        out.push("SET SESSION foreign_key_checks = 0".to_owned());
    }
    out
}

pub(super) fn end(inside: &[Inside<'_>]) -> Vec<String> {
    if inside.iter().all(|one| one.keys.is_empty()) {
        return Vec::new();
    }
    vec!["SET SESSION foreign_key_checks = 1".to_owned()]
}

pub(super) fn empty(quoted: &[String]) -> Vec<String> {
    let truncate = quoted.iter().map(|table| format!("TRUNCATE TABLE {table}"));
    std::iter::once("SET SESSION foreign_key_checks = 0".to_owned())
        .chain(truncate)
        .chain(["SET SESSION foreign_key_checks = 1".to_owned()])
        .collect()
}
