//! The migration as a whole, and names.

use mainstay::schema::Dialect;

use super::rule::{ALL, Example, Rule, SERVERS, Weight};
use crate::ddl::{Act, Action, Column, Constraint};
use crate::directive::Directive;
use crate::lint::context::{Context, Hit};
use crate::lint::dialect::NameLimit;
use crate::lint::known::same;
use crate::lint::report::Severity;
use crate::lint::script::Script;

pub(super) const RULES: &[&Rule] = &[
    &MISSING_DOWN,
    &IF_NOT_EXISTS,
    &NAME_TOO_LONG,
    &REDUNDANT_INDEX,
];

static MISSING_DOWN: Rule = Rule {
    id: "missing-down",
    severity: Severity::Warning,
    dialects: ALL,
    summary: "A migration without a way down",
    why: "When the release behind it has to be taken back, the database stays where it is; and \
          nobody can tell whether that was meant.",
    source: None,
    rewrite: "Write the file for the way down, or say `-- mainstay: irreversible because REASON`.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Sqlite,
        before: "",
        fires: "CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT;",
        passes: "-- mainstay: irreversible because the old table was given up\n\
                 CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT;",
    }],
    check: |context| {
        let down = context.source.down.as_deref().unwrap_or_default();
        let is_there = Script::read(context.dialect, down).is_ok_and(|down| !down.steps.is_empty());
        if context.at > 0
            || is_there
            || context.has(|said| matches!(said, Directive::Irreversible(_)))
        {
            return Vec::new();
        }
        let message = format!("{} cannot be undone", context.source.label());
        let undo: Vec<String> = context
            .script
            .steps
            .iter()
            .rev()
            .filter_map(|step| undone(context, &step.act))
            .collect();
        let rewrite = if undo.len() == context.script.steps.len() {
            undo.join("\n")
        } else {
            "-- mainstay: irreversible because ...".to_owned()
        };
        vec![Hit::new(message, rewrite)]
    },
};

/// The statement that undoes another, where that is plain.
fn undone(context: &Context<'_>, act: &Act) -> Option<String> {
    match act {
        Act::CreateTable(create) => Some(format!("DROP TABLE {};", context.table(&create.name))),
        Act::CreateIndex(index) => {
            let name = context.quote(&index.name.as_ref()?.name);
            // Only where indexes belong to their tables is the table said.
            let on = if super::rule::MYSQL.contains(&context.dialect) {
                format!(" ON {}", context.table(&index.table))
            } else {
                String::new()
            };
            Some(format!("DROP INDEX {name}{on};"))
        }
        Act::AlterTable(alter) => match alter.actions.as_slice() {
            [Action::AddColumn { column, .. }] => Some(format!(
                "ALTER TABLE {} DROP COLUMN {};",
                context.table(&alter.table),
                context.quote(&column.name)
            )),
            _ => None,
        },
        _ => None,
    }
}

static IF_NOT_EXISTS: Rule = Rule {
    id: "if-not-exists",
    severity: Severity::Warning,
    dialects: ALL,
    summary: "IF NOT EXISTS, which hides that something else is there",
    why: "Each migration runs once, so that what it makes is not there. If it is, it was made in \
          another way and may differ, or is the INVALID rest of an index; the migration passes and \
          later ones fail.",
    source: None,
    rewrite: "Leave IF NOT EXISTS out, and look into it when the statement fails.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE users ADD COLUMN IF NOT EXISTS locale text;",
            passes: "ALTER TABLE users ADD COLUMN locale text;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "CREATE TABLE IF NOT EXISTS notes (id BIGINT PRIMARY KEY);",
            passes: "CREATE TABLE notes (id BIGINT PRIMARY KEY);",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "CREATE INDEX IF NOT EXISTS users_name_idx ON users (name);",
            passes: "CREATE INDEX users_name_idx ON users (name);",
        },
    ],
    check: |context| {
        let hides = match context.act() {
            Act::CreateTable(create) => create.if_not_exists && !create.temporary,
            Act::CreateIndex(create) => create.if_not_exists,
            Act::AlterTable(alter) => alter.actions.iter().any(|action| match action {
                Action::AddColumn { if_not_exists, .. } => *if_not_exists,
                _ => false,
            }),
            _ => false,
        };
        if !hides {
            return Vec::new();
        }
        let message = "whatever has this name already is taken for the right one";
        vec![Hit::new(message, IF_NOT_EXISTS.rewrite)]
    },
};

/// The names that a statement gives.
fn given<'a>(context: &Context<'a>) -> Vec<&'a str> {
    fn of_column<'c>(out: &mut Vec<&'c str>, column: &'c Column) {
        out.push(&column.name);
        out.extend(column.constraint_names.iter().map(String::as_str));
    }
    fn of_constraint<'c>(out: &mut Vec<&'c str>, constraint: &'c Constraint) {
        out.extend(constraint.name.as_deref());
    }
    let mut out: Vec<&str> = Vec::new();
    match context.act() {
        Act::CreateTable(create) => {
            out.push(&create.name.name);
            create
                .columns
                .iter()
                .for_each(|column| of_column(&mut out, column));
            create
                .constraints
                .iter()
                .for_each(|c| of_constraint(&mut out, c));
        }
        Act::CreateIndex(index) => out.extend(index.name.as_ref().map(|name| name.name.as_str())),
        Act::RenameTables(renames) => out.extend(renames.iter().map(|(_, to)| to.name.as_str())),
        Act::AlterTable(alter) => {
            for action in &alter.actions {
                match action {
                    Action::AddColumn { column, .. } | Action::Modify { column, .. } => {
                        of_column(&mut out, column);
                    }
                    Action::AddConstraint(constraint) => of_constraint(&mut out, constraint),
                    Action::RenameColumn { to, .. } | Action::RenameConstraint { to, .. } => {
                        out.push(to);
                    }
                    Action::RenameTable { to } => out.push(&to.name),
                    _ => {}
                }
            }
        }
        _ => {}
    }
    out
}

static NAME_TOO_LONG: Rule = Rule {
    id: "name-too-long",
    severity: Severity::Error,
    dialects: SERVERS,
    summary: "A name longer than the server keeps",
    why: "PostgreSQL cuts names off after 63 bytes without an error, so that two names may become \
          one and errors name a constraint nobody knows; MariaDB and MySQL refuse more than 64 \
          characters.",
    source: Some(
        "https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS",
    ),
    rewrite: "Choose a shorter name.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "CREATE INDEX goals_by_the_user_they_belong_to_and_by_the_day_they_are_meant_for_idx\n    \
                    ON goals (user_id, target_date);",
            passes: "CREATE INDEX goals_user_id_target_date_idx ON goals (user_id, target_date);",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "ALTER TABLE goals ADD CONSTRAINT \
                    goals_by_the_user_they_belong_to_and_by_the_day_they_are_meant_for_key\n    \
                    UNIQUE (user_id, target_date);",
            passes: "ALTER TABLE goals ADD CONSTRAINT goals_user_id_key UNIQUE (user_id);",
        },
    ],
    check: |context| {
        let Some(limit) = NameLimit::of(context.dialect) else {
            return Vec::new();
        };
        given(context)
            .into_iter()
            .filter(|name| limit.exceeded_by(name))
            .map(|name| {
                let message = format!("{name} is longer than {}: {}", limit.length, limit.beyond);
                Hit::new(message, NAME_TOO_LONG.rewrite)
            })
            .collect()
    },
};

static REDUNDANT_INDEX: Rule = Rule {
    id: "redundant-index",
    severity: Severity::Warning,
    dialects: ALL,
    summary: "An index whose columns another one begins with",
    why: "The other serves the same look-ups, and every write keeps both.",
    source: Some("https://wiki.postgresql.org/wiki/Index_Maintenance"),
    rewrite: "Leave it out.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "CREATE TABLE goals (id uuid PRIMARY KEY, user_id uuid, rank integer);\n\
                     CREATE INDEX goals_user_id_rank_idx ON goals (user_id, rank);",
            fires: "CREATE INDEX goals_user_id_idx ON goals (user_id);",
            passes: "CREATE INDEX goals_rank_idx ON goals (rank);",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "CREATE TABLE users (id BIGINT PRIMARY KEY, email VARCHAR(200) UNIQUE);\n\
                    CREATE INDEX users_email_idx ON users (email);",
            passes: "CREATE TABLE users (id BIGINT PRIMARY KEY, email VARCHAR(200) UNIQUE);\n\
                     CREATE INDEX users_email_idx ON users (email, id);",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "CREATE TABLE goals (id INTEGER PRIMARY KEY, user_id INTEGER) STRICT;\n\
                     CREATE INDEX old_idx ON goals (user_id);",
            fires: "CREATE INDEX goals_user_id_idx ON goals (user_id);",
            passes: "CREATE INDEX goals_user_id_idx ON goals (user_id);\nDROP INDEX old_idx;",
        },
    ],
    check: |context| {
        let Act::CreateIndex(index) = context.act() else {
            return Vec::new();
        };
        let plain = !index.unique && !index.partial && !index.special;
        // What a later statement drops is no reason.
        let (Some(now), Some(end), true) = (
            context.known.table(&index.table),
            context.end.table(&index.table),
            plain && !index.columns.is_empty(),
        ) else {
            return Vec::new();
        };
        let covers = |order: &[String]| {
            let mut pairs = order.iter().zip(&index.columns);
            order.len() >= index.columns.len() && pairs.all(|(a, b)| same(a, b))
        };
        let other = now.orders().find(|(name, order)| {
            covers(order)
                && end
                    .orders()
                    .any(|(kept, columns)| kept == *name && columns == *order)
        });
        let Some((name, _)) = other else {
            return Vec::new();
        };
        let message = format!(
            "{} has {} already, which begins with the same columns",
            index.table.name,
            name.unwrap_or("a key")
        );
        vec![Hit::new(message, REDUNDANT_INDEX.rewrite)]
    },
};
