//! The one plan that all engines share: which phase comes when, and what goes and comes with it.
//! How a table is altered is the engine's own.

use std::collections::BTreeSet;

use super::compare::same_other;
use super::draft::{Draft, Step};
use super::engine::Engine;
use super::pairs::Pairs;
use super::work::Work;
use super::{views, words};
use crate::catalog::{Column, ForeignKey, Other, Table, Trigger, render};

/// How the reason of a step starts that loses what is stored.
pub(super) const DROPS: &str = "drops";
/// How the reason of a step starts that may lose what is stored.
pub(super) const NARROWS: &str = "narrows";

/// The phases, in order. Up to the renames, tables go by the names they had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    DropTriggers,
    DropViews,
    DropForeignKeys,
    DropTables,
    Rename,
    /// Types, sequences and functions that tables may need.
    MakeOthers,
    CreateTables,
    AlterTables,
    Indexes,
    ForeignKeys,
    /// What needs the tables, and what they do not need any more.
    LateOthers,
    Views,
    Triggers,
}

/// Steps by phase.
#[derive(Debug, Default)]
pub(super) struct Plan {
    steps: Vec<(Phase, Step)>,
    pub(super) rebuilds: Vec<String>,
    pub(super) remarks: Vec<String>,
}

impl Plan {
    pub(super) fn push(&mut self, phase: Phase, step: Step) {
        self.steps.push((phase, step));
    }

    pub(super) fn finish(mut self) -> Draft {
        // Stable: within a phase the order of pushing counts.
        self.steps.sort_by_key(|(phase, _)| *phase);
        Draft {
            rebuilds: self.rebuilds,
            remarks: self.remarks,
            steps: self.steps.into_iter().map(|(_, step)| step).collect(),
        }
    }
}

/// Plans all of it.
pub(super) fn build(work: &Work<'_>, engine: &dyn Engine, plan: &mut Plan) {
    let mut in_the_way = views::plan(work, engine, plan);
    for table in &work.tables {
        if engine.disturbs_triggers(work, table) {
            in_the_way.insert(work.name_before(&table.from.name).to_owned());
        }
    }
    triggers(work, engine, &in_the_way, plan);
    renames(work, engine, plan);
    others(work, engine, &in_the_way, plan);
    engine.drop_tables(work, plan);
    engine.create_tables(work, plan);
    for table in work.tables.iter().filter(|table| !table.is_done()) {
        engine.alter(work, table, plan);
    }
}

fn renames(work: &Work<'_>, engine: &dyn Engine, plan: &mut Plan) {
    for (before, after) in &work.renames.tables {
        let (before, after) = (work.dialect.quote(before), work.dialect.quote(after));
        let sql = format!("ALTER TABLE {before} RENAME TO {after}");
        plan.push(Phase::Rename, Step::new(sql));
    }
    for (table, before, after) in &work.renames.columns {
        let sql = engine.rename_column(table, before, after);
        plan.push(Phase::Rename, Step::new(sql));
    }
}

/// Drops the triggers that go, change, or mention what is in the way; makes those that come or come
/// back.
fn triggers(work: &Work<'_>, engine: &dyn Engine, in_the_way: &BTreeSet<String>, plan: &mut Plan) {
    let dialect = work.dialect;
    for table in &work.tables {
        let before = work.name_before(&table.from.name);
        let old = work.original.table(before).map_or(&[][..], |t| &t.triggers);
        let stays = |trigger: &Trigger| {
            let mentions = |name: &String| words::mentions(dialect, &trigger.definition, name);
            table.to.triggers.contains(trigger) && !in_the_way.iter().any(mentions)
        };
        for trigger in old.iter().filter(|trigger| !stays(trigger)) {
            let comes_back = table.to.triggers.iter().any(|t| t.name == trigger.name);
            let why = (!comes_back).then(|| format!("{DROPS} the trigger {}", trigger.name));
            let sql = engine.drop_trigger(before, &trigger.name);
            plan.push(Phase::DropTriggers, Step::new(sql).destructive(why));
        }
        let is_there = |trigger: &Trigger| old.iter().any(|t| t == trigger && stays(t));
        for trigger in table.to.triggers.iter().filter(|t| !is_there(t)) {
            plan.push(Phase::Triggers, Step::new(&trigger.definition));
        }
    }
    for trigger in work.created.iter().flat_map(|table| &table.triggers) {
        plan.push(Phase::Triggers, Step::new(&trigger.definition));
    }
}

/// Objects beside tables.
fn others(work: &Work<'_>, engine: &dyn Engine, in_the_way: &BTreeSet<String>, plan: &mut Plan) {
    let dialect = work.dialect;
    let pairs = Pairs::by(&work.original.others, &work.to.others, same_other);
    let created: Vec<&str> = work
        .created
        .iter()
        .map(|table| table.name.as_str())
        .chain(work.to.views.iter().map(|view| view.name.as_str()))
        .collect();
    let phase = |other: &Other, sql: &str| {
        let mentions = |name: &&str| words::mentions(dialect, sql, name);
        if is_attached(other) {
            Phase::Triggers
        } else if created.iter().any(mentions) {
            Phase::LateOthers
        } else {
            Phase::MakeOthers
        }
    };
    let make = |other: &Other, plan: &mut Plan| {
        let (create, later) = render::other(other);
        plan.push(phase(other, &create), Step::new(create));
        if let Some(later) = later {
            plan.push(Phase::LateOthers, Step::new(later));
        }
    };
    // Views that keep their rows are planned with the others.
    let is_plain = |other: &&Other| !views::is_view(other);
    for other in pairs.left.into_iter().filter(is_plain) {
        let phase = match is_attached(other) {
            true => Phase::DropTriggers,
            false => Phase::LateOthers,
        };
        let why = format!("{DROPS} the {} {}", other.kind.to_lowercase(), other.name);
        plan.push(phase, Step::new(engine.drop_other(other)).destructive(why));
    }
    for other in pairs.right.into_iter().filter(is_plain) {
        make(other, plan);
    }
    for (old, new) in pairs.both {
        let mentions = |name: &String| words::mentions(dialect, &old.definition, name);
        let comes_back = is_attached(old) && in_the_way.iter().any(mentions);
        if views::is_view(old) || (old == new && !comes_back) {
            continue;
        }
        if is_attached(old) {
            plan.push(Phase::DropTriggers, Step::new(engine.drop_other(old)));
            make(new, plan);
        } else if let Some(steps) = engine.change_other(work, old, new) {
            for step in steps.now {
                plan.push(phase(new, &step.sql), step);
            }
            for step in steps.late {
                plan.push(Phase::LateOthers, step);
            }
        } else {
            let drop = Step::new(engine.drop_other(old));
            plan.push(phase(new, &new.definition), drop);
            make(new, plan);
        }
    }
}

/// Whether it belongs to a table or a view, and goes with it.
fn is_attached(other: &Other) -> bool {
    const ATTACHED: [&str; 5] = ["TRIGGER", "INDEX", "RULE", "POLICY", "CONSTRAINT"];
    ATTACHED.contains(&other.kind.as_str())
}

/// Tables, each behind those that it refers to; and the foreign keys for which that cannot be,
/// because tables refer to each other in a circle.
pub(super) fn in_order<'a>(
    tables: &[&'a Table],
) -> (Vec<&'a Table>, Vec<(&'a Table, &'a ForeignKey)>) {
    let mut left: Vec<&Table> = tables.to_vec();
    let mut out: Vec<&Table> = Vec::new();
    let mut circles = Vec::new();
    while !left.is_empty() {
        let open = |table: &Table| -> (bool, usize) {
            let unmet = table.foreign_keys.iter().filter(|key| {
                key.references != table.name && left.iter().any(|t| t.name == key.references)
            });
            (
                left.iter().any(|other| is_part_of(table, other)),
                unmet.count(),
            )
        };
        let fewest = left.iter().enumerate().min_by_key(|(_, table)| open(table));
        let at = fewest.map_or(0, |(at, _)| at);
        let table = left.remove(at);
        for key in &table.foreign_keys {
            if left.iter().any(|t| t.name == key.references) {
                circles.push((table, key));
            }
        }
        out.push(table);
    }
    (out, circles)
}

/// Whether the one table is a partition of the other, or takes its columns from it.
fn is_part_of(table: &Table, other: &Table) -> bool {
    table.name != other.name
        && table.options.iter().any(|option| {
            let parent = option
                .strip_prefix("PARTITION OF ")
                .or_else(|| option.strip_prefix("INHERITS "));
            parent.is_some_and(|parent| parent.contains(&other.name))
        })
}

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
    if !super::types::keeps(&old.ty, &new.ty) {
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
