//! CREATE statements of a table, in each dialect.
//!
//! The text is written plainly instead of through a query builder: STRICT tables, collations per
//! column and named constraints are not all in its reach, and what is written here ends up in
//! migration files that people review.
//!
//! - [`mod@column`]: column types, defaults and the line of a column
//! - [`constraint`]: keys, uniques, foreign keys, checks and indexes
//! - `limits`: what MariaDB and MySQL cannot hold, refused with a clear error

pub mod column;
pub mod constraint;
mod limits;
#[cfg(test)]
mod sqlite_tests;
#[cfg(test)]
mod tests;

use super::dialect::Dialect;
use super::model::TableModel;
use super::registry::Schema;
use crate::error::Result;

/// The statements that make a table: the table itself, then its indexes.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when the engine cannot hold such a
/// table, [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when a default does not
/// fit its column.
pub fn create_table(dialect: Dialect, table: &TableModel) -> Result<Vec<String>> {
    limits::check(dialect, table)?;
    let mut lines = Vec::new();
    for model in table.columns {
        lines.push(column::definition(dialect, table, model)?);
    }
    lines.extend(constraint::all(dialect, table));
    let options = match dialect {
        Dialect::Sqlite => " STRICT".to_owned(),
        Dialect::Postgres => String::new(),
        Dialect::MariaDb | Dialect::MySql => format!(
            " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={}",
            column::collation(dialect)
        ),
    };
    let name = dialect.quote(table.name);
    let lines = lines.join(",\n    ");
    let mut statements = vec![format!("CREATE TABLE {name} (\n    {lines}\n){options}")];
    statements.extend(
        table
            .indexes
            .iter()
            .map(|index| constraint::create_index(dialect, table, index)),
    );
    Ok(statements)
}

/// The statements that make all tables of a schema, in its order.
///
/// # Errors
/// As [`create_table`].
pub fn create_all(dialect: Dialect, schema: &Schema) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    for table in schema.tables() {
        statements.extend(create_table(dialect, table)?);
    }
    Ok(statements)
}

/// The statement that drops a table and its indexes.
pub fn drop_table(dialect: Dialect, table: &TableModel) -> String {
    format!("DROP TABLE {}", dialect.quote(table.name))
}
