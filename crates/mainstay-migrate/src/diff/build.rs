//! The one plan that all engines share: what comes in which phase, and what goes and comes with it.
//! How a table is altered is the engine's own.

use std::collections::BTreeSet;

use super::compare::same_other;
use super::draft::Step;
use super::engine::Engine;
use super::pairs::Pairs;
use super::plan::{Phase, Plan};
use super::reason::DROPS;
use super::work::Work;
use super::{views, words};
use crate::catalog::{Other, Trigger, render};

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
