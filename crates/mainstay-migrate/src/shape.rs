//! What a statement is about, read off its tokens: enough to name its lock and its table, and to
//! tell whether running it again does harm. Where it cannot be told, the answer is nothing.

use mainstay::schema::Dialect;

use crate::lexer::{Kind, Token};
use crate::split::statements;

/// A statement's tokens, with the words in upper case.
#[derive(Debug, Clone)]
pub(crate) struct Shape<'a> {
    tokens: Vec<Token<'a>>,
    words: Vec<String>,
}

impl<'a> Shape<'a> {
    /// The first statement of a text.
    pub(crate) fn of(dialect: Dialect, text: &'a str) -> Self {
        let tokens = statements(dialect, text)
            .ok()
            .and_then(|all| all.into_iter().next())
            .unwrap_or_default();
        let words = tokens
            .iter()
            .map(|token| match token.kind {
                Kind::Word => token.text.to_ascii_uppercase(),
                Kind::Quoted => String::new(),
                _ => token.text.to_owned(),
            })
            .collect();
        Self { tokens, words }
    }

    /// Its words in upper case and its symbols. What is quoted is empty.
    pub(crate) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// Whether it starts with these words.
    pub(crate) fn starts(&self, words: &[&str]) -> bool {
        self.words.len() >= words.len() && self.words.iter().zip(words).all(|(a, b)| a == b)
    }

    /// Whether these words stand in it one after the other.
    pub(crate) fn has(&self, words: &[&str]) -> bool {
        self.find(words).is_some()
    }

    fn find(&self, words: &[&str]) -> Option<usize> {
        self.words
            .windows(words.len())
            .position(|some| some.iter().zip(words).all(|(a, b)| a == b))
    }

    /// What stands behind a word, as a statement.
    pub(crate) fn behind(&self, word: &str) -> Option<Self> {
        let at = self.words.iter().position(|w| w == word)? + 1;
        Some(Self {
            tokens: self.tokens[at..].to_vec(),
            words: self.words[at..].to_vec(),
        })
    }

    /// What a CREATE, ALTER or DROP is of: the first word behind it that names a kind of object.
    pub(crate) fn object(&self) -> Option<&str> {
        const MODIFIERS: [&str; 23] = [
            "OR",
            "REPLACE",
            "UNIQUE",
            "FULLTEXT",
            "SPATIAL",
            "TEMPORARY",
            "TEMP",
            "UNLOGGED",
            "GLOBAL",
            "LOCAL",
            "ONLINE",
            "OFFLINE",
            "IGNORE",
            "AGGREGATE",
            "CONSTRAINT",
            "RECURSIVE",
            "VIRTUAL",
            "SQL",
            "SECURITY",
            "INVOKER",
            "DEFINER",
            "FOREIGN",
            "MATERIALIZED",
        ];
        self.words
            .iter()
            .skip(1)
            .map(String::as_str)
            .find(|word| !MODIFIERS.contains(word))
    }

    /// Its table, without the schema's name.
    pub(crate) fn table(&self) -> Option<String> {
        let words = self.words();
        let behind = |word: &str| words.iter().position(|w| *w == word).map(|at| at + 1);
        let at = match *words.first()? {
            "CREATE" => match self.object()? {
                "TABLE" => behind("TABLE"),
                "INDEX" | "TRIGGER" => behind("ON"),
                _ => None,
            },
            "ALTER" | "RENAME" | "OPTIMIZE" | "REPAIR" | "REINDEX" | "CHECK" => behind("TABLE"),
            "DROP" => match self.object()? {
                "TABLE" => behind("TABLE"),
                "INDEX" | "TRIGGER" => behind("ON"),
                _ => None,
            },
            "TRUNCATE" | "ANALYZE" => Some(behind("TABLE").unwrap_or(1)),
            "INSERT" | "REPLACE" => behind("INTO"),
            "UPDATE" => Some(1),
            "DELETE" => behind("FROM"),
            _ => None,
        }?;
        self.name(at).map(|(name, _)| name)
    }

    /// The tables that REFERENCES names.
    pub(crate) fn references(&self) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for (at, word) in self.words.iter().enumerate() {
            if word == "REFERENCES"
                && let Some((name, _)) = self.name(at + 1)
                && !out.contains(&name)
            {
                out.push(name);
            }
        }
        out
    }

    /// The name of the index that CREATE INDEX or DROP INDEX is about, as it is written, with its
    /// schema. None when CREATE INDEX leaves it to the engine.
    pub(crate) fn index(&self) -> Option<String> {
        let at = self.words.iter().position(|word| word == "INDEX")? + 1;
        let at = self.skip(at, &["CONCURRENTLY"]);
        let at = self.skip_if(at);
        if self.words.get(at).is_some_and(|word| word == "ON") {
            return None;
        }
        let (_, end) = self.name(at)?;
        let text: Vec<&str> = self.tokens[at..end]
            .iter()
            .map(|token| token.text)
            .collect();
        Some(text.concat())
    }

    /// Whether it has a comma outside of parentheses.
    pub(crate) fn names_several(&self) -> bool {
        let mut depth = 0_usize;
        for word in &self.words {
            match word.as_str() {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                "," if depth == 0 => return true,
                _ => {}
            }
        }
        false
    }

    /// The name at a position, without its schema, and where it ends. Passes over what may stand in
    /// front.
    fn name(&self, at: usize) -> Option<(String, usize)> {
        let mut at = self.skip(
            self.skip_if(self.skip(at, &["LOW_PRIORITY", "QUICK", "IGNORE"])),
            &["ONLY"],
        );
        loop {
            let token = self.tokens.get(at)?;
            let part = match token.kind {
                Kind::Word => token.text.to_owned(),
                Kind::Quoted => unquoted(token.text)?,
                _ => return None,
            };
            at += 1;
            if self.words.get(at).is_some_and(|word| word == ".") {
                at += 1;
            } else {
                return Some((part, at));
            }
        }
    }

    fn skip(&self, mut at: usize, words: &[&str]) -> usize {
        while self
            .words
            .get(at)
            .is_some_and(|word| words.contains(&word.as_str()))
        {
            at += 1;
        }
        at
    }

    /// Behind `IF EXISTS` and `IF NOT EXISTS`.
    fn skip_if(&self, at: usize) -> usize {
        match self.words.get(at).map(String::as_str) {
            Some("IF") => self.skip(at, &["IF", "NOT", "EXISTS"]),
            _ => at,
        }
    }
}

/// A name without its quotes; nothing for a quoted text that is no name.
pub(crate) fn unquoted(text: &str) -> Option<String> {
    let (open, close) = (text.chars().next()?, text.chars().last()?);
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    match (open, close) {
        ('"', '"') | ('`', '`') => Some(inner.replace(&format!("{open}{open}"), &open.to_string())),
        ('[', ']') => Some(inner.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use mainstay::schema::Dialect::{MariaDb, Postgres, Sqlite};

    use super::*;

    #[test]
    fn the_table_of_a_statement_is_found() {
        let cases = [
            ("CREATE TABLE IF NOT EXISTS a (id INT)", Some("a")),
            ("create unique index i on only \"a b\" (id)", Some("a b")),
            ("CREATE INDEX CONCURRENTLY i ON s.a (id)", Some("a")),
            ("ALTER TABLE IF EXISTS ONLY a ADD b INT", Some("a")),
            ("DROP TABLE IF EXISTS a, b", Some("a")),
            ("DROP INDEX i", None),
            ("INSERT INTO a VALUES (1)", Some("a")),
            ("UPDATE only a SET b = 1", Some("a")),
            ("DELETE FROM a WHERE b", Some("a")),
            ("TRUNCATE a", Some("a")),
            (
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END",
                Some("a"),
            ),
            ("SELECT 1", None),
            ("", None),
        ];
        for (sql, table) in cases {
            assert_eq!(Shape::of(Sqlite, sql).table().as_deref(), table, "{sql}");
        }
        let sql = "ALTER TABLE `a``b` ADD COLUMN c INT";
        assert_eq!(Shape::of(MariaDb, sql).table().as_deref(), Some("a`b"));
    }

    #[test]
    fn the_index_and_the_tables_referred_to_are_found() {
        let index = |sql| Shape::of(Postgres, sql).index();
        assert_eq!(
            index("CREATE INDEX CONCURRENTLY IF NOT EXISTS s.\"i\" ON a (b)").as_deref(),
            Some("s.\"i\"")
        );
        assert_eq!(index("CREATE INDEX CONCURRENTLY ON a (b)"), None);
        assert_eq!(index("DROP INDEX CONCURRENTLY i").as_deref(), Some("i"));
        let sql = "CREATE TABLE a (b INT REFERENCES c, d INT, FOREIGN KEY (d) REFERENCES e (f))";
        assert_eq!(Shape::of(Postgres, sql).references(), ["c", "e"]);
        assert!(Shape::of(Postgres, "DROP TABLE a, b").names_several());
        assert!(!Shape::of(Postgres, "DROP FUNCTION a (int, int)").names_several());
    }
}
