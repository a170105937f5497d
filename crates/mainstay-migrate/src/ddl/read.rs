//! A statement's tokens into what it does.

use mainstay::schema::Dialect;

use super::alter::{alter_table, renames};
use super::column::{at_constraint, column, constraint};
use super::cursor::Cursor;
use super::{Act, CreateIndex, CreateTable, Drop, Dropped, Maintain};
use crate::dialect::Syntax;
use crate::lexer::{Kind, Token};

/// What a statement does. Its tokens are those of `sql`, without space and comments.
pub(crate) fn read(dialect: Dialect, sql: &str, tokens: &[Token<'_>]) -> Act {
    let folds = Syntax::of(dialect).folds_names;
    statement(&mut Cursor::new(sql, tokens, folds)).unwrap_or(Act::Other)
}

fn statement(c: &mut Cursor<'_, '_>) -> Option<Act> {
    // MariaDB: SET STATEMENT a = 1 FOR the statement.
    if c.eat("set statement") {
        while !c.is_empty() && !c.eat("for") {
            c.step();
        }
    }
    if c.eat("with") {
        const MAIN: [&str; 4] = ["insert", "update", "delete", "select"];
        while !c.is_empty() && !MAIN.iter().any(|word| c.at(word)) {
            if c.group().is_none() {
                c.step();
            }
        }
    }
    let first = c.word()?;
    match first.as_str() {
        "create" => create(c),
        "alter" => alter(c),
        "drop" => drop(c),
        "rename" if c.eat_any(&["table", "tables"]) => Some(Act::RenameTables(renames(c))),
        "truncate" => {
            c.eat("table");
            c.eat("only");
            let tables = c.names();
            let cascade = c.has("cascade");
            Some(Act::Truncate { tables, cascade })
        }
        "insert" | "replace" => insert(c),
        "update" => {
            or_action(c);
            c.eat_any(&["low_priority", "only"]);
            c.eat("ignore");
            let table = c.qualified()?;
            let limited = limited(c);
            Some(Act::Update { table, limited })
        }
        "delete" => {
            while !c.is_empty() && !c.eat("from") {
                c.step();
            }
            c.eat("only");
            let table = c.qualified()?;
            let limited = limited(c);
            Some(Act::Delete { table, limited })
        }
        "set" if c.eat("local") => Some(Act::SetLocal { name: c.word()? }),
        "analyze" | "check" | "optimize" | "repair" => {
            c.eat_any(&["no_write_to_binlog", "local"]);
            if !c.eat("table") && first != "analyze" {
                return None;
            }
            c.eat("verbose");
            c.qualified().map(|table| Act::Look { table })
        }
        "reindex" | "vacuum" | "cluster" | "refresh" => maintain(c, &first).map(Act::Maintain),
        _ => None,
    }
}

/// SQLite's `OR IGNORE` and its like.
fn or_action(c: &mut Cursor<'_, '_>) {
    if c.eat("or") {
        c.step();
    }
}

/// Whether a condition of any kind stands behind an UPDATE or DELETE.
fn limited(c: &Cursor<'_, '_>) -> bool {
    ["where", "limit", "join", "using"]
        .iter()
        .any(|word| c.has(word))
}

fn insert(c: &mut Cursor<'_, '_>) -> Option<Act> {
    or_action(c);
    c.eat_any(&["low_priority", "high_priority", "delayed"]);
    c.eat("ignore");
    c.eat("into");
    let table = c.qualified()?;
    let from_query = c.has("select") || c.has("with");
    Some(Act::Insert { table, from_query })
}

fn create(c: &mut Cursor<'_, '_>) -> Option<Act> {
    c.eat("or replace");
    c.eat_any(&["global", "local"]);
    let temporary = c.eat_any(&["temporary", "temp"]);
    c.eat("unlogged");
    if c.eat("table") {
        return create_table(c, temporary).map(Act::CreateTable);
    }
    if c.eat("type") {
        let name = c.qualified()?;
        return c.at("as enum").then_some(Act::CreateEnum { name });
    }
    if c.eat("trigger") || c.eat("constraint trigger") {
        while !c.is_empty() && !c.eat("on") {
            c.step();
        }
        return c.qualified().map(|table| Act::CreateTrigger { table });
    }
    let unique = c.eat("unique");
    let special = c.eat_any(&["fulltext", "spatial", "vector"]);
    if c.eat("index") {
        return create_index(c, unique, special).map(Act::CreateIndex);
    }
    None
}

fn create_table(c: &mut Cursor<'_, '_>, temporary: bool) -> Option<CreateTable> {
    let mut table = CreateTable {
        if_not_exists: c.eat("if not exists"),
        name: c.qualified()?,
        temporary,
        columns: Vec::new(),
        constraints: Vec::new(),
        derived: false,
        strict: false,
        without_rowid: false,
        engine: None,
        charset: None,
    };
    match c.group() {
        Some(inside) => {
            for mut part in c.over(inside).parts() {
                if part.at("like") {
                    table.derived = true;
                } else if at_constraint(&part) {
                    table.constraints.extend(constraint(&mut part));
                } else {
                    table.columns.extend(column(&mut part));
                }
            }
        }
        None => table.derived = true,
    }
    // The names of partitions and the text of a comment are stepped over with the rest.
    while !c.is_empty() {
        if c.eat("strict") {
            table.strict = true;
        } else if c.eat("without rowid") {
            table.without_rowid = true;
        } else if c.eat_any(&["select", "inherits"]) {
            table.derived = true;
        } else if c.eat("engine") {
            c.eat_symbol("=");
            table.engine = c.name().map(|name| name.to_lowercase());
        } else if c.eat_any(&["character set", "charset"]) {
            c.eat_symbol("=");
            table.charset = c.name().map(|name| name.to_lowercase());
        } else if c.group().is_none() {
            c.step();
        }
    }
    Some(table)
}

fn create_index(c: &mut Cursor<'_, '_>, unique: bool, special: bool) -> Option<CreateIndex> {
    let concurrently = c.eat("concurrently");
    let if_not_exists = c.eat("if not exists");
    let name = if c.at("on") { None } else { c.qualified() };
    if c.eat("using") {
        c.step();
    }
    if !c.eat("on") {
        return None;
    }
    c.eat("only");
    let mut index = CreateIndex {
        name,
        table: c.qualified()?,
        unique,
        concurrently,
        if_not_exists,
        columns: Vec::new(),
        partial: false,
        special,
    };
    if c.eat("using") {
        index.special |= !c.eat("btree");
        if index.special {
            c.step();
        }
    }
    let inside = c.group()?;
    for mut part in c.over(inside).parts() {
        match part.name() {
            // A column, and not the call of a function or a part of its text.
            Some(name) if !part.at_punctuation() => index.columns.push(name),
            _ => {
                index.partial = true;
                break;
            }
        }
    }
    index.partial |= c.has("where");
    Some(index)
}

fn alter(c: &mut Cursor<'_, '_>) -> Option<Act> {
    c.eat("online");
    c.eat("ignore");
    if c.eat("table") {
        return alter_table(c).map(Act::AlterTable);
    }
    if c.eat("type") {
        let name = c.qualified()?;
        if c.eat("add value") {
            c.eat("if not exists");
            let quoted = c
                .rest()
                .first()
                .filter(|token| token.kind == Kind::Quoted)?;
            let value = quoted.text.trim_matches('\'').replace("''", "'");
            return Some(Act::AddEnumValue { name, value });
        }
    }
    None
}

fn drop(c: &mut Cursor<'_, '_>) -> Option<Act> {
    if c.at("temporary") {
        return None;
    }
    c.eat_any(&["materialized", "foreign"]);
    let what = match c.word()?.as_str() {
        "table" | "tables" => Dropped::Table,
        "index" => Dropped::Index,
        "schema" | "database" => Dropped::Schema,
        _ => Dropped::Other,
    };
    let concurrently = c.eat("concurrently");
    c.eat("if exists");
    let names = c.names();
    let on = if c.eat("on") { c.qualified() } else { None };
    Some(Act::Drop(Drop {
        what,
        names,
        on,
        concurrently,
        cascade: c.has("cascade"),
    }))
}

fn maintain(c: &mut Cursor<'_, '_>, first: &str) -> Option<Maintain> {
    let options = c.group().unwrap_or_default();
    let option = |word: &str| {
        options
            .iter()
            .any(|token| token.text.eq_ignore_ascii_case(word))
    };
    let what = match first {
        "reindex" => {
            if c.eat("table") {
                "REINDEX TABLE"
            } else if c.eat("index") {
                "REINDEX INDEX"
            } else {
                c.eat_any(&["schema", "database", "system"]);
                "REINDEX"
            }
        }
        "vacuum" if option("full") || c.eat("full") => "VACUUM FULL",
        "cluster" => "CLUSTER",
        "refresh" if c.eat("materialized view") => "REFRESH MATERIALIZED VIEW",
        _ => return None,
    };
    c.eat("verbose");
    let concurrently = c.eat("concurrently") || option("concurrently");
    let name = c.qualified();
    let of_a_table = !matches!(what, "REINDEX INDEX" | "REINDEX");
    Some(Maintain {
        what,
        concurrently,
        table: name.filter(|_| of_a_table),
    })
}
