//! SQLite: what ALTER TABLE can do there, and for all else the table built anew.

use super::names::{DIALECT, quote};
use super::rebuild::rebuild;
use crate::catalog::{Check, Column, ForeignKey, Other, Table, render};
use crate::diff::draft::Step;
use crate::diff::engine::{Engine, OtherSteps};
use crate::diff::order::in_order;
use crate::diff::plan::{Phase, Plan};
use crate::diff::reason::{DROPS, drops_column, drops_table};
use crate::diff::words;
use crate::diff::work::{TableWork, Work};

pub(in crate::diff) struct Sqlite;

impl Engine for Sqlite {
    fn prepare(&self, work: &mut Work<'_>) {
        for table in &mut work.tables {
            table.indexes.redo_renamed();
            // An index on a column that goes would keep it.
            for column in table.drop_columns.clone() {
                table.redo_what_mentions(DIALECT, &column.name, false);
            }
        }
    }

    fn disturbs_views(&self, work: &Work<'_>, table: &TableWork<'_>) -> bool {
        !table.drop_columns.is_empty() || work.is_renamed(&table.from.name) || needs_rebuild(table)
    }

    fn disturbs_triggers(&self, work: &Work<'_>, table: &TableWork<'_>) -> bool {
        self.disturbs_views(work, table)
    }

    fn drop_trigger(&self, _table: &str, trigger: &str) -> String {
        format!("DROP TRIGGER {}", quote(trigger))
    }

    fn rename_column(&self, table: &str, before: &str, after: &str) -> String {
        // Written without quotes, the new name is quoted by the engine only where the old one was.
        let is_plain = words::is_plain(after) && !RESERVED.contains(&after);
        let after = if is_plain {
            after.to_owned()
        } else {
            quote(after)
        };
        format!(
            "ALTER TABLE {} RENAME COLUMN {} TO {after}",
            quote(table),
            quote(before)
        )
    }

    fn drop_tables(&self, work: &Work<'_>, plan: &mut Plan) {
        // Dropping a table deletes its rows first, and with them what refers to them.
        let (tables, circles) = in_order(&work.dropped);
        let to_itself = tables.iter().flat_map(|table| {
            let own = table.foreign_keys.iter();
            own.filter(|key| key.references == table.name)
                .map(|key| (*table, key))
        });
        let keys: Vec<(&Table, &ForeignKey)> = circles.into_iter().chain(to_itself).collect();
        for (at, (table, key)) in keys.iter().enumerate() {
            let sets: Vec<String> = key
                .columns
                .iter()
                .filter(|name| table.column(name).is_some_and(|column| column.nullable))
                .map(|name| format!("{} = NULL", quote(name)))
                .collect();
            if !sets.is_empty() {
                let is_first = keys[..at].iter().all(|(other, _)| other.name != table.name);
                for trigger in table.triggers.iter().filter(|_| is_first) {
                    let sql = self.drop_trigger(&table.name, &trigger.name);
                    plan.push(Phase::DropTriggers, Step::new(sql));
                }
                let sql = format!("UPDATE {} SET {}", quote(&table.name), sets.join(", "));
                let why = format!(
                    "{DROPS} what the rows of {} refer to, with the table",
                    table.name
                );
                plan.push(Phase::DropForeignKeys, Step::new(sql).destructive(why));
            }
        }
        let mut rest: Vec<&Table> = tables;
        let mut stand_ins = Vec::new();
        while let Some(table) = rest.pop() {
            let sql = format!("DROP TABLE {}", quote(&table.name));
            let step = Step::new(sql).destructive(drops_table(table));
            plan.push(Phase::DropTables, step);
            if let Some(create) = stand_in(table, &rest) {
                let note = "stands in for it while tables that refer to it are dropped";
                let step = Step::new(create).note(note.to_owned());
                plan.push(Phase::DropTables, step);
                stand_ins.push(table);
            }
        }
        for table in stand_ins {
            let sql = format!("DROP TABLE {}", quote(&table.name));
            plan.push(Phase::DropTables, Step::new(sql));
        }
    }

    fn create_tables(&self, work: &Work<'_>, plan: &mut Plan) {
        let (tables, _) = in_order(&work.created);
        for table in tables {
            for sql in render::table(DIALECT, table, true) {
                plan.push(Phase::CreateTables, Step::new(sql));
            }
        }
    }

    fn alter(&self, work: &Work<'_>, table: &TableWork<'_>, plan: &mut Plan) {
        if needs_rebuild(table) {
            rebuild(work, table, plan);
        } else {
            alter(table, plan);
        }
    }

    fn drop_other(&self, other: &Other) -> String {
        // A virtual table is dropped like any other.
        let kind = other.kind.trim_start_matches("VIRTUAL ");
        format!("DROP {kind} {}", quote(&other.name))
    }

    fn change_other(&self, _work: &Work<'_>, _old: &Other, _new: &Other) -> Option<OtherSteps> {
        None
    }
}

/// A table to take the place of one that is dropped while others still refer to it. SQLite asks for
/// it when it deletes the rows of a table that is dropped, which it does for those that are
/// referred to.
fn stand_in(table: &Table, rest: &[&Table]) -> Option<String> {
    let keys = || rest.iter().flat_map(|other| &other.foreign_keys);
    let deletes = rest
        .iter()
        .any(|other| keys().any(|key| key.references == other.name));
    let mut targets: Vec<&[String]> = keys()
        .filter(|key| key.references == table.name)
        .map(|key| key.referenced_columns.as_slice())
        .collect();
    targets.sort();
    targets.dedup();
    if targets.is_empty() || !deletes {
        return None;
    }
    let mut columns: Vec<&String> = targets.iter().copied().flatten().collect();
    columns.sort();
    columns.dedup();
    let mut lines: Vec<String> = columns
        .into_iter()
        .map(|name| format!("{} ANY", quote(name)))
        .collect();
    lines.extend(
        targets
            .iter()
            .map(|target| format!("UNIQUE ({})", render::names(DIALECT, target))),
    );
    Some(format!(
        "CREATE TABLE {} ({})",
        quote(&table.name),
        lines.join(", ")
    ))
}

/// Words that cannot be a column's name without quotes.
const RESERVED: &[&str] = &[
    "add",
    "all",
    "alter",
    "and",
    "as",
    "autoincrement",
    "between",
    "case",
    "check",
    "collate",
    "commit",
    "constraint",
    "create",
    "default",
    "deferrable",
    "delete",
    "distinct",
    "drop",
    "else",
    "escape",
    "except",
    "exists",
    "foreign",
    "from",
    "group",
    "having",
    "if",
    "in",
    "index",
    "insert",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "limit",
    "not",
    "nothing",
    "notnull",
    "null",
    "on",
    "or",
    "order",
    "primary",
    "references",
    "returning",
    "select",
    "set",
    "table",
    "then",
    "to",
    "transaction",
    "union",
    "unique",
    "update",
    "using",
    "values",
    "when",
    "where",
];

/// Whether ALTER TABLE cannot do it.
fn needs_rebuild(table: &TableWork<'_>) -> bool {
    let attached = Attached::of(table);
    table.from.options != table.to.options
        || !table.change_columns.is_empty()
        || !table.primary_key.is_done()
        || !table.uniques.is_done()
        || !table.checks.drop.is_empty()
        || !table.checks.rename.is_empty()
        || !table.foreign_keys.drop.is_empty()
        || !table.foreign_keys.rename.is_empty()
        || attached.checks.len() < table.checks.add.len()
        || attached.foreign_keys.len() < table.foreign_keys.add.len()
        || table
            .drop_columns
            .iter()
            .any(|column| is_needed(table, column))
        || !table
            .add_columns
            .iter()
            .all(|column| can_be_added(table, column))
}

/// Whether something that stays mentions a column that goes.
fn is_needed(table: &TableWork<'_>, column: &Column) -> bool {
    let mentions = |sql: &str| words::mentions(DIALECT, sql, &column.name);
    let from = table.from;
    let keys = from.primary_key.iter().chain(&from.uniques);
    let mut key_columns = keys
        .flat_map(|key| &key.columns)
        .chain(from.foreign_keys.iter().flat_map(|key| &key.columns));
    key_columns.any(|name| *name == column.name)
        || from.checks.iter().any(|check| mentions(&check.condition))
        || from.columns.iter().any(|other| {
            other
                .generated
                .as_ref()
                .is_some_and(|generated| mentions(&generated.expression))
        })
}

/// What ADD COLUMN takes: no key, nothing stored that is computed, no default that is not a
/// constant, and NOT NULL only with a default.
fn can_be_added(table: &TableWork<'_>, column: &Column) -> bool {
    let refers = table
        .to
        .foreign_keys
        .iter()
        .any(|key| key.columns.contains(&column.name));
    let fits_default = match column.default.as_deref().map(str::trim) {
        None => column.nullable || column.generated.is_some(),
        Some(default) if default.eq_ignore_ascii_case("null") => column.nullable,
        Some(default) => is_constant(default) && !refers,
    };
    fits_default
        && column.identity.is_none()
        && column
            .generated
            .as_ref()
            .is_none_or(|generated| !generated.stored)
        && table.from.column(&column.name).is_none()
}

fn is_constant(default: &str) -> bool {
    !default.starts_with('(') && !default.to_ascii_uppercase().starts_with("CURRENT_")
}

/// Checks and foreign keys that can be said on the line of a column that is added.
struct Attached<'a> {
    checks: Vec<(&'a str, &'a Check)>,
    foreign_keys: Vec<(&'a str, &'a ForeignKey)>,
}

impl<'a> Attached<'a> {
    fn of(table: &TableWork<'a>) -> Self {
        let mut attached = Self {
            checks: Vec::new(),
            foreign_keys: Vec::new(),
        };
        for check in &table.checks.add {
            // The last of the new columns that it mentions: those before are there by then.
            let mentions =
                |column: &&&Column| words::mentions(DIALECT, &check.condition, &column.name);
            if let Some(column) = table.add_columns.iter().rfind(mentions) {
                attached.checks.push((&column.name, check));
            }
        }
        for key in &table.foreign_keys.add {
            let column = table
                .add_columns
                .iter()
                .find(|column| key.columns == [&*column.name]);
            if let Some(column) = column {
                attached.foreign_keys.push((&column.name, key));
            }
        }
        attached
    }
}

fn alter(table: &TableWork<'_>, plan: &mut Plan) {
    let name = quote(&table.to.name);
    for index in &table.indexes.drop {
        let sql = format!("DROP INDEX {}", quote(&index.name));
        plan.push(Phase::AlterTables, Step::new(sql));
    }
    for column in &table.drop_columns {
        let sql = format!("ALTER TABLE {name} DROP COLUMN {}", quote(&column.name));
        let why = drops_column(&table.to.name, column);
        plan.push(Phase::AlterTables, Step::new(sql).destructive(why));
    }
    let attached = Attached::of(table);
    for column in &table.add_columns {
        let mut line = render::column(DIALECT, column);
        for (_, check) in attached.checks.iter().filter(|(on, _)| *on == column.name) {
            line.push_str(&format!(" {}", render::check(DIALECT, check)));
        }
        for (_, key) in attached
            .foreign_keys
            .iter()
            .filter(|(on, _)| *on == column.name)
        {
            let of_table = render::foreign_key(DIALECT, key);
            let words = format!("FOREIGN KEY ({}) ", quote(&column.name));
            line.push_str(&format!(" {}", of_table.replacen(&words, "", 1)));
        }
        let sql = format!("ALTER TABLE {name} ADD COLUMN {line}");
        plan.push(Phase::AlterTables, Step::new(sql));
    }
    for index in &table.indexes.add {
        let sql = render::index(DIALECT, &table.to.name, index);
        let again = table.from.indexes.contains(index);
        let note = (index.unique && !again)
            .then(|| format!("fails where rows of {} have the same entry", table.to.name));
        plan.push(Phase::Indexes, Step::new(sql).note(note));
    }
}

#[cfg(test)]
#[path = "../tests/sqlite.rs"]
mod tests;
