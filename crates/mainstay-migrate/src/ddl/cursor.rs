//! A place in a statement's tokens.

use super::{Expression, Name};
use crate::lexer::{Kind, Token};

/// Reads forward through tokens. What does not fit is left where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t, 'a> {
    /// The text that the tokens are of.
    sql: &'a str,
    tokens: &'t [Token<'a>],
    /// Names without quotes are in lower case.
    folds: bool,
}

impl<'t, 'a> Cursor<'t, 'a> {
    pub(super) fn new(sql: &'a str, tokens: &'t [Token<'a>], folds: bool) -> Self {
        Self { sql, tokens, folds }
    }

    /// A cursor over other tokens of the same text.
    pub(super) fn over(&self, tokens: &'t [Token<'a>]) -> Self {
        Self { tokens, ..*self }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn rest(&self) -> &'t [Token<'a>] {
        self.tokens
    }

    /// Steps over one token, if there is one.
    pub(super) fn step(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    /// Whether the next tokens are these words, whatever their case.
    pub(super) fn at(&self, words: &str) -> bool {
        let mut tokens = self.tokens.iter();
        words
            .split(' ')
            .all(|word| tokens.next().is_some_and(|token| is_word(token, word)))
    }

    /// Steps over these words, all or none.
    pub(super) fn eat(&mut self, words: &str) -> bool {
        let found = self.at(words);
        if found {
            self.tokens = &self.tokens[words.split(' ').count()..];
        }
        found
    }

    /// Steps over the first of these that stands here.
    pub(super) fn eat_any(&mut self, choices: &[&str]) -> bool {
        choices.iter().any(|words| self.eat(words))
    }

    pub(super) fn at_symbol(&self, symbol: &str) -> bool {
        self.tokens
            .first()
            .is_some_and(|token| token.kind == Kind::Symbol && token.text == symbol)
    }

    pub(super) fn at_punctuation(&self) -> bool {
        self.tokens
            .first()
            .is_some_and(|token| token.kind == Kind::Symbol)
    }

    pub(super) fn eat_symbol(&mut self, symbol: &str) -> bool {
        let found = self.at_symbol(symbol);
        if found {
            self.step();
        }
        found
    }

    /// The word here in lower case.
    pub(super) fn word(&mut self) -> Option<String> {
        let token = self.tokens.first()?;
        if token.kind != Kind::Word {
            return None;
        }
        self.step();
        Some(token.text.to_ascii_lowercase())
    }

    /// A name, in quotes or not.
    pub(super) fn name(&mut self) -> Option<String> {
        let name = name_of(self.tokens.first()?, self.folds)?;
        self.step();
        Some(name)
    }

    /// A name that may have a schema, or more, in front.
    pub(super) fn qualified(&mut self) -> Option<Name> {
        let mut name = Name {
            schema: None,
            name: self.name()?,
        };
        while self.at_symbol(".") {
            let mut ahead = *self;
            ahead.step();
            let Some(next) = ahead.name() else { break };
            *self = ahead;
            name = Name {
                schema: Some(name.name),
                name: next,
            };
        }
        Some(name)
    }

    /// What stands in the parentheses that open here.
    pub(super) fn group(&mut self) -> Option<&'t [Token<'a>]> {
        if !self.at_symbol("(") {
            return None;
        }
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate() {
            depth = match symbol(token) {
                "(" => depth + 1,
                ")" => depth.saturating_sub(1),
                _ => depth,
            };
            if depth == 0 {
                let inside = &self.tokens[1..at];
                self.tokens = &self.tokens[at + 1..];
                return Some(inside);
            }
        }
        None
    }

    /// The tokens up to the first that is a comma outside parentheses, which is stepped over.
    pub(super) fn part(&mut self) -> &'t [Token<'a>] {
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate() {
            match symbol(token) {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                "," if depth == 0 => {
                    let part = &self.tokens[..at];
                    self.tokens = &self.tokens[at + 1..];
                    return part;
                }
                _ => {}
            }
        }
        std::mem::take(&mut self.tokens)
    }

    /// The parts between commas.
    pub(super) fn parts(mut self) -> Vec<Self> {
        let mut parts = Vec::new();
        while !self.is_empty() {
            let part = self.part();
            parts.push(self.over(part));
        }
        parts
    }

    /// The names at the beginning of each part in the parentheses that open here: columns.
    pub(super) fn columns(&mut self) -> Vec<String> {
        let Some(inside) = self.group() else {
            return Vec::new();
        };
        let parts = self.over(inside).parts();
        parts
            .into_iter()
            .filter_map(|mut part| part.name())
            .collect()
    }

    /// Names between commas, as in DROP TABLE.
    pub(super) fn names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        while let Some(name) = self.qualified() {
            names.push(name);
            if !self.eat_symbol(",") {
                break;
            }
        }
        names
    }

    /// Whether a word stands anywhere outside parentheses.
    pub(super) fn has(&self, word: &str) -> bool {
        let mut ahead = *self;
        while !ahead.is_empty() {
            if ahead.at(word) {
                return true;
            }
            if ahead.group().is_none() {
                ahead.step();
            }
        }
        false
    }

    /// Tokens as an expression.
    pub(super) fn expression(&self, tokens: &'t [Token<'a>]) -> Expression {
        const SPECIAL: [&str; 8] = [
            "current_timestamp",
            "current_date",
            "current_time",
            "localtimestamp",
            "localtime",
            "current_user",
            "session_user",
            "user",
        ];
        let mut calls = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let word = token.text.to_ascii_lowercase();
            let opens = tokens.get(at + 1).is_some_and(|next| symbol(next) == "(");
            // A type of a cast may have parentheses too.
            let cast = at > 0 && symbol(&tokens[at - 1]) == "::";
            let special = SPECIAL.contains(&word.as_str());
            if token.kind == Kind::Word && !cast && (opens || special) {
                calls.push(word);
            }
        }
        let mut whole = self.over(tokens);
        Expression {
            text: text_of(self.sql, tokens).to_owned(),
            calls,
            in_parentheses: whole.group().is_some() && whole.is_empty(),
        }
    }

    /// Tokens as they are written.
    pub(super) fn text(&self, tokens: &[Token<'a>]) -> String {
        text_of(self.sql, tokens).to_owned()
    }
}

fn text_of<'a>(sql: &'a str, tokens: &[Token<'a>]) -> &'a str {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => sql
            .get(first.at..last.at + last.text.len())
            .unwrap_or_default(),
        _ => "",
    }
}

fn symbol<'a>(token: &Token<'a>) -> &'a str {
    if token.kind == Kind::Symbol {
        token.text
    } else {
        ""
    }
}

fn is_word(token: &Token<'_>, word: &str) -> bool {
    token.kind == Kind::Word && token.text.eq_ignore_ascii_case(word)
}

/// The name that a token is, without its quotes.
fn name_of(token: &Token<'_>, folds: bool) -> Option<String> {
    match token.kind {
        Kind::Word if folds => Some(token.text.to_lowercase()),
        Kind::Word => Some(token.text.to_owned()),
        Kind::Quoted => {
            let quote = token.text.chars().next()?;
            let close = match quote {
                '"' | '`' => quote,
                '[' => ']',
                _ => return None,
            };
            let inner = token.text.strip_prefix(quote)?.strip_suffix(close)?;
            Some(inner.replace(&format!("{close}{close}"), &close.to_string()))
        }
        _ => None,
    }
}
