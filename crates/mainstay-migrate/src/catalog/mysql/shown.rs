//! What is left out of the server's texts.
//!
//! Who made an object is not part of what it is: whoever makes it again is its owner. Neither is
//! the database's name, which another copy of it does not have.

use mainstay::schema::Dialect;

use crate::catalog::parse::{Cursor, is_symbol, is_word, name_of, significant};
use crate::dialect::Syntax;
use crate::lexer::{Kind, Token, tokens};

/// A view without its owner, the database's name, and what goes without saying.
pub(super) fn view(dialect: Dialect, sql: &str, database: Option<&str>) -> String {
    let sql = unqualified(dialect, sql, database);
    let sql = unowned(dialect, &sql);
    let sql = without(dialect, &sql, &["ALGORITHM", "=", "UNDEFINED"]);
    without(dialect, &sql, &["SQL", "SECURITY", "DEFINER"])
}

/// A definition without `DEFINER=user@host`.
pub(super) fn unowned(dialect: Dialect, sql: &str) -> String {
    let Ok(all) = significant(dialect, sql) else {
        return sql.to_owned();
    };
    // It stands in the head, before the name of what is made.
    let Some(start) = all
        .iter()
        .take(8)
        .position(|token| is_word(token, "DEFINER"))
    else {
        return sql.to_owned();
    };
    let mut cursor = Cursor::new(&all[start + 1..]);
    if !cursor.takes_symbol("=") {
        return sql.to_owned();
    }
    cursor.next();
    if cursor.takes_symbol("@") {
        cursor.next();
    }
    let rest = cursor.rest().first().map_or(sql.len(), |next| next.at);
    format!("{}{}", &sql[..all[start].at], &sql[rest..])
}

/// Without these tokens, where they stand before the body.
fn without(dialect: Dialect, sql: &str, gone: &[&str]) -> String {
    let Ok(all) = significant(dialect, sql) else {
        return sql.to_owned();
    };
    let is_gone = |token: &Token<'_>, text: &str| is_word(token, text) || is_symbol(token, text);
    let head = all
        .iter()
        .position(|token| is_word(token, "AS"))
        .unwrap_or(all.len());
    let found = all[..head].windows(gone.len()).position(|window| {
        window
            .iter()
            .zip(gone)
            .all(|(token, text)| is_gone(token, text))
    });
    match found.and_then(|at| Some((all[at].at, all.get(at + gone.len())?.at))) {
        Some((from, to)) => format!("{}{}", &sql[..from], &sql[to..]),
        None => sql.to_owned(),
    }
}

/// Without the database's name in front of others, and with what stands in comments that the
/// server runs.
pub(super) fn unqualified(dialect: Dialect, sql: &str, database: Option<&str>) -> String {
    let sql = run_comments(dialect, sql);
    let (Some(database), Ok(all)) = (database, significant(dialect, &sql)) else {
        return sql;
    };
    let mut out = String::with_capacity(sql.len());
    let mut copied = 0;
    for (at, token) in all.iter().enumerate() {
        let quoted = |token: &Token<'_>| token.kind == Kind::Quoted && token.text.starts_with('`');
        let first = at == 0 || !is_symbol(&all[at - 1], ".");
        let [_, point, name, ..] = &all[at..] else {
            break;
        };
        let is_database = quoted(token) && name_of(token).as_deref() == Some(database);
        if first && is_database && is_symbol(point, ".") && quoted(name) {
            out.push_str(&sql[copied..token.at]);
            copied = name.at;
        }
    }
    out.push_str(&sql[copied..]);
    out
}

/// `/*!80016 NOT ENFORCED */` as what it says.
fn run_comments(dialect: Dialect, sql: &str) -> String {
    let Ok(all) = tokens(Syntax::of(dialect), sql) else {
        return sql.to_owned();
    };
    let texts = all.iter().map(|token| {
        let inner = token
            .text
            .strip_prefix("/*!")
            .or_else(|| token.text.strip_prefix("/*M!"));
        match inner.and_then(|inner| inner.strip_suffix("*/")) {
            Some(inner) => inner.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => token.text,
        }
    });
    texts.collect()
}

#[cfg(test)]
#[path = "tests/shown.rs"]
mod tests;
