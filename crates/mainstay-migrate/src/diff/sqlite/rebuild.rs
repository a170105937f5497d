//! SQLite's tables built anew, in the order that its documentation of ALTER TABLE gives: a table
//! under another name, the rows copied, the old table dropped, the new one renamed, then indexes,
//! triggers and views.
//!
//! Views and triggers that mention the table go before it, because renaming refuses to leave any
//! behind that mentions what is not there. Foreign keys are left as they are in the tables that
//! refer to it: they have to be off meanwhile, which the draft's `rebuilds` ask for.

use super::names::{DIALECT, quote};
use crate::catalog::{Identity, Table, render};
use crate::diff::draft::Step;
use crate::diff::plan::{Phase, Plan};
use crate::diff::reason::{adds_column, changes_column, drops_column};
use crate::diff::work::{TableWork, Work};

/// Builds a table anew.
pub(super) fn rebuild(work: &Work<'_>, table: &TableWork<'_>, plan: &mut Plan) {
    let (from, to) = (table.from, table.to);
    // By the name that it has when the foreign keys are switched off.
    plan.rebuilds.push(work.name_before(&to.name).to_owned());
    let aside = format!("_mainstay_rebuild_{}", to.name);
    let new = Table {
        name: aside.clone(),
        indexes: Vec::new(),
        ..to.clone()
    };
    for (at, sql) in render::table(DIALECT, &new, true).into_iter().enumerate() {
        let note = (at == 0).then(|| {
            format!(
                "{} is built anew under another name, which then replaces it",
                to.name
            )
        });
        plan.push(Phase::AlterTables, Step::new(sql).note(note));
    }
    plan.push(Phase::AlterTables, copy(table, &aside));
    let keeps_counting = |table: &Table| {
        table
            .columns
            .iter()
            .any(|column| column.identity == Some(Identity::AutoIncrement))
    };
    if keeps_counting(from) && keeps_counting(to) {
        let (old, new) = (
            render::text(DIALECT, &to.name),
            render::text(DIALECT, &aside),
        );
        let delete = format!("DELETE FROM sqlite_sequence WHERE name = {new}");
        let insert = format!(
            "INSERT INTO sqlite_sequence (name, seq) SELECT {new}, seq FROM sqlite_sequence \
             WHERE name = {old}"
        );
        let note = "keys that were used once are not used again".to_owned();
        plan.push(Phase::AlterTables, Step::new(delete).note(note));
        plan.push(Phase::AlterTables, Step::new(insert));
    }
    let (aside, name) = (quote(&aside), quote(&to.name));
    let lost = table
        .drop_columns
        .iter()
        .filter_map(|c| drops_column(&to.name, c));
    let lost: Vec<String> = lost.collect();
    let drop = Step::new(format!("DROP TABLE {name}"))
        .destructive((!lost.is_empty()).then(|| lost.join("\n")));
    plan.push(Phase::AlterTables, drop);
    let rename = format!("ALTER TABLE {aside} RENAME TO {name}");
    plan.push(Phase::AlterTables, Step::new(rename));
    for index in &to.indexes {
        let sql = render::index(DIALECT, &to.name, index);
        plan.push(Phase::Indexes, Step::new(sql));
    }
}

/// The rows of the columns that both have, into the new table.
fn copy(table: &TableWork<'_>, aside: &str) -> Step {
    let mut columns = Vec::new();
    let mut values = Vec::new();
    let mut why = Vec::new();
    let mut notes = Vec::new();
    for new in table
        .to
        .columns
        .iter()
        .filter(|column| column.generated.is_none())
    {
        let name = quote(&new.name);
        let Some(old) = table.from.column(&new.name) else {
            let (reason, _) = adds_column(&table.to.name, new);
            let note = reason.is_some().then(|| {
                format!(
                    "where there are rows, name {} among the columns and say here what it holds",
                    new.name
                )
            });
            why.extend(reason);
            notes.extend(note);
            continue;
        };
        let (reason, note) = changes_column(&table.to.name, old, new);
        why.extend(reason);
        notes.extend(note);
        values.push(converted(&name, &old.ty, &new.ty));
        columns.push(name);
    }
    let (new, old) = (quote(aside), quote(&table.from.name));
    let sql = if columns.is_empty() {
        // Nothing is common: as many rows as there were.
        let first = table
            .to
            .columns
            .iter()
            .find(|column| column.generated.is_none());
        let name = first.map(|column| quote(&column.name)).unwrap_or_default();
        let value = first.and_then(|column| column.default.as_deref());
        let value = value.unwrap_or("NULL");
        format!("INSERT INTO {new} ({name}) SELECT {value} FROM {old}")
    } else {
        format!(
            "INSERT INTO {new} ({})\n    SELECT {} FROM {old}",
            columns.join(", "),
            values.join(", ")
        )
    };
    let lines = |lines: Vec<String>| (!lines.is_empty()).then(|| lines.join("\n"));
    Step::new(sql).destructive(lines(why)).note(lines(notes))
}

/// A value on its way into a column of another type. Numbers and texts find their way, or are
/// refused by a STRICT table; bytes do not.
pub(super) fn converted(name: &str, from: &str, to: &str) -> String {
    let is_blob = |ty: &str| ty.eq_ignore_ascii_case("blob");
    if is_blob(from) != is_blob(to) && !to.eq_ignore_ascii_case("any") && !to.is_empty() {
        format!("CAST({name} AS {to})")
    } else {
        name.to_owned()
    }
}
