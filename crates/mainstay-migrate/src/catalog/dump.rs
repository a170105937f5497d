//! A catalog as the statements that make it again.
//!
//! They come in an order in which they run, and always in the same: what a statement needs comes
//! before it; otherwise types come before sequences, functions, tables and views, each by name.
//! Foreign keys stand in their tables, or behind all tables where those refer to each other in a
//! circle.

use std::collections::BTreeSet;

use mainstay::schema::Dialect;

use super::engine::Writing;
use super::parse::{name_of, significant, unquoted};
use super::{Catalog, Other, Table, View, render};
use crate::lexer::Kind;

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
        match object.what {
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

#[derive(Debug, Clone, Copy)]
enum What<'a> {
    Other(&'a Other),
    Table(&'a Table),
    View(&'a View),
}

/// Something to be made, with what it needs.
#[derive(Debug)]
struct Object<'a> {
    what: What<'a>,
    /// What is made first if nothing else decides.
    rank: usize,
    name: &'a str,
    /// Objects that have to be there.
    needs: BTreeSet<usize>,
    /// Objects that had better be there: tables that a foreign key refers to.
    likes: BTreeSet<usize>,
}

fn in_order(catalog: &Catalog) -> Vec<Object<'_>> {
    let mut waiting = objects(catalog);
    let mut order: Vec<Object<'_>> = Vec::with_capacity(waiting.len());
    let mut indexes: Vec<usize> = (0..waiting.len()).collect();
    let mut done = BTreeSet::new();
    while !waiting.is_empty() {
        let best = (0..waiting.len()).min_by_key(|at| {
            let object = &waiting[*at];
            // Names mentioned in a circle are names of something else: then the rank decides.
            let blocked = !object.needs.is_subset(&done);
            (
                blocked,
                object.rank,
                !object.likes.is_subset(&done),
                object.name,
            )
        });
        let Some(best) = best else { break };
        done.insert(indexes.remove(best));
        order.push(waiting.remove(best));
    }
    order
}

fn objects(catalog: &Catalog) -> Vec<Object<'_>> {
    let dialect = catalog.dialect;
    let others = catalog
        .others
        .iter()
        .map(|other| (What::Other(other), rank(&other.kind), base_name(other)));
    let tables = catalog
        .tables
        .iter()
        .map(|table| (What::Table(table), rank("TABLE"), table.name.as_str()));
    let views = catalog
        .views
        .iter()
        .map(|view| (What::View(view), rank("VIEW"), view.name.as_str()));
    let all: Vec<_> = others.chain(tables).chain(views).collect();
    all.iter()
        .enumerate()
        .map(|(at, (what, rank, name))| {
            let mentioned = mentioned(dialect, what);
            let (may_need, likes): (Vec<String>, Vec<&str>) = match what {
                // A table's expressions name its own columns, and no other table.
                What::Table(table) => (
                    table.options.clone(),
                    table
                        .foreign_keys
                        .iter()
                        .map(|key| key.references.as_str())
                        .collect(),
                ),
                _ => (Vec::new(), Vec::new()),
            };
            let parents: BTreeSet<String> = may_need
                .iter()
                .flat_map(|option| words(dialect, option))
                .collect();
            let is_table = matches!(what, What::Table(_));
            let needs = (0..all.len()).filter(|other| {
                let (other_what, _, other_name) = &all[*other];
                let lower = other_name.to_lowercase();
                let found = if is_table && !matches!(other_what, What::Other(_)) {
                    parents.contains(&lower)
                } else {
                    mentioned.contains(&lower)
                };
                *other != at && found
            });
            let liked = (0..all.len()).filter(|other| {
                let (other_what, _, other_name) = &all[*other];
                *other != at && matches!(other_what, What::Table(_)) && likes.contains(other_name)
            });
            Object {
                what: *what,
                rank: *rank,
                name,
                needs: needs.collect(),
                likes: liked.collect(),
            }
        })
        .collect()
}

/// What is made first.
fn rank(kind: &str) -> usize {
    const ORDER: &[&str] = &[
        "EXTENSION",
        "TYPE",
        "DOMAIN",
        "SEQUENCE",
        "FUNCTION",
        "PROCEDURE",
        "AGGREGATE",
        "TABLE",
        "VIRTUAL TABLE",
        "VIEW",
        "MATERIALIZED VIEW",
        "INDEX",
        "CONSTRAINT",
        "TRIGGER",
        "RULE",
        "POLICY",
        "EVENT",
    ];
    ORDER
        .iter()
        .position(|known| *known == kind)
        .unwrap_or(ORDER.len())
}

/// The name without the types of parameters.
fn base_name(other: &Other) -> &str {
    match other.kind.as_str() {
        "FUNCTION" | "PROCEDURE" | "AGGREGATE" => {
            other.name.split('(').next().unwrap_or(&other.name)
        }
        _ => &other.name,
    }
}

/// The words in what makes an object, in lower case: among them the names of all that it needs.
fn mentioned(dialect: Dialect, what: &What<'_>) -> BTreeSet<String> {
    match what {
        What::View(view) => words(dialect, &view.definition),
        What::Other(other) => words(dialect, checked_text(other)),
        What::Table(table) => {
            let columns = table.columns.iter().flat_map(|column| {
                let computed = column.generated.as_ref().map(|from| &from.expression);
                [Some(&column.ty), column.default.as_ref(), computed]
                    .into_iter()
                    .flatten()
            });
            let checks = table.checks.iter().map(|check| &check.condition);
            let indexes = table.indexes.iter().flat_map(|index| {
                let suffixes = index.parts.iter().filter_map(|part| part.suffix.as_ref());
                let expressions = index.parts.iter().filter(|part| !part.is_column);
                expressions
                    .map(|part| &part.what)
                    .chain(suffixes)
                    .chain(&index.condition)
            });
            let texts = columns.chain(checks).chain(indexes).chain(&table.options);
            texts.flat_map(|text| words(dialect, text)).collect()
        }
    }
}

/// The part of a definition that the engine checks when it takes it: all of it, but for the bodies
/// of functions that it reads when it runs them.
fn checked_text(other: &Other) -> &str {
    let text = other.definition.as_str();
    // Who owns a sequence is said when the tables are there.
    if other.kind == "SEQUENCE" {
        return text.split(" OWNED BY ").next().unwrap_or(text);
    }
    let runs = matches!(other.kind.as_str(), "FUNCTION" | "PROCEDURE" | "EVENT");
    if !runs || text.contains("LANGUAGE sql") {
        return text;
    }
    text.find("AS $").map_or("", |body| &text[..body])
}

/// Words and names of a text, those in quotes too.
fn words(dialect: Dialect, text: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for token in significant(dialect, text).unwrap_or_default() {
        match token.kind {
            // A body in dollar quotes, or a comment that is run.
            Kind::Quoted if token.text.starts_with('$') => {
                let inner = token.text.trim_matches('$');
                let inner = inner.split_once('$').map_or(inner, |(_, rest)| rest);
                let inner = inner.rsplit_once('$').map_or(inner, |(body, _)| body);
                out.extend(words(dialect, inner));
            }
            // A text may be a name: nextval('"numbers"').
            Kind::Quoted if token.text.starts_with('\'') => {
                let inner = unquoted(token.text).unwrap_or_default();
                let inner = inner.rsplit('.').next().unwrap_or_default();
                out.insert(inner.trim_matches('"').to_lowercase());
            }
            _ => out.extend(name_of(&token).map(|name| name.to_lowercase())),
        }
    }
    out
}

#[cfg(test)]
#[path = "tests/dump.rs"]
mod tests;
