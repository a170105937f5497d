//! Adding columns to tables that are in use.

use mainstay::schema::Dialect;

use super::constraint::added_columns;
use super::rule::{Example, POSTGRES, Rule, SERVERS, Weight};
use crate::ddl::Expression;
use crate::lint::context::Hit;
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[&REQUIRED, &REWRITES];

const ALTER_TABLE: &str = "https://www.postgresql.org/docs/current/sql-altertable.html";

static REQUIRED: Rule = Rule {
    id: "add-required-column",
    severity: Severity::Error,
    dialects: SERVERS,
    summary: "A NOT NULL column without a default added to a table in use",
    why: "PostgreSQL refuses it as soon as there is a row. MariaDB and MySQL fill in 0 or an empty \
          text that nobody chose. And inserts of the running release, which does not know the \
          column, fail everywhere.",
    source: Some("https://squawkhq.com/docs/adding-required-field"),
    rewrite: "Add it with a default, or without NOT NULL, fill it, and require it later.",
    weight: Weight::Filled,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE users ADD COLUMN locale text NOT NULL;",
            passes: "ALTER TABLE users ADD COLUMN locale text NOT NULL DEFAULT 'en';",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "ALTER TABLE users ADD COLUMN locale VARCHAR(10) NOT NULL;",
            passes: "ALTER TABLE users ADD COLUMN locale VARCHAR(10);",
        },
    ],
    check: |context| {
        added_columns(context)
            .into_iter()
            .filter(|(_, column)| {
                let has_value = column.default.as_ref().is_some_and(|d| !d.is_null())
                    || column.generated.is_some()
                    || column.identity
                    || column.ty.is_serial();
                (column.not_null || column.primary_key) && !has_value
            })
            .map(|(table, column)| {
                let message = format!(
                    "{} is required, and the rows that {} has get no value for it",
                    column.name, table.name
                );
                let rewrite = format!(
                    "ALTER TABLE {on} ADD COLUMN {name} {ty} NOT NULL DEFAULT ...;\n\
                     -- or\nALTER TABLE {on} ADD COLUMN {name} {ty};\n\
                     -- then fill it in batches, and require it in a later migration",
                    on = context.table(table),
                    name = context.quote(&column.name),
                    ty = column.ty,
                );
                Hit::new(message, rewrite).on(table)
            })
            .collect()
    },
};

/// Functions of PostgreSQL that give the same value for all rows of a statement, so that the
/// value is computed once and kept beside the table.
const NOT_VOLATILE: &[&str] = &[
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "localtime",
    "transaction_timestamp",
    "statement_timestamp",
    "current_user",
    "session_user",
    "user",
    "current_setting",
    "current_schema",
    "current_database",
    "date_trunc",
    "timezone",
    "to_char",
    "to_timestamp",
    "make_date",
    "make_interval",
    "make_timestamptz",
    "jsonb_build_object",
    "jsonb_build_array",
    "json_build_object",
    "json_build_array",
    "to_jsonb",
    "array",
    "lower",
    "upper",
    "concat",
    "coalesce",
    "nullif",
    "greatest",
    "least",
    "length",
    "md5",
    "round",
    "cast",
    "row",
    "date",
    "interval",
    "text",
    "numeric",
    "varchar",
    "char",
    "decimal",
    "timestamp",
    "timestamptz",
];

/// The first function of a default that may differ from row to row.
fn volatile(default: &Expression) -> Option<&str> {
    let calls = default.calls.iter().map(String::as_str);
    calls.into_iter().find(|call| !NOT_VOLATILE.contains(call))
}

static REWRITES: Rule = Rule {
    id: "add-column-rewrites",
    severity: Severity::Error,
    dialects: POSTGRES,
    summary: "A column added whose values differ from row to row",
    why: "A constant default is kept beside the table, but a default that differs from row to row \
          (random(), gen_random_uuid(), a sequence) or a stored generated column makes PostgreSQL \
          write the whole table anew under ACCESS EXCLUSIVE.",
    source: Some(ALTER_TABLE),
    rewrite: "Add the column without the default, set the default, and fill old rows in batches.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE goals ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();",
            passes: "ALTER TABLE goals ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();",
        },
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE goals ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;",
            passes: "ALTER TABLE goals ADD COLUMN number bigint;",
        },
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE goals ADD COLUMN size int GENERATED ALWAYS AS (length(title)) STORED;",
            passes: "ALTER TABLE goals ADD COLUMN size int;",
        },
    ],
    check: |context| {
        added_columns(context)
            .into_iter()
            .filter_map(|(table, column)| {
                let call = column.default.as_ref().and_then(volatile);
                let cause = if let Some(call) = call {
                    format!("{call}() differs from row to row")
                } else if column.identity || column.ty.is_serial() {
                    format!("{} is numbered", column.name)
                } else if column.generated == Some(true) {
                    format!("{} is computed and stored", column.name)
                } else {
                    return None;
                };
                let message = format!("{cause}: {} is written anew as a whole", table.name);
                let (on, name) = (context.table(table), context.quote(&column.name));
                let first = format!("ALTER TABLE {on} ADD COLUMN {name} {};", column.ty);
                let rewrite = match column.default.as_ref().filter(|_| call.is_some()) {
                    Some(default) => format!(
                        "{first}\nALTER TABLE {on} ALTER COLUMN {name} SET DEFAULT {};\n\
                         -- in later migrations: fill the rows where it is NULL in batches, then \
                         require it",
                        default.text
                    ),
                    None => format!(
                        "-- with the type as it is without numbering\n{first}\n\
                         -- fill it in batches, with a trigger for new rows"
                    ),
                };
                Some(Hit::new(message, rewrite).on(table))
            })
            .collect()
    },
};
