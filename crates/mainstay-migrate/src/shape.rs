//! What a statement is about: enough to name its lock and its table, and to tell whether running it
//! again does harm. What it does is read by [`ddl`](crate::ddl), as for the lint; the words that
//! stand in it are looked at for the rest. Where it cannot be told, the answer is nothing.

use mainstay::schema::Dialect;

use crate::ddl::{Act, Action, Column, Constraint, ConstraintKind, Dropped, Name, read};
use crate::lexer::Kind;
use crate::split::statements;

/// What a statement does, and its words in upper case.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    dialect: Dialect,
    act: Act,
    words: Vec<String>,
}

impl Shape {
    /// The first statement of a text.
    pub(crate) fn of(dialect: Dialect, text: &str) -> Self {
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
        Self {
            dialect,
            act: read(dialect, text, &tokens),
            words,
        }
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

    /// What stands behind a word, which does the same.
    pub(crate) fn behind(&self, word: &str) -> Option<Self> {
        let at = self.words.iter().position(|w| w == word)? + 1;
        Some(Self {
            words: self.words[at..].to_vec(),
            ..self.clone()
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
        let table = match &self.act {
            Act::CreateTable(create) => Some(&create.name),
            Act::AlterTable(alter) => Some(&alter.table),
            Act::CreateIndex(create) => Some(&create.table),
            Act::CreateTrigger { table } | Act::Look { table } => Some(table),
            Act::Drop(drop) if drop.what == Dropped::Table => drop.names.first(),
            Act::Drop(drop) => drop.on.as_ref(),
            Act::RenameTables(pairs) => pairs.first().map(|(from, _)| from),
            Act::Truncate { tables, .. } => tables.first(),
            Act::Insert { table, .. } | Act::Update { table, .. } | Act::Delete { table, .. } => {
                Some(table)
            }
            Act::Maintain(maintain) => maintain.table.as_ref(),
            _ => None,
        };
        table.map(|table| table.name.clone())
    }

    /// The tables that REFERENCES names.
    pub(crate) fn references(&self) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut add = |to: Option<&Name>| {
            if let Some(to) = to
                && !out.contains(&to.name)
            {
                out.push(to.name.clone());
            }
        };
        let of_column = |column: &Column| column.references.as_ref().map(|key| key.to.clone());
        let of_constraint = |constraint: &Constraint| match &constraint.kind {
            ConstraintKind::ForeignKey { references, .. } => Some(references.to.clone()),
            _ => None,
        };
        match &self.act {
            Act::CreateTable(create) => {
                for column in &create.columns {
                    add(of_column(column).as_ref());
                }
                for constraint in &create.constraints {
                    add(of_constraint(constraint).as_ref());
                }
            }
            Act::AlterTable(alter) => {
                for action in &alter.actions {
                    match action {
                        Action::AddColumn { column, .. } | Action::Modify { column, .. } => {
                            add(of_column(column).as_ref());
                        }
                        Action::AddConstraint(constraint) => {
                            add(of_constraint(constraint).as_ref());
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        out
    }

    /// The name of the index that CREATE INDEX or DROP INDEX is about, in quotes and with its
    /// schema. None when CREATE INDEX leaves it to the engine.
    pub(crate) fn index(&self) -> Option<String> {
        let name = match &self.act {
            Act::CreateIndex(create) => create.name.as_ref(),
            Act::Drop(drop) if drop.what == Dropped::Index => drop.names.first(),
            _ => None,
        }?;
        let quoted = self.dialect.quote(&name.name);
        Some(match &name.schema {
            Some(schema) => format!("{}.{quoted}", self.dialect.quote(schema)),
            None => quoted,
        })
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
            ("ANALYZE a", Some("a")),
            ("REINDEX TABLE a", Some("a")),
            (
                "WITH b AS (SELECT 1) INSERT INTO a SELECT * FROM b",
                Some("a"),
            ),
            ("SELECT 1", None),
            ("", None),
        ];
        for (sql, table) in cases {
            assert_eq!(Shape::of(Sqlite, sql).table().as_deref(), table, "{sql}");
        }
        for sql in [
            "OPTIMIZE TABLE a",
            "CHECK TABLE a",
            "RENAME TABLE a TO b",
            "SET STATEMENT lock_wait_timeout = 1 FOR ALTER TABLE a ADD b INT",
        ] {
            assert_eq!(
                Shape::of(MariaDb, sql).table().as_deref(),
                Some("a"),
                "{sql}"
            );
        }
        let sql = "ALTER TABLE `a``b` ADD COLUMN c INT";
        assert_eq!(Shape::of(MariaDb, sql).table().as_deref(), Some("a`b"));
    }

    #[test]
    fn the_index_and_the_tables_referred_to_are_found() {
        let index = |sql| Shape::of(Postgres, sql).index();
        assert_eq!(
            index("CREATE INDEX CONCURRENTLY IF NOT EXISTS s.\"i\" ON a (b)").as_deref(),
            Some("\"s\".\"i\"")
        );
        assert_eq!(index("CREATE INDEX CONCURRENTLY ON a (b)"), None);
        assert_eq!(index("DROP INDEX CONCURRENTLY I").as_deref(), Some("\"i\""));
        let sql = "CREATE TABLE a (b INT REFERENCES c, d INT, FOREIGN KEY (d) REFERENCES e (f))";
        assert_eq!(Shape::of(Postgres, sql).references(), ["c", "e"]);
        assert!(Shape::of(Postgres, "DROP TABLE a, b").names_several());
        assert!(!Shape::of(Postgres, "DROP FUNCTION a (int, int)").names_several());
    }
}
