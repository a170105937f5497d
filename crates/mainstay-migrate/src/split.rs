//! A migration's text into its statements.

use mainstay::schema::Dialect;

use crate::dialect::Syntax;
use crate::lexer::{Kind, Token, tokens};

/// One statement of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// Its text, from its first token that is no comment to its last, without the semicolon.
    pub text: &'a str,
    /// The line it starts on, counted from 1.
    pub line: usize,
    /// Its first unquoted words up to anything else, at most four, in upper case.
    pub words: Vec<String>,
}

impl Statement<'_> {
    /// The beginning of the text on one line, for messages.
    pub fn shown(&self) -> String {
        const LONGEST: usize = 80;
        let mut words = self.text.split_whitespace();
        let mut out = words.next().unwrap_or_default().to_owned();
        for word in words {
            if out.len() + word.len() >= LONGEST {
                out.push_str(" ...");
                break;
            }
            out.push(' ');
            out.push_str(word);
        }
        out.chars().take(LONGEST + 4).collect()
    }
}

/// Why a text cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitError {
    /// The line of the quote or comment concerned, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl std::fmt::Display for SplitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for SplitError {}

/// Splits a text at its semicolons: not at those in quotes, comments, dollar quotes, or bodies
/// from BEGIN to END of triggers and stored programs. Statements without any token are left out.
///
/// # Errors
/// When a quote, a comment or a body does not end.
pub fn split(dialect: Dialect, sql: &str) -> Result<Vec<Statement<'_>>, SplitError> {
    let pieces = statements(dialect, sql)?;
    Ok(pieces
        .iter()
        .filter_map(|piece| {
            let (first, last) = (piece.first()?, piece.last()?);
            let end = last.at + last.text.len();
            Some(Statement {
                text: &sql[first.at..end],
                line: line_of(sql, first.at),
                words: first_words(piece),
            })
        })
        .collect())
}

/// The tokens of each statement that has any, without space, comments and semicolons between.
pub(crate) fn statements(dialect: Dialect, sql: &str) -> Result<Vec<Vec<Token<'_>>>, SplitError> {
    let syntax = Syntax::of(dialect);
    let wrong = |at, what| SplitError {
        line: line_of(sql, at),
        what,
    };
    let mut all = tokens(syntax, sql).map_err(|unclosed| wrong(unclosed.at, unclosed.what))?;
    all.retain(|token| !matches!(token.kind, Kind::Space | Kind::Comment));
    let mut out = Vec::new();
    let mut current: Vec<Token<'_>> = Vec::new();
    let mut body = Body::default();
    for (position, token) in all.iter().enumerate() {
        if token.kind == Kind::Semicolon && body.depth == 0 {
            if !current.is_empty() {
                out.push(std::mem::take(&mut current));
            }
            body = Body::default();
            continue;
        }
        let before = current.last().map_or_else(String::new, word);
        let after = all.get(position + 1).map_or_else(String::new, word);
        body.see(syntax, current.is_empty(), [&before, &word(token), &after]);
        current.push(*token);
    }
    if body.depth > 0 {
        let at = current.first().map_or(0, |token| token.at);
        return Err(wrong(at, "a body from BEGIN to END does not end"));
    }
    if !current.is_empty() {
        out.push(current);
    }
    Ok(out)
}

/// The word in upper case; nothing for what is no word.
fn word(token: &Token<'_>) -> String {
    match token.kind {
        Kind::Word => token.text.to_ascii_uppercase(),
        _ => String::new(),
    }
}

pub(crate) fn line_of(sql: &str, at: usize) -> usize {
    sql[..at].matches('\n').count() + 1
}

fn first_words(piece: &[Token<'_>]) -> Vec<String> {
    piece
        .iter()
        .take(4)
        .map(word)
        .take_while(|word| !word.is_empty())
        .collect()
}

/// Keeps track of bodies that have semicolons of their own, within one statement.
#[derive(Debug, Default)]
struct Body {
    /// It is a CREATE, and of what is not known yet.
    creates: bool,
    /// It creates a trigger or a stored program.
    has_body: bool,
    /// Blocks that have begun and not ended.
    depth: usize,
}

impl Body {
    /// Sees a word, with the one before it in the statement and the one after.
    fn see(&mut self, syntax: Syntax, first: bool, [before, word, after]: [&str; 3]) {
        match word {
            "CREATE" if first => self.creates = true,
            // MariaDB's anonymous block: BEGIN NOT ATOMIC ... END.
            "BEGIN" if first && after == "NOT" => {
                self.has_body = true;
                self.depth = 1;
            }
            "TRIGGER" | "PROCEDURE" | "FUNCTION" | "EVENT" | "PACKAGE" if self.creates => {
                self.creates = false;
                self.has_body = true;
            }
            // Its names may be any word.
            "TABLE" | "INDEX" | "VIEW" | "TYPE" | "SCHEMA" | "DATABASE" => self.creates = false,
            // PostgreSQL's other bodies are quoted.
            "BEGIN"
                if self.has_body
                    && (!syntax.atomic_bodies || after == "ATOMIC" || self.depth > 0) =>
            {
                self.depth += 1;
            }
            "CASE" if self.depth > 0 && before != "END" => self.depth += 1,
            // END IF and its like close what is not counted.
            "END"
                if self.depth > 0
                    && !matches!(after, "IF" | "LOOP" | "WHILE" | "REPEAT" | "FOR") =>
            {
                self.depth -= 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "tests/split.rs"]
mod tests;
