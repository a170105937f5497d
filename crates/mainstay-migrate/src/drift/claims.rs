//! What the entities have a say in.
//!
//! An entity says columns, keys, plain indexes, foreign keys and checks of one table. It cannot say
//! views, triggers, functions, indexes on expressions or on a part of the rows, computed columns,
//! partitions or comments: those are the migrations' alone. So is a table that no entity has.

use crate::catalog::{Catalog, Column, Index, Table};
use crate::diff::mentions;

/// What a database would have that is as the entities say, and for the rest as `base` is.
///
/// Tables of `base` without an entity stay, but for those in `drop`.
pub fn claims(entities: &Catalog, base: &Catalog, drop: &[String]) -> Catalog {
    let mut out = base.clone();
    out.tables
        .retain(|table| entities.table(&table.name).is_none() && !drop.contains(&table.name));
    for table in &entities.tables {
        out.tables.push(match base.table(&table.name) {
            Some(base_table) => claim(entities, table, base_table),
            None => table.clone(),
        });
    }
    out.tables.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

/// The tables that no entity has.
pub fn without_entity(entities: &Catalog, base: &Catalog) -> Vec<String> {
    let unknown = base.tables.iter().map(|table| &table.name);
    unknown
        .filter(|name| entities.table(name).is_none())
        .cloned()
        .collect()
}

fn claim(entities: &Catalog, said: &Table, base: &Table) -> Table {
    let dialect = entities.dialect;
    let mut out = said.clone();
    for column in &mut out.columns {
        if let Some(there) = base.column(&column.name) {
            column.comment = column.comment.take().or_else(|| there.comment.clone());
        }
    }
    // What is gone by the entities takes with it what is made of it.
    let gone: Vec<&str> = base
        .columns
        .iter()
        .filter(|column| column.generated.is_none() && said.column(&column.name).is_none())
        .map(|column| column.name.as_str())
        .collect();
    let stands = |sql: &str| !gone.iter().any(|name| mentions(dialect, sql, name));
    let computed = |column: &&Column| {
        let expression = column.generated.as_ref().map(|g| g.expression.as_str());
        said.column(&column.name).is_none() && expression.is_some_and(stands)
    };
    out.columns
        .extend(base.columns.iter().filter(computed).cloned());
    let gone: Vec<&str> = base
        .columns
        .iter()
        .filter(|column| out.column(&column.name).is_none())
        .map(|column| column.name.as_str())
        .collect();
    let stands = |sql: &str| !gone.iter().any(|name| mentions(dialect, sql, name));
    let unsayable = |index: &&Index| {
        !said.indexes.iter().any(|other| other.name == index.name)
            && is_unsayable(index, base)
            && index.parts.iter().all(|part| match part.is_column {
                true => !gone.contains(&part.what.as_str()),
                false => stands(&part.what),
            })
            && !index
                .include
                .iter()
                .any(|name| gone.contains(&name.as_str()))
            && index.condition.as_deref().is_none_or(stands)
    };
    let kept: Vec<Index> = base.indexes.iter().filter(unsayable).cloned().collect();
    out.indexes.extend(kept);
    out.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    out.triggers = base.triggers.clone();
    out.options = options(&said.options, &base.options);
    out.comment = out.comment.take().or_else(|| base.comment.clone());
    out
}

/// Whether an entity cannot say such an index.
fn is_unsayable(index: &Index, table: &Table) -> bool {
    let is_computed = |name: &str| table.column(name).is_some_and(|c| c.generated.is_some());
    index.method.is_some()
        || index.condition.is_some()
        || !index.include.is_empty()
        || index
            .parts
            .iter()
            .any(|part| !part.is_column || part.suffix.is_some() || is_computed(&part.what))
}

/// The options that the entities say, and of the others those of another kind, in the order in
/// which the other table has them.
fn options(said: &[String], base: &[String]) -> Vec<String> {
    let said_kind = |option: &str| said.iter().find(|other| kind(other) == kind(option));
    let mut out: Vec<String> = base
        .iter()
        .map(|option| said_kind(option).unwrap_or(option).clone())
        .collect();
    for option in said {
        if !base.iter().any(|other| kind(other) == kind(option)) {
            out.push(option.clone());
        }
    }
    out
}

/// `ENGINE` of `ENGINE=InnoDB`, `PARTITION` of `PARTITION BY ...`.
fn kind(option: &str) -> &str {
    option.split(['=', ' ']).next().unwrap_or(option)
}

#[cfg(test)]
#[path = "../tests/claims.rs"]
mod tests;
