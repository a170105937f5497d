//! Names and texts in quotes.

use mainstay::schema::Dialect;

use crate::catalog::engine::Writing;

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
