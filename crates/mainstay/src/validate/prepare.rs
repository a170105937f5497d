//! The assignments of a write, sanitised and validated; values used in filters.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::rules;
use super::text::sanitise;
use crate::error::{Error, ErrorKind, FieldErrors, Result};
use crate::schema::{Assignment, Automatic, Change, ColumnModel, TableModel};
use crate::value::{ColumnType, Value, check};

/// Sanitises the text of the assignments in place and checks every value, before any database
/// work. `now` is what a date in the future has to be after.
///
/// Per column, in this order: the text's form, NULL against nullability, the rules in their order,
/// then what no engine may be given (type, range, length). Only the first problem of a field is
/// reported, without exception: the later ones are most often the same mistake seen again. The
/// problems of all fields are reported at once, in the order of the table's columns.
///
/// For [`Change::Add`] the rules are not checked, since the result is not known here: only that the
/// column holds numbers and that the number fits it.
///
/// # Errors
/// One `VALIDATION_ERROR` with the table, the columns and all problems, whatever the kind of the
/// single problem.
pub fn prepare(
    table: &'static TableModel,
    assignments: &mut [Assignment],
    now: DateTime<Utc>,
) -> Result<()> {
    Problems::of(table, assignments, now)?.into_result()
}

/// As [`prepare`], for an insert: also reports columns that are missing although they are neither
/// nullable nor have a default nor are filled in by Mainstay, and refuses [`Change::Add`].
///
/// # Errors
/// As [`prepare`].
pub fn prepare_insert(
    table: &'static TableModel,
    assignments: &mut [Assignment],
    now: DateTime<Utc>,
) -> Result<()> {
    let mut problems = Problems::of(table, assignments, now)?;
    for assignment in &*assignments {
        if matches!(assignment.change, Change::Add(_)) {
            let field = table.columns[assignment.column].field;
            problems.add(
                assignment.column,
                format!("{field} cannot be added to in an insert"),
            );
        }
    }
    for (position, column) in table.columns.iter().enumerate() {
        let filled_in =
            column.nullable || column.default.is_some() || column.automatic != Automatic::No;
        // Most rows are given in the order of the columns.
        let given = || {
            let in_order = assignments.get(position);
            in_order.is_some_and(|a| a.column == position)
                || assignments.iter().any(|a| a.column == position)
        };
        if !filled_in && !given() {
            problems.add(position, rules::required(column.rules, column.field));
        }
    }
    problems.into_result()
}

/// Puts problems that were found one after the other into the order of the table's columns; those
/// of other fields come last, in their own order.
pub fn in_column_order(problems: FieldErrors, table: &TableModel) -> FieldErrors {
    problems.sorted_by_key(|field| {
        let root = field.split(['.', '[']).next();
        let position = table.columns.iter().position(|c| Some(c.field) == root);
        position.unwrap_or(table.columns.len())
    })
}

/// Problems by column, so that they come out in column order.
struct Problems {
    table: &'static TableModel,
    /// Empty as long as there is none: most input has none.
    by_column: Vec<Option<String>>,
}

impl Problems {
    fn of(
        table: &'static TableModel,
        assignments: &mut [Assignment],
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let mut problems = Self {
            table,
            by_column: Vec::new(),
        };
        let mut sorted = true;
        for at in 0..assignments.len() {
            let (before, rest) = assignments.split_at_mut(at);
            let assignment = &mut rest[0];
            let position = assignment.column;
            let column = column_at(table, position)?;
            // Columns that go up, as those of a struct's fields do, cannot come twice.
            let goes_up = before.last().is_none_or(|last| last.column < position);
            sorted &= goes_up;
            if !sorted && before.iter().any(|other| other.column == position) {
                problems.add(
                    position,
                    format!("{} is given more than once", column.field),
                );
                continue;
            }
            let problem = match &mut assignment.change {
                Change::Set(value) => set(column, value, now),
                Change::Add(value) => add(column, value),
            };
            if let Err(message) = problem {
                problems.add(position, message);
            }
        }
        Ok(problems)
    }

    /// Adds a problem, unless the column has one.
    fn add(&mut self, position: usize, message: String) {
        if self.by_column.is_empty() {
            self.by_column = vec![None; self.table.columns.len()];
        }
        self.by_column[position].get_or_insert(message);
    }

    fn into_result(self) -> Result<()> {
        if self.by_column.is_empty() {
            return Ok(());
        }
        let mut fields = FieldErrors::new();
        let mut columns = Vec::new();
        for (column, message) in self.table.columns.iter().zip(self.by_column) {
            if let Some(message) = message {
                fields.push(column.field, message);
                columns.push(column.name);
            }
        }
        Err(Error::validation(fields)
            .with_table(self.table.name)
            .with_columns(columns))
    }
}

fn set(column: &'static ColumnModel, value: &mut Value, now: DateTime<Utc>) -> Result<(), String> {
    if value.is_null() {
        return if column.nullable {
            Ok(())
        } else {
            Err(rules::required(column.rules, column.field))
        };
    }
    // An enum's words are what they are: a word with a blank is another word.
    if let (Value::Text(text), ColumnType::Text { .. }) = (&mut *value, column.ty) {
        let clean = sanitise(text, column.form).map_err(|why| format!("{} {why}", column.field))?;
        if let Some(clean) = changed(clean, text) {
            *text = clean;
        }
    }
    if let Some(message) = rules::broken(column.rules, column.field, value, now) {
        return Err(message);
    }
    check_value(column, value)
}

fn changed(clean: Cow<'_, str>, text: &str) -> Option<String> {
    match clean {
        Cow::Borrowed(clean) if clean.len() == text.len() => None,
        clean => Some(clean.into_owned()),
    }
}

fn add(column: &'static ColumnModel, value: &Value) -> Result<(), String> {
    let is_number = matches!(
        column.ty,
        ColumnType::I32 | ColumnType::I64 | ColumnType::F64 | ColumnType::Decimal { .. }
    );
    if !is_number {
        return Err(format!("{} is not a number to add to", column.field));
    }
    if value.is_null() {
        return Err(format!("{} is required", column.field));
    }
    check_value(column, value)
}

fn check_value(column: &'static ColumnModel, value: &Value) -> Result<(), String> {
    check::check_value(value, &column.ty)
        .map_err(|refusal| format!("{} {}", column.field, refusal.message))
}

fn column_at(table: &'static TableModel, position: usize) -> Result<&'static ColumnModel> {
    table.columns.get(position).ok_or_else(|| {
        Error::new(
            ErrorKind::ColumnMissing,
            format!("{} has no column at position {position}", table.name),
        )
        .with_table(table.name)
        .with_hint("use the columns of the entity that the repository is for")
    })
}

/// Checks a value that a filter or a key compares with a column.
///
/// - The value must be of the column's type and within what the type can hold: a number that the
///   column cannot hold would be rounded by some engines and then match the wrong rows.
/// - Text longer than the column holds is fine: it matches nothing.
/// - A word that is not of the column's enum is refused, although it would match nothing too: it is
///   a mistake of the caller, and an empty result would hide it.
/// - NULL is fine: as in SQL, a comparison with it never holds.
/// - Text is neither trimmed nor composed: a filter says exactly what it looks for.
///
/// # Errors
/// `VALIDATION_ERROR` naming the field; `UNSUPPORTED` for a JSON column, because the engines do not
/// agree on when two documents are equal.
pub fn filter_value(table: &'static TableModel, column: usize, value: &Value) -> Result<()> {
    let column = column_at(table, column)?;
    if column.ty == ColumnType::Json {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "JSON documents cannot be compared in a filter",
        )
        .with_table(table.name)
        .with_columns([column.name])
        .with_hint("filter by a column of another type, or write the SQL for the engine in use"));
    }
    let ty = match column.ty {
        ColumnType::Text { .. } => ColumnType::Text { max: None },
        ty => ty,
    };
    check::check_value(value, &ty).map_err(|refusal| {
        let mut fields = FieldErrors::new();
        fields.push(
            column.field,
            format!("{} {}", column.field, refusal.message),
        );
        Error::validation(fields)
            .with_table(table.name)
            .with_columns([column.name])
    })
}
