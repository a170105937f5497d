//! What the statements of migrations write: values that may be others afterwards. Pure.

use std::collections::BTreeSet;

use mainstay::schema::Dialect;

use crate::ddl::{Act, read};
use crate::lexer::Kind;
use crate::plan::Plan;
use crate::split::statements;

/// The tables and columns that statements write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Touched {
    /// Tables whose number of rows may change, in lower case.
    rows: BTreeSet<String>,
    /// Tables and words that stand where their columns are set, in lower case.
    set: BTreeSet<(String, String)>,
}

impl Touched {
    /// By the statements of a plan.
    pub(super) fn by(dialect: Dialect, plan: &Plan) -> Self {
        let mut out = Self::default();
        let all = plan.steps.iter().flat_map(|step| &step.statements);
        for statement in all {
            out.note(dialect, &statement.text);
        }
        out
    }

    fn note(&mut self, dialect: Dialect, text: &str) {
        let Ok(pieces) = statements(dialect, text) else {
            return;
        };
        for tokens in pieces {
            match read(dialect, text, &tokens) {
                Act::Insert { table, .. } | Act::Delete { table, .. } => {
                    self.rows.insert(table.key());
                }
                Act::Truncate { tables, .. } => {
                    self.rows.extend(tables.iter().map(crate::ddl::Name::key));
                }
                Act::Update { table, .. } => {
                    // Between SET and WHERE; the words of what is computed do no harm here.
                    let set = tokens
                        .iter()
                        .skip_while(|token| !token.text.eq_ignore_ascii_case("SET"))
                        .take_while(|token| !token.text.eq_ignore_ascii_case("WHERE"))
                        .filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted))
                        .map(|token| token.text.trim_matches(['"', '`', '[', ']']));
                    for word in set {
                        self.set.insert((table.key(), word.to_lowercase()));
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether rows of a table are added or deleted.
    pub(super) fn rows_of(&self, table: &str) -> bool {
        self.rows.contains(&table.to_lowercase())
    }

    /// Whether a column is written.
    pub(super) fn column(&self, table: &str, column: &str) -> bool {
        let place = (table.to_lowercase(), column.to_lowercase());
        self.rows_of(table) || self.set.contains(&place)
    }
}

#[cfg(test)]
mod tests {
    use mainstay::schema::Dialect::{MariaDb, Postgres};

    use super::*;

    #[test]
    fn statements_tell_what_they_write() {
        let mut touched = Touched::default();
        touched.note(
            Postgres,
            "UPDATE \"goals\" SET title = trim(title), \"Note\" = '' WHERE status = 'done'",
        );
        touched.note(MariaDb, "DELETE FROM drafts WHERE id = 1");
        touched.note(Postgres, "ALTER TABLE people DROP COLUMN email");
        assert!(touched.column("goals", "title") && touched.column("goals", "note"));
        assert!(!touched.column("goals", "status") && !touched.rows_of("goals"));
        assert!(touched.rows_of("drafts") && touched.column("drafts", "anything"));
        assert!(!touched.rows_of("people") && !touched.column("people", "email"));
    }
}
