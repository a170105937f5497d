//! Writing rows in a migration.

use mainstay::schema::Dialect;

use super::locks::locked_alone;
use super::rule::{ALL, Example, POSTGRES, Rule, Weight};
use crate::ddl::{Act, Name};
use crate::lint::context::{Context, Hit};
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[&UNBOUNDED, &BACKFILL];

/// The table whose rows a statement writes, if it was there before, and whether a condition
/// limits which.
fn written<'a>(context: &Context<'a>) -> Option<(&'a Name, bool)> {
    let (table, limited) = match context.act() {
        Act::Update { table, limited } | Act::Delete { table, limited } => (table, *limited),
        Act::Insert {
            table,
            from_query: true,
        } => (table, true),
        _ => return None,
    };
    context.is_old(table).then_some((table, limited))
}

/// An earlier statement of the same transaction that locks a table against everyone.
fn locked_before<'a>(context: &Context<'a>) -> Option<&'a Name> {
    if !context.in_transaction() {
        return None;
    }
    let mut earlier = context.earlier().iter();
    earlier.find_map(|step| locked_alone(context, &step.act))
}

static UNBOUNDED: Rule = Rule {
    id: "write-without-where",
    severity: Severity::Warning,
    dialects: ALL,
    summary: "UPDATE or DELETE of all rows of a table in use",
    why: "Every row is locked until the migration commits, and writers wait or deadlock. On a \
          large table that takes minutes, and a failure at the end undoes all of it.",
    source: Some("https://github.com/ankane/strong_migrations#backfilling-data"),
    rewrite: "Write it in batches of some thousand rows, each committed by itself, outside of the \
              migration or in one without a transaction.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "UPDATE users SET locale = 'en';",
            passes: "UPDATE users SET locale = 'en' WHERE id = '0190b7a0-0000-7000-8000-000000000000';",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "DELETE FROM drafts;",
            passes: "DELETE FROM drafts LIMIT 1000;",
        },
        Example {
            dialect: Dialect::Sqlite,
            before: "",
            fires: "UPDATE users SET locale = 'en';",
            passes: "CREATE TABLE staging (id INTEGER PRIMARY KEY) STRICT;\nDELETE FROM staging;",
        },
    ],
    check: |context| {
        let Some((table, false)) = written(context) else {
            return Vec::new();
        };
        // The other rule says more.
        if BACKFILL.holds_for(context.dialect) && locked_before(context).is_some() {
            return Vec::new();
        }
        let message = format!("every row of {} is written and locked", table.name);
        let rewrite = format!(
            "-- a batch, repeated until it writes nothing\n{} WHERE ... AND id BETWEEN ... AND ...;",
            context.text()
        );
        vec![Hit::new(message, rewrite).on(table)]
    },
};

static BACKFILL: Rule = Rule {
    id: "backfill-with-ddl",
    severity: Severity::Error,
    dialects: POSTGRES,
    summary: "Rows written in the transaction that has locked a table",
    why: "The lock of ALTER TABLE is held until the transaction ends, so that nobody reads the \
          table while the rows are written.",
    source: Some("https://github.com/ankane/strong_migrations#backfilling-data"),
    rewrite: "Change the table in one migration and write the rows in the next.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "ALTER TABLE users ADD COLUMN locale text;\n\
                UPDATE users SET locale = 'en' WHERE locale IS NULL;",
        passes: "UPDATE users SET locale = 'en' WHERE locale IS NULL;",
    }],
    check: |context| {
        let (Some((table, _)), Some(locked)) = (written(context), locked_before(context)) else {
            return Vec::new();
        };
        let message = format!(
            "{} stays locked while rows of {} are written",
            locked.name, table.name
        );
        let rewrite = format!(
            "-- in a later migration, in batches where there are many rows\n{};",
            context.text()
        );
        vec![Hit::new(message, rewrite).on(table)]
    },
};
