//! What is known of the tables from the migrations read so far.

use std::collections::BTreeMap;

use crate::ddl::{
    Act, Action, AlterTable, Column, Constraint, ConstraintKind, CreateIndex, CreateTable, Dropped,
    Name,
};

/// The tables that migrations have made.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    tables: BTreeMap<String, Table>,
}

/// A table that a migration has made.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: Name,
    /// Which migration made it.
    pub(super) made_in: usize,
    /// What it was called then.
    made_as: String,
    /// The character set of columns that name none.
    pub(super) charset: Option<String>,
    pub(super) columns: Vec<Column>,
    pub(super) constraints: Vec<Constraint>,
    pub(super) indexes: Vec<Index>,
}

/// An index that belongs to no constraint.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    /// It serves every look-up by its columns: all rows are in it, and it is of the usual kind.
    pub(super) plain: bool,
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| same(&column.name, name))
    }

    pub(super) fn has_primary_key(&self) -> bool {
        let is_key = |c: &Constraint| matches!(c.kind, ConstraintKind::PrimaryKey { .. });
        self.constraints.iter().any(is_key)
    }

    /// The columns of each key and index, with its name.
    pub(super) fn orders(&self) -> impl Iterator<Item = (Option<&str>, &[String])> {
        let keys = self.constraints.iter().filter_map(|c| match &c.kind {
            ConstraintKind::PrimaryKey { columns, .. }
            | ConstraintKind::Unique { columns, .. }
            | ConstraintKind::Index { columns } => Some((c.name.as_deref(), columns.as_slice())),
            _ => None,
        });
        let indexes = self.indexes.iter().filter(|index| index.plain);
        keys.chain(indexes.map(|index| (Some(index.name.as_str()), index.columns.as_slice())))
    }

    /// Whether rows are found by these columns without reading all of them.
    pub(super) fn is_indexed(&self, columns: &[String]) -> bool {
        self.orders().any(|(_, order)| {
            order.len() >= columns.len()
                && order[..columns.len()]
                    .iter()
                    .all(|name| columns.iter().any(|column| same(column, name)))
        })
    }
}

/// Names of columns are compared without regard to case.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

impl Known {
    pub(super) fn table(&self, name: &Name) -> Option<&Table> {
        self.tables.get(&name.key())
    }

    /// The table that was made under this name, whatever it is called now.
    pub(super) fn made_as(&self, name: &Name) -> Option<&Table> {
        let key = name.key();
        self.tables.values().find(|table| table.made_as == key)
    }

    /// The table that an index is on.
    pub(super) fn table_of_index(&self, index: &str) -> Option<&Table> {
        self.tables
            .values()
            .find(|table| table.indexes.iter().any(|known| same(&known.name, index)))
    }

    /// The foreign keys of other tables that refer to a table.
    pub(super) fn referring_to(&self, name: &Name) -> Vec<(&Table, &Constraint)> {
        let key = name.key();
        self.tables
            .iter()
            .filter(|(other, _)| **other != key)
            .flat_map(|(_, table)| table.constraints.iter().map(move |c| (table, c)))
            .filter(|(_, constraint)| match &constraint.kind {
                ConstraintKind::ForeignKey { references, .. } => references.to.key() == key,
                _ => false,
            })
            .collect()
    }

    /// Takes in what a statement of a migration does.
    pub(super) fn apply(&mut self, act: &Act, migration: usize) {
        match act {
            Act::CreateTable(create) if !create.temporary => {
                let fresh = !create.if_not_exists || self.table(&create.name).is_none();
                if fresh {
                    let table = made(create, migration);
                    self.tables.insert(create.name.key(), table);
                }
            }
            Act::AlterTable(alter) => self.alter(alter),
            Act::CreateIndex(create) => {
                if let Some(table) = self.tables.get_mut(&create.table.key()) {
                    table.indexes.push(index(create));
                }
            }
            Act::Drop(drop) => {
                for name in &drop.names {
                    match drop.what {
                        Dropped::Table => {
                            self.tables.remove(&name.key());
                        }
                        Dropped::Index => {
                            for table in self.tables.values_mut() {
                                table.indexes.retain(|index| !same(&index.name, &name.name));
                            }
                        }
                        Dropped::Schema | Dropped::Other => {}
                    }
                }
            }
            Act::RenameTables(renames) => {
                for (from, to) in renames {
                    self.rename(from, to);
                }
            }
            _ => {}
        }
    }

    fn rename(&mut self, from: &Name, to: &Name) {
        if let Some(mut table) = self.tables.remove(&from.key()) {
            table.name = Name {
                schema: to.schema.clone().or(table.name.schema),
                name: to.name.clone(),
            };
            self.tables.insert(to.key(), table);
        }
        // Foreign keys follow.
        for table in self.tables.values_mut() {
            for constraint in &mut table.constraints {
                if let ConstraintKind::ForeignKey { references, .. } = &mut constraint.kind
                    && references.to.key() == from.key()
                {
                    references.to.name.clone_from(&to.name);
                }
            }
        }
    }

    fn alter(&mut self, alter: &AlterTable) {
        for action in &alter.actions {
            if let Action::RenameTable { to } = action {
                self.rename(&alter.table, to);
            } else if let Some(table) = self.tables.get_mut(&alter.table.key()) {
                change(table, action);
            }
        }
    }
}

fn made(create: &CreateTable, migration: usize) -> Table {
    let mut table = Table {
        name: create.name.clone(),
        made_in: migration,
        made_as: create.name.key(),
        charset: create.charset.clone(),
        columns: Vec::new(),
        constraints: create.constraints.clone(),
        indexes: Vec::new(),
    };
    for column in &create.columns {
        add_column(&mut table, column);
    }
    table
}

fn index(create: &CreateIndex) -> Index {
    Index {
        name: create
            .name
            .as_ref()
            .map_or_else(String::new, |name| name.name.clone()),
        columns: create.columns.clone(),
        plain: !create.partial && !create.special,
    }
}

/// A column, with its own constraints among those of the table.
fn add_column(table: &mut Table, column: &Column) {
    let of_column = || vec![column.name.clone()];
    let mut add = |kind| {
        table.constraints.push(Constraint {
            name: column.constraint_names.first().cloned(),
            kind,
            not_valid: false,
            text: String::new(),
        });
    };
    if column.primary_key {
        add(ConstraintKind::PrimaryKey {
            columns: of_column(),
            using_index: false,
        });
    }
    if column.unique {
        add(ConstraintKind::Unique {
            columns: of_column(),
            using_index: false,
        });
    }
    if let Some(references) = &column.references {
        add(ConstraintKind::ForeignKey {
            columns: of_column(),
            references: references.clone(),
        });
    }
    table.columns.push(column.clone());
}

fn change(table: &mut Table, action: &Action) {
    match action {
        Action::AddColumn { column, .. } => add_column(table, column),
        Action::DropColumn { name, .. } => {
            table.columns.retain(|column| !same(&column.name, name));
            let keeps = |columns: &[String]| !columns.iter().any(|column| same(column, name));
            table.indexes.retain(|index| keeps(&index.columns));
            table
                .constraints
                .retain(|constraint| match &constraint.kind {
                    ConstraintKind::PrimaryKey { columns, .. }
                    | ConstraintKind::Unique { columns, .. }
                    | ConstraintKind::ForeignKey { columns, .. }
                    | ConstraintKind::Index { columns } => keeps(columns),
                    ConstraintKind::Check { .. } | ConstraintKind::Exclude => true,
                });
        }
        Action::SetType { column, ty } => {
            if let Some(column) = column_mut(table, column) {
                column.ty = ty.clone();
            }
        }
        Action::SetNotNull { column } => {
            if let Some(column) = column_mut(table, column) {
                column.not_null = true;
            }
        }
        Action::DropNotNull { column } => {
            if let Some(column) = column_mut(table, column) {
                column.not_null = false;
            }
        }
        Action::Modify { old, column } => {
            if let Some(known) = column_mut(table, old) {
                *known = column.clone();
            }
            if !same(old, &column.name) {
                rename_column(table, old, &column.name);
            }
        }
        Action::RenameColumn { from, to } => rename_column(table, from, to),
        Action::AddConstraint(constraint) => table.constraints.push(constraint.clone()),
        Action::ValidateConstraint { name } => {
            for constraint in &mut table.constraints {
                if constraint
                    .name
                    .as_deref()
                    .is_some_and(|known| same(known, name))
                {
                    constraint.not_valid = false;
                }
            }
        }
        Action::DropConstraint { name, .. }
        | Action::DropForeignKey { name }
        | Action::DropIndex { name } => {
            let owner = table.name.name.clone();
            table.constraints.retain(|constraint| {
                let known = constraint.name.clone();
                let known = known.or_else(|| made_up(&owner, &constraint.kind));
                !known.is_some_and(|known| same(&known, name))
            });
            table.indexes.retain(|index| !same(&index.name, name));
        }
        Action::Charset { charset, converts } => {
            table.charset = Some(charset.clone());
            for column in table.columns.iter_mut().filter(|_| *converts) {
                column.charset = None;
            }
        }
        Action::DropPrimaryKey => table
            .constraints
            .retain(|c| !matches!(c.kind, ConstraintKind::PrimaryKey { .. })),
        Action::RenameConstraint { from, to } => {
            for constraint in &mut table.constraints {
                if constraint
                    .name
                    .as_deref()
                    .is_some_and(|known| same(known, from))
                {
                    constraint.name = Some(to.clone());
                }
            }
            for index in &mut table.indexes {
                if same(&index.name, from) {
                    index.name.clone_from(to);
                }
            }
        }
        _ => {}
    }
}

/// The name that PostgreSQL gives a constraint without one.
fn made_up(table: &str, kind: &ConstraintKind) -> Option<String> {
    let (columns, ending) = match kind {
        ConstraintKind::PrimaryKey { .. } => return Some(format!("{table}_pkey")),
        ConstraintKind::Unique { columns, .. } => (columns, "key"),
        ConstraintKind::ForeignKey { columns, .. } => (columns, "fkey"),
        _ => return None,
    };
    Some(format!("{table}_{}_{ending}", columns.join("_")))
}

fn column_mut<'t>(table: &'t mut Table, name: &str) -> Option<&'t mut Column> {
    table
        .columns
        .iter_mut()
        .find(|column| same(&column.name, name))
}

fn rename_column(table: &mut Table, from: &str, to: &str) {
    let rename = |columns: &mut Vec<String>| {
        for column in columns.iter_mut().filter(|column| same(column, from)) {
            to.clone_into(column);
        }
    };
    for column in &mut table.columns {
        if same(&column.name, from) {
            to.clone_into(&mut column.name);
        }
    }
    for index in &mut table.indexes {
        rename(&mut index.columns);
    }
    for constraint in &mut table.constraints {
        match &mut constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. }
            | ConstraintKind::Unique { columns, .. }
            | ConstraintKind::ForeignKey { columns, .. }
            | ConstraintKind::Index { columns } => rename(columns),
            ConstraintKind::Check { .. } | ConstraintKind::Exclude => {}
        }
    }
}
