//! Column types, defaults and the line of a column.

use crate::error::{Error, ErrorKind, Result};
use crate::schema::dialect::{Dialect, SQLITE_INTEGER_DIGITS};
use crate::schema::model::{Automatic, ColumnModel, DefaultValue, TableModel};
use crate::schema::registry::primary_key_name;
use crate::value::check::check_value;
use crate::value::{ColumnType, Value};

/// The longest text that is a `VARCHAR` on MariaDB and MySQL. Longer ones are `LONGTEXT`, which
/// does not count towards the 65,535 bytes a row may have there.
pub const MYSQL_VARCHAR: u32 = 4000;

/// The longest `varchar(n)` of PostgreSQL.
pub const POSTGRES_VARCHAR: u32 = 10_485_760;

/// The collation under which text is compared by code point, case-sensitively, trailing spaces
/// included.
pub fn collation(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "BINARY",
        Dialect::Postgres => "\"C\"",
        Dialect::MariaDb => "utf8mb4_nopad_bin",
        Dialect::MySql => "utf8mb4_0900_bin",
    }
}

/// A column's type, with its collation where it is text.
pub fn column_type(dialect: Dialect, ty: &ColumnType) -> String {
    match dialect {
        Dialect::Sqlite => sqlite_type(ty).to_owned(),
        Dialect::Postgres => postgres_type(ty),
        Dialect::MariaDb | Dialect::MySql => mysql_type(dialect, ty),
    }
}

fn sqlite_type(ty: &ColumnType) -> &'static str {
    match ty {
        ColumnType::Bool | ColumnType::I32 | ColumnType::I64 => "INTEGER",
        ColumnType::Decimal { precision, .. } if *precision <= SQLITE_INTEGER_DIGITS => "INTEGER",
        ColumnType::F64 => "REAL",
        ColumnType::Bytes => "BLOB",
        ColumnType::Decimal { .. }
        | ColumnType::Text { .. }
        | ColumnType::Uuid
        | ColumnType::Instant
        | ColumnType::Date
        | ColumnType::Json
        | ColumnType::Enum { .. } => "TEXT",
    }
}

fn postgres_type(ty: &ColumnType) -> String {
    let collation = collation(Dialect::Postgres);
    match ty {
        ColumnType::Bool => "boolean".to_owned(),
        ColumnType::I32 => "integer".to_owned(),
        ColumnType::I64 => "bigint".to_owned(),
        ColumnType::F64 => "double precision".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("numeric({precision},{scale})"),
        ColumnType::Text { max: Some(max) } if *max <= POSTGRES_VARCHAR => {
            format!("varchar({max}) COLLATE {collation}")
        }
        ColumnType::Text { .. } | ColumnType::Enum { .. } => format!("text COLLATE {collation}"),
        ColumnType::Bytes => "bytea".to_owned(),
        ColumnType::Uuid => "uuid".to_owned(),
        ColumnType::Instant => "timestamptz(6)".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Json => "jsonb".to_owned(),
    }
}

fn mysql_type(dialect: Dialect, ty: &ColumnType) -> String {
    let collation = collation(dialect);
    match ty {
        ColumnType::Bool => "TINYINT(1)".to_owned(),
        ColumnType::I32 => "INT".to_owned(),
        ColumnType::I64 => "BIGINT".to_owned(),
        ColumnType::F64 => "DOUBLE".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        ColumnType::Text { max: Some(max) } if *max <= MYSQL_VARCHAR => {
            format!("VARCHAR({max}) COLLATE {collation}")
        }
        ColumnType::Text { .. } => format!("LONGTEXT COLLATE {collation}"),
        ColumnType::Bytes => "LONGBLOB".to_owned(),
        ColumnType::Uuid => "BINARY(16)".to_owned(),
        ColumnType::Instant => "DATETIME(6)".to_owned(),
        ColumnType::Date => "DATE".to_owned(),
        ColumnType::Json => "JSON".to_owned(),
        ColumnType::Enum { variants } => {
            format!("VARCHAR({}) COLLATE {collation}", longest(variants))
        }
    }
}

/// The length of the longest word.
pub(super) fn longest(words: &[&str]) -> usize {
    let lengths = words.iter().map(|word| word.chars().count());
    lengths.max().unwrap_or(1)
}

/// The line of a column in CREATE TABLE: name, type, NOT NULL and default.
///
/// A key made by the database carries the primary key on this line in SQLite.
///
/// # Errors
/// [`ErrorKind::Configuration`] when the default does not fit the column.
pub fn definition(dialect: Dialect, table: &TableModel, column: &ColumnModel) -> Result<String> {
    let name = dialect.quote(column.name);
    let mut line = format!("{name} {}", column_type(dialect, &column.ty));
    if !column.nullable {
        line.push_str(" NOT NULL");
    }
    if let Some(default) = &column.default {
        let literal = default_literal(dialect, column, default)
            .map_err(|error| error.with_table(table.name).with_columns([column.name]))?;
        line.push_str(" DEFAULT ");
        line.push_str(&literal);
    }
    if column.automatic == Automatic::Identity {
        line.push_str(&match dialect {
            Dialect::Sqlite => format!(
                " CONSTRAINT {} PRIMARY KEY AUTOINCREMENT",
                dialect.quote(&primary_key_name(table))
            ),
            Dialect::Postgres => " GENERATED BY DEFAULT AS IDENTITY".to_owned(),
            Dialect::MariaDb | Dialect::MySql => " AUTO_INCREMENT".to_owned(),
        });
    }
    Ok(line)
}

/// A column's default as SQL.
///
/// # Errors
/// [`ErrorKind::Configuration`] when the default does not fit the column.
pub fn default_literal(
    dialect: Dialect,
    column: &ColumnModel,
    default: &DefaultValue,
) -> Result<String> {
    let value = default.value(&column.ty)?;
    check_value(&value, &column.ty).map_err(|refusal| {
        Error::new(
            ErrorKind::Configuration,
            format!(
                "the default of the column {} {}",
                column.name, refusal.message
            ),
        )
        .with_hint("correct the default in the entity")
    })?;
    let literal = literal(dialect, &dialect.lower(value, &column.ty))?;
    // MySQL takes defaults of these types only as an expression.
    let expression = matches!(dialect, Dialect::MariaDb | Dialect::MySql)
        && matches!(
            mysql_type(dialect, &column.ty).split(' ').next(),
            Some("LONGTEXT" | "JSON")
        );
    Ok(if expression {
        format!("({literal})")
    } else {
        literal
    })
}

/// A value in its stored form as SQL.
fn literal(dialect: Dialect, value: &Value) -> Result<String> {
    Ok(match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(truth) => match dialect {
            Dialect::Postgres => truth.to_string().to_uppercase(),
            _ => u8::from(*truth).to_string(),
        },
        Value::I32(number) => number.to_string(),
        Value::I64(number) => number.to_string(),
        // With a point or an exponent, so that it reads as a double.
        Value::F64(number) => format!("{number:?}"),
        Value::Decimal(number) => number.to_string(),
        Value::Text(text) => quote_text(dialect, text),
        Value::Json(json) => quote_text(dialect, &json.to_string()),
        other => {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("a {} cannot be a default", other.type_name()),
            ));
        }
    })
}

/// A text in quotes.
pub(super) fn quote_text(dialect: Dialect, text: &str) -> String {
    let text = text.replace('\'', "''");
    match dialect {
        Dialect::Sqlite | Dialect::Postgres => format!("'{text}'"),
        Dialect::MariaDb | Dialect::MySql => format!("'{}'", text.replace('\\', "\\\\")),
    }
}
