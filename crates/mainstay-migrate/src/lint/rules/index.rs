//! Building and dropping indexes, and other work that need not block.

use mainstay::schema::Dialect;

use super::rule::{Example, POSTGRES, Rule, Weight};
use crate::ddl::{Act, Action, Dropped};
use crate::lint::context::Hit;
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[
    &NOT_CONCURRENT,
    &DROP_NOT_CONCURRENT,
    &IN_TRANSACTION,
    &NOT_ALONE,
    &MAINTENANCE,
];

/// The line that a statement outside transactions needs at the top of its file.
pub(super) const NO_TRANSACTION: &str = "-- mainstay: no-transaction\n";

static NOT_CONCURRENT: Rule = Rule {
    id: "index-not-concurrent",
    severity: Severity::Error,
    dialects: POSTGRES,
    summary: "An index built while writes wait",
    why: "CREATE INDEX holds a SHARE lock until the index is built: every insert, update and \
          delete of the table waits that long.",
    source: Some("https://www.postgresql.org/docs/current/sql-createindex.html"),
    rewrite: "Build it with CONCURRENTLY, in a migration of its own without a transaction.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "CREATE TABLE goals (id uuid PRIMARY KEY, user_id uuid);",
        fires: "CREATE INDEX goals_user_id_idx ON goals (user_id);",
        passes: "-- mainstay: no-transaction\n\
                 CREATE INDEX CONCURRENTLY goals_user_id_idx ON goals (user_id);",
    }],
    check: |context| {
        let Act::CreateIndex(index) = context.act() else {
            return Vec::new();
        };
        if index.concurrently || !context.is_old(&index.table) {
            return Vec::new();
        }
        let message = format!(
            "{} cannot be written to while this index is built",
            index.table.name
        );
        let rewrite = context.with_word("INDEX", "CONCURRENTLY");
        vec![Hit::new(message, format!("{NO_TRANSACTION}{rewrite}")).on(&index.table)]
    },
};

static DROP_NOT_CONCURRENT: Rule = Rule {
    id: "drop-index-not-concurrent",
    severity: Severity::Warning,
    dialects: POSTGRES,
    summary: "An index dropped under an exclusive lock of its table",
    why: "DROP INDEX waits for an ACCESS EXCLUSIVE lock of the table, and whoever comes after it \
          waits behind it, reads included.",
    source: Some("https://www.postgresql.org/docs/current/sql-dropindex.html"),
    rewrite: "Drop it with CONCURRENTLY, in a migration of its own without a transaction.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "DROP INDEX goals_user_id_idx;",
        passes: "-- mainstay: no-transaction\nDROP INDEX CONCURRENTLY goals_user_id_idx;",
    }],
    check: |context| {
        let Act::Drop(drop) = context.act() else {
            return Vec::new();
        };
        if drop.what != Dropped::Index || drop.concurrently {
            return Vec::new();
        }
        let old = drop.names.iter().find(|name| {
            let table = context.known.table_of_index(&name.name);
            table.is_none_or(|table| context.is_old(&table.name))
        });
        let Some(name) = old else { return Vec::new() };
        let message = format!("the table of {} is locked against everyone", name.name);
        let rewrite = context.with_word("INDEX", "CONCURRENTLY");
        vec![Hit::new(message, format!("{NO_TRANSACTION}{rewrite}"))]
    },
};

/// Whether a statement has CONCURRENTLY.
fn is_concurrent(act: &Act) -> bool {
    match act {
        Act::CreateIndex(index) => index.concurrently,
        Act::Drop(drop) => drop.concurrently,
        Act::Maintain(maintain) => maintain.concurrently && maintain.what.starts_with("REINDEX"),
        Act::AlterTable(alter) => alter
            .actions
            .contains(&Action::DetachPartition { concurrently: true }),
        _ => false,
    }
}

static IN_TRANSACTION: Rule = Rule {
    id: "concurrently-in-transaction",
    severity: Severity::Error,
    dialects: POSTGRES,
    summary: "CONCURRENTLY in a migration that is one transaction",
    why: "PostgreSQL refuses CONCURRENTLY inside a transaction, and a migration is one unless it \
          says otherwise.",
    source: Some("https://www.postgresql.org/docs/current/sql-createindex.html"),
    rewrite: "Put `-- mainstay: no-transaction` at the top of the file.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "CREATE INDEX CONCURRENTLY goals_user_id_idx ON goals (user_id);",
        passes: "-- mainstay: no-transaction\n\
                 CREATE INDEX CONCURRENTLY goals_user_id_idx ON goals (user_id);",
    }],
    check: |context| {
        if !is_concurrent(context.act()) || context.is_without_transaction() {
            return Vec::new();
        }
        let rewrite = format!("{NO_TRANSACTION}{};", context.text());
        vec![Hit::new("the server will refuse this statement", rewrite)]
    },
};

static NOT_ALONE: Rule = Rule {
    id: "concurrently-not-alone",
    severity: Severity::Warning,
    dialects: POSTGRES,
    summary: "CONCURRENTLY beside other statements",
    why: "Without a transaction, a failure leaves the statements before it done and the ones \
          after it not. An index that failed stays behind as INVALID; alone in its migration it \
          is found and built again.",
    source: Some(
        "https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY",
    ),
    rewrite: "Give it a migration of its own.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "",
        fires: "-- mainstay: no-transaction\nALTER TABLE goals ADD COLUMN rank integer;\n\
                CREATE INDEX CONCURRENTLY goals_rank_idx ON goals (rank);",
        passes: "-- mainstay: no-transaction\n\
                 CREATE INDEX CONCURRENTLY goals_rank_idx ON goals (rank);",
    }],
    check: |context| {
        let others = context.script.steps.iter().enumerate();
        let mixed = others
            .filter(|(at, _)| *at != context.at)
            .any(|(_, step)| !is_concurrent(&step.act));
        if !is_concurrent(context.act()) || !mixed {
            return Vec::new();
        }
        let message = "this migration has other statements, which do not share its fate";
        let rewrite = format!(
            "-- in a migration of its own\n{NO_TRANSACTION}{};",
            context.text()
        );
        vec![Hit::new(message, rewrite)]
    },
};

static MAINTENANCE: Rule = Rule {
    id: "blocking-maintenance",
    severity: Severity::Error,
    dialects: POSTGRES,
    summary: "REINDEX, VACUUM FULL, CLUSTER or REFRESH MATERIALIZED VIEW that blocks",
    why: "These hold the table or view exclusively until all of it has been written anew; reads \
          wait too, or writes in the case of REINDEX.",
    source: Some("https://www.postgresql.org/docs/current/explicit-locking.html"),
    rewrite: "Use CONCURRENTLY where there is one, and leave the rest to maintenance outside of \
              migrations.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "REINDEX TABLE goals;",
            passes: "-- mainstay: no-transaction\nREINDEX TABLE CONCURRENTLY goals;",
        },
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "-- mainstay: no-transaction\nVACUUM (FULL, ANALYZE) goals;",
            passes: "-- mainstay: no-transaction\nVACUUM (ANALYZE) goals;",
        },
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "REFRESH MATERIALIZED VIEW totals;",
            passes: "REFRESH MATERIALIZED VIEW CONCURRENTLY totals;",
        },
    ],
    check: |context| {
        let Act::Maintain(maintain) = context.act() else {
            return Vec::new();
        };
        let new = maintain
            .table
            .as_ref()
            .is_some_and(|table| !context.is_old(table));
        if maintain.concurrently || new {
            return Vec::new();
        }
        let last = maintain.what.rsplit(' ').next().unwrap_or(maintain.what);
        let rewrite = match maintain.what {
            "VACUUM FULL" | "CLUSTER" => {
                "-- not in a migration; where space has to be given back, pg_repack does it \
                 without the lock"
                    .to_owned()
            }
            "REFRESH MATERIALIZED VIEW" => format!(
                "-- needs a unique index on the view\n{}",
                context.with_word(last, "CONCURRENTLY")
            ),
            _ => format!(
                "{NO_TRANSACTION}{}",
                context.with_word(last, "CONCURRENTLY")
            ),
        };
        let message = format!("{} blocks others until it is done", maintain.what);
        let hit = Hit::new(message, rewrite);
        vec![match &maintain.table {
            Some(table) => hit.on(table),
            None => hit,
        }]
    },
};
