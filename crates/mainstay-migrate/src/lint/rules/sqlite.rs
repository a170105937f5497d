//! What only SQLite has: an ALTER TABLE that can do little, and tables without types.

use mainstay::schema::Dialect;

use super::rule::{Example, Rule, SQLITE, Weight};
use crate::ddl::{Act, Action, Column, ConstraintKind, CreateTable, Dropped, Name};
use crate::directive::Directive;
use crate::lint::context::{Context, Hit};
use crate::lint::known::{Table, same};
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[
    &ADD_REFUSED,
    &NEEDS_REBUILD,
    &DELETES_CHILDREN,
    &NOT_STRICT,
    &NULL_KEY,
];

const ALTER_TABLE: &str = "https://www.sqlite.org/lang_altertable.html";

/// How a table is made anew, with its names.
fn rebuild(context: &Context<'_>, table: &Name) -> String {
    let new = format!("{}_new", table.name);
    let known = context.known.table(table);
    let columns = known.map_or_else(
        || "...".to_owned(),
        |known| {
            let names: Vec<_> = known.columns.iter().map(|c| c.name.clone()).collect();
            context.columns(&names)
        },
    );
    let (old, new) = (context.table(table), context.quote(&new));
    format!(
        "-- mainstay: rebuild {name}\n\
         CREATE TABLE {new} (...) STRICT; -- as it is to be\n\
         INSERT INTO {new} ({columns}) SELECT {columns} FROM {old};\n\
         DROP TABLE {old};\n\
         ALTER TABLE {new} RENAME TO {old};\n\
         -- then its indexes and triggers again",
        name = table.name,
    )
}

/// Why SQLite refuses to add a column, and whether it does so on an empty table too.
fn refusal(column: &Column) -> Option<(&'static str, bool)> {
    let default = column.default.as_ref().filter(|default| !default.is_null());
    if column.primary_key {
        Some(("a primary key cannot be added", true))
    } else if column.unique {
        Some(("a unique column cannot be added", true))
    } else if column.generated == Some(true) {
        Some(("a stored generated column cannot be added", false))
    } else if column.not_null && default.is_none() && column.generated.is_none() {
        Some(("a NOT NULL column needs a default", false))
    } else if default.is_some_and(|default| !default.calls.is_empty()) {
        Some(("the default must be a constant", false))
    } else if column.references.is_some() && default.is_some() {
        Some((
            "a column that refers to a table must have NULL as its default",
            false,
        ))
    } else {
        None
    }
}

static ADD_REFUSED: Rule = Rule {
    id: "add-column-refused",
    severity: Severity::Error,
    dialects: SQLITE,
    summary: "A column that SQLite does not add to a table",
    why: "ADD COLUMN writes no rows, so SQLite refuses what would need that: PRIMARY KEY, UNIQUE, \
          NOT NULL without a default, a default that is no constant, a stored generated column, \
          and REFERENCES with a default.",
    source: Some(ALTER_TABLE),
    rewrite: "Add the column without it, and make the table anew where that does not do.",
    weight: Weight::Filled,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "ALTER TABLE users ADD COLUMN email TEXT UNIQUE;",
            passes: "ALTER TABLE users ADD COLUMN email TEXT;\n\
                     CREATE UNIQUE INDEX users_email_key ON users (email);",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "ALTER TABLE users ADD COLUMN seen_at TEXT DEFAULT CURRENT_TIMESTAMP;",
            passes: "ALTER TABLE users ADD COLUMN seen_at TEXT DEFAULT '1970-01-01';",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "ALTER TABLE users ADD COLUMN level INTEGER NOT NULL;",
            passes: "ALTER TABLE users ADD COLUMN level INTEGER NOT NULL DEFAULT 1;",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "ALTER TABLE users ADD COLUMN team_id INTEGER DEFAULT 1 REFERENCES teams (id);",
            passes: "ALTER TABLE users ADD COLUMN team_id INTEGER REFERENCES teams (id);",
        },
    ],
    check: |context| {
        let Act::AlterTable(alter) = context.act() else {
            return Vec::new();
        };
        let added = alter.actions.iter().filter_map(|action| match action {
            Action::AddColumn { column, .. } => Some(column),
            _ => None,
        });
        added
            .filter_map(|column| {
                let (why, always) = refusal(column)?;
                if !always && !context.is_old(&alter.table) {
                    return None;
                }
                let message = format!("SQLite refuses to add {}: {why}", column.name);
                let rewrite = if column.unique {
                    format!(
                        "ALTER TABLE {on} ADD COLUMN {name} {ty};\n\
                         CREATE UNIQUE INDEX {index} ON {on} ({name});",
                        on = context.table(&alter.table),
                        name = context.quote(&column.name),
                        ty = column.ty,
                        index = context.quote(&format!("{}_{}_key", alter.table.name, column.name)),
                    )
                } else {
                    rebuild(context, &alter.table)
                };
                let hit = Hit::new(message, rewrite);
                Some(if always { hit } else { hit.on(&alter.table) })
            })
            .collect()
    },
};

/// What of a table uses a column, so that SQLite does not drop it.
fn user_of(table: &Table, column: &str) -> Option<String> {
    let index = table
        .indexes
        .iter()
        .find(|index| index.columns.iter().any(|indexed| same(indexed, column)));
    if let Some(index) = index {
        return Some(format!("the index {}", index.name));
    }
    let has = |columns: &[String]| columns.iter().any(|other| same(other, column));
    table.constraints.iter().find_map(|constraint| {
        let (what, uses) = match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. } => ("the primary key", has(columns)),
            ConstraintKind::Unique { columns, .. } => ("a unique constraint", has(columns)),
            ConstraintKind::ForeignKey { columns, .. } => ("a foreign key", has(columns)),
            ConstraintKind::Check { condition } => {
                let is_name = |c: char| c.is_alphanumeric() || c == '_';
                let mut words = condition.split(|c: char| !is_name(c));
                ("a check", words.any(|word| same(word, column)))
            }
            ConstraintKind::Exclude | ConstraintKind::Index { .. } => return None,
        };
        uses.then(|| what.to_owned())
    })
}

static NEEDS_REBUILD: Rule = Rule {
    id: "alter-needs-rebuild",
    severity: Severity::Error,
    dialects: SQLITE,
    summary: "A change that SQLite makes by a new table only",
    why: "ALTER TABLE of SQLite renames, and adds and drops columns that nothing else uses, one \
          change at a time. Types, constraints and defaults change by making the table anew.",
    source: Some(
        "https://www.sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes",
    ),
    rewrite: "Make a new table, copy the rows, drop the old one, rename the new one.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Sqlite,
            before: "CREATE TABLE goals (id INTEGER PRIMARY KEY, title TEXT) STRICT;",
            fires: "ALTER TABLE goals ALTER COLUMN title SET NOT NULL;",
            passes: "ALTER TABLE goals RENAME COLUMN title TO name;",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "CREATE TABLE goals (id INTEGER PRIMARY KEY, title TEXT UNIQUE) STRICT;",
            fires: "ALTER TABLE goals DROP COLUMN title;",
            passes: "ALTER TABLE goals ADD COLUMN name TEXT;",
        },
    ],
    check: |context| {
        let Act::AlterTable(alter) = context.act() else {
            return Vec::new();
        };
        let known = context.known.table(&alter.table);
        let refused = alter.actions.iter().find_map(|action| match action {
            Action::AddColumn { .. }
            | Action::RenameColumn { .. }
            | Action::RenameTable { .. }
            | Action::Other => None,
            Action::DropColumn { name, .. } => {
                let user = known.and_then(|known| user_of(known, name))?;
                Some(format!("SQLite does not drop {name}, which {user} uses"))
            }
            _ => Some("SQLite has no such ALTER TABLE".to_owned()),
        });
        let several = || {
            (alter.actions.len() > 1)
                .then(|| "SQLite makes one change in each ALTER TABLE".to_owned())
        };
        match refused.or_else(several) {
            Some(message) => vec![Hit::new(message, rebuild(context, &alter.table))],
            None => Vec::new(),
        }
    },
};

static DELETES_CHILDREN: Rule = Rule {
    id: "drop-deletes-children",
    severity: Severity::Error,
    dialects: SQLITE,
    summary: "A table dropped whose going deletes the rows that refer to it",
    why: "With foreign keys on, SQLite deletes all rows of a table before it drops it, and ON \
          DELETE CASCADE or SET NULL does its work in the tables that refer to it, also when the \
          table is only being made anew. A deferred check does not stop that.",
    source: Some("https://www.sqlite.org/foreignkeys.html#fk_schemacommands"),
    rewrite: "Put `-- mainstay: rebuild TABLE` at the top of the file, which has foreign keys off \
              while the table is made anew.",
    weight: Weight::Filled,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Sqlite,
        before: "CREATE TABLE users (id INTEGER PRIMARY KEY) STRICT;\n\
                 CREATE TABLE goals (id INTEGER PRIMARY KEY,\n    \
                 user_id INTEGER REFERENCES users (id) ON DELETE CASCADE) STRICT;",
        fires: "CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT) STRICT;\n\
                INSERT INTO users_new (id) SELECT id FROM users;\nDROP TABLE users;\n\
                ALTER TABLE users_new RENAME TO users;",
        passes: "-- mainstay: rebuild users\n\
                 CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT) STRICT;\n\
                 INSERT INTO users_new (id) SELECT id FROM users;\nDROP TABLE users;\n\
                 ALTER TABLE users_new RENAME TO users;",
    }],
    check: |context| {
        let Act::Drop(drop) = context.act() else {
            return Vec::new();
        };
        if drop.what != Dropped::Table {
            return Vec::new();
        }
        let old = drop.names.iter().filter(|name| {
            let rebuilds = |directive: &Directive| {
                matches!(directive, Directive::Rebuild(table) if table.to_lowercase() == name.key())
            };
            context.is_old(name) && !context.has(rebuilds)
        });
        old.filter_map(|name| {
            let referring = context.known.referring_to(name);
            let (child, _) = referring
                .iter()
                .find(|(_, constraint)| match &constraint.kind {
                    ConstraintKind::ForeignKey { references, .. } => references.acts_on_delete,
                    _ => false,
                })?;
            let child = &child.name.name;
            let message = format!("rows of {child} that refer to {} change with it", name.name);
            let rewrite = format!("-- mainstay: rebuild {}", name.name);
            Some(Hit::new(message, rewrite).on(name))
        })
        .collect()
    },
};

static NOT_STRICT: Rule = Rule {
    id: "table-not-strict",
    severity: Severity::Warning,
    dialects: SQLITE,
    summary: "A table without STRICT",
    why: "Without it, SQLite stores a text in an INTEGER column without a word; the error comes \
          when it is read.",
    source: Some("https://www.sqlite.org/stricttables.html"),
    rewrite: "End the statement with STRICT.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Sqlite,
        before: "",
        fires: "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);",
        passes: "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT) STRICT;",
    }],
    check: |context| {
        let Some(create) = made(context) else {
            return Vec::new();
        };
        if create.strict || create.derived {
            return Vec::new();
        }
        let text = context.text();
        let comma = if create.without_rowid { "," } else { "" };
        let message = format!("{} takes values of any type", create.name.name);
        vec![Hit::new(message, format!("{text}{comma} STRICT;"))]
    },
};

/// The table that a statement makes to stay.
fn made<'a>(context: &Context<'a>) -> Option<&'a CreateTable> {
    match context.act() {
        Act::CreateTable(create) if !create.temporary => Some(create),
        _ => None,
    }
}

static NULL_KEY: Rule = Rule {
    id: "null-in-primary-key",
    severity: Severity::Warning,
    dialects: SQLITE,
    summary: "A primary key that may hold NULL",
    why: "Outside of STRICT tables, SQLite lets NULL into a primary key that is not exactly \
          INTEGER PRIMARY KEY, as often as it likes, because NULL equals nothing.",
    source: Some("https://www.sqlite.org/quirks.html"),
    rewrite: "Say NOT NULL, or make the table STRICT.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Sqlite,
        before: "",
        fires: "CREATE TABLE tags (tag TEXT PRIMARY KEY);",
        passes: "CREATE TABLE tags (tag TEXT NOT NULL PRIMARY KEY);",
    }],
    check: |context| {
        let Some(create) = made(context) else {
            return Vec::new();
        };
        if create.strict || create.without_rowid {
            return Vec::new();
        }
        let own = create.columns.iter().filter(|column| column.primary_key);
        let listed = create.constraints.iter().filter_map(|c| match &c.kind {
            ConstraintKind::PrimaryKey { columns, .. } => Some(columns),
            _ => None,
        });
        let mut key: Vec<&str> = own.map(|column| column.name.as_str()).collect();
        key.extend(listed.flatten().map(String::as_str));
        let loose = create.columns.iter().find(|column| {
            let is_rowid = key.len() == 1 && column.ty.name == "integer";
            key.iter().any(|name| same(name, &column.name)) && !column.not_null && !is_rowid
        });
        match loose {
            Some(column) => {
                let message = format!("{} of {} may be NULL", column.name, create.name.name);
                let name = context.quote(&column.name);
                vec![Hit::new(message, format!("{name} {} NOT NULL", column.ty))]
            }
            None => Vec::new(),
        }
    },
};
