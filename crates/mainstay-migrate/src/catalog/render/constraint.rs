//! Keys, foreign keys and checks, each as a line of CREATE TABLE. `ALTER TABLE ... ADD` takes the
//! same text.

use mainstay::schema::Dialect;

use super::words::names;
use crate::catalog::engine::Writing;
use crate::catalog::{Check, ForeignKey, Key};

/// Which kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// The primary key.
    Primary,
    /// A unique constraint.
    Unique,
}

/// A primary key or a unique constraint.
pub fn key(dialect: Dialect, kind: KeyKind, key: &Key) -> String {
    let mut line = named(dialect, key.name.as_deref());
    line.push_str(match kind {
        KeyKind::Primary => "PRIMARY KEY",
        KeyKind::Unique => "UNIQUE",
    });
    let mut columns = format!("({})", names(dialect, &key.columns));
    let mut tail = String::new();
    for option in &key.options {
        if option == "NULLS NOT DISTINCT" {
            line.push_str(&format!(" {option}"));
        } else if option.starts_with('(') {
            columns.clone_from(option);
        } else {
            tail.push_str(&format!(" {option}"));
        }
    }
    format!("{line} {columns}{tail}")
}

/// A foreign key. What it does is said only where it is not what the engine does by itself.
pub fn foreign_key(dialect: Dialect, key: &ForeignKey) -> String {
    let usual = Writing::of(dialect).usual_action;
    let mut target = String::new();
    let mut tail = String::new();
    for option in &key.options {
        if let Some(schema) = option.strip_prefix("IN SCHEMA ") {
            target = format!("{}.", dialect.quote(schema));
        } else if option.starts_with("MATCH ") || option.starts_with('(') {
            // Those come before and between the actions.
        } else {
            tail.push_str(&format!(" {option}"));
        }
    }
    let option = |start: &str| key.options.iter().find(|option| option.starts_with(start));
    let mut line = format!(
        "{}FOREIGN KEY ({}) REFERENCES {target}{}",
        named(dialect, key.name.as_deref()),
        names(dialect, &key.columns),
        dialect.quote(&key.references),
    );
    if !key.referenced_columns.is_empty() {
        line.push_str(&format!(" ({})", names(dialect, &key.referenced_columns)));
    }
    if let Some(matching) = option("MATCH ") {
        line.push_str(&format!(" {matching}"));
    }
    if key.on_delete != usual {
        line.push_str(&format!(" ON DELETE {}", key.on_delete));
        // Of a key of several columns, PostgreSQL can set some.
        if let Some(columns) = option("(") {
            line.push_str(&format!(" {columns}"));
        }
    }
    if key.on_update != usual {
        line.push_str(&format!(" ON UPDATE {}", key.on_update));
    }
    line + &tail
}

/// A check.
pub fn check(dialect: Dialect, check: &Check) -> String {
    let name = check.name.as_deref().filter(|_| !check.is_of_column());
    let mut line = format!("{}CHECK ({})", named(dialect, name), check.condition);
    for option in check.options.iter().filter(|_| !check.is_of_column()) {
        line.push_str(&format!(" {option}"));
    }
    line
}

/// `CONSTRAINT name `, or nothing without a name.
pub(super) fn named(dialect: Dialect, name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| {
        format!("CONSTRAINT {} ", dialect.quote(name))
    })
}

/// The statement that adds a foreign key to a table that is there. SQLite has none such.
pub fn add_foreign_key(dialect: Dialect, table: &str, key: &ForeignKey) -> String {
    let table = dialect.quote(table);
    format!("ALTER TABLE {table} ADD {}", foreign_key(dialect, key))
}
