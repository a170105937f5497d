//! PostgreSQL: a statement for each thing that changes.

use super::names::{DIALECT, quote};
use super::{others, settings};
use crate::catalog::render::{self, KeyKind};
use crate::catalog::{Column, ForeignKey, Identity, Other};
use crate::diff::draft::Step;
use crate::diff::engine::{Engine, OtherSteps};
use crate::diff::pairs::Constraint;
use crate::diff::plan::{Phase, Plan};
use crate::diff::reason::{NARROWS, adds_column, changes_column, drops_column};
use crate::diff::server;
use crate::diff::types::{Family, family};
use crate::diff::work::{Parts, TableWork, Work};

pub(in crate::diff) struct Postgres;

impl Engine for Postgres {
    fn prepare(&self, work: &mut Work<'_>) {
        let anew = others::made_anew(work);
        for table in &mut work.tables {
            let is_anew = |column: &&Column| {
                let old = table.from.column(&column.name);
                old.is_some_and(|old| old.ty == column.ty)
                    && anew.iter().any(|anew| anew.is(&column.ty))
            };
            let retyped = table.to.columns.iter().filter(is_anew);
            table.retyped = retyped.map(|column| column.name.as_str()).collect();
            table.remake_columns(DIALECT, true);
            let remade = table.remade_columns();
            for column in table.moved_columns() {
                table.redo_what_mentions(DIALECT, column, remade.contains(&column));
            }
        }
        work.redo_foreign_keys(TableWork::moved_columns);
    }

    fn disturbs_views(&self, work: &Work<'_>, table: &TableWork<'_>) -> bool {
        !table.drop_columns.is_empty()
            || !table.moved_columns().is_empty()
            || work.is_renamed(&table.from.name)
    }

    fn disturbs_triggers(&self, work: &Work<'_>, table: &TableWork<'_>) -> bool {
        self.disturbs_views(work, table)
    }

    fn drop_trigger(&self, table: &str, trigger: &str) -> String {
        format!("DROP TRIGGER {} ON {}", quote(trigger), quote(table))
    }

    fn rename_column(&self, table: &str, before: &str, after: &str) -> String {
        format!(
            "ALTER TABLE {} RENAME COLUMN {} TO {}",
            quote(table),
            quote(before),
            quote(after)
        )
    }

    fn drop_tables(&self, work: &Work<'_>, plan: &mut Plan) {
        server::drop_tables(work, drop_foreign_key, plan);
    }

    fn create_tables(&self, work: &Work<'_>, plan: &mut Plan) {
        server::create_tables(work, true, plan);
    }

    fn alter(&self, work: &Work<'_>, table: &TableWork<'_>, plan: &mut Plan) {
        server::foreign_keys(work, table, drop_foreign_key, plan);
        let mut alter = Alter {
            table,
            name: quote(&table.to.name),
            anew: others::made_anew(work),
            plan,
        };
        alter.drops();
        alter.renames();
        for (old, new) in &table.change_columns {
            alter.column(old, new);
        }
        for name in &table.retyped {
            let is_changed = table
                .change_columns
                .iter()
                .any(|(old, _)| old.name == *name);
            if let (Some(old), false) = (table.from.column(name), is_changed) {
                alter.column(old, old);
            }
        }
        alter.adds();
        alter.settings();
    }

    fn drop_other(&self, other: &Other) -> String {
        others::drop(other)
    }

    fn change_other(&self, work: &Work<'_>, old: &Other, new: &Other) -> Option<OtherSteps> {
        let now = |sql: String| {
            Some(OtherSteps {
                now: vec![Step::new(sql)],
                late: Vec::new(),
            })
        };
        if new.kind == "SEQUENCE" {
            return Some(others::sequence(new));
        }
        if new.kind == "TYPE" {
            return others::change_words(work, old, new);
        }
        if new.definition.starts_with("CREATE OR REPLACE ") {
            return now(new.definition.clone());
        }
        None
    }
}

fn drop_foreign_key(table: &str, key: &ForeignKey) -> String {
    drop_constraint(&quote(table), key)
}

fn drop_constraint(table: &str, constraint: &impl Constraint) -> String {
    let name = quote(constraint.name().unwrap_or_default());
    format!("ALTER TABLE {table} DROP CONSTRAINT {name}")
}

/// One table being altered.
struct Alter<'a, 'b> {
    table: &'a TableWork<'a>,
    /// Its name in quotes.
    name: String,
    /// Types that are made anew.
    anew: Vec<others::Anew>,
    plan: &'b mut Plan,
}

impl Alter<'_, '_> {
    fn push(&mut self, step: Step) {
        self.plan.push(Phase::AlterTables, step);
    }

    /// `ALTER TABLE name ...`
    fn alter(&mut self, what: &str) {
        let sql = format!("ALTER TABLE {} {what}", self.name);
        self.push(Step::new(sql));
    }

    fn renames(&mut self) {
        let table = self.table;
        for (old, new) in &table.indexes.rename {
            let (old, new) = (quote(&old.name), quote(&new.name));
            self.push(Step::new(format!("ALTER INDEX {old} RENAME TO {new}")));
        }
        self.rename_constraints(&table.primary_key);
        self.rename_constraints(&table.uniques);
        self.rename_constraints(&table.checks);
        self.rename_constraints(&table.foreign_keys);
    }

    fn rename_constraints<T: Constraint>(&mut self, parts: &Parts<'_, T>) {
        for (old, new) in &parts.rename {
            let name = |of: &T| quote(of.name().unwrap_or_default());
            let what = format!("RENAME CONSTRAINT {} TO {}", name(old), name(new));
            self.alter(&what);
        }
    }

    fn drops(&mut self) {
        let table = self.table;
        for check in &table.checks.drop {
            self.push(Step::new(drop_constraint(&self.name, *check)));
        }
        for index in &table.indexes.drop {
            self.push(Step::new(format!("DROP INDEX {}", quote(&index.name))));
        }
        for key in table.uniques.drop.iter().chain(&table.primary_key.drop) {
            self.push(Step::new(drop_constraint(&self.name, *key)));
        }
        for column in &table.drop_columns {
            let name = quote(&column.name);
            let sql = format!("ALTER TABLE {} DROP COLUMN {name}", self.name);
            let why = drops_column(&table.to.name, column);
            self.push(Step::new(sql).destructive(why));
        }
    }

    /// Changes a column, in an order in which each statement has what it needs.
    fn column(&mut self, old: &Column, new: &Column) {
        let name = quote(&new.name);
        let retyped = self.table.retyped.contains(&new.name.as_str());
        let moves = retyped || old.ty != new.ty || old.collation != new.collation;
        let (why, note) = changes_column(&self.table.to.name, old, new);
        let mut why = why.unwrap_or_default();
        if let Some(anew) = self.anew.iter().find(|anew| retyped && anew.is(&new.ty)) {
            let narrows = anew.narrows(&self.table.to.name, &new.name);
            why = narrows
                .into_iter()
                .chain([why])
                .collect::<Vec<_>>()
                .join("\n");
        }
        if old.generated.is_some() && new.generated.is_none() {
            self.alter(&format!("ALTER COLUMN {name} DROP EXPRESSION"));
        }
        let drops_identity = old.identity.is_some() && new.identity.is_none();
        if drops_identity {
            self.alter(&format!("ALTER COLUMN {name} DROP IDENTITY"));
        }
        // A default of the old type may be none of the new.
        let drops_default = old.default.is_some()
            && (new.default.is_none()
                || retyped
                || old.ty != new.ty
                || (moves && old.default != new.default));
        if drops_default {
            self.alter(&format!("ALTER COLUMN {name} DROP DEFAULT"));
        }
        if moves {
            let mut sql = format!(
                "ALTER TABLE {} ALTER COLUMN {name} TYPE {}",
                self.name, new.ty
            );
            if let Some(collation) = &new.collation {
                sql.push_str(&format!(" COLLATE {collation}"));
            }
            let anew = || format!("{name}::text::{}", new.ty);
            let using = using(&name, &old.ty, &new.ty).or_else(|| retyped.then(anew));
            if let Some(using) = using {
                sql.push_str(&format!(" USING {using}"));
            }
            let (narrows, rest): (Vec<_>, Vec<_>) = why
                .lines()
                .filter(|line| !line.is_empty())
                .partition(|line| line.starts_with(NARROWS));
            let reason = (!narrows.is_empty()).then(|| narrows.join("\n"));
            self.push(Step::new(sql).destructive(reason));
            why = rest.join("\n");
        }
        if old.nullable != new.nullable {
            let verb = if new.nullable { "DROP" } else { "SET" };
            let sql = format!(
                "ALTER TABLE {} ALTER COLUMN {name} {verb} NOT NULL",
                self.name
            );
            let reason = (!why.is_empty()).then_some(why);
            self.push(Step::new(sql).destructive(reason).note(note));
        }
        if let Some(default) = &new.default
            && (drops_default || old.default != new.default)
        {
            self.alter(&format!("ALTER COLUMN {name} SET DEFAULT {default}"));
        }
        if let Some(identity) = new.identity
            && old.identity != new.identity
        {
            self.identity(&new.name, old.identity, identity);
        }
    }

    fn identity(&mut self, column: &str, old: Option<Identity>, new: Identity) {
        let name = quote(column);
        let how = match new {
            Identity::Always => "ALWAYS",
            Identity::ByDefault | Identity::AutoIncrement => "BY DEFAULT",
        };
        if old.is_some() {
            self.alter(&format!("ALTER COLUMN {name} SET GENERATED {how}"));
            return;
        }
        self.alter(&format!(
            "ALTER COLUMN {name} ADD GENERATED {how} AS IDENTITY"
        ));
        // Values that are there already must not be made again.
        let table = render::text(DIALECT, &self.name);
        let text = render::text(DIALECT, column);
        self.push(Step::new(format!(
            "SELECT setval(pg_get_serial_sequence({table}, {text}), coalesce(max({name}), 0) + 1, \
             false) FROM {}",
            self.name
        )));
    }

    fn adds(&mut self) {
        let table = self.table;
        for column in &table.add_columns {
            let line = render::column(DIALECT, column);
            let (why, note) = adds_column(&table.to.name, column);
            let sql = format!("ALTER TABLE {} ADD COLUMN {line}", self.name);
            self.push(Step::new(sql).destructive(why).note(note));
        }
        for key in &table.primary_key.add {
            let line = render::key(DIALECT, KeyKind::Primary, key);
            self.alter(&format!("ADD {line}"));
        }
        for key in &table.uniques.add {
            let line = render::key(DIALECT, KeyKind::Unique, key);
            let note = (!table.from.uniques.contains(key)).then(|| {
                let columns = key.columns.join(", ");
                format!(
                    "fails where rows of {} have the same {columns}",
                    table.to.name
                )
            });
            let sql = format!("ALTER TABLE {} ADD {line}", self.name);
            self.push(Step::new(sql).note(note));
        }
        for check in &table.checks.add {
            let line = render::check(DIALECT, check);
            let note = (!table.from.checks.contains(check))
                .then(|| format!("fails where rows of {} do not meet it", table.to.name));
            let sql = format!("ALTER TABLE {} ADD {line}", self.name);
            self.push(Step::new(sql).note(note));
        }
        for index in &table.indexes.add {
            let sql = render::index(DIALECT, &table.to.name, index);
            let note = "no row can be written meanwhile; on a large table, make it CONCURRENTLY in \
                        a migration of its own that runs without a transaction";
            let step = Step::new(sql).note(note.to_owned());
            self.plan.push(Phase::Indexes, step);
        }
    }

    /// Options that can be changed; the others are told about.
    fn settings(&mut self) {
        let (actions, undrafted) = settings::options(self.table);
        for action in actions {
            self.alter(&action);
        }
        for option in undrafted {
            self.plan.remarks.push(format!(
                "table {} differs in {option}: the engine can change that only by making the \
                 table anew, which is not drafted",
                self.table.to.name
            ));
        }
        for sql in settings::comments(self.table) {
            self.push(Step::new(sql));
        }
    }
}

/// How values are turned into another type, where the engine does not do it by itself.
fn using(name: &str, from: &str, to: &str) -> Option<String> {
    use Family::{Bool, Date, Decimal, Float, Instant, Integer, Text};
    match (family(from), family(to)) {
        (_, Text { .. }) => None,
        (
            Integer { .. } | Decimal { .. } | Float { .. },
            Integer { .. } | Decimal { .. } | Float { .. },
        )
        | (Date | Instant { .. }, Date | Instant { .. }) => None,
        (a, b) if a == b => None,
        (Integer { .. } | Decimal { .. } | Float { .. }, Bool) => Some(format!("{name} <> 0")),
        (Bool, Integer { .. } | Decimal { .. } | Float { .. }) => {
            Some(format!("{name}::integer::{to}"))
        }
        _ => Some(format!("{name}::text::{to}")),
    }
}

#[cfg(test)]
#[path = "../tests/postgres.rs"]
mod tests;
