//! Adding and changing columns of tables that are in use.

use mainstay::schema::Dialect;

use super::{Context, Example, Hit, MYSQL, POSTGRES, Rule, SERVERS, Severity, Weight};
use crate::ddl::{Action, Column, ConstraintKind, Expression, Name, Type};
use crate::lint::known::Table;

pub(super) const RULES: &[&Rule] = &[
    &REQUIRED,
    &REWRITES,
    &TYPE_CHANGE,
    &TYPE_COPY,
    &SET_NOT_NULL,
    &DROP_NOT_NULL,
];

const ALTER_TABLE: &str = "https://www.postgresql.org/docs/current/sql-altertable.html";

/// The columns that a statement adds to a table that was there before.
fn added<'a>(context: &Context<'a>) -> Vec<(&'a Name, &'a Column)> {
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
        added(context)
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
        added(context)
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

/// A number in a type's parentheses.
fn number(ty: &Type, at: usize) -> Option<u64> {
    ty.args.get(at)?.trim().parse().ok()
}

/// Whether PostgreSQL changes a column's type without looking at its rows.
fn is_free(from: &Type, to: &Type) -> bool {
    let texts = ["character varying", "text"];
    match (from.canonical(), to.canonical()) {
        ("character varying", "text") => true,
        ("text", "character varying") => to.args.is_empty(),
        (a, b) if a == b && texts.contains(&a) => match (number(from, 0), number(to, 0)) {
            (Some(old), Some(new)) => new >= old,
            (_, new) => new.is_none(),
        },
        ("numeric", "numeric") => {
            to.args.is_empty()
                || (number(to, 0) >= number(from, 0)
                    && number(to, 1).unwrap_or(0) == number(from, 1).unwrap_or(0)
                    && !from.args.is_empty())
        }
        (a, b) => a == b && from.args == to.args,
    }
}

fn column_of<'a>(context: &Context<'a>, table: &Name, column: &str) -> Option<&'a Column> {
    context
        .known
        .table(table)
        .and_then(|table| table.column(column))
}

/// How a column gets another type without stopping anybody.
fn expand_and_contract(context: &Context<'_>, table: &Name, column: &str, ty: &Type) -> String {
    let (on, new) = (context.table(table), format!("{column}_new"));
    format!(
        "ALTER TABLE {on} ADD COLUMN {} {ty};\n\
         -- write both columns, fill the new one in batches, read the new one, and drop {} in a \
         later migration",
        context.quote(&new),
        context.quote(column)
    )
}

static TYPE_CHANGE: Rule = Rule {
    id: "change-column-type",
    severity: Severity::Error,
    dialects: POSTGRES,
    summary: "A column's type changed in a way that writes the table anew",
    why: "Unless the old values are valid as they stand (a longer varchar, varchar to text, more \
          digits of a numeric), PostgreSQL writes the table and its indexes anew under ACCESS \
          EXCLUSIVE.",
    source: Some(ALTER_TABLE),
    rewrite: "Add a column of the new type, write both, fill it in batches, switch over.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::Postgres,
        before: "CREATE TABLE goals (id uuid PRIMARY KEY, title varchar(100), size integer);",
        fires: "ALTER TABLE goals ALTER COLUMN size TYPE bigint;",
        passes: "ALTER TABLE goals ALTER COLUMN title TYPE varchar(200);",
    }],
    check: |context| {
        let Some(alter) = context.alter() else {
            return Vec::new();
        };
        let changes = alter.actions.iter().filter_map(|action| match action {
            Action::SetType { column, ty } => Some((column, ty)),
            _ => None,
        });
        changes
            .filter_map(|(column, ty)| {
                let old = column_of(context, &alter.table, column).map(|column| &column.ty);
                if old.is_some_and(|old| is_free(old, ty)) {
                    return None;
                }
                let from = old.map_or_else(String::new, |old| format!("from {old} "));
                let message = format!(
                    "changing {column} {from}to {ty} writes {} anew while nobody may read it",
                    alter.table.name
                );
                let rewrite = expand_and_contract(context, &alter.table, column, ty);
                Some(Hit::new(message, rewrite).on(&alter.table))
            })
            .collect()
    },
};

/// Whether MariaDB and MySQL change a column's type without copying the table: the same type, or
/// a longer VARCHAR whose length still takes as many bytes.
fn is_in_place(from: &Type, to: &Type) -> bool {
    // Characters of up to four bytes; the length takes one byte up to 255 bytes.
    let length_bytes = |characters: u64| if characters * 4 > 255 { 2 } else { 1 };
    match (from.canonical(), to.canonical()) {
        ("character varying", "character varying") => match (number(from, 0), number(to, 0)) {
            (Some(old), Some(new)) => new >= old && length_bytes(old) == length_bytes(new),
            _ => false,
        },
        // Values added at the end of an enumeration.
        ("enum", "enum") => to.args.starts_with(&from.args),
        // The number in the parentheses of an integer is how it is shown.
        (a, b) if a == b && (a.contains("int")) => true,
        (a, b) => a == b && from.args == to.args,
    }
}

/// Whether the statement forbids the server to copy the table.
pub(super) fn forbids_copy(algorithm: Option<&str>) -> bool {
    matches!(algorithm, Some("inplace" | "instant" | "nocopy"))
}

static TYPE_COPY: Rule = Rule {
    id: "change-column-copies-table",
    severity: Severity::Error,
    dialects: MYSQL,
    summary: "A column's type changed, which copies the table",
    why: "MariaDB and MySQL change a type by copying the whole table, and no row can be written \
          until that is done.",
    source: Some(
        "https://mariadb.com/kb/en/innodb-online-ddl-operations-with-the-instant-alter-algorithm/",
    ),
    rewrite: "Let gh-ost or pt-online-schema-change do it, or add a column of the new type, write \
              both, fill it in batches, and switch over. With ALGORITHM=INPLACE the server refuses \
              rather than copy.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::MariaDb,
        before: "CREATE TABLE goals (id BIGINT PRIMARY KEY, size INT, title VARCHAR(100));",
        fires: "ALTER TABLE goals MODIFY size BIGINT;",
        passes: "ALTER TABLE goals MODIFY title VARCHAR(200), ALGORITHM=INSTANT;\n\
                 ALTER TABLE goals MODIFY title VARCHAR(300);",
    }],
    check: |context| {
        let Some(alter) = context.alter() else {
            return Vec::new();
        };
        if forbids_copy(alter.algorithm.as_deref()) {
            return Vec::new();
        }
        let changes = alter.actions.iter().filter_map(|action| match action {
            Action::Modify { old, column } => Some((old, column)),
            _ => None,
        });
        changes
            .filter_map(|(old, column)| {
                let known = column_of(context, &alter.table, old).map(|column| &column.ty);
                if known.is_some_and(|known| is_in_place(known, &column.ty)) {
                    return None;
                }
                let message = match known {
                    Some(known) => format!(
                        "changing {old} from {known} to {} copies {} while nobody may write to it",
                        column.ty, alter.table.name
                    ),
                    None => format!(
                        "if {old} is not {} already, {} is copied while nobody may write to it",
                        column.ty, alter.table.name
                    ),
                };
                let rewrite = format!(
                    "{}, ALGORITHM=INPLACE, LOCK=NONE;\n-- if the server refuses that:\n{}",
                    context.text(),
                    expand_and_contract(context, &alter.table, old, &column.ty)
                );
                Some(Hit::new(message, rewrite).on(&alter.table))
            })
            .collect()
    },
};

/// Whether a validated check says that the column is not NULL.
fn is_proven(table: &Table, column: &str) -> bool {
    let plain = |text: &str| {
        let kept = text
            .chars()
            .filter(|c| !c.is_whitespace() && !"\"()`".contains(*c));
        kept.collect::<String>().to_lowercase()
    };
    let wanted = plain(&format!("{column}isnotnull"));
    table
        .constraints
        .iter()
        .any(|constraint| match &constraint.kind {
            ConstraintKind::Check { condition } => {
                !constraint.not_valid && plain(condition) == wanted
            }
            _ => false,
        })
}

static SET_NOT_NULL: Rule = Rule {
    id: "set-not-null",
    severity: Severity::Error,
    dialects: SERVERS,
    summary: "A column of a table in use made NOT NULL",
    why: "PostgreSQL reads every row under ACCESS EXCLUSIVE, unless a validated check has proven \
          that there is no NULL. MariaDB and MySQL write the table anew and fail at the first \
          NULL.",
    source: Some(ALTER_TABLE),
    rewrite: "On PostgreSQL add a check as NOT VALID, validate it, then set NOT NULL. On MariaDB \
              and MySQL fill the column first and demand ALGORITHM=INPLACE, LOCK=NONE.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "CREATE TABLE users (id uuid PRIMARY KEY, locale text,\n    \
                     tone text, CONSTRAINT tone_set CHECK (tone IS NOT NULL));",
            fires: "ALTER TABLE users ALTER COLUMN locale SET NOT NULL;",
            passes: "ALTER TABLE users ALTER COLUMN tone SET NOT NULL;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "CREATE TABLE users (id BIGINT PRIMARY KEY, locale VARCHAR(10));",
            fires: "ALTER TABLE users MODIFY locale VARCHAR(10) NOT NULL;",
            passes: "ALTER TABLE users MODIFY locale VARCHAR(10) NOT NULL, ALGORITHM=INPLACE, LOCK=NONE;",
        },
    ],
    check: |context| {
        let Some(alter) = context.alter() else {
            return Vec::new();
        };
        let known = context.known.table(&alter.table);
        let mut hits = Vec::new();
        for action in &alter.actions {
            match action {
                Action::SetNotNull { column } => {
                    if known.is_some_and(|known| is_proven(known, column)) {
                        continue;
                    }
                    let message = format!(
                        "all rows of {} are read while nobody may, to see that {column} is \
                         nowhere NULL",
                        alter.table.name
                    );
                    let check = format!("{}_{column}_not_null", alter.table.name);
                    let (on, check) = (context.table(&alter.table), context.quote(&check));
                    let rewrite = format!(
                        "ALTER TABLE {on} ADD CONSTRAINT {check} CHECK ({} IS NOT NULL) NOT VALID;\n\
                         -- in a later migration\n\
                         ALTER TABLE {on} VALIDATE CONSTRAINT {check};\n\
                         -- in one after that\n{};\nALTER TABLE {on} DROP CONSTRAINT {check};",
                        context.quote(column),
                        context.text()
                    );
                    hits.push(Hit::new(message, rewrite).on(&alter.table));
                }
                Action::Modify { old, column }
                    if column.not_null && !forbids_copy(alter.algorithm.as_deref()) =>
                {
                    let was = known.and_then(|known| known.column(old));
                    if was.is_some_and(|was| !was.not_null) {
                        let message = format!(
                            "{} is written anew, which fails if {old} is NULL anywhere",
                            alter.table.name
                        );
                        let rewrite = format!(
                            "-- after a migration that fills it\n\
                             {}, ALGORITHM=INPLACE, LOCK=NONE;",
                            context.text()
                        );
                        hits.push(Hit::new(message, rewrite).on(&alter.table));
                    }
                }
                _ => {}
            }
        }
        hits
    },
};

static DROP_NOT_NULL: Rule = Rule {
    id: "drop-not-null",
    severity: Severity::Warning,
    dialects: SERVERS,
    summary: "A column that may be NULL from now on",
    why: "The running release decodes the column into a type that holds no NULL, and fails at the \
          first row that has one.",
    source: Some("https://squawkhq.com/docs/ban-drop-not-null"),
    rewrite: "Release code that reads an Option first.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::Postgres,
            before: "",
            fires: "ALTER TABLE users ALTER COLUMN locale DROP NOT NULL;",
            passes: "ALTER TABLE users ALTER COLUMN locale DROP DEFAULT;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "CREATE TABLE users (id BIGINT PRIMARY KEY, locale VARCHAR(10) NOT NULL);",
            fires: "ALTER TABLE users MODIFY locale VARCHAR(10);",
            passes: "ALTER TABLE users MODIFY locale VARCHAR(10) NOT NULL DEFAULT 'en';",
        },
    ],
    check: |context| {
        let Some(alter) = context.alter() else {
            return Vec::new();
        };
        let known = context.known.table(&alter.table);
        let loosened = alter.actions.iter().filter_map(|action| match action {
            Action::DropNotNull { column } => Some(column),
            Action::Modify { old, column } if !column.not_null && !column.primary_key => {
                let was = known.and_then(|known| known.column(old))?;
                was.not_null.then_some(old)
            }
            _ => None,
        });
        loosened
            .map(|column| {
                let message = format!("readers of {column} must expect NULL before this runs");
                Hit::new(message, DROP_NOT_NULL.rewrite)
            })
            .collect()
    },
};
