//! Tokens back into text.

use mainstay::schema::Dialect;

use super::{is_symbol, is_word, significant, split_at_commas};
use crate::lexer::{Kind, Token};

/// Words behind which a parenthesis stands apart; behind others it is that of a function's or a
/// type's arguments.
const APART: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "AS",
    "BETWEEN",
    "BY",
    "CASE",
    "DISTINCT",
    "ELSE",
    "EXISTS",
    "FILTER",
    "FOR",
    "FROM",
    "HAVING",
    "IN",
    "INCLUDE",
    "IS",
    "LIKE",
    "NOT",
    "ON",
    "OR",
    "OVER",
    "RANGE",
    "REFERENCES",
    "RETURNING",
    "SELECT",
    "SOME",
    "THAN",
    "THEN",
    "UNION",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
    "XOR",
    "LIST",
    "HASH",
    "KEY",
];

/// Text in one form for all ways to space it: one space between tokens, none where people write
/// none.
pub(in crate::catalog) fn canonical(tokens: &[Token<'_>]) -> String {
    let mut out = String::new();
    // Whether the token before stands in front of what it belongs to, as the minus of -1.
    let mut prefix = false;
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &tokens[at]);
        if let Some(before) = before
            && !prefix
            && is_apart(before, token)
        {
            out.push(' ');
        }
        prefix = is_prefix(before, token);
        out.push_str(token.text);
    }
    out
}

/// The text of a type: without a space around parentheses and behind commas.
pub(in crate::catalog) fn of_type(tokens: &[Token<'_>]) -> String {
    let mut out = String::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &tokens[at]);
        let words = |token: &Token<'_>| !matches!(token.kind, Kind::Symbol);
        if let Some(before) = before
            && words(token)
            && (words(before) || is_symbol(before, ")"))
        {
            out.push(' ');
        }
        out.push_str(token.text);
    }
    out
}

fn is_one_of(token: &Token<'_>, symbols: &[&str]) -> bool {
    symbols.iter().any(|symbol| is_symbol(token, symbol))
}

/// Whether a space stands between two tokens.
fn is_apart(before: &Token<'_>, token: &Token<'_>) -> bool {
    if is_one_of(token, &[")", "]", ",", ".", "::"])
        || is_one_of(before, &["(", "[", ".", "::", "@"])
        || token.kind == Kind::Semicolon
    {
        return false;
    }
    let ends_operand =
        !matches!(before.kind, Kind::Symbol | Kind::Semicolon) || is_one_of(before, &[")", "]"]);
    if is_symbol(token, "[") {
        return !ends_operand;
    }
    if is_symbol(token, "(") {
        let word = before.kind == Kind::Word;
        let called = before.kind == Kind::Quoted && before.text.starts_with(['"', '`', '[']);
        let apart = APART.iter().any(|apart| is_word(before, apart));
        return !called && (apart || !word);
    }
    true
}

/// Whether a sign belongs to what follows it: there is nothing before that it could join to it.
fn is_prefix(before: Option<&Token<'_>>, token: &Token<'_>) -> bool {
    if !is_one_of(token, &["-", "+", "~", "!"]) {
        return false;
    }
    before.is_none_or(|before| match before.kind {
        Kind::Symbol => !is_one_of(before, &[")", "]"]),
        Kind::Word => APART.iter().any(|apart| is_word(before, apart)),
        _ => false,
    })
}

/// The same for a text. One that cannot be read is left as it is.
pub(in crate::catalog) fn canonical_text(dialect: Dialect, sql: &str) -> String {
    match significant(dialect, sql) {
        Ok(tokens) => canonical(bare(&tokens)),
        Err(_) => sql.to_owned(),
    }
}

/// Without parentheses around all of it.
pub(in crate::catalog) fn bare<'t, 'a>(mut tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    while let Some(end) = super::group_end(tokens)
        && end + 1 == tokens.len()
        && end > 1
    {
        tokens = &tokens[1..end];
    }
    tokens
}

/// Writes the cast of a list at each of its elements, as PostgreSQL itself does when it reads the
/// text again: `ARRAY['a', 'b']::text[]` becomes `ARRAY['a'::text, 'b'::text]`. Otherwise a
/// definition would read differently after it was run.
pub(in crate::catalog) fn spread_casts(dialect: Dialect, sql: &str) -> String {
    let Ok(tokens) = significant(dialect, sql) else {
        return sql.to_owned();
    };
    let mut out = String::with_capacity(sql.len());
    let mut copied = 0;
    let mut at = 0;
    while at < tokens.len() {
        let Some(list) = cast_list(&tokens[at..]) else {
            at += 1;
            continue;
        };
        let (first, last) = (tokens[at], tokens[at + list.len - 1]);
        out.push_str(&sql[copied..first.at]);
        let elements = split_at_commas(&tokens[at + 2..at + list.elements_end]);
        let elements = elements.iter().map(|element| {
            let text = spread_casts(dialect, &sql[span(element)]);
            if is_simple(element) {
                format!("{text}::{}", list.ty)
            } else {
                format!("({text})::{}", list.ty)
            }
        });
        out.push_str(&format!(
            "ARRAY[{}]",
            elements.collect::<Vec<_>>().join(", ")
        ));
        copied = last.at + last.text.len();
        at += list.len;
    }
    out.push_str(&sql[copied..]);
    out
}

/// `ARRAY[...]::type[]` at the start of tokens.
struct CastList {
    /// How many tokens it has.
    len: usize,
    /// Where its elements end.
    elements_end: usize,
    /// The type of an element.
    ty: String,
}

fn cast_list(tokens: &[Token<'_>]) -> Option<CastList> {
    if !is_word(tokens.first()?, "ARRAY") || !is_symbol(tokens.get(1)?, "[") {
        return None;
    }
    let mut depth = 0_usize;
    let elements_end = tokens.iter().position(|token| {
        depth += usize::from(is_symbol(token, "["));
        depth -= usize::from(is_symbol(token, "]") && depth > 0);
        depth == 0 && is_symbol(token, "]")
    })?;
    if !is_symbol(tokens.get(elements_end + 1)?, "::") {
        return None;
    }
    let ty_start = elements_end + 2;
    let ty_len = tokens
        .get(ty_start..)?
        .iter()
        .position(|token| is_symbol(token, "["))?;
    let ty = &tokens[ty_start..ty_start + ty_len];
    let named = ty.iter().all(|token| {
        matches!(token.kind, Kind::Word | Kind::Quoted | Kind::Number)
            || is_one_of(token, &[".", "(", ")", ","])
    });
    let end = ty_start + ty_len + 1;
    if ty.is_empty() || !named || !is_symbol(tokens.get(end)?, "]") {
        return None;
    }
    Some(CastList {
        len: end + 1,
        elements_end,
        ty: of_type(ty).replace(" .", ".").replace(". ", "."),
    })
}

/// Whether a cast may stand behind an element without parentheses.
fn is_simple(element: &[Token<'_>]) -> bool {
    let mut depth = 0_usize;
    element.iter().all(|token| {
        depth += usize::from(is_one_of(token, &["(", "["]));
        let simple =
            depth > 0 || token.kind != Kind::Symbol || is_one_of(token, &["::", ".", ")", "]"]);
        depth = depth.saturating_sub(usize::from(is_one_of(token, &[")", "]"])));
        simple
    })
}

/// The bytes from the first token to the last.
fn span(tokens: &[Token<'_>]) -> std::ops::Range<usize> {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => first.at..last.at + last.text.len(),
        _ => 0..0,
    }
}
