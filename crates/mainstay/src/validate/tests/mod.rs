//! Tests of sanitising and validating.
//!
//! - `mod.rs`: the table and helpers that the tests share
//! - `text`: the normal forms
//! - `rules`: each rule and its message at its edges
//! - `writes`: whole writes, filters
//! - `input`: input that is not a column

mod input;
mod rules;
mod text;
mod writes;

use chrono::{DateTime, Utc};

use super::*;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{
    Assignment, Automatic, Change, ColumnModel, DefaultValue, Rule, RuleKind, TableModel, TextForm,
};
use crate::value::{ColumnType, Value};

const NOW: &str = "2030-06-15T12:00:00Z";

const TEXT: ColumnType = ColumnType::Text { max: None };

const PLAIN: ColumnModel = ColumnModel {
    name: "plain",
    field: "plain",
    ty: TEXT,
    nullable: true,
    default: None,
    automatic: Automatic::No,
    form: TextForm::Line,
    rules: &[],
};

const fn rule(kind: RuleKind, message: &'static str) -> Rule {
    Rule {
        kind,
        message: Some(message),
    }
}

const fn bare(kind: RuleKind) -> Rule {
    Rule {
        kind,
        message: None,
    }
}

/// The columns of the two schemas that the messages come from, and one of each other kind.
pub(super) static GOALS: TableModel = TableModel {
    name: "goals",
    columns: &[
        ColumnModel {
            name: "email",
            field: "email",
            nullable: false,
            form: TextForm::Lowercase,
            rules: &[rule(RuleKind::Email, "Invalid email format")],
            ..PLAIN
        },
        ColumnModel {
            name: "name",
            field: "name",
            nullable: false,
            rules: &[
                rule(RuleKind::MinLength(1), "Name is required"),
                rule(RuleKind::MaxLength(100), "Name too long"),
            ],
            ..PLAIN
        },
        ColumnModel {
            name: "title",
            field: "title",
            nullable: false,
            rules: &[
                rule(RuleKind::MinLength(1), "Title is required"),
                rule(RuleKind::MaxLength(200), "Title too long"),
            ],
            ..PLAIN
        },
        ColumnModel {
            name: "description",
            field: "description",
            form: TextForm::Multiline,
            rules: &[rule(RuleKind::MaxLength(1000), "Description too long")],
            ..PLAIN
        },
        ColumnModel {
            name: "target_date",
            field: "targetDate",
            ty: ColumnType::Instant,
            rules: &[rule(RuleKind::Future, "Target date must be in the future")],
            ..PLAIN
        },
        ColumnModel {
            name: "module_id",
            field: "moduleId",
            nullable: false,
            rules: &[rule(RuleKind::MinLength(1), "Module ID is required")],
            ..PLAIN
        },
        ColumnModel {
            name: "difficulty",
            field: "difficulty",
            ty: ColumnType::Enum {
                variants: &["easy", "hard"],
            },
            nullable: false,
            default: Some(DefaultValue::Text("easy")),
            ..PLAIN
        },
        ColumnModel {
            name: "password_hash",
            field: "password",
            form: TextForm::Opaque,
            ..PLAIN
        },
        ColumnModel {
            name: "preferences",
            field: "preferences",
            ty: ColumnType::Json,
            rules: &[bare(RuleKind::JsonObject)],
            ..PLAIN
        },
        ColumnModel {
            name: "xp",
            field: "xp",
            ty: ColumnType::I32,
            nullable: false,
            default: Some(DefaultValue::Int(0)),
            rules: &[bare(RuleKind::Min(0)), bare(RuleKind::Max(1000))],
            ..PLAIN
        },
        ColumnModel {
            name: "weight",
            field: "weight",
            ty: ColumnType::F64,
            rules: &[bare(RuleKind::Min(-1)), bare(RuleKind::Max(1))],
            ..PLAIN
        },
        ColumnModel {
            name: "price",
            field: "price",
            ty: ColumnType::Decimal {
                precision: 6,
                scale: 2,
            },
            rules: &[bare(RuleKind::Min(1))],
            ..PLAIN
        },
        ColumnModel {
            name: "start_day",
            field: "startDay",
            ty: ColumnType::Date,
            rules: &[bare(RuleKind::Future)],
            ..PLAIN
        },
        ColumnModel {
            name: "nickname",
            field: "nickname",
            ty: ColumnType::Text { max: Some(3) },
            rules: &[bare(RuleKind::MinLength(2))],
            ..PLAIN
        },
        ColumnModel {
            name: "id",
            field: "id",
            ty: ColumnType::Uuid,
            nullable: false,
            automatic: Automatic::Uuid,
            ..PLAIN
        },
    ],
    primary_key: &[14],
    uniques: &[],
    indexes: &[],
    foreign_keys: &[],
    checks: &[],
};

fn now() -> DateTime<Utc> {
    NOW.parse().expect("an instant")
}

fn position(column: &str) -> usize {
    GOALS.column(column).expect("a column of the table").0
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// Writes one column; gives what would be stored or the message.
fn store(column: &str, value: Value) -> Result<Value, String> {
    let mut assignments = [Assignment::set(position(column), value)];
    match prepare(&GOALS, &mut assignments, now()) {
        Ok(()) => match assignments {
            [
                Assignment {
                    change: Change::Set(value),
                    ..
                },
            ] => Ok(value),
            other => panic!("the assignment became {other:?}"),
        },
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Validation);
            assert_eq!(error.table(), Some("goals"));
            assert_eq!(error.columns().collect::<Vec<_>>(), [column]);
            Err(error.fields().joined())
        }
    }
}

fn problems(error: &Error) -> Vec<(&str, &str)> {
    error
        .fields()
        .iter()
        .map(|e| (e.field.as_ref(), e.message.as_ref()))
        .collect()
}
