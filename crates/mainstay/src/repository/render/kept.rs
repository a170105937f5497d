//! Statements on one row, and on those with given values in some columns: their text is written
//! once per entity, dialect and columns, and only the values are put together for each call.

use std::sync::Arc;

use super::Selection;
use super::table::Table;
use crate::database::texts::{Operation, Shape};
use crate::driver::{Access, Statement, Tail};
use crate::error::Result;
use crate::schema::filter::{Comparison, Condition};
use crate::schema::{Assignment, Automatic, Change};
use crate::validate;
use crate::value::Value;

impl Table<'_> {
    /// The row with a key, all columns.
    pub(crate) fn select_by_key(&self, key: Vec<Value>) -> Result<Statement> {
        self.by_key(Operation::SelectByKey, false, key, Access::Read, |key| {
            let mut selection = Selection::whole(self.model);
            selection.condition = Some(key);
            self.select(&selection)
        })
        .map(Statement::short)
    }

    /// Whether there is a row with a key.
    pub(crate) fn exists_by_key(&self, key: Vec<Value>) -> Result<Statement> {
        self.by_key(Operation::ExistsByKey, false, key, Access::Read, |key| {
            // Without a limit, which would be a value of its own: there is one row at most.
            self.finish(&self.exists_query(Some(&key))?, Access::Read)
        })
        .map(Statement::short)
    }

    /// Deletes the row with a key.
    pub(crate) fn delete_by_key(&self, key: Vec<Value>, returning: bool) -> Result<Statement> {
        let operation = Operation::DeleteByKey;
        self.by_key(operation, returning, key, Access::Write, |key| {
            self.delete(Some(&key), returning)
        })
        .map(|statement| statement.ending_with(tail(returning, true)))
    }

    fn by_key(
        &self,
        operation: Operation,
        returning: bool,
        key: Vec<Value>,
        access: Access,
        write: impl FnOnce(Condition) -> Result<Statement>,
    ) -> Result<Statement> {
        let shape = Shape::new(self.model, self.dialect, operation).returning(returning);
        let text = self
            .texts
            .get(shape, || Ok(write(self.key_condition(key.clone()))?.sql))?;
        self.ready(text, self.stored_key(key)?, access)
    }

    /// An INSERT of one row.
    pub(crate) fn insert_row(
        &self,
        columns: &[usize],
        row: Vec<Value>,
        returning: bool,
    ) -> Result<Statement> {
        let shape = Shape::new(self.model, self.dialect, Operation::Insert)
            .returning(returning)
            .setting(columns.iter().copied());
        // Without columns the row is all defaults, which each dialect says in its own way.
        let Some(shape) = shape.filter(|_| !columns.is_empty()) else {
            return self.insert(columns, vec![row], returning);
        };
        let text = self.texts.get(shape, || {
            Ok(self.insert(columns, vec![row.clone()], returning)?.sql)
        })?;
        let values = columns.iter().zip(row);
        let values = values.map(|(column, value)| self.stored(*column, value));
        let statement = self.ready(text, values.collect(), Access::Write)?;
        Ok(statement.ending_with(tail(returning, true)))
    }

    /// An UPDATE of the row with a key, if it has the version expected.
    pub(crate) fn update_by_key(
        &self,
        assignments: &[Assignment],
        key: Vec<Value>,
        expected_version: Option<i64>,
        returning: bool,
    ) -> Result<Statement> {
        let version = expected_version.zip(self.model.automatic(Automatic::Version));
        let condition = || {
            let by_key = self.key_condition(key.clone());
            match version {
                Some((version, (column, _))) => Condition::All(vec![
                    by_key,
                    Condition::Compare {
                        column,
                        comparison: Comparison::Equal,
                        value: Value::I64(version),
                    },
                ]),
                None => by_key,
            }
        };
        let operation = if version.is_some() {
            Operation::UpdateVersion
        } else {
            Operation::UpdateByKey
        };
        let sorted = in_table_order(assignments);
        let Some(shape) = self.update_shape(operation, &sorted, returning) else {
            return self.update(assignments, Some(&condition()), returning);
        };
        let text = self.texts.get(shape, || {
            let sorted: Vec<_> = sorted.iter().copied().cloned().collect();
            Ok(self.update(&sorted, Some(&condition()), returning)?.sql)
        })?;
        let mut values = self.stored_changes(&sorted);
        values.extend(self.stored_key(key.clone())?);
        if let Some((version, (column, _))) = version {
            let version = Value::I64(version);
            validate::filter_value(self.model, column, &version)?;
            values.push(self.stored(column, version));
        }
        let statement = self.ready(text, values, Access::Write)?;
        Ok(statement.ending_with(tail(returning, true)))
    }

    /// An UPDATE of the rows that a filter matches.
    pub(crate) fn update_where(
        &self,
        assignments: &[Assignment],
        condition: &Condition,
    ) -> Result<Statement> {
        let sorted = in_table_order(assignments);
        let shape = self.update_shape(Operation::UpdateWhere, &sorted, false);
        let Some((shape, equal)) = shape.and_then(|shape| with_equal(shape, condition)) else {
            return self.update(assignments, Some(condition), false);
        };
        let text = self.texts.get(shape, || {
            let sorted: Vec<_> = sorted.iter().copied().cloned().collect();
            Ok(self.update(&sorted, Some(&all_of(&equal)), false)?.sql)
        })?;
        let mut values = self.stored_changes(&sorted);
        self.push_equal(&equal, &mut values)?;
        let statement = self.ready(text, values, Access::Write)?;
        Ok(statement.ending_with(tail(false, self.has_key(&equal))))
    }

    /// A DELETE of the rows that a filter matches.
    pub(crate) fn delete_where(&self, condition: &Condition) -> Result<Statement> {
        let shape = Shape::new(self.model, self.dialect, Operation::DeleteWhere);
        let Some((shape, equal)) = with_equal(shape, condition) else {
            return self.delete(Some(condition), false);
        };
        let text = self
            .texts
            .get(shape, || Ok(self.delete(Some(&all_of(&equal)), false)?.sql))?;
        let mut values = Vec::with_capacity(equal.len());
        self.push_equal(&equal, &mut values)?;
        let statement = self.ready(text, values, Access::Write)?;
        Ok(statement.ending_with(tail(false, self.has_key(&equal))))
    }

    /// Whether columns that are compared with values are those of the key and perhaps more.
    fn has_key(&self, equal: &[(usize, &Value)]) -> bool {
        let mut key = self.model.primary_key.iter();
        key.all(|part| equal.iter().any(|(column, _)| column == part))
    }

    /// The values compared with, checked and in stored form.
    fn push_equal(&self, equal: &[(usize, &Value)], values: &mut Vec<Value>) -> Result<()> {
        for (column, value) in equal {
            validate::filter_value(self.model, *column, value)?;
            values.push(self.stored(*column, (*value).clone()));
        }
        Ok(())
    }

    /// The values that assignments set or add, in stored form.
    fn stored_changes(&self, sorted: &[&Assignment]) -> Vec<Value> {
        let value = |assignment: &&Assignment| {
            let (Change::Set(value) | Change::Add(value)) = &assignment.change;
            self.stored(assignment.column, value.clone())
        };
        sorted.iter().map(value).collect()
    }

    fn update_shape(
        &self,
        operation: Operation,
        sorted: &[&Assignment],
        returning: bool,
    ) -> Option<Shape> {
        let changed = |added: bool| {
            let kind = move |a: &&&Assignment| matches!(a.change, Change::Add(_)) == added;
            sorted.iter().filter(kind).map(|a| a.column)
        };
        Shape::new(self.model, self.dialect, operation)
            .returning(returning)
            .setting(changed(false))?
            .adding(changed(true))
    }

    /// A value in the form in which its column stores it.
    pub(crate) fn stored(&self, column: usize, value: Value) -> Value {
        self.dialect.lower(value, &self.model.columns[column].ty)
    }

    /// The key's values, checked and in stored form.
    fn stored_key(&self, mut key: Vec<Value>) -> Result<Vec<Value>> {
        for (value, column) in key.iter_mut().zip(self.model.primary_key) {
            validate::filter_value(self.model, *column, value)?;
            *value = self.stored(*column, std::mem::replace(value, Value::Null));
        }
        Ok(key)
    }

    /// Puts a kept text and the values of a call together.
    pub(super) fn ready(
        &self,
        text: Arc<str>,
        values: Vec<Value>,
        access: Access,
    ) -> Result<Statement> {
        Ok(Statement::new(text, values, access).on(self.model.name))
    }
}

fn tail(returning: bool, one_row: bool) -> Tail {
    match (returning, one_row) {
        (true, _) => Tail::Returning,
        (false, true) => Tail::OneRow,
        (false, false) => Tail::Other,
    }
}

/// In the order of the table, so that the same columns are one text.
fn in_table_order(assignments: &[Assignment]) -> Vec<&Assignment> {
    let mut sorted: Vec<_> = assignments.iter().collect();
    sorted.sort_by_key(|assignment| assignment.column);
    sorted
}

/// The shape with the columns that a filter gives values for, and those values in the order of the
/// table. `None` for a filter that is anything but such columns, once each, joined by AND.
fn with_equal(shape: Shape, condition: &Condition) -> Option<(Shape, Vec<(usize, &Value)>)> {
    fn one(condition: &Condition) -> Option<(usize, &Value)> {
        match condition {
            Condition::Compare {
                column,
                comparison: Comparison::Equal,
                value,
            } => Some((*column, value)),
            _ => None,
        }
    }
    let mut equal = match condition {
        Condition::All(parts) if !parts.is_empty() => {
            parts.iter().map(one).collect::<Option<Vec<_>>>()?
        }
        condition => vec![one(condition)?],
    };
    equal.sort_by_key(|(column, _)| *column);
    let shape = shape.where_equal(equal.iter().map(|(column, _)| *column))?;
    Some((shape, equal))
}

fn all_of(equal: &[(usize, &Value)]) -> Condition {
    let pairs = equal
        .iter()
        .map(|(column, value)| (*column, (*value).clone()));
    super::condition::equal_all(pairs)
}

#[cfg(test)]
mod tests;
