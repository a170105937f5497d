//! Keys: what tables ought to have, and what must not be taken away.

use mainstay::schema::Dialect;

use super::rule::{ALL, Example, Rule, SERVERS, Weight};
use crate::ddl::{Act, Action, Constraint, ConstraintKind, Name};
use crate::lint::context::{Context, Hit};
use crate::lint::known::Table;
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[
    &FOREIGN_KEY_INDEX,
    &NO_PRIMARY_KEY,
    &DROP_PRIMARY_KEY,
    &RENAME_CONSTRAINT,
];

static FOREIGN_KEY_INDEX: Rule = Rule {
    id: "foreign-key-without-index",
    severity: Severity::Warning,
    dialects: &[Dialect::Sqlite, Dialect::Postgres],
    summary: "A foreign key whose columns no index begins with",
    why: "Deleting or re-keying a row that is referred to looks for the rows that refer to it; \
          without an index that reads the whole table each time. MariaDB and MySQL make the index \
          themselves.",
    source: Some("https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK"),
    rewrite: "Create an index that begins with the columns of the foreign key.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "CREATE TABLE goals (\n    id uuid PRIMARY KEY,\n    \
                    user_id uuid NOT NULL REFERENCES users (id)\n);",
            passes: "CREATE TABLE goals (\n    id uuid PRIMARY KEY,\n    \
                     user_id uuid NOT NULL REFERENCES users (id)\n);\n\
                     CREATE INDEX goals_user_id_idx ON goals (user_id);",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "CREATE TABLE goals (id INTEGER PRIMARY KEY) STRICT;",
            fires: "ALTER TABLE goals ADD COLUMN user_id INTEGER REFERENCES users (id);",
            passes: "ALTER TABLE goals ADD COLUMN user_id INTEGER REFERENCES users (id);\n\
                     CREATE INDEX goals_user_id_idx ON goals (user_id);",
        },
    ],
    check: |context| {
        let (table, keys) = foreign_keys(context);
        // The index may come later; what counts is how the table ends up.
        let Some(end) = table.and_then(|name| {
            let made = matches!(context.act(), Act::CreateTable(_));
            let made = if made {
                context.end.made_as(name)
            } else {
                None
            };
            made.or_else(|| context.end.table(name))
        }) else {
            return Vec::new();
        };
        keys.into_iter()
            .filter(|columns| columns.iter().all(|column| end.column(column).is_some()))
            .filter(|columns| !end.is_indexed(columns))
            .map(|columns| {
                let table = &end.name;
                let list = columns.join(", ");
                let message = format!("no index of {} begins with {list}", table.name);
                let index = format!("{}_{}_idx", table.name, columns.join("_"));
                let rewrite = format!(
                    "CREATE INDEX {} ON {} ({});",
                    context.quote(&index),
                    context.table(table),
                    context.columns(&columns)
                );
                Hit::new(message, rewrite)
            })
            .collect()
    },
};

/// The foreign keys that a statement makes, by their columns.
fn foreign_keys<'a>(context: &Context<'a>) -> (Option<&'a Name>, Vec<Vec<String>>) {
    let of_constraint = |constraint: &Constraint| match &constraint.kind {
        ConstraintKind::ForeignKey { columns, .. } => Some(columns.clone()),
        _ => None,
    };
    match context.act() {
        Act::CreateTable(create) if !create.temporary => {
            let columns = create.columns.iter().filter(|c| c.references.is_some());
            let mut keys: Vec<_> = columns.map(|c| vec![c.name.clone()]).collect();
            keys.extend(create.constraints.iter().filter_map(of_constraint));
            (Some(&create.name), keys)
        }
        Act::AlterTable(alter) => {
            let keys = alter.actions.iter().filter_map(|action| match action {
                Action::AddColumn { column, .. } if column.references.is_some() => {
                    Some(vec![column.name.clone()])
                }
                Action::AddConstraint(constraint) => of_constraint(constraint),
                _ => None,
            });
            (Some(&alter.table), keys.collect())
        }
        _ => (None, Vec::new()),
    }
}

static NO_PRIMARY_KEY: Rule = Rule {
    id: "no-primary-key",
    severity: Severity::Warning,
    dialects: ALL,
    summary: "A table without a primary key",
    why: "Its rows cannot be told apart: replication has to compare whole rows or refuses updates, \
          and no entity can be made of it.",
    source: Some("https://www.postgresql.org/docs/current/logical-replication-publication.html"),
    rewrite: "Give the table a primary key.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "CREATE TABLE tags (goal_id uuid NOT NULL, tag text NOT NULL);",
            passes: "CREATE TABLE tags (\n    goal_id uuid NOT NULL,\n    tag text NOT NULL,\n    \
                     PRIMARY KEY (goal_id, tag)\n);",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "CREATE TABLE tags (goal_id BINARY(16) NOT NULL, tag VARCHAR(50) NOT NULL);",
            passes: "CREATE TABLE tags (goal_id BINARY(16) NOT NULL, tag VARCHAR(50) NOT NULL);\n\
                     ALTER TABLE tags ADD PRIMARY KEY (goal_id, tag);",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "CREATE TABLE tags (goal_id TEXT NOT NULL, tag TEXT NOT NULL) STRICT;",
            passes: "CREATE TABLE tags (goal_id TEXT PRIMARY KEY, tag TEXT NOT NULL) STRICT;",
        },
    ],
    check: |context| {
        let Act::CreateTable(create) = context.act() else {
            return Vec::new();
        };
        let gets_one = context
            .end
            .made_as(&create.name)
            .is_none_or(Table::has_primary_key);
        if create.temporary || create.derived || gets_one {
            return Vec::new();
        }
        let message = format!("{} has no primary key", create.name.name);
        let rewrite = "PRIMARY KEY (...) -- the columns that tell its rows apart, or a new one";
        vec![Hit::new(message, rewrite)]
    },
};

static DROP_PRIMARY_KEY: Rule = Rule {
    id: "drop-primary-key",
    severity: Severity::Error,
    dialects: SERVERS,
    summary: "A primary key dropped",
    why: "From then on nothing keeps rows apart. MariaDB and MySQL copy the whole table, which is \
          ordered by its key; replication finds no row by it any more.",
    source: Some(
        "https://mariadb.com/kb/en/innodb-online-ddl-operations-with-the-inplace-alter-algorithm/",
    ),
    rewrite: "Put the new key in place in the same statement.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "ALTER TABLE tags DROP PRIMARY KEY;",
            passes: "ALTER TABLE tags DROP PRIMARY KEY, ADD PRIMARY KEY (tag, goal_id);",
        },
        Example {
            dialect: Dialect::Postgres,
            before: "CREATE TABLE tags (id uuid, CONSTRAINT tags_key PRIMARY KEY (id));",
            fires: "ALTER TABLE tags DROP CONSTRAINT tags_key;",
            passes: "ALTER TABLE tags DROP CONSTRAINT tags_key,\n    \
                     ADD CONSTRAINT tags_key PRIMARY KEY USING INDEX tags_new;",
        },
    ],
    check: |context| {
        let Some(alter) = context.alter() else {
            return Vec::new();
        };
        let is_key =
            |constraint: &Constraint| matches!(constraint.kind, ConstraintKind::PrimaryKey { .. });
        let known = context.known.table(&alter.table);
        let drops = alter.actions.iter().any(|action| match action {
            Action::DropPrimaryKey => true,
            Action::DropConstraint { name, .. } => {
                // The name that PostgreSQL gives one by itself.
                *name == format!("{}_pkey", alter.table.name)
                    || known
                        .iter()
                        .flat_map(|table| &table.constraints)
                        .any(|constraint| {
                            is_key(constraint) && constraint.name.as_ref() == Some(name)
                        })
            }
            _ => false,
        });
        let adds = alter.actions.iter().any(|action| match action {
            Action::AddConstraint(constraint) => is_key(constraint),
            _ => false,
        });
        if !drops || adds {
            return Vec::new();
        }
        let message = format!(
            "nothing keeps the rows of {} apart from here on",
            alter.table.name
        );
        let rewrite = format!("{}, ADD PRIMARY KEY (...);", context.text());
        vec![Hit::new(message, rewrite)]
    },
};

static RENAME_CONSTRAINT: Rule = Rule {
    id: "rename-constraint",
    severity: Severity::Warning,
    dialects: SERVERS,
    summary: "A constraint or index renamed",
    why: "The running release finds the columns behind an error by the constraint's name, and \
          statements may name an index in a hint or in ON CONFLICT.",
    source: None,
    rewrite: "Keep the name, or release what knows both names first.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE users RENAME CONSTRAINT users_email_key TO users_mail_key;",
            passes: "CREATE TABLE users (id uuid CONSTRAINT users_pk PRIMARY KEY);\n\
                     ALTER TABLE users RENAME CONSTRAINT users_pk TO users_pkey;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "ALTER TABLE users RENAME INDEX users_email_key TO users_mail_key;",
            passes: "ALTER TABLE users ADD INDEX users_mail_idx (email);",
        },
    ],
    check: |context| {
        let actions = context.alter().map_or(&[][..], |alter| &alter.actions);
        actions
            .iter()
            .filter_map(|action| match action {
                Action::RenameConstraint { from, to } => Some(Hit::new(
                    format!("errors name {to} from here on, and the running release knows {from}"),
                    RENAME_CONSTRAINT.rewrite,
                )),
                _ => None,
            })
            .collect()
    },
};
