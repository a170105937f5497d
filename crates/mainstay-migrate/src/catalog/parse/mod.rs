//! Pieces of CREATE statements, as engines tell them, into data.
//!
//! The texts come from a database that took them: what is read here is known to be right, so that
//! it is enough to find the pieces. It is the same few shapes on every engine.
//!
//! - `mod.rs`: [`Cursor`], a place among the tokens of a text
//! - [`text`]: tokens back into text, in one form for what means the same
//! - [`table`]: CREATE TABLE
//! - [`column`]: the definition of a column
//! - [`constraint`]: keys, foreign keys, checks, and MySQL's indexes
//! - [`index`]: CREATE INDEX
//! - [`rules`]: what has to be known of the dialect

pub(super) mod column;
pub(super) mod constraint;
pub(super) mod index;
pub(super) mod rules;
pub(super) mod table;
pub(super) mod text;

use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind};

use crate::dialect::Syntax;
use crate::lexer::{Kind, Token, tokens};

/// Why a text was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

impl Malformed {
    /// The same as an error that names the object.
    pub(super) fn of(self, object: &str) -> Error {
        Error::new(
            ErrorKind::Decode,
            format!("the definition of {object} is not understood: {}", self.0),
        )
        .with_hint("please report the definition, as the database shows it")
    }
}

/// The tokens of a text that mean something: without white space and comments.
pub(super) fn significant(dialect: Dialect, sql: &str) -> Result<Vec<Token<'_>>, Malformed> {
    let mut all = tokens(Syntax::of(dialect), sql).map_err(|e| Malformed(e.what.to_owned()))?;
    all.retain(|token| !matches!(token.kind, Kind::Space | Kind::Comment));
    Ok(all)
}

/// A place among tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t, 'a> {
    rest: &'t [Token<'a>],
}

impl<'t, 'a> Cursor<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>]) -> Self {
        Self { rest: tokens }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been taken yet.
    pub(super) fn rest(&self) -> &'t [Token<'a>] {
        self.rest
    }

    /// Takes all that is left.
    pub(super) fn take_rest(&mut self) -> &'t [Token<'a>] {
        std::mem::take(&mut self.rest)
    }

    /// Takes one token.
    pub(super) fn next(&mut self) -> Option<&'t Token<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Whether these words are next, in any case.
    pub(super) fn sees(&self, words: &[&str]) -> bool {
        self.rest.len() >= words.len()
            && words
                .iter()
                .zip(self.rest)
                .all(|(word, token)| is_word(token, word))
    }

    /// Takes these words if they are next.
    pub(super) fn takes(&mut self, words: &[&str]) -> bool {
        let sees = self.sees(words);
        if sees {
            self.rest = &self.rest[words.len()..];
        }
        sees
    }

    /// Takes a symbol if it is next.
    pub(super) fn takes_symbol(&mut self, symbol: &str) -> bool {
        let sees = self
            .rest
            .first()
            .is_some_and(|token| is_symbol(token, symbol));
        if sees {
            self.rest = &self.rest[1..];
        }
        sees
    }

    /// Takes what stands in the parentheses that are next.
    pub(super) fn group(&mut self) -> Option<&'t [Token<'a>]> {
        let end = group_end(self.rest)?;
        let inside = &self.rest[1..end];
        self.rest = &self.rest[end + 1..];
        Some(inside)
    }

    /// The same where there have to be some.
    pub(super) fn needs_group(&mut self, of: &str) -> Result<&'t [Token<'a>], Malformed> {
        self.group()
            .ok_or_else(|| Malformed(format!("{of} has no parentheses")))
    }

    /// Takes a name, quoted or not.
    pub(super) fn name(&mut self) -> Option<String> {
        let name = name_of(self.rest.first()?)?;
        self.rest = &self.rest[1..];
        Some(name)
    }

    /// The same where there has to be one.
    pub(super) fn needs_name(&mut self, of: &str) -> Result<String, Malformed> {
        self.name()
            .ok_or_else(|| Malformed(format!("{of} has no name")))
    }

    /// Takes a name that may have its schema in front; gives the schema first.
    pub(super) fn qualified(&mut self, of: &str) -> Result<(Option<String>, String), Malformed> {
        let first = self.needs_name(of)?;
        if self.takes_symbol(".") {
            return Ok((Some(first), self.needs_name(of)?));
        }
        Ok((None, first))
    }
}

/// Where the parenthesis at the start is closed.
fn group_end(tokens: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if is_symbol(token, "(") {
            depth += 1;
        } else if is_symbol(token, ")") {
            depth = depth.checked_sub(1)?;
        }
        if depth == 0 {
            return (at > 0).then_some(at);
        }
    }
    None
}

pub(super) fn is_word(token: &Token<'_>, word: &str) -> bool {
    token.kind == Kind::Word && token.text.eq_ignore_ascii_case(word)
}

pub(super) fn is_symbol(token: &Token<'_>, symbol: &str) -> bool {
    token.kind == Kind::Symbol && token.text == symbol
}

/// What a word or a quoted name names.
pub(super) fn name_of(token: &Token<'_>) -> Option<String> {
    match token.kind {
        Kind::Word => Some(token.text.to_owned()),
        Kind::Quoted => unquoted(token.text),
        _ => None,
    }
}

/// The text within quotes of any of the four kinds.
pub(super) fn unquoted(text: &str) -> Option<String> {
    let (open, rest) = (text.chars().next()?, text.get(1..)?);
    let close = match open {
        '"' | '`' | '\'' => open,
        '[' => ']',
        _ => return None,
    };
    let inner = rest.strip_suffix(close)?;
    if open == '[' {
        return Some(inner.to_owned());
    }
    Some(inner.replace(&format!("{close}{close}"), &close.to_string()))
}

/// Splits at commas that stand in no parentheses or brackets.
pub(super) fn split_at_commas<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut out = Vec::new();
    let (mut depth, mut from) = (0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        if is_symbol(token, "(") || is_symbol(token, "[") {
            depth += 1;
        } else if is_symbol(token, ")") || is_symbol(token, "]") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && is_symbol(token, ",") {
            out.push(&tokens[from..at]);
            from = at + 1;
        }
    }
    if from < tokens.len() {
        out.push(&tokens[from..]);
    }
    out
}

/// The names of a list.
pub(super) fn names(tokens: &[Token<'_>]) -> Result<Vec<String>, Malformed> {
    split_at_commas(tokens)
        .into_iter()
        .map(|one| Cursor::new(one).needs_name("a column of a list"))
        .collect()
}

#[cfg(test)]
mod tests;
