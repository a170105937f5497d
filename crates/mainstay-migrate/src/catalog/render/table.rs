//! Tables, and what one statement makes for itself.

use mainstay::schema::Dialect;

use super::column::column_of;
use super::constraint::{KeyKind, check, foreign_key, key};
use super::index::{index, index_line};
use super::words::text;
use crate::catalog::engine::{Comments, Writing};
use crate::catalog::{Index, Table};

/// The statements that make a table, in order: the table itself with its keys and checks, its
/// comments, its indexes, and what attaches it to the table it is a partition of.
///
/// Triggers are left out: they may need what does not exist yet. Foreign keys are lines of the
/// table, or left out where their tables do not exist yet; [`add_foreign_key`](super::add_foreign_key) adds them.
pub fn table(dialect: Dialect, table: &Table, foreign_keys_inline: bool) -> Vec<String> {
    let writing = Writing::of(dialect);
    let name = dialect.quote(&table.name);
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| column_of(dialect, table, column))
        .collect();
    let key_on_column =
        writing.identity_is_key && table.columns.iter().any(|c| c.identity.is_some());
    if let Some(primary) = &table.primary_key
        && !key_on_column
    {
        lines.push(key(dialect, KeyKind::Primary, primary));
    }
    lines.extend(
        table
            .uniques
            .iter()
            .map(|unique| key(dialect, KeyKind::Unique, unique)),
    );
    let at_once = indexes_at_once(writing, table);
    lines.extend(at_once.iter().map(|index| index_line(dialect, index)));
    if foreign_keys_inline {
        lines.extend(
            table
                .foreign_keys
                .iter()
                .map(|key| foreign_key(dialect, key)),
        );
    }
    let checks = table.checks.iter().filter(|check| !check.is_of_column());
    lines.extend(checks.map(|one| check(dialect, one)));

    let mut options = Vec::new();
    let mut kind = "TABLE";
    let mut behind = Vec::new();
    for option in &table.options {
        if option == "UNLOGGED" {
            kind = "UNLOGGED TABLE";
        } else if let Some(security) = option.strip_suffix("ROW LEVEL SECURITY") {
            let action = if security.is_empty() {
                "ENABLE"
            } else {
                security.trim_end()
            };
            behind.push(format!("ALTER TABLE {name} {action} ROW LEVEL SECURITY"));
        } else if let Some((parent, bound)) = partition_of(option) {
            behind.push(format!(
                "ALTER TABLE {parent} ATTACH PARTITION {name} {bound}"
            ));
        } else {
            options.push(option.clone());
        }
    }
    if let (Comments::Inside, Some(comment)) = (writing.comments, &table.comment) {
        let comment = format!("COMMENT={}", text(dialect, comment));
        // What parts the table stands last.
        let last = options
            .iter()
            .position(|option| option.starts_with("PARTITION BY"));
        options.insert(last.unwrap_or(options.len()), comment);
    }
    let mut create = format!("CREATE {kind} {name} (\n    {}\n)", lines.join(",\n    "));
    if !options.is_empty() {
        create.push(' ');
        create.push_str(&options.join(writing.between_options));
    }
    let mut statements = vec![create];
    if writing.comments == Comments::Behind {
        statements.extend(comments(dialect, table));
    }
    let later = table
        .indexes
        .iter()
        .filter(|index| !at_once.contains(index));
    statements.extend(later.map(|one| index(dialect, &table.name, one)));
    statements.extend(behind);
    statements
}

/// Splits `PARTITION OF "parent" FOR VALUES ...`.
fn partition_of(option: &str) -> Option<(&str, &str)> {
    let rest = option.strip_prefix("PARTITION OF ")?;
    let bound = rest
        .find(" FOR VALUES")
        .or_else(|| rest.rfind(" DEFAULT"))?;
    Some((&rest[..bound], &rest[bound + 1..]))
}

/// The statements that comment a table and its columns, where comments have statements of their
/// own.
pub fn comments(dialect: Dialect, table: &Table) -> Vec<String> {
    let name = dialect.quote(&table.name);
    let own = table
        .comment
        .iter()
        .map(|comment| format!("COMMENT ON TABLE {name} IS {}", text(dialect, comment)));
    let of_columns = table.columns.iter().filter_map(|column| {
        let comment = text(dialect, column.comment.as_ref()?);
        let column = dialect.quote(&column.name);
        Some(format!("COMMENT ON COLUMN {name}.{column} IS {comment}"))
    });
    own.chain(of_columns).collect()
}

/// Indexes that have to be there when the table is made: those without which the engine refuses a
/// column whose values it makes.
fn indexes_at_once(writing: Writing, table: &Table) -> Vec<&Index> {
    let made = table
        .columns
        .iter()
        .find(|column| column.identity.is_some());
    let Some(made) = made.filter(|_| writing.identity_needs_index) else {
        return Vec::new();
    };
    let keys = table.primary_key.iter().chain(&table.uniques);
    if keys
        .into_iter()
        .any(|key| key.columns.first() == Some(&made.name))
    {
        return Vec::new();
    }
    let leads = |index: &&Index| {
        index
            .parts
            .first()
            .is_some_and(|part| part.what == made.name)
    };
    table.indexes.iter().filter(leads).take(1).collect()
}
