//! Statements that carry the calls of several callers. Their text depends on how many there are,
//! and is written once for each number.

use super::Selection;
use super::table::Table;
use crate::database::texts::{Operation, Shape};
use crate::driver::{Access, Statement};
use crate::error::Result;
use crate::schema::filter::Condition;
use crate::value::Value;

impl Table<'_> {
    /// The rows with these keys, all columns, in no order. For keys of one column, which have been
    /// checked.
    pub(crate) fn select_by_keys(&self, column: usize, keys: Vec<Value>) -> Result<Statement> {
        let shape = Shape::new(
            self.model,
            self.dialect,
            Operation::SelectByKeys { keys: keys.len() },
        );
        let text = self.texts.get(shape, || {
            let mut selection = Selection::whole(self.model);
            selection.condition = Some(Condition::In {
                column,
                values: keys.clone(),
                negated: false,
            });
            Ok(self.select(&selection)?.sql)
        })?;
        let values = keys.into_iter().map(|key| self.stored(column, key));
        Ok(self.ready(text, values.collect(), Access::Read)?.short())
    }

    /// An INSERT of rows that give all columns, returning those it has made. Where the engine can,
    /// it passes over rows that a unique key refuses.
    pub(crate) fn insert_rows(&self, rows: Vec<Vec<Value>>) -> Result<Statement> {
        let operation = Operation::InsertRows { rows: rows.len() };
        let text = self
            .texts
            .get(Shape::new(self.model, self.dialect, operation), || {
                let columns: Vec<_> = (0..self.model.columns.len()).collect();
                let mut statement = self.insert(&columns, rows.clone(), false)?;
                if self.capabilities.insert_skips_duplicates {
                    statement.sql = format!("{} ON CONFLICT DO NOTHING", statement.sql).into();
                }
                Ok(self.returning(statement).sql)
            })?;
        let values = rows.into_iter().flat_map(|row| {
            let row = row.into_iter().enumerate();
            row.map(|(column, value)| self.stored(column, value))
        });
        self.ready(text, values.collect(), Access::Write)
    }
}

#[cfg(test)]
mod tests;
