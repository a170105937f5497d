//! All tables of an application, and the way back from a constraint's name to its columns.

use super::entity::Entity;
use super::model::{ForeignKeyModel, TableModel};
use crate::error::{Error, ErrorKind, FieldErrors};
use crate::value::ColumnType;

/// The tables of an application, in an order in which they can be created: a table stands after
/// those its foreign keys refer to.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    tables: Vec<&'static TableModel>,
}

impl Schema {
    /// No tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the table of an entity.
    #[must_use]
    pub fn with<E: Entity>(self) -> Self {
        self.with_table(E::table())
    }

    fn with_table(mut self, table: &'static TableModel) -> Self {
        if self.table(table.name).is_none() {
            self.tables.push(table);
            self.tables = in_creation_order(self.tables);
        }
        self
    }

    /// The tables, in creation order.
    pub fn tables(&self) -> &[&'static TableModel] {
        &self.tables
    }

    /// The table of a name.
    pub fn table(&self, name: &str) -> Option<&'static TableModel> {
        self.tables.iter().copied().find(|table| table.name == name)
    }

    /// The foreign keys that refer to a table, each with the table that has it.
    pub fn referring_to(
        &self,
        name: &str,
    ) -> impl Iterator<Item = (&'static TableModel, &'static ForeignKeyModel)> {
        self.tables
            .iter()
            .copied()
            .flat_map(|table| table.foreign_keys.iter().map(move |key| (table, key)))
            .filter(move |(_, key)| key.references == name)
    }

    /// Completes a constraint error: an engine names the constraint or the columns, never all of
    /// table, constraint, columns and fields. What the model knows is added; what the engine said
    /// stands.
    pub fn explain(&self, error: Error) -> Error {
        let Some(found) = self.constraint_of(&error) else {
            return error;
        };
        let Constraint {
            table,
            name,
            columns,
        } = found;
        let error = by_type(table, name.as_deref(), error);
        let mut fields = FieldErrors::new();
        if error.fields().is_empty() {
            for column in &columns {
                let field = table
                    .column(column)
                    .map_or(*column, |(_, model)| model.field);
                fields.push(field, error.public_message());
            }
        } else {
            fields = error.fields().clone();
        }
        let mut error = error
            .with_table(table.name)
            .with_columns(columns.iter().copied());
        if let Some(name) = name {
            error = error.with_constraint(name);
        }
        error.with_fields(fields)
    }

    fn constraint_of(&self, error: &Error) -> Option<Constraint> {
        let tables = || {
            self.tables
                .iter()
                .copied()
                .filter(|table| error.table().is_none_or(|n| n == table.name))
        };
        if let Some(name) = error.constraint() {
            return only(tables().filter_map(|table| constraint_named(table, name)));
        }
        let given: Vec<&str> = error.columns().collect();
        if given.is_empty() {
            return None;
        }
        only(tables().filter_map(|table| constraint_on(table, error.kind(), &given)))
    }
}

/// Where a check stands in for a type that the engine lacks, what it refuses is what other engines'
/// types refuse, by the same name.
fn by_type(table: &TableModel, constraint: Option<&str>, error: Error) -> Error {
    if error.kind() != ErrorKind::Check {
        return error;
    }
    let column = table
        .columns
        .iter()
        .find(|column| constraint == Some(type_check_name(table, column.name).as_str()));
    let kind = match column.map(|column| column.ty) {
        Some(ColumnType::Text { .. }) => ErrorKind::ValueTooLong,
        Some(ColumnType::I32 | ColumnType::Decimal { .. }) => ErrorKind::OutOfRange,
        Some(ColumnType::Json) => ErrorKind::InvalidValue,
        _ => return error,
    };
    error.with_kind(kind)
}

/// The one constraint that fits. An engine that names no table can mean any of several ("PRIMARY",
/// a column `name`); then none is better than the wrong one.
fn only(mut found: impl Iterator<Item = Constraint>) -> Option<Constraint> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Puts each table after those it refers to, and otherwise keeps the order. Of tables that refer to
/// each other in a circle, the one given first comes first.
fn in_creation_order(mut rest: Vec<&'static TableModel>) -> Vec<&'static TableModel> {
    let mut ordered = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let ready = rest.iter().position(|table| {
            table.foreign_keys.iter().all(|key| {
                key.references == table.name
                    || rest.iter().all(|other| other.name != key.references)
            })
        });
        ordered.push(rest.remove(ready.unwrap_or(0)));
    }
    ordered
}

struct Constraint {
    table: &'static TableModel,
    name: Option<String>,
    columns: Vec<&'static str>,
}

/// The name of a table's primary key constraint.
pub fn primary_key_name(table: &TableModel) -> String {
    format!("{}_pkey", table.name)
}

/// The name of the check that follows from a column's type.
pub fn type_check_name(table: &TableModel, column: &str) -> String {
    format!("{}_{column}_check", table.name)
}

fn constraint_named(table: &'static TableModel, name: &str) -> Option<Constraint> {
    let columns = if let Some(unique) = table.uniques.iter().find(|u| u.name == name) {
        unique.columns.to_vec()
    } else if let Some(key) = table.foreign_keys.iter().find(|k| k.name == name) {
        key.columns.to_vec()
    } else if let Some(check) = table.checks.iter().find(|c| c.name == name) {
        check.columns.to_vec()
    } else if name == primary_key_name(table) || name == "PRIMARY" {
        table.key_columns().map(|column| column.name).collect()
    } else {
        let column = table
            .columns
            .iter()
            .find(|c| type_check_name(table, c.name) == name)?;
        vec![column.name]
    };
    // MySQL calls every primary key PRIMARY; the name is the same on all engines here.
    let name = if name == "PRIMARY" {
        primary_key_name(table)
    } else {
        name.to_owned()
    };
    Some(Constraint {
        table,
        name: Some(name),
        columns,
    })
}

fn constraint_on(
    table: &'static TableModel,
    kind: ErrorKind,
    columns: &[&str],
) -> Option<Constraint> {
    if kind == ErrorKind::Duplicate {
        let key: Vec<_> = table.key_columns().map(|column| column.name).collect();
        if key == columns {
            return Some(Constraint {
                table,
                name: Some(primary_key_name(table)),
                columns: key,
            });
        }
        let unique = table
            .uniques
            .iter()
            .find(|unique| unique.columns == columns)?;
        return Some(Constraint {
            table,
            name: Some(unique.name.to_owned()),
            columns: unique.columns.to_vec(),
        });
    }
    let known: Option<Vec<_>> = columns
        .iter()
        .map(|name| table.column(name).map(|(_, column)| column.name))
        .collect();
    Some(Constraint {
        table,
        name: None,
        columns: known?,
    })
}

#[cfg(test)]
mod tests;
