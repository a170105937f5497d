//! PostgreSQL.

use mainstay::schema::Dialect;
use mainstay::value::ColumnType;

use super::inside::Inside;
use super::types::{TEXT, decimal, split};

/// The parameters are the table, quoted, the column and the greatest key. Where nothing makes the
/// column's keys there is no sequence, and nothing happens.
pub(super) const NEXT_KEY: &str = "SELECT setval(pg_get_serial_sequence(CAST(? AS text), \
                                   CAST(? AS text))::regclass, CAST(? AS bigint), true)";

pub(super) fn candidates(ty: &str) -> Vec<ColumnType> {
    let (name, numbers) = split(ty);
    match name.as_str() {
        "boolean" => vec![ColumnType::Bool],
        "smallint" | "integer" => vec![ColumnType::I32],
        "bigint" => vec![ColumnType::I64],
        "double precision" => vec![ColumnType::F64],
        "numeric" => decimal(&numbers),
        "text" | "character varying" | "varchar" => vec![TEXT],
        "bytea" => vec![ColumnType::Bytes],
        "uuid" => vec![ColumnType::Uuid],
        "timestamp with time zone"
        | "timestamptz"
        | "timestamp without time zone"
        | "timestamp" => vec![ColumnType::Instant],
        "date" => vec![ColumnType::Date],
        "jsonb" | "json" => vec![ColumnType::Json],
        _ => Vec::new(),
    }
}

pub(super) fn drops_microseconds(ty: &str) -> bool {
    let (name, numbers) = split(ty);
    name.starts_with("timestamp") && numbers.first().is_some_and(|digits| *digits < 6)
}

pub(super) fn begin(inside: &[Inside<'_>]) -> Vec<String> {
    let mut out = altered(inside, "DEFERRABLE INITIALLY DEFERRED");
    if inside.iter().any(|one| !one.keys.is_empty()) {
        out.push("SET CONSTRAINTS ALL DEFERRED".to_owned());
    }
    out
}

pub(super) fn end(inside: &[Inside<'_>]) -> Vec<String> {
    let mut out = Vec::new();
    if inside.iter().any(|one| !one.keys.is_empty()) {
        out.push("SET CONSTRAINTS ALL IMMEDIATE".to_owned());
    }
    out.extend(altered(inside, "NOT DEFERRABLE"));
    out
}

/// Only those that are not deferrable by themselves.
fn altered(inside: &[Inside<'_>], how: &str) -> Vec<String> {
    let quote = |name: &str| Dialect::Postgres.quote(name);
    let mut out = Vec::new();
    for one in inside {
        for key in &one.keys {
            let is_own = key
                .options
                .iter()
                .any(|option| option.starts_with("DEFERRABLE"));
            if let (Some(name), false) = (&key.name, is_own) {
                let (table, name) = (quote(one.table), quote(name));
                out.push(format!("ALTER TABLE {table} ALTER CONSTRAINT {name} {how}"));
            }
        }
    }
    out
}

pub(super) fn empty(quoted: &[String]) -> Vec<String> {
    vec![format!("TRUNCATE {} RESTART IDENTITY", quoted.join(", "))]
}
