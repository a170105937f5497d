//! Dropping and renaming what a running release may still use.

use mainstay::schema::{Dialect, TableModel};

use super::{ALL, Context, Example, Hit, POSTGRES, Rule, SERVERS, Severity, Weight};
use crate::ddl::{Act, Action, Dropped, Name};
use crate::lint::known::same;

pub(super) const RULES: &[&Rule] = &[
    &DROP_COLUMN,
    &DROP_TABLE,
    &USED_BY_ENTITY,
    &RENAME_COLUMN,
    &RENAME_TABLE,
    &TRUNCATE,
    &DROP_SCHEMA,
    &DROP_CASCADE,
];

/// The tables that a statement drops, that were there before, and whose place no other takes: a
/// table is rebuilt by dropping it and giving its name to a new one.
fn dropped_tables<'a>(context: &Context<'a>) -> Vec<&'a Name> {
    let Act::Drop(drop) = context.act() else {
        return Vec::new();
    };
    if drop.what != Dropped::Table {
        return Vec::new();
    }
    let replaced = |name: &Name| {
        context.later().iter().any(|step| match &step.act {
            Act::CreateTable(create) => create.name.key() == name.key(),
            Act::RenameTables(renames) => renames.iter().any(|(_, to)| to.key() == name.key()),
            Act::AlterTable(alter) => alter.actions.iter().any(|action| match action {
                Action::RenameTable { to } => to.key() == name.key(),
                _ => false,
            }),
            _ => false,
        })
    };
    let gone = drop.names.iter();
    gone.filter(|name| context.is_old(name) && !replaced(name))
        .collect()
}

/// The columns that a statement drops from a table that was there before.
fn dropped_columns<'a>(context: &Context<'a>) -> Vec<(&'a Name, &'a str)> {
    let alter = context.alter();
    alter
        .iter()
        .flat_map(|alter| {
            alter
                .actions
                .iter()
                .map(move |action| (&alter.table, action))
        })
        .filter_map(|(table, action)| match action {
            Action::DropColumn { name, .. } => Some((table, name.as_str())),
            _ => None,
        })
        .collect()
}

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

static DROP_COLUMN: Rule = Rule {
    id: "drop-column",
    severity: Severity::Warning,
    dialects: ALL,
    summary: "A column dropped",
    why: "Its values are gone, and the running release may still select and insert them.",
    source: Some("https://github.com/ankane/strong_migrations#removing-a-column"),
    rewrite: "Release code that does not know the column, and drop it in a migration after that.",
    weight: Weight::Filled,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE users DROP COLUMN nickname;",
            passes: "CREATE TABLE users (id uuid PRIMARY KEY, nickname text);\n\
                     ALTER TABLE users DROP COLUMN nickname;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "ALTER TABLE users DROP nickname;",
            passes: "ALTER TABLE users DROP INDEX users_nickname_idx;",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "ALTER TABLE users DROP COLUMN nickname;",
            passes: "ALTER TABLE users ADD COLUMN nickname TEXT;",
        },
    ],
    check: |context| {
        dropped_columns(context)
            .into_iter()
            .map(|(table, column)| {
                let message = format!("what {column} of {} holds is lost", table.name);
                let rewrite = format!(
                    "-- once no running release knows {column}, and a backup has it\n\
                     -- mainstay: ignore drop-column because no release since ... uses it\n{};",
                    context.text()
                );
                Hit::new(message, rewrite).on(table)
            })
            .collect()
    },
};

static DROP_TABLE: Rule = Rule {
    id: "drop-table",
    severity: Severity::Warning,
    dialects: ALL,
    summary: "A table dropped",
    why: "Its rows are gone, and the running release may still use it.",
    source: Some("https://squawkhq.com/docs/ban-drop-table"),
    rewrite: "Release code that does not know the table, and drop it in a migration after that.",
    weight: Weight::Filled,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "DROP TABLE drafts;",
            passes: "CREATE TABLE staging (id uuid PRIMARY KEY);\nDROP TABLE staging;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "DROP TABLE IF EXISTS drafts;",
            passes: "DROP TEMPORARY TABLE drafts_now;",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "DROP TABLE drafts;",
            passes: "CREATE TABLE drafts_new (id INTEGER PRIMARY KEY) STRICT;\n\
                     INSERT INTO drafts_new SELECT id FROM drafts;\nDROP TABLE drafts;\n\
                     ALTER TABLE drafts_new RENAME TO drafts;",
        },
    ],
    check: |context| {
        dropped_tables(context)
            .into_iter()
            .map(|table| {
                let message = format!("the rows of {} are lost", table.name);
                let rewrite = format!(
                    "-- once no running release knows {}, and a backup has it\n\
                     -- mainstay: ignore drop-table because no release since ... uses it\n{};",
                    table.name,
                    context.text()
                );
                Hit::new(message, rewrite).on(table)
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

static TRUNCATE: Rule = Rule {
    id: "truncate-table",
    severity: Severity::Warning,
    dialects: SERVERS,
    summary: "TRUNCATE of a table in use",
    why: "All rows are gone at once under an exclusive lock, no trigger for deleted rows runs, and \
          on MariaDB and MySQL there is no way back, since it commits by itself.",
    source: Some("https://www.postgresql.org/docs/current/sql-truncate.html"),
    rewrite: "DELETE what is not needed, in batches.",
    weight: Weight::Filled,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "TRUNCATE drafts;",
            passes: "CREATE TABLE staging (id uuid PRIMARY KEY);\nTRUNCATE staging;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "TRUNCATE TABLE drafts;",
            passes: "DELETE FROM drafts WHERE created_at < '2020-01-01' LIMIT 1000;",
        },
    ],
    check: |context| {
        let Act::Truncate { tables, .. } = context.act() else {
            return Vec::new();
        };
        let old = tables.iter().filter(|table| context.is_old(table));
        old.map(|table| {
            let message = format!("all rows of {} are lost", table.name);
            let rewrite = format!("DELETE FROM {} WHERE ...;", context.table(table));
            Hit::new(message, rewrite).on(table)
        })
        .collect()
    },
};

static DROP_SCHEMA: Rule = Rule {
    id: "drop-schema",
    severity: Severity::Error,
    dialects: SERVERS,
    summary: "A whole schema or database dropped",
    why: "Everything in it is lost, the record of what has been migrated included.",
    source: None,
    rewrite: "Drop the tables by name, so that a reader sees what goes.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "DROP SCHEMA reporting CASCADE;",
            passes: "DROP VIEW reporting.totals;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "DROP DATABASE reporting;",
            passes: "DROP VIEW totals;",
        },
    ],
    check: |context| {
        let Act::Drop(drop) = context.act() else {
            return Vec::new();
        };
        if drop.what != Dropped::Schema {
            return Vec::new();
        }
        let names: Vec<_> = drop.names.iter().map(|name| name.name.as_str()).collect();
        let message = format!("everything in {} is lost", names.join(", "));
        vec![Hit::new(message, DROP_SCHEMA.rewrite)]
    },
};

static DROP_CASCADE: Rule = Rule {
    id: "drop-cascade",
    severity: Severity::Warning,
    dialects: POSTGRES,
    summary: "CASCADE in DROP or TRUNCATE",
    why: "It takes along whatever depends on the object: views, foreign keys, columns, and with \
          TRUNCATE the rows of other tables. What that is differs from database to database.",
    source: Some("https://squawkhq.com/docs/ban-truncate-cascade"),
    rewrite: "Leave CASCADE out, and drop what depends on it by name first.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "ALTER TABLE users DROP COLUMN nickname CASCADE;",
        passes: "DROP VIEW nicknames;\nALTER TABLE users DROP COLUMN nickname;",
    }],
    check: |context| {
        let cascades = match context.act() {
            Act::Drop(drop) => drop.cascade,
            Act::Truncate { cascade, .. } => *cascade,
            Act::AlterTable(alter) => alter.actions.iter().any(|action| match action {
                Action::DropColumn { cascade, .. } | Action::DropConstraint { cascade, .. } => {
                    *cascade
                }
                _ => false,
            }),
            _ => false,
        };
        if !cascades {
            return Vec::new();
        }
        let message = "what depends on it goes too, and is not named here";
        vec![Hit::new(message, DROP_CASCADE.rewrite)]
    },
};
