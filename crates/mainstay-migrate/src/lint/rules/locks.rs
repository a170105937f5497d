//! How long, and in what order, a migration blocks others. All of this is PostgreSQL's.

use mainstay::schema::Dialect;

use super::rule::{Example, POSTGRES, Rule, Weight};
use crate::ddl::{Act, Action, ConstraintKind, Dropped, Name};
use crate::directive::Directive;
use crate::lint::context::{Context, Hit};
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[&LOCK_TIMEOUT, &SEVERAL_TABLES, &REWRITE];

const ALTER_TABLE: &str = "https://www.postgresql.org/docs/current/sql-altertable.html";

/// The table that a statement locks against everyone, reads included, if it was there before.
pub(super) fn locked_alone<'a>(context: &Context<'a>, act: &'a Act) -> Option<&'a Name> {
    let table = match act {
        Act::AlterTable(alter) => {
            let gentle = |action: &Action| match action {
                Action::ValidateConstraint { .. } => true,
                Action::DetachPartition { concurrently } => *concurrently,
                Action::AddConstraint(added) => {
                    matches!(added.kind, ConstraintKind::ForeignKey { .. })
                }
                _ => false,
            };
            if alter.actions.iter().all(gentle) {
                return None;
            }
            &alter.table
        }
        Act::Drop(drop) if drop.what == Dropped::Table => drop.names.first()?,
        Act::Truncate { tables, .. } => tables.first()?,
        _ => return None,
    };
    context.is_old(table).then_some(table)
}

/// The table that a statement blocks at least writers of.
fn blocked<'a>(context: &Context<'a>, act: &'a Act) -> Option<&'a Name> {
    match act {
        Act::AlterTable(alter) if context.is_old(&alter.table) => Some(&alter.table),
        Act::CreateIndex(index) if !index.concurrently && context.is_old(&index.table) => {
            Some(&index.table)
        }
        // A table that is referred to must not be written to while the reference is made.
        Act::CreateTable(create) => {
            let of_columns = create.columns.iter().filter_map(|c| c.references.as_ref());
            let of_table = create.constraints.iter().filter_map(|c| match &c.kind {
                ConstraintKind::ForeignKey { references, .. } => Some(references),
                _ => None,
            });
            let mut to = of_columns.chain(of_table).map(|reference| &reference.to);
            to.find(|to| to.key() != create.name.key() && context.is_old(to))
        }
        _ => locked_alone(context, act),
    }
}

static LOCK_TIMEOUT: Rule = Rule {
    id: "missing-lock-timeout",
    severity: Severity::Warning,
    dialects: POSTGRES,
    summary: "A lock of a table in use waited for without a limit",
    why: "While the statement waits behind one long transaction, everyone who comes later waits \
          behind the statement: a lock of a moment becomes an outage.",
    source: Some(
        "https://postgres.ai/blog/20210923-zero-downtime-postgres-schema-migrations-lock-timeout-and-retries",
    ),
    rewrite: "Set a limit of some seconds, and try again later when it is reached.",
    weight: Weight::Filled,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "ALTER TABLE users ADD COLUMN locale text;",
        passes: "-- mainstay: lock-timeout 5s\nALTER TABLE users ADD COLUMN locale text;",
    }],
    check: |context| {
        let limits = |act: &Act| matches!(act, Act::SetLocal { name } if name == "lock_timeout");
        let mut earlier = context.earlier().iter();
        let settled =
            earlier.any(|step| limits(&step.act) || blocked(context, &step.act).is_some());
        if settled || context.has(|said| matches!(said, Directive::LockTimeout(_))) {
            return Vec::new();
        }
        let Some(table) = blocked(context, context.act()) else {
            return Vec::new();
        };
        let message = format!("the lock of {} is waited for without a limit", table.name);
        let rewrite = format!("-- mainstay: lock-timeout 5s\n{};", context.text());
        vec![Hit::new(message, rewrite).on(table)]
    },
};

static SEVERAL_TABLES: Rule = Rule {
    id: "locks-several-tables",
    severity: Severity::Warning,
    dialects: POSTGRES,
    summary: "Several tables in use locked in one transaction",
    why: "The first table stays locked against everyone while the second is waited for; and a \
          transaction that takes the two in the other order deadlocks with the migration.",
    source: Some("https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-DEADLOCKS"),
    rewrite: "Change each table in a migration of its own.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "ALTER TABLE users ADD COLUMN locale text;\nALTER TABLE goals ADD COLUMN rank integer;",
        passes: "ALTER TABLE users ADD COLUMN locale text;\nALTER TABLE users ADD COLUMN tone text;",
    }],
    check: |context| {
        if !context.in_transaction() {
            return Vec::new();
        }
        let Some(table) = locked_alone(context, context.act()) else {
            return Vec::new();
        };
        let before: Vec<_> = context
            .earlier()
            .iter()
            .filter_map(|step| locked_alone(context, &step.act))
            .collect();
        let other = before.iter().find(|other| other.key() != table.key());
        let again = before.iter().any(|other| other.key() == table.key());
        let Some(other) = other.filter(|_| !again) else {
            return Vec::new();
        };
        let message = format!(
            "{} is still locked while {} is waited for",
            other.name, table.name
        );
        let rewrite = format!("-- in a migration of its own\n{};", context.text());
        vec![Hit::new(message, rewrite).on(table)]
    },
};

static REWRITE: Rule = Rule {
    id: "alter-rewrites-table",
    severity: Severity::Error,
    dialects: POSTGRES,
    summary: "A change of how a table is stored, which writes it anew",
    why: "SET LOGGED, SET UNLOGGED, SET TABLESPACE and SET ACCESS METHOD copy the whole table under \
          ACCESS EXCLUSIVE.",
    source: Some(ALTER_TABLE),
    rewrite: "Do it in a window without traffic, or fill a new table beside the old one.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "ALTER TABLE events SET LOGGED;",
        passes: "ALTER TABLE events SET (fillfactor = 90);",
    }],
    check: |context| {
        let actions = context.alter().map_or(&[][..], |alter| &alter.actions);
        let what = actions.iter().find_map(|action| match action {
            Action::Rewrite { what } => Some(what),
            _ => None,
        });
        let (Some(what), Some(alter)) = (what, context.alter()) else {
            return Vec::new();
        };
        let message = format!(
            "{what} copies {} while nobody may read it",
            alter.table.name
        );
        vec![Hit::new(message, REWRITE.rewrite).on(&alter.table)]
    },
};
