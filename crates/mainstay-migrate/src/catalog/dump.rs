//! A catalog as the statements that make it again.
//!
//! They come in an order in which they run, and always in the same: what a statement needs comes
//! before it; otherwise types come before sequences, functions, tables and views, each by name.
//! Foreign keys stand in their tables, or behind all tables where those refer to each other in a
//! circle.

use std::collections::BTreeSet;

use mainstay::schema::Dialect;

use super::engine::Writing;
use super::order::{What, in_order};
use super::{Catalog, Table, render};

/// The statements that make everything in a catalog, as one text that reads well: each ends with a
/// semicolon and a blank line. [`split`](crate::split::split) gives the statements back.
///
/// ```
/// use mainstay::schema::Dialect;
/// use mainstay_migrate::catalog::{Catalog, dump};
/// assert_eq!(dump(&Catalog::empty(Dialect::Sqlite)), "");
/// ```
pub fn dump(catalog: &Catalog) -> String {
    let statements = statements(catalog);
    let ended = statements.iter().map(|statement| format!("{statement};\n"));
    ended.collect::<Vec<_>>().join("\n")
}

/// The statements that make everything in a catalog, in an order in which they run.
pub fn statements(catalog: &Catalog) -> Vec<String> {
    let dialect = catalog.dialect;
    let mut made = BTreeSet::new();
    let (mut out, mut later) = (Vec::new(), Vec::new());
    for object in in_order(catalog) {
        match object {
            What::Other(other) => {
                let (create, after) = render::other(other);
                out.push(create);
                later.extend(after);
            }
            What::View(view) => out.push(view.definition.clone()),
            What::Table(table) => {
                made.insert(table.name.as_str());
                let (inside, after) = foreign_keys(dialect, table, &made);
                out.extend(render::table(dialect, &inside, true));
                later.extend(after);
            }
        }
    }
    out.extend(later);
    let triggers = catalog.tables.iter().flat_map(|table| &table.triggers);
    out.extend(triggers.map(|trigger| trigger.definition.clone()));
    out
}

/// The table with the foreign keys that can be in it from the beginning, and the statements that
/// add the others once all tables are there.
fn foreign_keys(dialect: Dialect, table: &Table, made: &BTreeSet<&str>) -> (Table, Vec<String>) {
    let mut table = table.clone();
    if !Writing::of(dialect).adds_foreign_keys {
        return (table, Vec::new());
    }
    let keys = std::mem::take(&mut table.foreign_keys);
    let (inside, after): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| {
        // A key that is not to hold for the rows there are can only be added.
        let added = key.options.iter().any(|option| option == "NOT VALID");
        !added && (made.contains(key.references.as_str()) || is_elsewhere(key))
    });
    table.foreign_keys = inside;
    let add = |key| render::add_foreign_key(dialect, &table.name, key);
    let after = after.iter().map(add).collect();
    (table, after)
}

fn is_elsewhere(key: &super::ForeignKey) -> bool {
    key.options
        .iter()
        .any(|option| option.starts_with("IN SCHEMA "))
}

#[cfg(test)]
#[path = "tests/dump.rs"]
mod tests;
