//! How the engines differ in storing values and writing SQL. The one place, with the driver
//! folder and the capability file, where an engine may be told from another.

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use rust_decimal::Decimal;
use sea_query::{
    Expr, Func, MysqlQueryBuilder, PostgresQueryBuilder, QueryStatementWriter, SqliteQueryBuilder,
};

use crate::clock::truncate_to_micros;
use crate::config::EngineKind;
use crate::value::{ColumnType, Value};

/// A dialect of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite 3.37 and later (STRICT tables).
    Sqlite,
    /// PostgreSQL 13 and later.
    Postgres,
    /// MariaDB 10.6 and later.
    MariaDb,
    /// MySQL 8.0.17 and later. Experimental.
    MySql,
}

/// Decimals with at most this many digits are scaled integers in SQLite.
pub const SQLITE_INTEGER_DIGITS: u8 = 18;

impl Dialect {
    /// All dialects.
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::Postgres, Self::MariaDb, Self::MySql];

    /// The dialect of an engine before its server has been asked: for MySQL's protocol, MariaDB's.
    pub fn expected(engine: EngineKind) -> Self {
        match engine {
            EngineKind::Sqlite => Self::Sqlite,
            EngineKind::Postgres => Self::Postgres,
            EngineKind::MySql => Self::MariaDb,
        }
    }

    /// The product's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }

    /// The word that stands for the dialect in file names. MariaDB and MySQL share theirs.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MariaDb | Self::MySql => "mysql",
        }
    }

    /// A name in the dialect's quotes.
    pub fn quote(self, name: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::MariaDb | Self::MySql => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// Puts a value into the form in which the column is stored: what is sent to the engine.
    ///
    /// The value has been [checked](crate::value::check) against the column's type.
    pub fn lower(self, value: Value, ty: &ColumnType) -> Value {
        match (self, value, ty) {
            (Self::Sqlite, Value::Decimal(number), ColumnType::Decimal { precision, scale }) => {
                sqlite_decimal(number, *precision, *scale)
            }
            (_, Value::I32(number), ColumnType::I64) => Value::I64(i64::from(number)),
            // PostgreSQL takes an integer of the column's own width only.
            (_, Value::I64(number), ColumnType::I32) => {
                i32::try_from(number).map_or(Value::I64(number), Value::I32)
            }
            (_, value, _) => self.lower_parameter(value),
        }
    }

    /// Puts a value without a column, a parameter of raw SQL, into its stored form.
    pub fn lower_parameter(self, value: Value) -> Value {
        // Finer parts are dropped here, because one engine would drop them and another round.
        let value = match value {
            Value::Instant(at) => Value::Instant(truncate_to_micros(at)),
            value => value,
        };
        match (self, value) {
            (Self::Sqlite, Value::Bool(truth)) => Value::I64(i64::from(truth)),
            (Self::Sqlite, Value::Uuid(id)) => {
                let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
                Value::Text(id.hyphenated().encode_lower(&mut text).to_owned())
            }
            (Self::Sqlite, Value::Instant(at)) => Value::Text(instant_text(at)),
            (Self::Sqlite, Value::Date(date)) => Value::Text(date.format("%Y-%m-%d").to_string()),
            (Self::Sqlite, Value::Decimal(number)) => Value::Text(number.to_string()),
            (Self::Sqlite | Self::MariaDb | Self::MySql, Value::Json(json)) => {
                Value::Text(json.to_string())
            }
            (Self::MariaDb | Self::MySql, Value::Uuid(id)) => Value::Bytes(id.as_bytes().to_vec()),
            (_, value) => value,
        }
    }

    /// Whether stored values of a type compare and add up like the values themselves.
    pub fn orders_as_stored(self, ty: &ColumnType) -> bool {
        match ty {
            ColumnType::Json => false,
            ColumnType::Decimal { precision, .. } => {
                self != Self::Sqlite || *precision <= SQLITE_INTEGER_DIGITS
            }
            _ => true,
        }
    }

    /// Whether NULLs sort as the smallest value by themselves.
    pub fn nulls_are_smallest(self) -> bool {
        !matches!(self, Self::Postgres)
    }

    /// Where a text first contains another, counted from 1; 0 where it does not. Case counts.
    pub(crate) fn text_position(self, text: Expr, part: Expr) -> Expr {
        let function = match self {
            Self::Postgres => "strpos",
            Self::Sqlite | Self::MariaDb | Self::MySql => "instr",
        };
        Func::cust(function).args([text, part]).into()
    }

    /// The last so many characters of a text.
    pub(crate) fn text_tail(self, text: Expr, characters: i64) -> Expr {
        match self {
            Self::Sqlite => Func::cust("substr").args([text, Expr::val(-characters)]),
            Self::Postgres | Self::MariaDb | Self::MySql => {
                Func::cust("right").args([text, Expr::val(characters)])
            }
        }
        .into()
    }

    /// Writes a sea-query statement in this dialect: the SQL and its parameters.
    pub fn write(self, query: &impl QueryStatementWriter) -> (String, sea_query::Values) {
        match self {
            Self::Sqlite => query.build(SqliteQueryBuilder),
            Self::Postgres => query.build(PostgresQueryBuilder),
            Self::MariaDb | Self::MySql => query.build(MysqlQueryBuilder),
        }
    }

    /// Turns `?` placeholders of hand-written SQL into the dialect's own. `??` is a question mark.
    /// Text in quotes, comments and dollar quotes is left alone.
    pub fn placeholders(self, sql: &str) -> String {
        super::placeholder::number(sql, matches!(self, Self::Postgres))
    }
}

/// RFC 3339 with six digits and `Z`: of fixed width, so that text order is time order.
///
/// Put together by hand, since an insert of many rows does little else; what is out of the
/// ordinary (five digits of a year, a leap second) is left to the library.
fn instant_text(at: DateTime<Utc>) -> String {
    let (day, time) = (at.date_naive(), at.time());
    let (year, nanos) = (u32::try_from(day.year()), time.nanosecond());
    let (Ok(year @ 0..=9999), 0..=999_999_999) = (year, nanos) else {
        return at.to_rfc3339_opts(SecondsFormat::Micros, true);
    };
    let parts = [
        (year, 4, '-'),
        (day.month(), 2, '-'),
        (day.day(), 2, 'T'),
        (time.hour(), 2, ':'),
        (time.minute(), 2, ':'),
        (time.second(), 2, '.'),
        (nanos / 1000, 6, 'Z'),
    ];
    let mut text = String::with_capacity(27);
    for (number, digits, end) in parts {
        for place in (0..digits).rev() {
            let digit = number / 10_u32.pow(place) % 10;
            text.push(char::from_digit(digit, 10).unwrap_or('0'));
        }
        text.push(end);
    }
    text
}

fn sqlite_decimal(mut number: Decimal, precision: u8, scale: u8) -> Value {
    number.rescale(u32::from(scale));
    if precision <= SQLITE_INTEGER_DIGITS
        && let Ok(scaled) = i64::try_from(number.mantissa())
    {
        return Value::I64(scaled);
    }
    Value::Text(number.to_string())
}

#[cfg(test)]
mod tests;
