//! What is to be done to get from one catalog to another: table by table, still without SQL.

use std::collections::BTreeSet;

use mainstay::schema::Dialect;

use super::pairs::{Constraint, Pairs, constraints};
use super::renames::Renames;
use super::words;
use crate::catalog::{Catalog, Check, Column, ForeignKey, Index, Key, Table};

/// What is to be done.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) dialect: Dialect,
    /// The first catalog as it is.
    pub(super) original: &'a Catalog,
    /// The second catalog.
    pub(super) to: &'a Catalog,
    pub(super) renames: &'a Renames,
    /// Tables to make.
    pub(super) created: Vec<&'a Table>,
    /// Tables to drop.
    pub(super) dropped: Vec<&'a Table>,
    /// Tables that stay.
    pub(super) tables: Vec<TableWork<'a>>,
}

/// What is to be done to one table that stays.
#[derive(Debug)]
pub(super) struct TableWork<'a> {
    pub(super) from: &'a Table,
    pub(super) to: &'a Table,
    pub(super) drop_columns: Vec<&'a Column>,
    pub(super) add_columns: Vec<&'a Column>,
    /// Columns that both have and that differ.
    pub(super) change_columns: Vec<(&'a Column, &'a Column)>,
    /// Columns whose type is another one of the same name.
    pub(super) retyped: Vec<&'a str>,
    /// At most one.
    pub(super) primary_key: Parts<'a, Key>,
    pub(super) uniques: Parts<'a, Key>,
    pub(super) indexes: Parts<'a, Index>,
    pub(super) foreign_keys: Parts<'a, ForeignKey>,
    pub(super) checks: Parts<'a, Check>,
}

/// What is to be done about the constraints of one kind.
#[derive(Debug)]
pub(super) struct Parts<'a, T> {
    pub(super) drop: Vec<&'a T>,
    pub(super) add: Vec<&'a T>,
    /// The same under another name.
    pub(super) rename: Vec<(&'a T, &'a T)>,
    pub(super) keep: Vec<(&'a T, &'a T)>,
}

impl<'a, T: Constraint + PartialEq> Parts<'a, T> {
    fn of(pairs: Pairs<'a, T>) -> Self {
        let mut parts = Self {
            drop: pairs.left,
            add: pairs.right,
            rename: Vec::new(),
            keep: Vec::new(),
        };
        for (a, b) in pairs.both {
            if a == b {
                parts.keep.push((a, b));
            } else {
                parts.drop.push(a);
                parts.add.push(b);
            }
        }
        let mut add = Vec::new();
        for new in std::mem::take(&mut parts.add) {
            let same = |old: &&T| {
                old.name().is_some() && new.name().is_some() && old.nameless() == new.nameless()
            };
            match parts.drop.iter().position(same) {
                Some(at) => parts.rename.push((parts.drop.remove(at), new)),
                None => add.push(new),
            }
        }
        parts.add = add;
        parts
    }

    /// Drops and adds again what stays but is in the way of something else. Says whether there
    /// was any.
    pub(super) fn redo(&mut self, in_the_way: impl Fn(&T) -> bool) -> bool {
        let mut found = false;
        for list in [&mut self.keep, &mut self.rename] {
            let (out, stay): (Vec<_>, Vec<_>) = std::mem::take(list)
                .into_iter()
                .partition(|(old, _)| in_the_way(old));
            *list = stay;
            for (old, new) in out {
                self.drop.push(old);
                self.add.push(new);
                found = true;
            }
        }
        found
    }

    /// Drops and adds again instead of renaming, where the engine cannot rename.
    pub(super) fn redo_renamed(&mut self) {
        for (old, new) in std::mem::take(&mut self.rename) {
            self.drop.push(old);
            self.add.push(new);
        }
    }

    /// Whether there is nothing to do.
    pub(super) fn is_done(&self) -> bool {
        self.drop.is_empty() && self.add.is_empty() && self.rename.is_empty()
    }
}

impl<'a> Work<'a> {
    /// `from` is the original once the renames are made.
    pub(super) fn new(
        original: &'a Catalog,
        from: &'a Catalog,
        to: &'a Catalog,
        renames: &'a Renames,
    ) -> Self {
        let pairs = Pairs::by(&from.tables, &to.tables, |a, b| a.name == b.name);
        Self {
            dialect: to.dialect,
            original,
            to,
            renames,
            created: pairs.right,
            dropped: pairs.left,
            tables: pairs
                .both
                .into_iter()
                .map(|(from, to)| TableWork::new(from, to))
                .collect(),
        }
    }

    /// The name that a table has before the renames.
    pub(super) fn name_before<'b>(&'b self, table: &'b str) -> &'b str {
        self.renames.table_before(table)
    }

    /// Whether the table or one of its columns is renamed.
    pub(super) fn is_renamed(&self, table: &str) -> bool {
        self.name_before(table) != table || self.renames.columns.iter().any(|(t, ..)| t == table)
    }

    /// Drops and adds again the foreign keys that stand in the way: those from or to columns that
    /// move, as the engine sees it, and those to keys that go.
    pub(super) fn redo_foreign_keys(&mut self, moves: impl Fn(&TableWork<'a>) -> Vec<&'a str>) {
        let mut moved: BTreeSet<(String, String)> = BTreeSet::new();
        let mut keys: BTreeSet<(String, Vec<String>)> = BTreeSet::new();
        for table in &self.tables {
            let name = &table.from.name;
            for column in moves(table) {
                moved.insert((name.clone(), column.to_owned()));
            }
            for key in table.primary_key.drop.iter().chain(&table.uniques.drop) {
                keys.insert((name.clone(), sorted(&key.columns)));
            }
            for index in table.indexes.drop.iter().filter(|index| index.unique) {
                let columns: Vec<String> =
                    index.parts.iter().map(|part| part.what.clone()).collect();
                keys.insert((name.clone(), sorted(&columns)));
            }
        }
        for table in &mut self.tables {
            let name = table.from.name.clone();
            table.foreign_keys.redo(|key| {
                let own = |column: &String| moved.contains(&(name.clone(), column.clone()));
                let other =
                    |column: &String| moved.contains(&(key.references.clone(), column.clone()));
                let target = (key.references.clone(), sorted(&key.referenced_columns));
                key.columns.iter().any(own)
                    || key.referenced_columns.iter().any(other)
                    || keys.contains(&target)
            });
        }
    }
}

fn sorted(columns: &[String]) -> Vec<String> {
    let mut columns = columns.to_vec();
    columns.sort();
    columns
}

impl<'a> TableWork<'a> {
    fn new(from: &'a Table, to: &'a Table) -> Self {
        let columns = Pairs::by(&from.columns, &to.columns, |a, b| a.name == b.name);
        let primary_key = Parts::of(Pairs::by(
            from.primary_key.as_slice(),
            to.primary_key.as_slice(),
            |_, _| true,
        ));
        // Computed ones come behind what they are computed from, and go before it.
        let (mut drop_columns, mut add_columns) = (columns.left, columns.right);
        drop_columns.sort_by_key(|column| column.generated.is_none());
        add_columns.sort_by_key(|column| column.generated.is_some());
        Self {
            from,
            to,
            drop_columns,
            add_columns,
            change_columns: columns.both.into_iter().filter(|(a, b)| a != b).collect(),
            retyped: Vec::new(),
            primary_key,
            uniques: Parts::of(constraints(&from.uniques, &to.uniques)),
            indexes: Parts::of(constraints(&from.indexes, &to.indexes)),
            foreign_keys: Parts::of(constraints(&from.foreign_keys, &to.foreign_keys)),
            checks: Parts::of(constraints(&from.checks, &to.checks)),
        }
    }

    /// Whether there is nothing to do, triggers aside.
    pub(super) fn is_done(&self) -> bool {
        self.drop_columns.is_empty()
            && self.add_columns.is_empty()
            && self.change_columns.is_empty()
            && self.retyped.is_empty()
            && self.primary_key.is_done()
            && self.uniques.is_done()
            && self.indexes.is_done()
            && self.foreign_keys.is_done()
            && self.checks.is_done()
            && self.from.options == self.to.options
            && self.from.comment == self.to.comment
    }

    /// Columns that stay by name but hold something else afterwards: of another type or
    /// collation, or dropped and added again.
    pub(super) fn moved_columns(&self) -> Vec<&'a str> {
        let differ = |(a, b): &&(&Column, &Column)| {
            a.ty != b.ty || a.collation != b.collation || a.generated != b.generated
        };
        let changed = self.change_columns.iter().filter(differ);
        let mut names: Vec<&str> = changed.map(|(a, _)| a.name.as_str()).collect();
        names.extend(&self.retyped);
        names.extend(self.remade_columns());
        names
    }

    /// Columns that are dropped and added again.
    pub(super) fn remade_columns(&self) -> Vec<&'a str> {
        let is_there = |column: &&&'a Column| self.from.column(&column.name).is_some();
        let remade = self.add_columns.iter().filter(is_there);
        remade.map(|column| column.name.as_str()).collect()
    }

    /// Drops columns and adds them again instead of changing them: those that are or become
    /// computed in another way, and computed ones that mention a column that moves.
    pub(super) fn remake_columns(&mut self, dialect: Dialect, keeps_stored: bool) {
        let moved = self.moved_columns();
        let mut remade = Vec::new();
        self.change_columns.retain(|(a, b)| {
            let stays = keeps_stored
                && b.generated.is_none()
                && a.generated
                    .as_ref()
                    .is_some_and(|generated| generated.stored);
            let again = a.generated != b.generated && !stays;
            if again {
                remade.push((*a, *b));
            }
            !again
        });
        for new in self.to.columns.iter().filter(|c| c.generated.is_some()) {
            let Some(old) = self.from.column(&new.name) else {
                continue;
            };
            let mentions = |column: &&str| {
                let expression = old.generated.as_ref().map(|g| g.expression.as_str());
                words::mentions(dialect, expression.unwrap_or_default(), column)
            };
            if remade.iter().all(|(_, b)| b.name != new.name) && moved.iter().any(mentions) {
                remade.push((old, new));
                self.change_columns.retain(|(a, _)| a.name != new.name);
            }
        }
        for (old, new) in remade {
            self.drop_columns.push(old);
            self.add_columns.push(new);
        }
        self.drop_columns
            .sort_by_key(|column| column.generated.is_none());
        self.add_columns
            .sort_by_key(|column| column.generated.is_some());
    }

    /// Drops and adds again the checks, indexes and keys that mention a column.
    pub(super) fn redo_what_mentions(&mut self, dialect: Dialect, column: &str, keys_too: bool) {
        self.checks
            .redo(|check| words::mentions(dialect, &check.condition, column));
        self.indexes.redo(|index| {
            let in_condition = index.condition.as_deref();
            in_condition.is_some_and(|sql| words::mentions(dialect, sql, column))
                || index.parts.iter().any(|part| {
                    if part.is_column {
                        keys_too && part.what == column
                    } else {
                        words::mentions(dialect, &part.what, column)
                    }
                })
                || (keys_too && index.include.iter().any(|name| name == column))
        });
        if keys_too {
            let has = |key: &Key| key.columns.iter().any(|name| name == column);
            self.primary_key.redo(has);
            self.uniques.redo(has);
        }
    }
}

#[cfg(test)]
#[path = "tests/work.rs"]
mod tests;
