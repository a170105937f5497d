//! SQLite. Its types say how a value is stored, and not what it is.

use mainstay::schema::Dialect;
use mainstay::schema::dialect::SQLITE_INTEGER_DIGITS;
use mainstay::value::ColumnType;

use super::inside::Inside;
use super::types::TEXT;

/// How a column stores what it has, by the rules of SQLite's column affinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Storage {
    Integer,
    Text,
    Blob,
    Real,
    Other,
}

fn storage(ty: &str) -> Storage {
    let ty = ty.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| ty.contains(word));
    if has(&["INT"]) {
        Storage::Integer
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Storage::Text
    } else if has(&["BLOB"]) {
        Storage::Blob
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Storage::Real
    } else {
        Storage::Other
    }
}

pub(super) fn candidates(ty: &str) -> Vec<ColumnType> {
    match storage(ty) {
        Storage::Integer => vec![ColumnType::I64],
        Storage::Text => vec![TEXT],
        Storage::Blob => vec![ColumnType::Bytes],
        Storage::Real => vec![ColumnType::F64],
        Storage::Other => Vec::new(),
    }
}

pub(super) fn keeps(native: &str, ty: &ColumnType) -> bool {
    let wanted = match ty {
        ColumnType::Bool | ColumnType::I32 | ColumnType::I64 => Storage::Integer,
        ColumnType::Decimal { precision, .. } if *precision <= SQLITE_INTEGER_DIGITS => {
            Storage::Integer
        }
        ColumnType::F64 => Storage::Real,
        ColumnType::Bytes => Storage::Blob,
        _ => Storage::Text,
    };
    storage(native) == wanted
}

/// Keys that lead into the group are looked at when the transaction ends. Until then SQLite looks
/// with each row for those that wait for it, which needs an index to be quick.
pub(super) fn begin(inside: &[Inside<'_>]) -> Vec<String> {
    let mut out: Vec<String> = indexes(inside)
        .map(|(index, table, columns)| format!("CREATE INDEX {index} ON {table} ({columns})"))
        .collect();
    if !out.is_empty() {
        // It ends with the transaction.
        out.insert(0, "PRAGMA defer_foreign_keys = ON".to_owned());
    }
    out
}

pub(super) fn end(inside: &[Inside<'_>]) -> Vec<String> {
    indexes(inside)
        .map(|(index, ..)| format!("DROP INDEX {index}"))
        .collect()
}

/// The index, the table and the columns of each key that leads into the group.
fn indexes<'a>(inside: &'a [Inside<'_>]) -> impl Iterator<Item = (String, String, String)> + 'a {
    let quote = |name: &str| Dialect::Sqlite.quote(name);
    let keys = inside
        .iter()
        .flat_map(|one| one.keys.iter().map(move |key| (one.table, key)));
    keys.zip(1..).map(move |((table, key), number)| {
        let columns: Vec<_> = key.columns.iter().map(|column| quote(column)).collect();
        (
            quote(&format!("_mainstay_copy_{number}")),
            quote(table),
            columns.join(", "),
        )
    })
}

pub(super) fn empty(quoted: &[String]) -> Vec<String> {
    let delete = quoted.iter().map(|table| format!("DELETE FROM {table}"));
    std::iter::once("PRAGMA foreign_keys = OFF".to_owned())
        .chain(delete)
        .chain(["PRAGMA foreign_keys = ON".to_owned()])
        .collect()
}
