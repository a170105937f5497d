//! CREATE TABLE.

use super::constraint::{self, AUTOINCREMENT, Constraint};
use super::rules::Rules;
use super::{Cursor, Malformed, column, significant, split_at_commas};
use crate::catalog::{Check, Column, ForeignKey, Identity, Index, Key};

/// What CREATE TABLE says, in its own order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::catalog) struct Parsed {
    pub(in crate::catalog) columns: Vec<Column>,
    pub(in crate::catalog) primary_key: Option<Key>,
    pub(in crate::catalog) uniques: Vec<Key>,
    pub(in crate::catalog) foreign_keys: Vec<ForeignKey>,
    pub(in crate::catalog) checks: Vec<Check>,
    /// For each check, the column in whose definition it stands.
    pub(in crate::catalog) check_columns: Vec<Option<String>>,
    pub(in crate::catalog) indexes: Vec<Index>,
    /// What stands behind the columns.
    pub(in crate::catalog) tail: String,
}

impl Parsed {
    fn add(&mut self, constraint: Constraint, column: Option<&str>) {
        match constraint {
            Constraint::Primary(key) => self.primary_key = Some(key),
            Constraint::Unique(key) => self.uniques.push(key),
            Constraint::Foreign(key) => self.foreign_keys.push(key),
            Constraint::Check(check) => {
                self.checks.push(check);
                self.check_columns.push(column.map(str::to_owned));
            }
            Constraint::Index(index) => self.indexes.push(index),
        }
    }
}

impl Parsed {
    /// Marks the column whose key says that the database makes its values.
    fn mark_identity(&mut self) {
        let Some(key) = &mut self.primary_key else {
            return;
        };
        let before = key.options.len();
        key.options.retain(|option| option != AUTOINCREMENT);
        if key.options.len() == before {
            return;
        }
        for column in &mut self.columns {
            if key
                .columns
                .first()
                .is_some_and(|name| name.eq_ignore_ascii_case(&column.name))
            {
                column.identity = Some(Identity::AutoIncrement);
            }
        }
    }
}

/// Reads CREATE TABLE.
pub(in crate::catalog) fn read(rules: Rules, sql: &str) -> Result<Parsed, Malformed> {
    let tokens = significant(rules.dialect, sql)?;
    let mut cursor = Cursor::new(&tokens);
    let inside = loop {
        if let Some(inside) = cursor.group() {
            break inside;
        }
        if cursor.next().is_none() {
            return Err(Malformed("it has no columns".to_owned()));
        }
    };
    let mut parsed = Parsed::default();
    for line in split_at_commas(inside) {
        let mut line = Cursor::new(line);
        if !constraint::starts(rules, &line) {
            let defined = column::read(rules, &mut line)?;
            for one in defined.constraints {
                parsed.add(one, Some(&defined.column.name));
            }
            parsed.columns.push(defined.column);
            continue;
        }
        // SQLite lets constraints follow each other without a comma.
        while !line.is_at_end() {
            if let Some(found) = constraint::read(rules, &mut line)? {
                parsed.add(found, None);
            }
        }
    }
    parsed.mark_identity();
    if let Some(first) = cursor.rest().first() {
        parsed.tail = sql[first.at..].to_owned();
    }
    Ok(parsed)
}
