//! Keys, uniques, foreign keys, checks and indexes. Each has the same name on every engine, so
//! that an error that names it can be traced back.

use super::column::{MYSQL_VARCHAR, POSTGRES_VARCHAR, quote_text};
use crate::schema::dialect::{Dialect, SQLITE_INTEGER_DIGITS};
use crate::schema::model::{
    Automatic, CheckModel, ColumnModel, ForeignKeyModel, IndexModel, OnDelete, TableModel,
    UniqueModel,
};
use crate::schema::registry::{primary_key_name, type_check_name};
use crate::value::ColumnType;

/// All constraints of a table as lines of CREATE TABLE: primary key, uniques, foreign keys, type
/// checks, checks.
pub fn all(dialect: Dialect, table: &TableModel) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(primary_key(dialect, table));
    lines.extend(table.uniques.iter().map(|u| unique(dialect, u)));
    lines.extend(table.foreign_keys.iter().map(|k| foreign_key(dialect, k)));
    lines.extend(
        table
            .columns
            .iter()
            .filter_map(|c| type_check(dialect, table, c)),
    );
    lines.extend(table.checks.iter().map(|c| check(dialect, c)));
    lines
}

/// The primary key, unless it stands on the line of its column.
pub fn primary_key(dialect: Dialect, table: &TableModel) -> Option<String> {
    let identity = table.automatic(Automatic::Identity).is_some();
    if table.primary_key.is_empty() || (dialect == Dialect::Sqlite && identity) {
        return None;
    }
    let columns: Vec<&str> = table.key_columns().map(|column| column.name).collect();
    Some(format!(
        "CONSTRAINT {} PRIMARY KEY ({})",
        dialect.quote(&primary_key_name(table)),
        list(dialect, &columns)
    ))
}

/// A unique constraint.
pub fn unique(dialect: Dialect, unique: &UniqueModel) -> String {
    format!(
        "CONSTRAINT {} UNIQUE ({})",
        dialect.quote(unique.name),
        list(dialect, unique.columns)
    )
}

/// A foreign key.
pub fn foreign_key(dialect: Dialect, key: &ForeignKeyModel) -> String {
    let on_delete = match key.on_delete {
        OnDelete::Restrict => "RESTRICT",
        OnDelete::Cascade => "CASCADE",
        OnDelete::SetNull => "SET NULL",
    };
    format!(
        "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {on_delete}",
        dialect.quote(key.name),
        list(dialect, key.columns),
        dialect.quote(key.references),
        list(dialect, key.referenced_columns),
    )
}

/// A check of the entity.
pub fn check(dialect: Dialect, check: &CheckModel) -> String {
    format!(
        "CONSTRAINT {} CHECK ({})",
        dialect.quote(check.name),
        check.condition
    )
}

/// The check that follows from a column's type, where the engine's own type allows more.
pub fn type_check(dialect: Dialect, table: &TableModel, column: &ColumnModel) -> Option<String> {
    let name = dialect.quote(column.name);
    let conditions = match dialect {
        Dialect::Sqlite => sqlite_conditions(&name, &column.ty),
        Dialect::Postgres => postgres_conditions(&name, &column.ty),
        Dialect::MariaDb | Dialect::MySql => mysql_conditions(dialect, &name, &column.ty),
    };
    if conditions.is_empty() {
        return None;
    }
    Some(format!(
        "CONSTRAINT {} CHECK ({})",
        dialect.quote(&type_check_name(table, column.name)),
        conditions.join(" AND ")
    ))
}

fn sqlite_conditions(name: &str, ty: &ColumnType) -> Vec<String> {
    match ty {
        ColumnType::Bool => vec![format!("{name} IN (0, 1)")],
        ColumnType::I32 => vec![format!("{name} BETWEEN {} AND {}", i32::MIN, i32::MAX)],
        ColumnType::Decimal { precision, .. } if *precision <= SQLITE_INTEGER_DIGITS => {
            let limit = "9".repeat(usize::from(*precision));
            vec![format!("{name} BETWEEN -{limit} AND {limit}")]
        }
        ColumnType::Text { max: Some(max) } => vec![format!("length({name}) <= {max}")],
        ColumnType::Json => vec![format!("json_valid({name})")],
        ColumnType::Enum { variants } => vec![one_of(Dialect::Sqlite, name, variants)],
        _ => Vec::new(),
    }
}

fn postgres_conditions(name: &str, ty: &ColumnType) -> Vec<String> {
    match ty {
        ColumnType::Text { max: Some(max) } if *max > POSTGRES_VARCHAR => {
            vec![format!("char_length({name}) <= {max}")]
        }
        ColumnType::Enum { variants } => vec![one_of(Dialect::Postgres, name, variants)],
        _ => Vec::new(),
    }
}

fn mysql_conditions(dialect: Dialect, name: &str, ty: &ColumnType) -> Vec<String> {
    match ty {
        ColumnType::Bool => vec![format!("{name} IN (0, 1)")],
        ColumnType::Text { max: Some(max) } if *max > MYSQL_VARCHAR => {
            vec![format!("char_length({name}) <= {max}")]
        }
        ColumnType::Enum { variants } => vec![one_of(dialect, name, variants)],
        _ => Vec::new(),
    }
}

fn one_of(dialect: Dialect, name: &str, words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quote_text(dialect, word)).collect();
    format!("{name} IN ({})", words.join(", "))
}

/// The statement that makes an index.
pub fn create_index(dialect: Dialect, table: &TableModel, index: &IndexModel) -> String {
    format!(
        "CREATE INDEX {} ON {} ({})",
        dialect.quote(index.name),
        dialect.quote(table.name),
        list(dialect, index.columns)
    )
}

fn list(dialect: Dialect, columns: &[&str]) -> String {
    let quoted: Vec<String> = columns.iter().map(|name| dialect.quote(name)).collect();
    quoted.join(", ")
}
