//! Renaming what a running release uses, and taking away what this program's entities have.

use mainstay::schema::{Dialect, TableModel};

use super::removal::{dropped_columns, dropped_tables};
use super::rule::{ALL, Example, Rule, Weight};
use crate::ddl::{Act, Action, Name};
use crate::lint::context::{Context, Hit};
use crate::lint::known::same;
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[&RENAME_COLUMN, &RENAME_TABLE, &USED_BY_ENTITY];

/// The tables renamed by a statement, that were there before.
fn renamed_tables<'a>(context: &Context<'a>) -> Vec<(&'a Name, &'a Name)> {
    match context.act() {
        Act::RenameTables(renames) => {
            let old = renames.iter().filter(|(from, _)| context.is_old(from));
            old.map(|(from, to)| (from, to)).collect()
        }
        Act::AlterTable(alter) if context.is_old(&alter.table) => {
            let to = alter.actions.iter().filter_map(|action| match action {
                Action::RenameTable { to } => Some((&alter.table, to)),
                _ => None,
            });
            to.collect()
        }
        _ => Vec::new(),
    }
}

/// The columns renamed by a statement, in a table that was there before.
fn renamed_columns<'a>(context: &Context<'a>) -> Vec<(&'a Name, &'a str, &'a str)> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
    let renamed = alter.actions.iter().filter_map(|action| match action {
        Action::RenameColumn { from, to } => Some((from, to)),
        Action::Modify { old, column } if !same(old, &column.name) => Some((old, &column.name)),
        _ => None,
    });
    renamed
        .map(|(from, to)| (&alter.table, from.as_str(), to.as_str()))
        .collect()
}

static RENAME_COLUMN: Rule = Rule {
    id: "rename-column",
    severity: Severity::Error,
    dialects: ALL,
    summary: "A column renamed",
    why: "While releases change, the old and the new one run side by side, and one of the two \
          names does not exist for one of them.",
    source: Some("https://github.com/ankane/strong_migrations#renaming-a-column"),
    rewrite: "Add a column of the new name, write both, fill it, read the new one, drop the old.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE users RENAME COLUMN name TO full_name;",
            passes: "ALTER TABLE users ADD COLUMN full_name text;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "CREATE TABLE users (id BIGINT PRIMARY KEY, name VARCHAR(100));",
            fires: "ALTER TABLE users CHANGE name full_name VARCHAR(100);",
            passes: "ALTER TABLE users CHANGE name name VARCHAR(100) DEFAULT 'nobody';",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "ALTER TABLE users RENAME name TO full_name;",
            passes: "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT) STRICT;\n\
                     ALTER TABLE users RENAME name TO full_name;",
        },
    ],
    check: |context| {
        renamed_columns(context)
            .into_iter()
            .map(|(table, from, to)| {
                let message = format!(
                    "the running release knows {from} of {}, and not {to}",
                    table.name
                );
                let known = context
                    .known
                    .table(table)
                    .and_then(|table| table.column(from));
                let ty = known.map_or_else(|| "...".to_owned(), |column| column.ty.to_string());
                let rewrite = format!(
                    "ALTER TABLE {} ADD COLUMN {} {ty};\n\
                     -- write both columns, fill the new one in batches, read the new one, and \
                     drop {} in a later migration",
                    context.table(table),
                    context.quote(to),
                    context.quote(from)
                );
                Hit::new(message, rewrite)
            })
            .collect()
    },
};

static RENAME_TABLE: Rule = Rule {
    id: "rename-table",
    severity: Severity::Error,
    dialects: ALL,
    summary: "A table renamed",
    why: "While releases change, the old and the new one run side by side, and one of the two \
          names does not exist for one of them.",
    source: Some("https://github.com/ankane/strong_migrations#renaming-a-table"),
    rewrite: "Leave a view under the old name until no running release uses it.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE users RENAME TO people;",
            passes: "CREATE VIEW people AS SELECT * FROM users;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "RENAME TABLE users TO people;",
            passes: "CREATE VIEW people AS SELECT * FROM users;",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "ALTER TABLE users RENAME TO people;",
            passes: "CREATE TABLE users_new (id INTEGER PRIMARY KEY) STRICT;\nDROP TABLE users;\n\
                     ALTER TABLE users_new RENAME TO users;",
        },
    ],
    check: |context| {
        renamed_tables(context)
            .into_iter()
            .map(|(from, to)| {
                let message = format!(
                    "the running release knows {}, and not {}",
                    from.name, to.name
                );
                let rewrite = format!(
                    "{};\n-- until no running release uses the old name\n\
                     CREATE VIEW {} AS SELECT * FROM {};",
                    context.text(),
                    context.table(from),
                    context.table(to)
                );
                Hit::new(message, rewrite)
            })
            .collect()
    },
};

/// The entity of a table.
fn entity(context: &Context<'_>, table: &str) -> Option<&'static TableModel> {
    let entities = context.entities.iter().copied();
    entities.into_iter().find(|entity| same(entity.name, table))
}

static USED_BY_ENTITY: Rule = Rule {
    id: "used-by-entity",
    severity: Severity::Error,
    dialects: ALL,
    summary: "A table or column dropped or renamed that an entity has",
    why: "This very program reads and writes it: it would fail at the first use.",
    source: None,
    rewrite: "Change the entity first, or keep the table or column.",
    weight: Weight::Any,
    needs_entities: true,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "CREATE TABLE notes (id uuid PRIMARY KEY, body text, extra text);",
            fires: "ALTER TABLE notes DROP COLUMN body;",
            passes: "ALTER TABLE notes DROP COLUMN extra;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT);",
            fires: "RENAME TABLE notes TO memos;",
            passes: "RENAME TABLE notes TO memos;\nRENAME TABLE memos TO notes;",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT) STRICT;",
            fires: "ALTER TABLE notes RENAME COLUMN body TO content;",
            passes: "ALTER TABLE notes ADD COLUMN content TEXT;",
        },
    ],
    check: |context| {
        // What a later statement makes again is there in the end.
        let stands = |table: &Name, column: Option<&str>| {
            let end = context.end.table(table);
            end.is_some_and(|end| column.is_none_or(|column| end.column(column).is_some()))
        };
        let renamed = renamed_tables(context).into_iter().map(|(from, _)| from);
        let mut hits = Vec::new();
        for table in dropped_tables(context).into_iter().chain(renamed) {
            if entity(context, &table.name).is_some() && !stands(table, None) {
                let message = format!("an entity is stored in {}", table.name);
                hits.push(Hit::new(message, USED_BY_ENTITY.rewrite));
            }
        }
        let renamed = renamed_columns(context).into_iter();
        let columns = dropped_columns(context)
            .into_iter()
            .chain(renamed.map(|(table, from, _)| (table, from)));
        for (table, column) in columns {
            let known = entity(context, &table.name)
                .is_some_and(|entity| entity.columns.iter().any(|c| same(c.name, column)));
            if known && !stands(table, Some(column)) {
                let message = format!("the entity of {} has {column}", table.name);
                hits.push(Hit::new(message, USED_BY_ENTITY.rewrite));
            }
        }
        hits
    },
};
