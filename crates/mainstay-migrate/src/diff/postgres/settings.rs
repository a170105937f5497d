//! PostgreSQL's options of a table, and its comments.

use super::names::{DIALECT, quote};
use crate::catalog::{Column, render};
use crate::diff::work::TableWork;

/// What ALTER TABLE has to do about the options, and those it can do nothing about.
pub(super) fn options<'a>(table: &TableWork<'a>) -> (Vec<String>, Vec<&'a str>) {
    let (from, to) = (&table.from.options, &table.to.options);
    let (mut actions, mut undrafted) = (Vec::new(), Vec::new());
    for option in from.iter().filter(|option| !to.contains(option)) {
        match (option.as_str(), storage(option)) {
            ("UNLOGGED", _) => actions.push("SET LOGGED".to_owned()),
            ("ENABLE ROW LEVEL SECURITY", _) => {
                actions.push("DISABLE ROW LEVEL SECURITY".to_owned());
            }
            ("FORCE ROW LEVEL SECURITY", _) => {
                actions.push("NO FORCE ROW LEVEL SECURITY".to_owned());
            }
            (_, Some(parameters)) => {
                let names: Vec<&str> = parameters
                    .split(',')
                    .filter_map(|parameter| parameter.split('=').next())
                    .map(str::trim)
                    .collect();
                actions.push(format!("RESET ({})", names.join(", ")));
            }
            (other, None) => undrafted.push(other),
        }
    }
    for option in to.iter().filter(|option| !from.contains(option)) {
        match (option.as_str(), storage(option)) {
            ("UNLOGGED", _) => actions.push("SET UNLOGGED".to_owned()),
            ("ENABLE ROW LEVEL SECURITY" | "FORCE ROW LEVEL SECURITY", _) => {
                actions.push(option.clone());
            }
            (_, Some(parameters)) => actions.push(format!("SET ({parameters})")),
            (other, None) => undrafted.push(other),
        }
    }
    (actions, undrafted)
}

/// What stands in `WITH (...)`.
fn storage(option: &str) -> Option<&str> {
    option.strip_prefix("WITH (")?.strip_suffix(')')
}

/// The statements that comment the table and its columns.
pub(super) fn comments(table: &TableWork<'_>) -> Vec<String> {
    let text = |comment: &Option<String>| {
        let text = comment.as_ref().map(|text| render::text(DIALECT, text));
        text.unwrap_or_else(|| "NULL".to_owned())
    };
    let name = quote(&table.to.name);
    let mut out = Vec::new();
    if table.from.comment != table.to.comment {
        let comment = text(&table.to.comment);
        out.push(format!("COMMENT ON TABLE {name} IS {comment}"));
    }
    let changed = table.change_columns.iter();
    let changed = changed.filter(|(old, new)| old.comment != new.comment);
    let added = table.add_columns.iter().copied();
    let added = added.filter(|column| column.comment.is_some());
    let columns: Vec<&Column> = changed.map(|(_, new)| *new).chain(added).collect();
    for column in columns {
        let comment = text(&column.comment);
        let column = quote(&column.name);
        out.push(format!("COMMENT ON COLUMN {name}.{column} IS {comment}"));
    }
    out
}
