//! A catalog's pieces as SQL.
//!
//! Every piece can be written by itself, so that a CREATE and an ALTER statement that mean the
//! same column read the same. Names are quoted; texts of SQL are written as the catalog has them.
//!
//! - `mod.rs`: tables, and what one statement makes for itself
//! - [`mod@column`]: the line of a column
//! - [`constraint`]: keys, foreign keys and checks

pub mod column;
pub mod constraint;

use mainstay::schema::Dialect;

pub use column::{column, column_of};
pub use constraint::{KeyKind, check, foreign_key, key};

use super::engine::{Comments, Writing};
use super::{Index, IndexPart, Other, Table};

/// The statements that make a table, in order: the table itself with its keys and checks, its
/// comments, its indexes, and what attaches it to the table it is a partition of.
///
/// Triggers are left out: they may need what does not exist yet. Foreign keys are lines of the
/// table, or left out where their tables do not exist yet; [`add_foreign_key`] adds them.
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

/// The statement that makes an index.
pub fn index(dialect: Dialect, table: &str, index: &Index) -> String {
    let writing = Writing::of(dialect);
    let (front, method, tail) = index_words(writing, index);
    let front = if index.unique { "UNIQUE " } else { &front };
    let mut sql = format!(
        "CREATE {front}INDEX {} ON {}",
        dialect.quote(&index.name),
        dialect.quote(table)
    );
    let columns = parts(dialect, &index.parts);
    sql.push_str(&match method.as_str() {
        "" => format!(" ({columns})"),
        method if writing.method_behind => format!(" ({columns}) USING {method}"),
        method => format!(" USING {method} ({columns})"),
    });
    if !index.include.is_empty() {
        sql.push_str(&format!(" INCLUDE ({})", names(dialect, &index.include)));
    }
    if !tail.is_empty() {
        sql.push_str(&format!(" {tail}"));
    }
    if let Some(condition) = &index.condition {
        sql.push_str(&format!(" WHERE {condition}"));
    }
    sql
}

/// The words of an index's method: those in front of INDEX, the one behind USING, and the rest.
fn index_words(writing: Writing, index: &Index) -> (String, String, String) {
    let method = index.method.as_deref().unwrap_or_default();
    let (first, rest) = method.split_once(' ').unwrap_or((method, ""));
    if first == "FULLTEXT" || first == "SPATIAL" {
        return (format!("{first} "), String::new(), rest.to_owned());
    }
    let usual = first.eq_ignore_ascii_case(writing.usual_method);
    let method = if usual {
        String::new()
    } else {
        first.to_owned()
    };
    (String::new(), method, rest.to_owned())
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

/// An index as a line of its table.
fn index_line(dialect: Dialect, index: &Index) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let name = dialect.quote(&index.name);
    format!("{unique}INDEX {name} ({})", parts(dialect, &index.parts))
}

fn parts(dialect: Dialect, parts: &[IndexPart]) -> String {
    let parts = parts.iter().map(|part| {
        let what = if part.is_column {
            dialect.quote(&part.what)
        } else {
            part.what.clone()
        };
        match part.suffix.as_deref() {
            // A length stands close to its column.
            Some(length) if length.starts_with('(') => format!("{what}{length}"),
            Some(suffix) => format!("{what} {suffix}"),
            None => what,
        }
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// The statement that adds a foreign key to a table that is there. SQLite has none such.
pub fn add_foreign_key(dialect: Dialect, table: &str, key: &super::ForeignKey) -> String {
    let table = dialect.quote(table);
    format!("ALTER TABLE {table} ADD {}", foreign_key(dialect, key))
}

/// The statement that makes an object of another kind, and one for when the tables are there, if
/// it needs that: the owner of a sequence.
pub fn other(other: &Other) -> (String, Option<String>) {
    const CREATE: &str = "CREATE SEQUENCE ";
    if let Some((create, owner)) = other.definition.rsplit_once(" OWNED BY ")
        && let Some(rest) = create.strip_prefix(CREATE)
    {
        let name = quoted_at(rest);
        let later = format!("ALTER SEQUENCE {name} OWNED BY {owner}");
        return (create.to_owned(), Some(later));
    }
    (other.definition.clone(), None)
}

/// The quoted name at the start of a text.
fn quoted_at(text: &str) -> &str {
    let mut quotes = text
        .char_indices()
        .skip(1)
        .filter(|(_, c)| *c == '"')
        .map(|(at, _)| at)
        .peekable();
    while let Some(at) = quotes.next() {
        if quotes.peek() == Some(&(at + 1)) {
            quotes.next();
        } else {
            return &text[..=at];
        }
    }
    text
}

/// Names in quotes, with commas between.
pub fn names(dialect: Dialect, names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| dialect.quote(name)).collect();
    quoted.join(", ")
}

/// A text in quotes.
pub fn text(dialect: Dialect, text: &str) -> String {
    let text = text.replace('\'', "''");
    if Writing::of(dialect).backslash_escapes {
        format!("'{}'", text.replace('\\', "\\\\"))
    } else {
        format!("'{text}'")
    }
}
