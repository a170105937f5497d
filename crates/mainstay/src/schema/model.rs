//! Tables, columns, keys and constraints as plain static data.
//!
//! `#[derive(Entity)]` writes these as statics. DDL, drift check, validation, decoding and the
//! mapping of constraint names to columns all read them, so that each fact is said once.

use rust_decimal::Decimal;

use crate::error::{Error, ErrorKind, Result};
use crate::value::{ColumnType, Value};

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableModel {
    /// The table's name.
    pub name: &'static str,
    /// The columns, in the order of the struct's fields.
    pub columns: &'static [ColumnModel],
    /// Positions in `columns` of the primary key, in key order.
    pub primary_key: &'static [usize],
    /// Unique constraints beside the primary key.
    pub uniques: &'static [UniqueModel],
    /// Indexes that are not unique.
    pub indexes: &'static [IndexModel],
    /// Foreign keys.
    pub foreign_keys: &'static [ForeignKeyModel],
    /// Checks beyond those that follow from the column types.
    pub checks: &'static [CheckModel],
}

impl TableModel {
    /// The position and model of a column.
    pub fn column(&self, name: &str) -> Option<(usize, &'static ColumnModel)> {
        self.columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name)
    }

    /// The columns of the primary key, in key order.
    pub fn key_columns(&self) -> impl ExactSizeIterator<Item = &'static ColumnModel> {
        let columns = self.columns;
        self.primary_key
            .iter()
            .map(move |position| &columns[*position])
    }

    /// The column that Mainstay fills in this way, if the table has one.
    pub fn automatic(&self, automatic: Automatic) -> Option<(usize, &'static ColumnModel)> {
        self.columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.automatic == automatic)
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnModel {
    /// The column's name.
    pub name: &'static str,
    /// The name of the field in JSON input, for field errors (`targetDate`).
    pub field: &'static str,
    /// Its type.
    pub ty: ColumnType,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// What an insert that does not name the column stores.
    pub default: Option<DefaultValue>,
    /// What Mainstay fills in by itself.
    pub automatic: Automatic,
    /// How text is put into its normal form before validation.
    pub form: TextForm,
    /// The rules input has to satisfy, checked before any database work.
    pub rules: &'static [Rule],
}

/// A constant default.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum DefaultValue {
    /// NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer, for 32 and 64 bits.
    Int(i64),
    /// A double.
    Float(f64),
    /// A text, an enum's word, or a decimal with a fraction.
    Text(&'static str),
    /// A JSON document, as text.
    Json(&'static str),
}

impl DefaultValue {
    /// The default as a value of its column's type.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the default is not of the type.
    pub fn value(&self, ty: &ColumnType) -> Result<Value> {
        let refused = || {
            Error::new(
                ErrorKind::Configuration,
                format!(
                    "the default {self:?} does not fit a column of type {}",
                    ty.name()
                ),
            )
            .with_hint("correct the default in the entity")
        };
        Ok(match (*self, ty) {
            (Self::Null, _) => Value::Null,
            (Self::Bool(truth), ColumnType::Bool) => Value::Bool(truth),
            (Self::Int(number), ColumnType::I32) => {
                Value::I32(i32::try_from(number).map_err(|_| refused())?)
            }
            (Self::Int(number), ColumnType::I64) => Value::I64(number),
            (Self::Int(number), ColumnType::F64) => Value::F64(number as f64),
            (Self::Int(number), ColumnType::Decimal { .. }) => Value::Decimal(number.into()),
            (Self::Float(number), ColumnType::F64) => Value::F64(number),
            (Self::Text(text), ColumnType::Decimal { .. }) => {
                Value::Decimal(Decimal::from_str_exact(text).map_err(|_| refused())?)
            }
            (Self::Text(text), ColumnType::Text { .. } | ColumnType::Enum { .. }) => {
                Value::Text(text.to_owned())
            }
            (Self::Json(text), ColumnType::Json) => {
                Value::Json(serde_json::from_str(text).map_err(|_| refused())?)
            }
            _ => return Err(refused()),
        })
    }
}

/// What Mainstay fills in by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Automatic {
    /// Nothing.
    #[default]
    No,
    /// A version 7 UUID, unless the insert brings one.
    Uuid,
    /// An i64 key made by the database, unless the insert brings one.
    Identity,
    /// The instant of the insert.
    CreatedAt,
    /// The instant of the insert and of each update.
    UpdatedAt,
    /// The optimistic version: 1 at the insert, one more at each update.
    Version,
}

/// The normal form of a text column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TextForm {
    /// One line: trimmed, Unicode NFC, control characters refused.
    #[default]
    Line,
    /// Several lines: as a line, but newline and tab are allowed.
    Multiline,
    /// A line in lower case, for e-mail addresses.
    Lowercase,
    /// Never altered and only checked for NUL: password hashes and other opaque text.
    Opaque,
}

/// A rule with the message shown when it is broken; without one, a standard message is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What is required.
    pub kind: RuleKind,
    /// The message for the public.
    pub message: Option<&'static str>,
}

/// What a rule requires.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RuleKind {
    /// Text of at least so many Unicode scalar values.
    MinLength(u32),
    /// Text of at most so many Unicode scalar values.
    MaxLength(u32),
    /// A number of at least this.
    Min(i64),
    /// A number of at most this.
    Max(i64),
    /// An e-mail address.
    Email,
    /// An instant or date after the clock's now.
    Future,
    /// A JSON object.
    JsonObject,
}

/// A unique constraint.
#[derive(Debug, Clone, PartialEq)]
pub struct UniqueModel {
    /// The constraint's name.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [&'static str],
}

/// An index that is not unique.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexModel {
    /// The index's name.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [&'static str],
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignKeyModel {
    /// The constraint's name.
    pub name: &'static str,
    /// The columns that refer.
    pub columns: &'static [&'static str],
    /// The table referred to.
    pub references: &'static str,
    /// The columns referred to, in the same order.
    pub referenced_columns: &'static [&'static str],
    /// What deleting the row referred to does.
    pub on_delete: OnDelete,
}

/// What deleting a row does to the rows that refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDelete {
    /// The delete is refused.
    Restrict,
    /// They are deleted too.
    Cascade,
    /// Their reference becomes NULL.
    SetNull,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckModel {
    /// The constraint's name.
    pub name: &'static str,
    /// The condition, in SQL that all dialects read: bare column names, literals, comparisons,
    /// AND, OR, NOT, IN, IS NULL.
    pub condition: &'static str,
    /// The columns it concerns, for field errors.
    pub columns: &'static [&'static str],
}
