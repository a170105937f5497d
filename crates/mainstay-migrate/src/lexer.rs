//! SQL text into tokens: just enough to tell statements, comments and quoted text apart.

use crate::dialect::Syntax;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// White space.
    Space,
    /// A comment that changes nothing.
    Comment,
    /// A keyword or an unquoted name.
    Word,
    /// A number.
    Number,
    /// Anything in quotes, with its quotes and prefix; a comment that is run.
    Quoted,
    /// An operator or other punctuation.
    Symbol,
    /// A semicolon.
    Semicolon,
}

/// A piece of the text. All pieces together are the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// Where it starts, in bytes.
    pub(crate) at: usize,
}

/// A quote or comment that does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unclosed {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// Operators of more than one character, longest first, where a dialect has a fixed set.
const OPERATORS: &[&str] = &[
    "->>", "<=>", "<=", ">=", "<>", "!=", "==", "<<", ">>", "||", "&&", ":=", "->", "::",
];

pub(crate) fn tokens(syntax: Syntax, sql: &str) -> Result<Vec<Token<'_>>, Unclosed> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < sql.len() {
        let (kind, len) = next(syntax, &sql[at..]).map_err(|what| Unclosed { at, what })?;
        out.push(Token {
            kind,
            text: &sql[at..at + len],
            at,
        });
        at += len;
    }
    Ok(out)
}

/// The kind and the length of the first token of a text that is not empty.
fn next(syntax: Syntax, rest: &str) -> Result<(Kind, usize), &'static str> {
    let Some(first) = rest.chars().next() else {
        return Ok((Kind::Space, 0));
    };
    if is_space(first) {
        return Ok((Kind::Space, run(rest, is_space)));
    }
    if let Some(found) = comment(syntax, rest)? {
        return Ok(found);
    }
    match first {
        ';' => Ok((Kind::Semicolon, 1)),
        '\'' => quoted(rest, '\'', syntax.backslash_escapes),
        '"' => quoted(rest, '"', syntax.backslash_escapes),
        '`' => quoted(rest, '`', false),
        '[' if syntax.brackets => match rest.find(']') {
            Some(end) => Ok((Kind::Quoted, end + 1)),
            None => Err("a [name] does not end"),
        },
        '$' if syntax.dollar_quotes => dollar(rest),
        c if c.is_ascii_digit() => Ok((Kind::Number, number(rest))),
        c if is_word(c) => word(syntax, rest),
        _ if syntax.free_operators => Ok((Kind::Symbol, free_operator(rest))),
        c => {
            let fixed = OPERATORS.iter().find(|known| rest.starts_with(**known));
            Ok((
                Kind::Symbol,
                fixed.map_or(c.len_utf8(), |known| known.len()),
            ))
        }
    }
}

/// White space, and the byte order mark some editors put in front.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, '\u{b}' | '\u{feff}')
}

/// A character of a name; engines take everything beyond ASCII as one.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

fn run(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}

fn comment(syntax: Syntax, rest: &str) -> Result<Option<(Kind, usize)>, &'static str> {
    let dashes = rest.strip_prefix("--").is_some_and(|tail| {
        !syntax.dashes_need_space
            || tail
                .chars()
                .next()
                .is_none_or(|c| is_space(c) || c.is_control())
    });
    if dashes || (syntax.hash_comments && rest.starts_with('#')) {
        return Ok(Some((Kind::Comment, rest.find('\n').unwrap_or(rest.len()))));
    }
    if !rest.starts_with("/*") {
        return Ok(None);
    }
    let len = block_comment(rest, syntax.nested_comments).ok_or("a comment /* does not end")?;
    let runs = syntax.executable_comments
        && ["/*!", "/*M!", "/*+"]
            .iter()
            .any(|mark| rest.starts_with(mark));
    let kind = if runs { Kind::Quoted } else { Kind::Comment };
    Ok(Some((kind, len)))
}

fn block_comment(rest: &str, nested: bool) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut depth = 1;
    let mut at = 2;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            }
            b"/*" if nested => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    None
}

/// A doubled quote stands for itself.
fn quoted(rest: &str, quote: char, backslash: bool) -> Result<(Kind, usize), &'static str> {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslash {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return Ok((Kind::Quoted, at + 1));
            }
        }
    }
    Err("a quoted text does not end")
}

fn dollar(rest: &str) -> Result<(Kind, usize), &'static str> {
    let tag_len = run(&rest[1..], is_word) + 1;
    let starts_with_digit = rest[1..].starts_with(|c: char| c.is_ascii_digit());
    if starts_with_digit || !rest[tag_len..].starts_with('$') {
        return Ok((Kind::Symbol, 1));
    }
    let tag = &rest[..=tag_len];
    match rest[tag.len()..].find(tag) {
        Some(end) => Ok((Kind::Quoted, end + 2 * tag.len())),
        None => Err("a dollar-quoted text does not end"),
    }
}

fn number(rest: &str) -> usize {
    let digits = |from: usize| from + run(&rest[from..], |c| is_word(c) || c == '.');
    let end = digits(0);
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    let exponent = !hexadecimal && rest[..end].ends_with(['e', 'E']);
    let mut tail = rest[end..].chars();
    let signed =
        matches!(tail.next(), Some('+' | '-')) && tail.next().is_some_and(|c| c.is_ascii_digit());
    if exponent && signed {
        digits(end + 1)
    } else {
        end
    }
}

fn word(syntax: Syntax, rest: &str) -> Result<(Kind, usize), &'static str> {
    let len = run(rest, |c| is_word(c) || c == '$');
    let (name, tail) = rest.split_at(len);
    let name = name.to_ascii_lowercase();
    let literal = matches!(name.as_str(), "e" | "b" | "n" | "x")
        || (syntax.backslash_escapes && name.starts_with('_'));
    if literal && tail.starts_with('\'') {
        let backslash = syntax.backslash_escapes || (syntax.escape_strings && name == "e");
        let (kind, quoted) = quoted(tail, '\'', backslash)?;
        return Ok((kind, len + quoted));
    }
    Ok((Kind::Word, len))
}

/// PostgreSQL's rule: as many operator characters as there are, up to a comment; without a last
/// `+` or `-`, unless a character that only operators have is among them.
fn free_operator(rest: &str) -> usize {
    const CHARACTERS: &str = "+-*/<>=~!@#%^&|`?:";
    const RARE: &str = "~!@#%^&|`?";
    let mut len = run(rest, |c| CHARACTERS.contains(c));
    for comment in ["--", "/*"] {
        if let Some(at) = rest[..len].find(comment) {
            len = at;
        }
    }
    while len > 1
        && rest[..len].ends_with(['+', '-'])
        && !rest[..len].contains(|c| RARE.contains(c))
    {
        len -= 1;
    }
    if len == 0 {
        rest.chars().next().map_or(0, char::len_utf8)
    } else {
        len
    }
}
