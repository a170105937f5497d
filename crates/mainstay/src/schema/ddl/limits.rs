//! What MariaDB and MySQL cannot hold, refused with a clear error before the server is asked.

use super::column::{MYSQL_VARCHAR, longest};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::dialect::Dialect;
use crate::schema::model::TableModel;
use crate::value::ColumnType;

/// Bytes of a key or index of InnoDB.
const INDEX_BYTES: u64 = 3072;

/// Bytes of a row, long texts, bytes and JSON excepted.
const ROW_BYTES: u64 = 65_535;

/// Bytes of a code point in utf8mb4.
const CODE_POINT: u64 = 4;

/// Checks a table against the limits of an engine.
pub(super) fn check(dialect: Dialect, table: &TableModel) -> Result<()> {
    if !matches!(dialect, Dialect::MariaDb | Dialect::MySql) {
        return Ok(());
    }
    let key: Vec<&str> = table.key_columns().map(|column| column.name).collect();
    check_index(dialect, table, "the primary key", &key)?;
    for unique in table.uniques {
        check_index(dialect, table, unique.name, unique.columns)?;
    }
    for index in table.indexes {
        check_index(dialect, table, index.name, index.columns)?;
    }
    for key in table.foreign_keys {
        // The engine makes an index for a foreign key.
        check_index(dialect, table, key.name, key.columns)?;
    }
    let row: u64 = table.columns.iter().map(|c| row_bytes(&c.ty)).sum();
    if row > ROW_BYTES {
        return Err(unsupported(
            table,
            format!(
                "a row of {} takes up to {row} bytes; {} holds {ROW_BYTES}",
                table.name,
                dialect.name()
            ),
            format!(
                "lower the max of its texts, or raise it above {MYSQL_VARCHAR}, where a text is \
                 stored apart from the row"
            ),
        ));
    }
    Ok(())
}

fn check_index(
    dialect: Dialect,
    table: &TableModel,
    index: &str,
    columns: &[&'static str],
) -> Result<()> {
    let mut bytes = 0;
    for name in columns {
        let Some((_, column)) = table.column(name) else {
            continue;
        };
        let Some(width) = indexed_bytes(&column.ty) else {
            return Err(unsupported(
                table,
                format!(
                    "{} cannot index the column {name} of {}, which {index} needs: it is {}",
                    dialect.name(),
                    table.name,
                    match column.ty {
                        ColumnType::Text { .. } => "a text too long for a VARCHAR",
                        _ => column.ty.name(),
                    }
                ),
                "give the column a max of at most 768, or take it out of the key or index",
            )
            .with_columns([*name]));
        };
        bytes += width;
    }
    if bytes > INDEX_BYTES {
        return Err(unsupported(
            table,
            format!(
                "{index} of {} takes up to {bytes} bytes; {} indexes {INDEX_BYTES}",
                table.name,
                dialect.name()
            ),
            "lower the max of its texts: a code point counts four bytes",
        )
        .with_columns(columns.iter().copied()));
    }
    Ok(())
}

fn unsupported(table: &TableModel, detail: String, hint: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsupported, detail)
        .with_hint(hint.into())
        .with_table(table.name)
}

/// Bytes of a column in an index, or `None` when it cannot be indexed whole.
fn indexed_bytes(ty: &ColumnType) -> Option<u64> {
    match ty {
        ColumnType::Text { max: Some(max) } if *max <= MYSQL_VARCHAR => {
            Some(u64::from(*max) * CODE_POINT)
        }
        ColumnType::Text { .. } | ColumnType::Bytes | ColumnType::Json => None,
        other => Some(row_bytes(other)),
    }
}

/// Bytes of a column in its row, at most.
fn row_bytes(ty: &ColumnType) -> u64 {
    // What is stored apart leaves a pointer of this size.
    const POINTER: u64 = 12;
    match ty {
        ColumnType::Bool => 1,
        ColumnType::I32 | ColumnType::Date => 4,
        ColumnType::I64 | ColumnType::F64 | ColumnType::Instant => 8,
        ColumnType::Decimal { .. } | ColumnType::Uuid => 16,
        ColumnType::Text { max: Some(max) } if *max <= MYSQL_VARCHAR => {
            u64::from(*max) * CODE_POINT + 2
        }
        ColumnType::Text { .. } | ColumnType::Bytes | ColumnType::Json => POINTER,
        ColumnType::Enum { variants } => longest(variants) as u64 * CODE_POINT + 2,
    }
}
