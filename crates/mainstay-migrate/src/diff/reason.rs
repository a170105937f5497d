//! Why a step is destructive, in words.

use super::types::keeps;
use crate::catalog::{Column, Table};

/// How the reason of a step starts that loses what is stored.
pub(super) const DROPS: &str = "drops";
/// How the reason of a step starts that may lose what is stored.
pub(super) const NARROWS: &str = "narrows";

/// Why dropping a table is destructive.
pub(super) fn drops_table(table: &Table) -> String {
    format!("{DROPS} the table {} and all its rows", table.name)
}

/// Why dropping a column is destructive. One that is computed holds nothing of its own.
pub(super) fn drops_column(table: &str, column: &Column) -> Option<String> {
    let stored = column.generated.is_none();
    stored.then(|| format!("{DROPS} {table}.{} and all it holds", column.name))
}

/// Why changing a column is destructive, one reason a line.
pub(super) fn changes_column(
    table: &str,
    old: &Column,
    new: &Column,
) -> (Option<String>, Option<String>) {
    let name = &new.name;
    let mut why = Vec::new();
    let mut note = None;
    if !keeps(&old.ty, &new.ty) {
        why.push(format!(
            "{NARROWS} {table}.{name} from {} to {}: values that do not fit make it fail, or are \
             cut",
            old.ty, new.ty
        ));
    }
    if old.nullable && !new.nullable {
        why.push(format!("fails where {table}.{name} holds NULL"));
        note = Some(format!(
            "fill it first: UPDATE {table} SET {name} = ... WHERE {name} IS NULL"
        ));
    }
    ((!why.is_empty()).then(|| why.join("\n")), note)
}

/// What to know of a column that is added: why it fails where there are rows.
pub(super) fn adds_column(table: &str, column: &Column) -> (Option<String>, Option<String>) {
    let fills_itself =
        column.default.is_some() || column.identity.is_some() || column.generated.is_some();
    if column.nullable || fills_itself {
        return (None, None);
    }
    let name = &column.name;
    (
        Some(format!(
            "fails where {table} has rows: {name} is NOT NULL and has no default"
        )),
        Some(format!(
            "where there are rows, add it as NULL, fill it with UPDATE {table} SET {name} = ..., \
             and set NOT NULL then"
        )),
    )
}
