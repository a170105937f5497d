//! Indexes.

use mainstay::schema::Dialect;

use super::words::names;
use crate::catalog::engine::Writing;
use crate::catalog::{Index, IndexPart};

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

/// An index as a line of its table.
pub(super) fn index_line(dialect: Dialect, index: &Index) -> String {
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
