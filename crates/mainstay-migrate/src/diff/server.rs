//! What servers have in common: foreign keys are dropped from and added to tables that are there.

use super::draft::Step;
use super::order::in_order;
use super::plan::{Phase, Plan};
use super::reason::drops_table;
use super::work::{TableWork, Work};
use crate::catalog::{ForeignKey, Table, render};

/// Drops the tables that go, those that refer first. Foreign keys that close a circle go before.
pub(super) fn drop_tables(
    work: &Work<'_>,
    drop_foreign_key: impl Fn(&str, &ForeignKey) -> String,
    plan: &mut Plan,
) {
    let (tables, circles) = in_order(&work.dropped);
    for (table, key) in circles {
        let sql = drop_foreign_key(&table.name, key);
        plan.push(Phase::DropForeignKeys, Step::new(sql));
    }
    for table in tables.into_iter().rev() {
        let sql = format!("DROP TABLE {}", work.dialect.quote(&table.name));
        let step = Step::new(sql).destructive(drops_table(table));
        plan.push(Phase::DropTables, step);
    }
}

/// Makes the tables that come. A foreign key stands in its table where the other table is there by
/// then, its key included; otherwise it is added at the end.
pub(super) fn create_tables(work: &Work<'_>, inline: bool, plan: &mut Plan) {
    let (tables, _) = in_order(&work.created);
    let mut there: Vec<&str> = Vec::new();
    for table in tables {
        there.push(&table.name);
        let is_ready = |key: &&ForeignKey| {
            let kept = work.tables.iter().find(|t| t.to.name == key.references);
            // One that is not to hold for the rows there are can only be added.
            inline
                && key.options.iter().all(|option| option != "NOT VALID")
                && (there.contains(&key.references.as_str())
                    || kept.is_some_and(TableWork::is_done))
        };
        let (ready, later): (Vec<&ForeignKey>, Vec<&ForeignKey>) =
            table.foreign_keys.iter().partition(is_ready);
        let part = Table {
            foreign_keys: ready.into_iter().cloned().collect(),
            ..(*table).clone()
        };
        for sql in render::table(work.dialect, &part, true) {
            plan.push(Phase::CreateTables, Step::new(sql));
        }
        for key in later {
            let sql = render::add_foreign_key(work.dialect, &table.name, key);
            plan.push(Phase::ForeignKeys, Step::new(sql));
        }
    }
}

/// Drops and adds the foreign keys of a table that stays.
pub(super) fn foreign_keys(
    work: &Work<'_>,
    table: &TableWork<'_>,
    drop_foreign_key: impl Fn(&str, &ForeignKey) -> String,
    plan: &mut Plan,
) {
    let before = work.name_before(&table.from.name);
    for key in &table.foreign_keys.drop {
        plan.push(
            Phase::DropForeignKeys,
            Step::new(drop_foreign_key(before, key)),
        );
    }
    for key in &table.foreign_keys.add {
        let sql = render::add_foreign_key(work.dialect, &table.to.name, key);
        let again = table.from.foreign_keys.contains(key);
        let note = (!again).then(|| {
            format!(
                "fails where {}.{} refers to what is not there",
                table.to.name,
                key.columns.join(", ")
            )
        });
        plan.push(Phase::ForeignKeys, Step::new(sql).note(note));
    }
}
