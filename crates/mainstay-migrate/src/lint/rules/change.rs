//! Changing columns of tables that are in use.

use mainstay::schema::Dialect;

use super::rule::{Example, MYSQL, POSTGRES, Rule, SERVERS, Weight};
use crate::ddl::{Action, Column, ConstraintKind, Name, Type};
use crate::lint::context::{Context, Hit};
use crate::lint::known::Table;
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[&TYPE_CHANGE, &TYPE_COPY, &SET_NOT_NULL, &DROP_NOT_NULL];

const ALTER_TABLE: &str = "https://www.postgresql.org/docs/current/sql-altertable.html";

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

/// Whether a VARCHAR is made longer in place. Its length is stored in one byte up to 255 bytes; only
/// MariaDB finds room for the second, and not always.
fn is_longer_in_place(context: &Context<'_>, from: &Type, to: &Type) -> bool {
    let (Some(old), Some(new)) = (number(from, 0), number(to, 0)) else {
        return false;
    };
    // A character takes up to four bytes.
    let same_length = (old * 4 > 255) == (new * 4 > 255);
    let finds_room = context.dialect == Dialect::MariaDb && old * 4 <= 127;
    new >= old && (same_length || finds_room)
}

/// Whether MariaDB and MySQL change a column's type without copying the table.
fn is_in_place(context: &Context<'_>, from: &Type, to: &Type) -> bool {
    match (from.canonical(), to.canonical()) {
        ("character varying", "character varying") => is_longer_in_place(context, from, to),
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

/// Whether a column gets another character set.
fn converts(context: &Context<'_>, table: &Name, was: Option<&Column>, is: &Column) -> bool {
    let default = context
        .known
        .table(table)
        .and_then(|table| table.charset.as_ref());
    let of = |column: &'_ Column| column.charset.clone().or_else(|| default.cloned());
    match (was.and_then(of), of(is)) {
        (Some(was), Some(is)) => was != is,
        _ => false,
    }
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
                let was = column_of(context, &alter.table, old);
                let known = was.map(|column| &column.ty);
                let converted = converts(context, &alter.table, was, column);
                if !converted && known.is_some_and(|known| is_in_place(context, known, &column.ty)) {
                    return None;
                }
                let table = &alter.table.name;
                let message = match known {
                    Some(_) if converted => format!(
                        "giving {old} another character set copies {table} while nobody may write \
                         to it"
                    ),
                    Some(known) => format!(
                        "changing {old} from {known} to {} copies {table} while nobody may write \
                         to it",
                        column.ty
                    ),
                    None => format!(
                        "if {old} is not {} already, {table} is copied while nobody may write to it",
                        column.ty
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
