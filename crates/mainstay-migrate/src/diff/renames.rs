//! Renames: told by the caller, never guessed. And what could be one, for a caller who asks.

use serde::Serialize;

use super::words;
use crate::catalog::{Catalog, Column, ForeignKey, Generated, Index, IndexPart, Key, Table};

/// What has been renamed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renames {
    /// Tables: the name before and the name after.
    pub tables: Vec<(String, String)>,
    /// Columns: the table by its name after, the column's name before and after.
    pub columns: Vec<(String, String, String)>,
}

/// What could be a rename: something that goes and something like it that comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Candidate {
    /// A table.
    Table {
        /// Its name before.
        from: String,
        /// Its name after.
        to: String,
    },
    /// A column.
    Column {
        /// Its table.
        table: String,
        /// Its name before.
        from: String,
        /// Its name after.
        to: String,
    },
}

/// What could be a rename: a table that goes and one with mostly the same columns that comes, and
/// in tables that stay a column that goes and one of the same type that comes. One thing may
/// stand in several candidates; those most alike come first.
pub fn candidates(from: &Catalog, to: &Catalog) -> Vec<Candidate> {
    let mut found = Vec::new();
    for old in from.tables.iter().filter(|t| to.table(&t.name).is_none()) {
        for new in to.tables.iter().filter(|t| from.table(&t.name).is_none()) {
            let likeness = likeness(old, new);
            if likeness >= LIKE {
                let (from, to) = (old.name.clone(), new.name.clone());
                found.push((likeness, Candidate::Table { from, to }));
            }
        }
    }
    found.sort_by_key(|(likeness, _)| std::cmp::Reverse(*likeness));
    let mut all: Vec<Candidate> = found.into_iter().map(|(_, candidate)| candidate).collect();
    for new in &to.tables {
        let Some(old) = from.table(&new.name) else {
            continue;
        };
        let gone = old.columns.iter().filter(|c| new.column(&c.name).is_none());
        for gone in gone {
            let come = new.columns.iter().filter(|c| old.column(&c.name).is_none());
            for come in come.filter(|come| alike(gone, come)) {
                all.push(Candidate::Column {
                    table: new.name.clone(),
                    from: gone.name.clone(),
                    to: come.name.clone(),
                });
            }
        }
    }
    all
}

/// Of a hundred columns, how many must be the same for two tables to be called alike.
const LIKE: usize = 60;

/// How many of a hundred columns of the two tables are in both.
fn likeness(a: &Table, b: &Table) -> usize {
    let same = |column: &&Column| {
        let other = b.column(&column.name);
        other.is_some_and(|other| alike(column, other))
    };
    let common = a.columns.iter().filter(same).count();
    let most = a.columns.len().max(b.columns.len()).max(1);
    common * 100 / most
}

fn alike(a: &Column, b: &Column) -> bool {
    a.ty == b.ty && a.generated.is_some() == b.generated.is_some()
}

impl Renames {
    /// The same renames seen from the other side.
    pub fn reversed(&self) -> Self {
        let before = |table: &str| {
            let rename = self.tables.iter().find(|(_, after)| after == table);
            rename.map_or(table, |(before, _)| before).to_owned()
        };
        Self {
            tables: self
                .tables
                .iter()
                .map(|(before, after)| (after.clone(), before.clone()))
                .collect(),
            columns: self
                .columns
                .iter()
                .map(|(table, from, to)| (before(table), to.clone(), from.clone()))
                .collect(),
        }
    }

    /// Those that fit the two catalogs, and the others in words.
    pub(crate) fn fitting(&self, from: &Catalog, to: &Catalog) -> (Self, Vec<String>) {
        let mut fitting = Self::default();
        let mut refused = Vec::new();
        for (before, after) in &self.tables {
            let clear = !fitting
                .tables
                .iter()
                .any(|(b, a)| b == before || a == after);
            if clear
                && from.table(before).is_some()
                && from.table(after).is_none()
                && to.table(after).is_some()
                && to.table(before).is_none()
            {
                fitting.tables.push((before.clone(), after.clone()));
            } else {
                refused.push(format!(
                    "table {before} is not renamed to {after}: {NOT_FITTING}"
                ));
            }
        }
        for (table, before, after) in &self.columns {
            let old_table = fitting.table_before(table);
            let clear = !fitting
                .columns
                .iter()
                .any(|(t, b, a)| t == table && (b == before || a == after));
            let fits = from
                .table(old_table)
                .zip(to.table(table))
                .is_some_and(|(old, new)| {
                    old.column(before).is_some()
                        && old.column(after).is_none()
                        && new.column(after).is_some()
                        && new.column(before).is_none()
                });
            if clear && fits {
                let rename = (table.clone(), before.clone(), after.clone());
                fitting.columns.push(rename);
            } else {
                refused.push(format!(
                    "{table}.{before} is not renamed to {after}: {NOT_FITTING}"
                ));
            }
        }
        (fitting, refused)
    }

    /// What a table of this name was called before.
    pub(super) fn table_before<'a>(&'a self, table: &'a str) -> &'a str {
        let rename = self.tables.iter().find(|(_, after)| after == table);
        rename.map_or(table, |(before, _)| before)
    }

    /// The catalog as it is once the renames have been made.
    pub(crate) fn apply(&self, catalog: &Catalog) -> Catalog {
        let mut out = catalog.clone();
        for (before, after) in &self.tables {
            for table in &mut out.tables {
                rename_table(catalog, table, before, after);
            }
        }
        for (table, before, after) in &self.columns {
            for other in &mut out.tables {
                for key in &mut other.foreign_keys {
                    if key.references == *table {
                        rename_in(&mut key.referenced_columns, before, after);
                    }
                }
                if other.name == *table {
                    rename_column(catalog, other, before, after);
                }
            }
        }
        out.tables.sort_by(|a, b| a.name.cmp(&b.name));
        out
    }
}

const NOT_FITTING: &str = "the one must be in the first database only, and the other in the \
                           second only";

fn rename_table(catalog: &Catalog, table: &mut Table, before: &str, after: &str) {
    if table.name == before {
        after.clone_into(&mut table.name);
    }
    for key in &mut table.foreign_keys {
        if key.references == before {
            after.clone_into(&mut key.references);
        }
    }
    for trigger in &mut table.triggers {
        trigger.definition = words::replace(catalog.dialect, &trigger.definition, before, after);
    }
}

fn rename_column(catalog: &Catalog, table: &mut Table, before: &str, after: &str) {
    let text = |sql: &mut String| {
        *sql = words::replace(catalog.dialect, sql, before, after);
    };
    for Column {
        name,
        generated,
        default,
        ..
    } in &mut table.columns
    {
        if name == before {
            after.clone_into(name);
        }
        if let Some(Generated { expression, .. }) = generated {
            text(expression);
        }
        if let Some(default) = default {
            text(default);
        }
    }
    for Key { columns, .. } in table.primary_key.iter_mut().chain(&mut table.uniques) {
        rename_in(columns, before, after);
    }
    for ForeignKey { columns, .. } in &mut table.foreign_keys {
        rename_in(columns, before, after);
    }
    for check in &mut table.checks {
        if check.is_of(before) {
            check.name = Some(after.to_owned());
        }
        text(&mut check.condition);
    }
    for index in &mut table.indexes {
        let Index {
            parts,
            include,
            condition,
            ..
        } = index;
        for IndexPart {
            what, is_column, ..
        } in parts
        {
            if *is_column && what == before {
                after.clone_into(what);
            } else if !*is_column {
                text(what);
            }
        }
        rename_in(include, before, after);
        if let Some(condition) = condition {
            text(condition);
        }
    }
}

fn rename_in(columns: &mut [String], before: &str, after: &str) {
    for column in columns {
        if column == before {
            after.clone_into(column);
        }
    }
}

#[cfg(test)]
#[path = "tests/renames.rs"]
mod tests;
