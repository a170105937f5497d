//! Names in SQL texts: whether one is mentioned, and one put in another's place.

use std::borrow::Cow;

use mainstay::schema::Dialect;

use crate::dialect::Syntax;
use crate::lexer::{Kind, Token, tokens};

/// Whether a text may mention a name. A word that is something else by the same name counts too;
/// so does everything where the text cannot be read.
pub(crate) fn mentions(dialect: Dialect, sql: &str, name: &str) -> bool {
    match tokens(Syntax::of(dialect), sql) {
        Ok(all) => all.iter().any(|token| is_name(token, name)),
        Err(_) => true,
    }
}

/// The text with one name in place of another; quoted where the other was.
pub(super) fn replace(dialect: Dialect, sql: &str, before: &str, after: &str) -> String {
    let Ok(all) = tokens(Syntax::of(dialect), sql) else {
        return sql.to_owned();
    };
    let mut out = String::with_capacity(sql.len());
    for token in &all {
        if !is_name(token, before) {
            out.push_str(token.text);
        } else if token.kind == Kind::Word && is_plain(after) {
            out.push_str(after);
        } else {
            out.push_str(&dialect.quote(after));
        }
    }
    out
}

/// Whether a name can be written without quotes, as far as its characters go.
pub(super) fn is_plain(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    starts && name.chars().all(rest)
}

fn is_name(token: &Token<'_>, name: &str) -> bool {
    name_of(token).is_some_and(|found| found.eq_ignore_ascii_case(name))
}

/// The name that a token is, if it may be one.
fn name_of<'a>(token: &Token<'a>) -> Option<Cow<'a, str>> {
    match token.kind {
        Kind::Word => Some(Cow::Borrowed(token.text)),
        Kind::Quoted => {
            let quote = token.text.chars().next()?;
            let close = match quote {
                '"' | '`' => quote,
                '[' => ']',
                _ => return None,
            };
            let inner = token.text.get(1..token.text.len() - 1)?;
            Some(Cow::Owned(
                inner.replace(&format!("{close}{close}"), &close.to_string()),
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "tests/words.rs"]
mod tests;
