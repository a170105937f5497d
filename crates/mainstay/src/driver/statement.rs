//! SQL with its values.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;
use crate::value::{Value, check};

/// What a statement does, so that it finds the right connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It only reads. A driver that finds it to write refuses it where it can tell.
    Read,
    /// It writes.
    Write,
    /// Not known: hand-written SQL that returns rows. The driver finds out where it matters.
    Unknown,
}

/// How much work a statement is expected to be. A hint: an engine that runs in this process reads
/// it to keep long work off the threads that serve everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// A few rows by a key or an index.
    Short,
    /// Anything: a scan, a count, hand-written SQL.
    #[default]
    Long,
}

/// What a statement's text ends with. A hint for an engine that has something to ask along with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tail {
    /// Anything.
    #[default]
    Other,
    /// `RETURNING` and a list, to which a column can be added.
    Returning,
    /// What concerns one row at most, and no `RETURNING`.
    OneRow,
}

/// SQL in the dialect of its database, with its values in stored form.
///
/// Values are always bound, never written into the text.
#[derive(Clone)]
pub struct Statement {
    /// The text.
    pub sql: Arc<str>,
    /// The values, in placeholder order.
    pub values: Vec<Value>,
    /// What it does.
    pub access: Access,
    /// How much work it is expected to be.
    pub effort: Effort,
    /// What its text ends with.
    pub tail: Tail,
    /// The table it concerns most, for errors and logs.
    pub table: Option<&'static str>,
}

/// Without the values, which may be anybody's data.
impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statement")
            .field("sql", &self.sql)
            .field("values", &self.values.len())
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

impl Statement {
    /// A statement whose text is in the dialect's own placeholders and whose values are lowered.
    pub fn new(sql: impl Into<Arc<str>>, values: Vec<Value>, access: Access) -> Self {
        Self {
            sql: sql.into(),
            values,
            access,
            effort: Effort::Long,
            tail: Tail::Other,
            table: None,
        }
    }

    /// Names the table.
    #[must_use]
    pub fn on(mut self, table: &'static str) -> Self {
        self.table = Some(table);
        self
    }

    /// Expects it to touch only a few rows.
    #[must_use]
    pub fn short(mut self) -> Self {
        self.effort = Effort::Short;
        self
    }

    /// Says what its text ends with.
    #[must_use]
    pub fn ending_with(mut self, tail: Tail) -> Self {
        self.tail = tail;
        self
    }

    /// Whether it takes effect only with its transaction on every engine: an entity's statement,
    /// a read, or hand-written SQL of a kind that never commits by itself, as DDL can.
    pub(crate) fn is_undone_by_rollback(&self) -> bool {
        const KINDS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
        self.table.is_some() || self.access == Access::Read || begins_with(&self.sql, &KINDS)
    }

    /// A statement from hand-written SQL with `?` placeholders.
    ///
    /// # Errors
    /// What [`check::check_parameter`] refuses.
    pub fn raw(dialect: Dialect, sql: &str, values: Vec<Value>, access: Access) -> Result<Self> {
        let mut lowered = Vec::with_capacity(values.len());
        for (position, value) in values.into_iter().enumerate() {
            check::check_parameter(&value).map_err(|refusal| {
                Error::new(
                    refusal.kind,
                    format!("parameter {}: {}", position + 1, refusal.message),
                )
            })?;
            lowered.push(dialect.lower_parameter(value));
        }
        Ok(Self::new(dialect.placeholders(sql), lowered, access))
    }

    /// A statement from a sea-query query, in the dialect.
    ///
    /// # Errors
    /// `UNSUPPORTED` for values of a type Mainstay does not store.
    pub fn from_query(
        dialect: Dialect,
        query: &impl sea_query::QueryStatementWriter,
        access: Access,
    ) -> Result<Self> {
        let (sql, values) = dialect.write(query);
        let values = values
            .0
            .into_iter()
            .map(from_sea_query)
            .collect::<Result<_>>()?;
        Ok(Self::new(sql, values, access))
    }
}

/// A value as sea-query carries it.
pub(crate) fn to_sea_query(value: Value) -> sea_query::Value {
    use sea_query::Value as Out;
    match value {
        // The type of a NULL does not matter: drivers bind it without one.
        Value::Null => Out::String(None),
        Value::Bool(v) => Out::Bool(Some(v)),
        Value::I32(v) => Out::Int(Some(v)),
        Value::I64(v) => Out::BigInt(Some(v)),
        Value::F64(v) => Out::Double(Some(v)),
        Value::Decimal(v) => Out::Decimal(Some(v)),
        Value::Text(v) => Out::String(Some(v)),
        Value::Bytes(v) => Out::Bytes(Some(v)),
        Value::Uuid(v) => Out::Uuid(Some(v)),
        Value::Instant(v) => Out::ChronoDateTimeUtc(Some(v)),
        Value::Date(v) => Out::ChronoDate(Some(v)),
        Value::Json(v) => Out::Json(Some(Box::new(v))),
    }
}

fn from_sea_query(value: sea_query::Value) -> Result<Value> {
    use sea_query::Value as In;
    fn or_null<T>(value: Option<T>, wrap: impl FnOnce(T) -> Value) -> Value {
        value.map_or(Value::Null, wrap)
    }
    Ok(match value {
        In::Bool(v) => or_null(v, Value::Bool),
        In::TinyInt(v) => or_null(v, |v| Value::I32(v.into())),
        In::SmallInt(v) => or_null(v, |v| Value::I32(v.into())),
        In::Int(v) => or_null(v, Value::I32),
        In::BigInt(v) => or_null(v, Value::I64),
        In::TinyUnsigned(v) => or_null(v, |v| Value::I32(v.into())),
        In::SmallUnsigned(v) => or_null(v, |v| Value::I32(v.into())),
        In::Unsigned(v) => or_null(v, |v| Value::I64(v.into())),
        In::BigUnsigned(v) => match v {
            None => Value::Null,
            Some(v) => i64::try_from(v).map(Value::I64).map_err(|_| {
                Error::new(
                    ErrorKind::OutOfRange,
                    "a parameter is beyond a 64-bit signed integer",
                )
            })?,
        },
        In::Float(v) => or_null(v, |v| Value::F64(v.into())),
        In::Double(v) => or_null(v, Value::F64),
        In::String(v) => or_null(v, Value::Text),
        In::Char(v) => or_null(v, |v| Value::Text(v.into())),
        In::Bytes(v) => or_null(v, Value::Bytes),
        In::Json(v) => or_null(v, |v| Value::Json(*v)),
        In::ChronoDate(v) => or_null(v, Value::Date),
        In::ChronoDateTimeUtc(v) => or_null(v, Value::Instant),
        In::Uuid(v) => or_null(v, Value::Uuid),
        In::Decimal(v) => or_null(v, Value::Decimal),
        other => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "a query parameter has a type that is not supported: {}",
                    type_of(&other)
                ),
            ));
        }
    })
}

/// The name of a value's type, without the value.
fn type_of(value: &sea_query::Value) -> String {
    let shown = format!("{value:?}");
    let end = shown.find('(').unwrap_or(shown.len());
    shown[..end].to_owned()
}

/// Whether the first word of a text is one of these, in any case, comments and opening parentheses
/// passed over.
pub(crate) fn begins_with(sql: &str, words: &[&str]) -> bool {
    let first = first_word(sql);
    words.iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// Empty where it cannot be told: in a comment that an engine may execute (`/*!`), or that one
/// engine nests and another does not.
fn first_word(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            match comment.split_once("*/") {
                Some((text, after)) if !text.starts_with(['!', 'M']) && !text.contains("/*") => {
                    after
                }
                _ => return "",
            }
        } else {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            return &rest[..end];
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_stands_behind_comments() {
        for (sql, word) in [
            ("SELECT 1", "SELECT"),
            ("  (select 1)", "select"),
            ("/* route=/users */ SELECT 1", "SELECT"),
            ("-- why\n  /* and */ UPDATE t SET n = 1", "UPDATE"),
            ("DELETE/**/FROM t", "DELETE"),
            ("/*! DROP TABLE t */ SELECT 1", ""),
            ("/*M! DROP TABLE t */ SELECT 1", ""),
            ("/* /* */ DROP TABLE t; /* */ */ SELECT 1", ""),
            ("/* SELECT 1", ""),
            ("-- SELECT 1", ""),
            ("", ""),
        ] {
            assert_eq!(first_word(sql), word, "{sql}");
        }
    }
}
