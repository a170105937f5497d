//! ALTER TABLE, action by action.

use super::column::{at_constraint, column, constraint, ty};
use super::cursor::Cursor;
use super::{Action, AlterTable, Name};

/// What follows ALTER TABLE.
pub(super) fn alter_table(c: &mut Cursor<'_, '_>) -> Option<AlterTable> {
    c.eat("if exists");
    c.eat("only");
    let mut alter = AlterTable {
        table: c.qualified()?,
        actions: Vec::new(),
        algorithm: None,
    };
    c.eat_symbol("*");
    if c.eat("wait") {
        c.step();
    }
    c.eat("nowait");
    for mut part in c.parts() {
        if part.eat("algorithm") {
            part.eat_symbol("=");
            alter.algorithm = part.word();
        } else if part.eat("lock") {
            // Says what is allowed meanwhile, and changes nothing.
        } else {
            actions(&mut part, &mut alter.actions);
        }
    }
    Some(alter)
}

/// The actions of one part between commas: more than one only for `ADD (a INT, b INT)`.
fn actions(part: &mut Cursor<'_, '_>, out: &mut Vec<Action>) {
    let start = *part;
    if part.eat("add") && !part.at("partition") && !at_constraint(part) {
        part.eat("column");
        let if_not_exists = part.eat("if not exists");
        let several = part.group();
        let columns = match several {
            Some(inside) => part.over(inside).parts(),
            None => vec![*part],
        };
        for mut definition in columns {
            if several.is_some() && at_constraint(&definition) {
                out.extend(constraint(&mut definition).map(Action::AddConstraint));
            } else {
                out.extend(column(&mut definition).map(|column| Action::AddColumn {
                    column,
                    if_not_exists,
                }));
            }
        }
        return;
    }
    *part = start;
    out.push(action(part).unwrap_or(Action::Other));
}

fn action(c: &mut Cursor<'_, '_>) -> Option<Action> {
    let words = *c;
    if c.eat("add") {
        return if c.at("partition") {
            None
        } else {
            constraint(c).map(Action::AddConstraint)
        };
    }
    if c.eat("drop") {
        return drop(c);
    }
    if c.eat("alter") {
        return alter_column(c);
    }
    if c.eat("rename") {
        return rename(c);
    }
    if c.eat("modify") {
        c.eat("column");
        c.eat("if exists");
        let column = column(c)?;
        let old = column.name.clone();
        return Some(Action::Modify { old, column });
    }
    if c.eat("change") {
        c.eat("column");
        c.eat("if exists");
        let old = c.name()?;
        let column = column(c)?;
        return Some(Action::Modify { old, column });
    }
    if c.eat("validate constraint") {
        return Some(Action::ValidateConstraint { name: c.name()? });
    }
    if c.eat("detach partition") {
        c.qualified();
        let concurrently = c.at("concurrently");
        return Some(Action::DetachPartition { concurrently });
    }
    let converts = c.eat("convert to");
    c.eat("default");
    if c.eat_any(&["character set", "charset"]) {
        c.eat_symbol("=");
        let charset = c.name()?.to_lowercase();
        return Some(Action::Charset { charset, converts });
    }
    if c.eat("engine") {
        c.eat_symbol("=");
        let engine = c.name()?.to_lowercase();
        return Some(Action::Engine { engine });
    }
    const REWRITES: [&str; 8] = [
        "set logged",
        "set unlogged",
        "set tablespace",
        "set access",
        "force",
        "order by",
        "partition by",
        "remove partitioning",
    ];
    if REWRITES.iter().any(|start| c.at(start)) {
        let what = words.text(words.rest());
        return Some(Action::Rewrite { what });
    }
    None
}

fn drop(c: &mut Cursor<'_, '_>) -> Option<Action> {
    if c.eat("primary key") {
        return Some(Action::DropPrimaryKey);
    }
    if c.eat("partition") {
        return None;
    }
    if c.eat("foreign key") {
        c.eat("if exists");
        return Some(Action::DropForeignKey { name: c.name()? });
    }
    if c.eat_any(&["index", "key"]) {
        c.eat("if exists");
        return Some(Action::DropIndex { name: c.name()? });
    }
    if c.eat_any(&["constraint", "check"]) {
        c.eat("if exists");
        let name = c.name()?;
        let cascade = c.at("cascade");
        return Some(Action::DropConstraint { name, cascade });
    }
    c.eat("column");
    c.eat("if exists");
    let name = c.name()?;
    let cascade = c.at("cascade");
    Some(Action::DropColumn { name, cascade })
}

fn alter_column(c: &mut Cursor<'_, '_>) -> Option<Action> {
    if c.eat_any(&["index", "constraint"]) {
        return None;
    }
    c.eat("column");
    let column = c.name()?;
    if c.eat_any(&["set data type", "type"]) {
        return Some(Action::SetType { column, ty: ty(c) });
    }
    if c.eat("set not null") {
        return Some(Action::SetNotNull { column });
    }
    if c.eat("drop not null") {
        return Some(Action::DropNotNull { column });
    }
    Some(Action::AlterColumn)
}

fn rename(c: &mut Cursor<'_, '_>) -> Option<Action> {
    if c.eat_any(&["constraint", "index", "key"]) {
        let (from, to) = renamed(c)?;
        return Some(Action::RenameConstraint { from, to });
    }
    if c.eat_any(&["to", "as"]) {
        return Some(Action::RenameTable { to: c.qualified()? });
    }
    c.eat("column");
    let start = *c;
    if let Some((from, to)) = renamed(c) {
        return Some(Action::RenameColumn { from, to });
    }
    *c = start;
    // MySQL needs no TO in front of a table's new name.
    let to = c.qualified()?;
    c.is_empty().then_some(Action::RenameTable { to })
}

/// `a TO b`.
fn renamed(c: &mut Cursor<'_, '_>) -> Option<(String, String)> {
    let from = c.name()?;
    if !c.eat("to") {
        return None;
    }
    Some((from, c.name()?))
}

/// `a TO b, c TO d`, as RENAME TABLE has it.
pub(super) fn renames(c: &Cursor<'_, '_>) -> Vec<(Name, Name)> {
    c.parts()
        .into_iter()
        .filter_map(|mut part| {
            part.eat("if exists");
            let from = part.qualified()?;
            part.eat("to");
            Some((from, part.qualified()?))
        })
        .collect()
}
