//! Constraints that look at every row when they are added.

use mainstay::schema::Dialect;

use super::index::NO_TRANSACTION;
use super::rule::{Example, POSTGRES, Rule, Weight};
use crate::ddl::{Act, Action, Column, Constraint, ConstraintKind, Name};
use crate::lint::context::{Context, Hit};
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[
    &FOREIGN_KEY_VALIDATED,
    &CHECK_VALIDATED,
    &VALIDATE_AT_ONCE,
    &BUILDS_INDEX,
    &EXCLUSION,
];

const ALTER_TABLE: &str = "https://www.postgresql.org/docs/current/sql-altertable.html";

/// The constraints that a statement adds to a table that was there before.
fn added<'a>(context: &Context<'a>) -> Vec<(&'a Name, &'a Constraint)> {
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
            Action::AddConstraint(constraint) => Some((table, constraint)),
            _ => None,
        })
        .collect()
}

/// The columns that a statement adds to a table that was there before.
pub(super) fn added_columns<'a>(context: &Context<'a>) -> Vec<(&'a Name, &'a Column)> {
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
            Action::AddColumn { column, .. } => Some((table, column)),
            _ => None,
        })
        .collect()
}

/// A constraint's name, or one as PostgreSQL would make it.
fn named(constraint: &Constraint, table: &Name, columns: &[String], ending: &str) -> String {
    let made = || {
        let parts: Vec<_> = std::iter::once(table.name.as_str())
            .chain(columns.iter().map(String::as_str))
            .chain([ending])
            .collect();
        parts.join("_")
    };
    constraint.name.clone().unwrap_or_else(made)
}

/// The statement with NOT VALID, and the one that looks at the rows later.
fn in_two_steps(context: &Context<'_>, table: &Name, name: &str, added: &str) -> String {
    let (table, name) = (context.table(table), context.quote(name));
    format!(
        "ALTER TABLE {table} ADD CONSTRAINT {name} {added} NOT VALID;\n\
         -- in a later migration\nALTER TABLE {table} VALIDATE CONSTRAINT {name};"
    )
}

static FOREIGN_KEY_VALIDATED: Rule = Rule {
    id: "foreign-key-validated",
    severity: Severity::Error,
    dialects: POSTGRES,
    summary: "A foreign key that checks all rows while both tables are locked",
    why: "ADD FOREIGN KEY holds SHARE ROW EXCLUSIVE on both tables, so that neither can be \
          written to, while every row is looked up. NOT VALID looks at new rows only, and \
          VALIDATE CONSTRAINT does the rest without stopping writes.",
    source: Some(ALTER_TABLE),
    rewrite: "Add it as NOT VALID, and validate it in a later migration.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE goals ADD CONSTRAINT goals_user_id_fkey\n    \
                    FOREIGN KEY (user_id) REFERENCES users (id);",
            passes: "ALTER TABLE goals ADD CONSTRAINT goals_user_id_fkey\n    \
                     FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;",
        },
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE goals ADD COLUMN user_id uuid REFERENCES users (id);",
            passes: "ALTER TABLE goals ADD COLUMN user_id uuid;\n\
                     ALTER TABLE goals ADD CONSTRAINT goals_user_id_fkey\n    \
                     FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;",
        },
    ],
    check: |context| {
        let mut hits = Vec::new();
        for (table, constraint) in added(context) {
            let ConstraintKind::ForeignKey {
                columns,
                references,
            } = &constraint.kind
            else {
                continue;
            };
            if !constraint.not_valid {
                let name = named(constraint, table, columns, "fkey");
                let rewrite = in_two_steps(context, table, &name, &constraint.text);
                hits.push(foreign_key(table, &references.to, rewrite));
            }
        }
        for (table, column) in added_columns(context) {
            let Some(references) = &column.references else {
                continue;
            };
            let name = format!("{}_{}_fkey", table.name, column.name);
            let quoted = context.quote(&column.name);
            let key = format!("FOREIGN KEY ({quoted}) {}", references.text);
            let rewrite = format!(
                "ALTER TABLE {} ADD COLUMN {quoted} {};\n{}",
                context.table(table),
                column.ty,
                in_two_steps(context, table, &name, &key)
            );
            hits.push(foreign_key(table, &references.to, rewrite));
        }
        hits
    },
};

fn foreign_key(table: &Name, references: &Name, rewrite: String) -> Hit {
    let message = format!(
        "{} and {} cannot be written to while all rows of {} are looked up",
        table.name, references.name, table.name
    );
    Hit::new(message, rewrite).on(table)
}

static CHECK_VALIDATED: Rule = Rule {
    id: "check-validated",
    severity: Severity::Error,
    dialects: POSTGRES,
    summary: "A check that reads all rows under an exclusive lock",
    why: "ADD CHECK holds ACCESS EXCLUSIVE while every row is read, so that even reads wait. NOT \
          VALID looks at new rows only, and VALIDATE CONSTRAINT does the rest without stopping \
          anyone.",
    source: Some(ALTER_TABLE),
    rewrite: "Add it as NOT VALID, and validate it in a later migration.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "ALTER TABLE users ADD CONSTRAINT users_xp_check CHECK (total_xp >= 0);",
        passes: "ALTER TABLE users ADD CONSTRAINT users_xp_check CHECK (total_xp >= 0) NOT VALID;",
    }],
    check: |context| {
        let mut hits = Vec::new();
        for (table, constraint) in added(context) {
            if !matches!(constraint.kind, ConstraintKind::Check { .. }) || constraint.not_valid {
                continue;
            }
            let name = named(constraint, table, &[], "check");
            let rewrite = in_two_steps(context, table, &name, &constraint.text);
            hits.push(check(table, rewrite));
        }
        for (table, column) in added_columns(context) {
            if column.check {
                let name = format!("{}_{}_check", table.name, column.name);
                let rewrite = format!(
                    "-- add the column without its check, then\n{}",
                    in_two_steps(context, table, &name, "CHECK (...)")
                );
                hits.push(check(table, rewrite));
            }
        }
        hits
    },
};

fn check(table: &Name, rewrite: String) -> Hit {
    let message = format!("all rows of {} are read while nobody may", table.name);
    Hit::new(message, rewrite).on(table)
}

static VALIDATE_AT_ONCE: Rule = Rule {
    id: "validate-in-same-transaction",
    severity: Severity::Warning,
    dialects: POSTGRES,
    summary: "A constraint added as NOT VALID and validated in the same transaction",
    why: "The lock of ADD CONSTRAINT is held until the transaction ends, so that the rows are \
          checked under it all the same, and nothing is gained.",
    source: Some(ALTER_TABLE),
    rewrite: "Validate it in a later migration.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "ALTER TABLE users ADD CONSTRAINT users_xp_check CHECK (total_xp >= 0) NOT VALID;\n\
                ALTER TABLE users VALIDATE CONSTRAINT users_xp_check;",
        passes: "ALTER TABLE users VALIDATE CONSTRAINT users_xp_check;",
    }],
    check: |context| {
        let Some(alter) = context.alter().filter(|_| context.in_transaction()) else {
            return Vec::new();
        };
        let validated = alter.actions.iter().find_map(|action| match action {
            Action::ValidateConstraint { name } => Some(name),
            _ => None,
        });
        let adds = |name: &String| {
            let earlier = context.earlier().iter().filter_map(|step| match &step.act {
                Act::AlterTable(alter) => Some(&alter.actions),
                _ => None,
            });
            earlier.flatten().any(|action| match action {
                Action::AddConstraint(added) => added.name.as_ref() == Some(name),
                _ => false,
            })
        };
        let Some(name) = validated.filter(|name| adds(name)) else {
            return Vec::new();
        };
        let message = format!("{name} was added in this transaction, which still holds its lock");
        let rewrite = format!("-- in a later migration\n{};", context.text());
        vec![Hit::new(message, rewrite).on(&alter.table)]
    },
};

static BUILDS_INDEX: Rule = Rule {
    id: "constraint-builds-index",
    severity: Severity::Error,
    dialects: POSTGRES,
    summary: "A unique constraint or primary key whose index is built under an exclusive lock",
    why: "The index behind the constraint is built while ACCESS EXCLUSIVE is held: nobody reads or \
          writes the table until it is done.",
    source: Some(ALTER_TABLE),
    rewrite: "Build a unique index with CONCURRENTLY first, and add the constraint USING INDEX.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email);",
        passes: "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;",
    }],
    check: |context| {
        let mut hits = Vec::new();
        let mut add = |table: &Name, name: &str, kind: &str, columns: &[String], first: &str| {
            let message = format!(
                "{} is locked while the index of {name} is built",
                table.name
            );
            let (on, name) = (context.table(table), context.quote(name));
            let rewrite = format!(
                "{first}{NO_TRANSACTION}CREATE UNIQUE INDEX CONCURRENTLY {name} ON {on} ({});\n\
                 -- in a later migration\n\
                 ALTER TABLE {on} ADD CONSTRAINT {name} {kind} USING INDEX {name};",
                context.columns(columns)
            );
            hits.push(Hit::new(message, rewrite).on(table));
        };
        for (table, constraint) in added(context) {
            let (columns, kind, ending) = match &constraint.kind {
                ConstraintKind::Unique {
                    columns,
                    using_index: false,
                } => (columns, "UNIQUE", "key"),
                ConstraintKind::PrimaryKey {
                    columns,
                    using_index: false,
                } => (columns, "PRIMARY KEY", "pkey"),
                _ => continue,
            };
            // PostgreSQL's own name for a primary key has no columns in it.
            let parts = if kind == "UNIQUE" {
                columns.as_slice()
            } else {
                &[]
            };
            add(
                table,
                &named(constraint, table, parts, ending),
                kind,
                columns,
                "",
            );
        }
        for (table, column) in added_columns(context) {
            if column.unique {
                let name = format!("{}_{}_key", table.name, column.name);
                let first = format!(
                    "ALTER TABLE {} ADD COLUMN {} {};\n-- in a later migration\n",
                    context.table(table),
                    context.quote(&column.name),
                    column.ty
                );
                let columns = std::slice::from_ref(&column.name);
                add(table, &name, "UNIQUE", columns, &first);
            }
        }
        hits
    },
};

static EXCLUSION: Rule = Rule {
    id: "exclusion-constraint",
    severity: Severity::Warning,
    dialects: POSTGRES,
    summary: "An exclusion constraint on a table in use",
    why: "Its index is built and all rows are compared under ACCESS EXCLUSIVE, and there is no way \
          to add it in two steps.",
    source: Some("https://github.com/ankane/strong_migrations#adding-an-exclusion-constraint"),
    rewrite: "Add it in a window without traffic, with a lock timeout, or fill a new table that \
              has it from the start.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "ALTER TABLE stays ADD CONSTRAINT stays_apart EXCLUDE USING gist (room WITH =);",
        passes: "CREATE TABLE stays (id uuid PRIMARY KEY, room text, \
                 EXCLUDE USING gist (room WITH =));",
    }],
    check: |context| {
        added(context)
            .into_iter()
            .filter(|(_, constraint)| constraint.kind == ConstraintKind::Exclude)
            .map(|(table, _)| {
                let message = format!("{} is locked while all its rows are compared", table.name);
                Hit::new(message, EXCLUSION.rewrite).on(table)
            })
            .collect()
    },
};
