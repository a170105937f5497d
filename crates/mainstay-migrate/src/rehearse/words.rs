//! The tokens of a condition or a type, one after the other.

use mainstay::schema::Dialect;

use crate::dialect::Syntax;
use crate::lexer::{Kind, Token, tokens};

/// One piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A keyword, or a name without quotes.
    Word(&'a str),
    /// A name in quotes, without them.
    Name(String),
    /// A text, without its quotes.
    Text(String),
    Number(&'a str),
    Symbol(&'a str),
}

/// A place in a text.
pub(super) struct Cursor<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The beginning of a text. `None` when it cannot be read.
    pub(super) fn of(dialect: Dialect, text: &'a str) -> Option<Self> {
        let mut tokens = tokens(Syntax::of(dialect), text).ok()?;
        tokens.retain(|token| !matches!(token.kind, Kind::Space | Kind::Comment));
        Some(Self { tokens, at: 0 })
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    pub(super) fn next(&mut self) -> Option<Piece<'a>> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(match token.kind {
            Kind::Word => Piece::Word(token.text),
            Kind::Number => Piece::Number(token.text),
            Kind::Quoted => quoted(token.text)?,
            _ => Piece::Symbol(token.text),
        })
    }

    fn is_word(&self, word: &str) -> bool {
        self.tokens
            .get(self.at)
            .is_some_and(|token| token.kind == Kind::Word && token.text.eq_ignore_ascii_case(word))
    }

    /// Passes a word, if it is the next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        self.at += usize::from(is);
        is
    }

    pub(super) fn peek_symbol(&self) -> Option<&'a str> {
        let token = self.tokens.get(self.at)?;
        (token.kind == Kind::Symbol).then_some(token.text)
    }

    /// Passes a symbol, if it is the next.
    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let is = self.peek_symbol() == Some(symbol);
        self.at += usize::from(is);
        is
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str) -> Option<()> {
        self.take_symbol(symbol).then_some(())
    }

    /// Passes an operator that stands between two operands and is no comparison.
    pub(super) fn take_operator(&mut self) -> bool {
        const WORDS: [&str; 7] = [
            "LIKE", "ILIKE", "GLOB", "REGEXP", "RLIKE", "COLLATE", "SIMILAR",
        ];
        const SYMBOLS: [&str; 15] = [
            "+", "-", "*", "/", "%", "||", "~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "->", "->>",
        ];
        let is = WORDS.iter().any(|word| self.is_word(word))
            || self
                .peek_symbol()
                .is_some_and(|symbol| SYMBOLS.contains(&symbol));
        self.at += usize::from(is);
        is
    }

    /// Passes casts: `::character varying(20)[]`.
    pub(super) fn skip_casts(&mut self) {
        const MORE: [&str; 6] = ["VARYING", "PRECISION", "WITH", "WITHOUT", "TIME", "ZONE"];
        while self.take_symbol("::") {
            self.skip();
            while MORE.iter().any(|word| self.is_word(word)) {
                self.skip();
            }
            if self.take_symbol("(") {
                while !self.is_at_end() && !self.take_symbol(")") {
                    self.skip();
                }
            }
            while self.take_symbol("[") {
                self.take_symbol("]");
            }
        }
    }
}

/// What stands in quotes, without them.
fn quoted<'a>(text: &str) -> Option<Piece<'a>> {
    let at = text.find(['\'', '"', '`', '['])?;
    let (quote, end) = match text[at..].chars().next()? {
        '[' => ("]", ']'),
        '"' => ("\"", '"'),
        '`' => ("`", '`'),
        _ => ("'", '\''),
    };
    let inner = text[at + 1..].strip_suffix(end)?;
    let inner = inner.replace(&quote.repeat(2), quote);
    Some(match quote {
        "'" => Piece::Text(inner),
        _ => Piece::Name(inner),
    })
}

#[cfg(test)]
mod tests {
    use mainstay::schema::Dialect::{MariaDb, Postgres, Sqlite};

    use super::*;

    #[test]
    fn quotes_are_taken_off() {
        let text = |dialect, sql: &str| {
            let mut cursor = Cursor::of(dialect, sql).expect("readable");
            let piece = cursor.next().expect("one piece");
            assert!(cursor.is_at_end(), "{sql}");
            match piece {
                Piece::Text(text) => format!("text {text}"),
                Piece::Name(name) => format!("name {name}"),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(text(Sqlite, "'it''s'"), "text it's");
        assert_eq!(text(Postgres, "E'a'"), "text a");
        assert_eq!(text(MariaDb, "_utf8mb4'a'"), "text a");
        assert_eq!(text(MariaDb, "`a``b`"), "name a`b");
        assert_eq!(text(Sqlite, "[a b]"), "name a b");
        assert_eq!(text(Postgres, "\"A\""), "name A");
    }

    #[test]
    fn casts_are_passed() {
        let sql = "'a'::character varying(20)[]::timestamp with time zone AND";
        let mut cursor = Cursor::of(Postgres, sql).expect("readable");
        cursor.skip();
        cursor.skip_casts();
        assert!(cursor.take_word("and") && cursor.is_at_end());
    }
}
