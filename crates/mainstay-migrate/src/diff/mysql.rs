//! MariaDB and MySQL: one ALTER TABLE for all that changes in a table. So a table is copied once
//! at most, a statement takes effect as a whole or not at all, and an index that a foreign key
//! needs can go in the same breath in which another comes.

use mainstay::schema::Dialect;

use super::draft::Step;
use super::engine::{Engine, OtherSteps};
use super::plan::{Phase, Plan};
use super::reason::{adds_column, changes_column, drops_column};
use super::server;
use super::work::{TableWork, Work};
use crate::catalog::render::{self, KeyKind};
use crate::catalog::{Check, Column, ForeignKey, Index, Other, Table};

/// MariaDB and MySQL write all that is drafted here alike.
const DIALECT: Dialect = Dialect::MariaDb;

pub(super) struct MySql;

impl Engine for MySql {
    fn prepare(&self, work: &mut Work<'_>) {
        for table in &mut work.tables {
            table.remake_columns(DIALECT, true);
            for column in table.remade_columns() {
                table.redo_what_mentions(DIALECT, column, true);
            }
            table.foreign_keys.redo_renamed();
            table.checks.redo_renamed();
            table.primary_key.redo_renamed();
            redo_keys_that_lose_their_index(table);
        }
        work.redo_foreign_keys(moved_columns);
    }

    fn disturbs_views(&self, work: &Work<'_>, table: &TableWork<'_>) -> bool {
        work.is_renamed(&table.from.name)
    }

    fn disturbs_triggers(&self, work: &Work<'_>, table: &TableWork<'_>) -> bool {
        work.is_renamed(&table.from.name)
    }

    fn drop_trigger(&self, _table: &str, trigger: &str) -> String {
        format!("DROP TRIGGER {}", quote(trigger))
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
        // Behind the indexes: otherwise the engine makes one of its own for each.
        server::create_tables(work, false, plan);
    }

    fn alter(&self, work: &Work<'_>, table: &TableWork<'_>, plan: &mut Plan) {
        server::foreign_keys(work, table, drop_foreign_key, plan);
        let mut alter = Alter {
            table,
            clauses: Vec::new(),
            why: Vec::new(),
            notes: Vec::new(),
        };
        for (index, if_exists) in left_behind(work.dialect, table) {
            let clause = format!("DROP INDEX {if_exists}{}", quote(index));
            alter.clauses.push(clause);
        }
        alter.drops();
        alter.columns();
        alter.adds();
        alter.options();
        let name = quote(&table.to.name);
        if !alter.clauses.is_empty() {
            let clauses = match alter.clauses.as_slice() {
                [one] => format!(" {one}"),
                all => format!("\n    {}", all.join(",\n    ")),
            };
            let lines = |lines: Vec<String>| (!lines.is_empty()).then(|| lines.join("\n"));
            let step = Step::new(format!("ALTER TABLE {name}{clauses}"))
                .destructive(lines(alter.why))
                .note(lines(alter.notes));
            plan.push(Phase::AlterTables, step);
        }
        partitions(table, plan);
    }

    fn drop_other(&self, other: &Other) -> String {
        format!("DROP {} IF EXISTS {}", other.kind, quote(&other.name))
    }

    fn change_other(&self, _work: &Work<'_>, _old: &Other, _new: &Other) -> Option<OtherSteps> {
        None
    }
}

fn quote(name: &str) -> String {
    DIALECT.quote(name)
}

fn drop_foreign_key(table: &str, key: &ForeignKey) -> String {
    let name = quote(key.name.as_deref().unwrap_or_default());
    format!("ALTER TABLE {} DROP FOREIGN KEY {name}", quote(table))
}

/// Columns that cannot change while a foreign key stands on them: all but for a default or a
/// comment.
fn moved_columns<'a>(table: &TableWork<'a>) -> Vec<&'a str> {
    let mut names = table.moved_columns();
    for (old, new) in &table.change_columns {
        if old.nullable != new.nullable || old.identity != new.identity {
            names.push(&old.name);
        }
    }
    if changes_charset(table.from, table.to) {
        let inherits = table
            .from
            .columns
            .iter()
            .filter(|column| column.collation.is_none());
        names.extend(inherits.map(|column| column.name.as_str()));
    }
    names
}

/// Whether an index of the table serves a foreign key on these columns, beside the one that the
/// engine makes by itself under the foreign key's name.
fn serves(table: &Table, columns: &[String]) -> bool {
    let keys = table.primary_key.iter().chain(&table.uniques);
    let plain = |index: &&Index| index.method.is_none();
    keys.map(|key| key.columns.iter().collect::<Vec<_>>())
        .chain(table.indexes.iter().filter(plain).map(|index| {
            let whole = index
                .parts
                .iter()
                .take_while(|p| p.is_column && p.suffix.is_none());
            whole.map(|part| &part.what).collect()
        }))
        .any(|of: Vec<&String>| {
            of.len() >= columns.len() && of.iter().zip(columns).all(|(a, b)| *a == b)
        })
}

/// A foreign key whose index goes is dropped before and added behind: so the engine makes another
/// index for it.
fn redo_keys_that_lose_their_index(table: &mut TableWork<'_>) {
    let (from, to) = (table.from, table.to);
    table
        .foreign_keys
        .redo(|key| serves(from, &key.columns) && !serves(to, &key.columns));
}

/// The indexes that the engine made for foreign keys that go: they stay behind. Where another index
/// serves, there may be none.
fn left_behind<'a>(dialect: Dialect, table: &TableWork<'a>) -> Vec<(&'a str, &'static str)> {
    let mut out = Vec::new();
    for key in &table.foreign_keys.drop {
        let Some(name) = key.name.as_deref() else {
            continue;
        };
        let used_again = table
            .to
            .foreign_keys
            .iter()
            .any(|new| new.name == key.name && new.columns == key.columns);
        let explicit = table.from.indexes.iter().any(|index| index.name == name);
        if used_again || explicit {
            continue;
        }
        if !serves(table.from, &key.columns) {
            out.push((name, ""));
        } else if dialect == Dialect::MariaDb {
            out.push((name, "IF EXISTS "));
        }
    }
    out
}

/// One table being altered: the clauses of its one statement.
struct Alter<'a> {
    table: &'a TableWork<'a>,
    clauses: Vec<String>,
    why: Vec<String>,
    notes: Vec<String>,
}

impl Alter<'_> {
    fn say(&mut self, (why, note): (Option<String>, Option<String>)) {
        self.why.extend(why);
        self.notes.extend(note);
    }

    fn drops(&mut self) {
        let table = self.table;
        for check in table
            .checks
            .drop
            .iter()
            .filter(|check| !check.is_of_column())
        {
            let name = quote(check.name.as_deref().unwrap_or_default());
            self.clauses.push(format!("DROP CONSTRAINT {name}"));
        }
        for index in &table.indexes.drop {
            self.clauses
                .push(format!("DROP INDEX {}", quote(&index.name)));
        }
        for key in &table.uniques.drop {
            let name = quote(key.name.as_deref().unwrap_or_default());
            self.clauses.push(format!("DROP INDEX {name}"));
        }
        if !table.primary_key.drop.is_empty() {
            self.clauses.push("DROP PRIMARY KEY".to_owned());
        }
        for column in &table.drop_columns {
            self.clauses
                .push(format!("DROP COLUMN {}", quote(&column.name)));
            self.say((drops_column(&table.to.name, column), None));
        }
    }

    fn columns(&mut self) {
        let table = self.table;
        for new in &table.to.columns {
            let Some(old) = table.from.column(&new.name) else {
                continue;
            };
            let is_remade = table.remade_columns().contains(&new.name.as_str());
            let of_column = |check: &&&Check| check.is_of(&new.name);
            let checks = table.checks.drop.iter().chain(&table.checks.add);
            let is_changed = old != new
                || checks.filter(of_column).count() > 0
                || (changes_charset(table.from, table.to) && new.collation.is_none());
            if is_changed && !is_remade {
                let line = render::column_of(DIALECT, table.to, new);
                self.clauses.push(format!("MODIFY COLUMN {line}"));
                self.say(changes_column(&table.to.name, old, new));
            }
        }
        // Added where they stand in the table that is aimed at; at the end that needs no words.
        let is_added = |column: &Column| table.add_columns.iter().any(|c| c.name == column.name);
        let last = table
            .to
            .columns
            .iter()
            .rposition(|column| !is_added(column));
        for (at, column) in table
            .to
            .columns
            .iter()
            .enumerate()
            .filter(|(_, c)| is_added(c))
        {
            let line = render::column_of(DIALECT, table.to, column);
            let place = match at.checked_sub(1) {
                _ if last.is_some_and(|last| at > last) => String::new(),
                None => " FIRST".to_owned(),
                Some(before) => format!(" AFTER {}", quote(&table.to.columns[before].name)),
            };
            self.clauses.push(format!("ADD COLUMN {line}{place}"));
            let (why, note) = adds_column(&table.to.name, column);
            // The engine fills such a column with zeros and empty texts, and does not fail.
            let note = why.and(note).map(|_| {
                let name = &column.name;
                format!(
                    "{name} is NOT NULL and has no default: rows that are there get the zero or \
                     the empty text of its type; set what they shall have by an UPDATE behind this"
                )
            });
            self.say((None, note));
        }
    }

    fn adds(&mut self) {
        let table = self.table;
        for key in &table.primary_key.add {
            let line = render::key(DIALECT, KeyKind::Primary, key);
            self.clauses.push(format!("ADD {line}"));
        }
        for (old, new) in &table.uniques.rename {
            let name = |name: &Option<String>| quote(name.as_deref().unwrap_or_default());
            self.rename_index(&name(&old.name), &name(&new.name));
        }
        for key in &table.uniques.add {
            let line = render::key(DIALECT, KeyKind::Unique, key);
            self.clauses.push(format!("ADD {line}"));
            if !table.from.uniques.contains(key) {
                let columns = key.columns.join(", ");
                let name = &table.to.name;
                self.notes.push(format!(
                    "fails where rows of {name} have the same {columns}"
                ));
            }
        }
        for (old, new) in &table.indexes.rename {
            self.rename_index(&quote(&old.name), &quote(&new.name));
        }
        for index in &table.indexes.add {
            self.clauses.push(add_index(&table.to.name, index));
        }
        for check in table
            .checks
            .add
            .iter()
            .filter(|check| !check.is_of_column())
        {
            let line = render::check(DIALECT, check);
            self.clauses.push(format!("ADD {line}"));
            if !table.from.checks.contains(check) {
                let name = &table.to.name;
                self.notes.push(format!(
                    "fails where rows of {name} do not meet {}",
                    check.condition
                ));
            }
        }
    }

    fn rename_index(&mut self, old: &str, new: &str) {
        self.clauses.push(format!("RENAME INDEX {old} TO {new}"));
    }

    fn options(&mut self) {
        let (from, to) = (self.table.from, self.table.to);
        if from.comment != to.comment {
            let comment = to.comment.as_deref().unwrap_or_default();
            let comment = render::text(DIALECT, comment);
            self.clauses.push(format!("COMMENT={comment}"));
        }
        let gone = from
            .options
            .iter()
            .filter(|option| !to.options.contains(option));
        for option in gone.filter(|option| !is_partitioning(option)) {
            let name = key_of(option);
            if to.options.iter().all(|other| key_of(other) != name) {
                self.clauses.push(format!("{name}=DEFAULT"));
            }
        }
        let come = to
            .options
            .iter()
            .filter(|option| !from.options.contains(option));
        for option in come.filter(|option| !is_partitioning(option)) {
            self.clauses.push(option.clone());
        }
    }
}

/// How a table is parted has statements of its own.
fn partitions(table: &TableWork<'_>, plan: &mut Plan) {
    let of = |table: &Table| table.options.iter().find(|o| is_partitioning(o)).cloned();
    let (from, to) = (of(table.from), of(table.to));
    if from == to {
        return;
    }
    let what = to.unwrap_or_else(|| "REMOVE PARTITIONING".to_owned());
    let sql = format!("ALTER TABLE {} {what}", quote(&table.to.name));
    plan.push(Phase::AlterTables, Step::new(sql));
}

fn is_partitioning(option: &str) -> bool {
    option.starts_with("PARTITION BY")
}

/// Whether columns that do not say their collation get another.
fn changes_charset(from: &Table, to: &Table) -> bool {
    let of = |table: &Table| -> Vec<String> {
        let says = |option: &&String| {
            let option = option.to_ascii_uppercase();
            option.contains("CHARSET") || option.contains("COLLATE")
        };
        table.options.iter().filter(says).cloned().collect()
    };
    of(from) != of(to)
}

/// `ENGINE` of `ENGINE=InnoDB`.
fn key_of(option: &str) -> &str {
    option.split('=').next().unwrap_or(option).trim()
}

/// The clause that adds an index: its CREATE statement without the words on the table.
fn add_index(table: &str, index: &Index) -> String {
    let sql = render::index(DIALECT, table, index);
    let name = quote(&index.name);
    let on = format!("INDEX {name} ON {}", quote(table));
    let clause = sql.replacen(&on, &format!("INDEX {name}"), 1);
    format!("ADD {}", clause.strip_prefix("CREATE ").unwrap_or(&clause))
}

#[cfg(test)]
#[path = "tests/mysql.rs"]
mod tests;
