//! Dropping what a running release may still use.

use mainstay::schema::Dialect;

use super::rule::{ALL, Example, POSTGRES, Rule, SERVERS, Weight};
use crate::ddl::{Act, Action, Dropped, Name};
use crate::lint::context::{Context, Hit};
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[
    &DROP_COLUMN,
    &DROP_TABLE,
    &TRUNCATE,
    &DROP_SCHEMA,
    &DROP_CASCADE,
];

/// The table that takes the place of a dropped one: a table is made anew by dropping it and giving
/// its name to another.
fn replacement<'a>(context: &Context<'a>, dropped: &Name) -> Option<&'a Name> {
    let takes = |to: &Name| to.key() == dropped.key();
    context.later().iter().find_map(|step| match &step.act {
        Act::CreateTable(create) if takes(&create.name) => Some(&create.name),
        Act::RenameTables(renames) => {
            let rename = renames.iter().find(|(_, to)| takes(to));
            rename.map(|(from, _)| from)
        }
        Act::AlterTable(alter) => {
            let mut actions = alter.actions.iter();
            let renames = actions.any(|action| match action {
                Action::RenameTable { to } => takes(to),
                _ => false,
            });
            renames.then_some(&alter.table)
        }
        _ => None,
    })
}

/// The tables that were there before and that a statement drops.
fn old_tables<'a>(context: &Context<'a>) -> impl Iterator<Item = &'a Name> {
    let names = match context.act() {
        Act::Drop(drop) if drop.what == Dropped::Table => drop.names.as_slice(),
        _ => &[],
    };
    names.iter().filter(|name| context.is_old(name))
}

/// The tables that a statement drops, that were there before, and whose place no other takes.
pub(super) fn dropped_tables<'a>(context: &Context<'a>) -> Vec<&'a Name> {
    old_tables(context)
        .filter(|name| replacement(context, name).is_none())
        .collect()
}

/// The columns that a statement drops from a table that was there before: by ALTER TABLE, or by
/// making the table anew without them.
pub(super) fn dropped_columns<'a>(context: &Context<'a>) -> Vec<(&'a Name, &'a str)> {
    if let Some(alter) = context.alter() {
        let dropped = alter.actions.iter().filter_map(|action| match action {
            Action::DropColumn { name, .. } => Some((&alter.table, name.as_str())),
            _ => None,
        });
        return dropped.collect();
    }
    let mut out = Vec::new();
    for name in old_tables(context) {
        let new = replacement(context, name).and_then(|new| context.known.table(new));
        if let (Some(old), Some(new)) = (context.known.table(name), new) {
            let gone = old.columns.iter().map(|column| column.name.as_str());
            let gone = gone.filter(|column| new.column(column).is_none());
            out.extend(gone.map(|column| (name, column)));
        }
    }
    out
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
