//! What a rehearsal came to, as data and as a page.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

pub use super::fill::FilledTable;

/// What a rehearsal came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// The engine.
    pub engine: &'static str,
    /// What the server says of its version.
    pub server: String,
    /// The migrations, in order.
    pub migrations: Vec<String>,
    /// Tables that were filled with made rows.
    pub filled: Vec<FilledTable>,
    /// The ways that were taken: up, down, and up again.
    pub ways: Vec<Way>,
    /// The longest one way may take.
    #[serde(rename = "limit_ms", serialize_with = "as_millis")]
    pub limit: Duration,
    /// The tables that were there before, and what was in them.
    pub tables: Vec<TableStates>,
    /// How locks were seen.
    pub locks_from: Option<&'static str>,
    /// What is worth knowing.
    pub remarks: Vec<String>,
    /// What is wrong. Empty when all is well.
    pub failures: Vec<String>,
}

/// One way through all the migrations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// `up`, `down` or `up again`.
    pub name: &'static str,
    /// How long all of it took.
    #[serde(rename = "took_ms", serialize_with = "as_millis")]
    pub took: Duration,
    /// Its statements.
    pub statements: Vec<TimedStatement>,
}

/// A statement that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimedStatement {
    /// Its migration.
    pub migration: String,
    /// Which one it is, counted from 0.
    pub position: usize,
    /// The line it starts on, counted from 1.
    pub line: usize,
    /// Its beginning.
    pub statement: String,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "as_millis")]
    pub took: Duration,
    /// The lock that it takes, by what is known of such statements.
    pub lock: String,
    /// What was seen of locks while it ran. A look every few milliseconds may miss some.
    pub seen: Vec<String>,
}

/// What was in a table, from the beginning to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableStates {
    /// Its name.
    pub table: String,
    /// At the beginning, and after each way that was taken.
    pub states: Vec<TableState>,
}

/// What was in a table at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableState {
    /// `before`, or after which way.
    pub when: &'static str,
    /// How many rows it had.
    pub rows: u64,
    /// A sum of the values of the columns that it had at the beginning.
    pub checksum: String,
}

pub(super) fn as_millis<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    // Most statements take less than one.
    serializer.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e3)
}

impl Rehearsal {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    /// The way that took longest.
    pub fn longest(&self) -> Option<&Way> {
        self.ways.iter().max_by_key(|way| way.took)
    }

    /// The numbers in one line for each way, and all that is wrong or worth knowing.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for way in &self.ways {
            let statements = counted(way.statements.len(), "statement");
            let _ = writeln!(out, "{:<9} {statements} in {}", way.name, short(way.took));
        }
        for remark in &self.remarks {
            let _ = writeln!(out, "remark: {remark}");
        }
        for failure in &self.failures {
            let _ = writeln!(out, "wrong: {failure}");
        }
        let migrations = counted(self.migrations.len(), "migration");
        let verdict = match self.failures.len() {
            0 => "all is well".to_owned(),
            wrong => {
                counted(wrong, "thing")
                    + if wrong == 1 {
                        " is wrong"
                    } else {
                        " are wrong"
                    }
            }
        };
        let _ = writeln!(out, "{migrations} rehearsed on {}: {verdict}", self.engine);
        out
    }

    /// The report as a section of a Markdown page.
    pub fn markdown(&self) -> String {
        let mut out = format!("## {}\n\n", self.engine);
        let _ = writeln!(out, "Server: {}. {}\n", self.server, self.verdict());
        let names: Vec<String> = self
            .migrations
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let _ = writeln!(out, "Migrations: {}.\n", names.join(", "));
        for filled in &self.filled {
            let _ = writeln!(
                out,
                "- `{}` was filled with {} rows in {}",
                filled.table,
                filled.rows,
                short(filled.took)
            );
        }
        if !self.filled.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(
            out,
            "| Way | Statements | Took | Limit |\n|---|---|---|---|"
        );
        for way in &self.ways {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                way.name,
                way.statements.len(),
                short(way.took),
                short(self.limit)
            );
        }
        for way in &self.ways {
            section(&mut out, way);
        }
        if let Some(from) = self.locks_from {
            let _ = writeln!(out, "\nSeen: {from}, looked at every few milliseconds.");
        }
        tables(&mut out, &self.tables);
        list(&mut out, "Remarks", &self.remarks);
        list(&mut out, "Wrong", &self.failures);
        out
    }

    fn verdict(&self) -> String {
        let longest = self.longest().map(|way| (way.name, short(way.took)));
        let took = longest.map(|(name, took)| format!("; the longest way was {name}, in {took}"));
        let took = took.unwrap_or_default();
        match self.failures.len() {
            0 => format!("All is well{took}."),
            wrong => format!("{} wrong{took}.", counted(wrong, "thing")),
        }
    }
}

fn section(out: &mut String, way: &Way) {
    let _ = writeln!(
        out,
        "\n### The way {}\n\n| Migration | Statement | Took | Lock | Seen |\n|---|---|---|---|---|",
        way.name
    );
    for statement in &way.statements {
        let _ = writeln!(
            out,
            "| {} | `{}` | {} | {} | {} |",
            statement.migration,
            cell(&statement.statement).replace('`', "'"),
            short(statement.took),
            cell(&statement.lock),
            cell(&statement.seen.join("; "))
        );
    }
}

fn tables(out: &mut String, tables: &[TableStates]) {
    if tables.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n### Rows and checksums\n\n| Table | When | Rows | Checksum |\n|---|---|---|---|"
    );
    for table in tables {
        for state in &table.states {
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | `{}` |",
                table.table, state.when, state.rows, state.checksum
            );
        }
    }
}

fn list(out: &mut String, title: &str, all: &[String]) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### {title}\n");
    for one in all {
        let _ = writeln!(out, "- {one}");
    }
}

/// A text within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn short(duration: Duration) -> String {
    format!("{duration:.1?}")
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rehearsal() -> Rehearsal {
        let statement = TimedStatement {
            migration: "20260101000000_a".to_owned(),
            position: 0,
            line: 1,
            statement: "UPDATE a SET b = c | d".to_owned(),
            took: Duration::from_micros(1_500),
            lock: "the writer".to_owned(),
            seen: vec!["one".to_owned(), "two".to_owned()],
        };
        Rehearsal {
            engine: "SQLite",
            server: "SQLite 3".to_owned(),
            migrations: vec!["20260101000000_a".to_owned()],
            filled: vec![FilledTable {
                table: "a".to_owned(),
                rows: 7,
                took: Duration::from_millis(2),
            }],
            ways: vec![Way {
                name: "up",
                took: Duration::from_millis(3),
                statements: vec![statement],
            }],
            limit: Duration::from_secs(30),
            tables: vec![TableStates {
                table: "a".to_owned(),
                states: vec![TableState {
                    when: "before",
                    rows: 7,
                    checksum: "00ff".to_owned(),
                }],
            }],
            locks_from: None,
            remarks: Vec::new(),
            failures: Vec::new(),
        }
    }

    #[test]
    fn a_page_has_all_figures() {
        let page = rehearsal().markdown();
        for line in [
            "## SQLite",
            "Server: SQLite 3. All is well; the longest way was up, in 3.0ms.",
            "- `a` was filled with 7 rows in 2.0ms",
            "| up | 1 | 3.0ms | 30.0s |",
            "| 20260101000000_a | `UPDATE a SET b = c \\| d` | 1.5ms | the writer | one; two |",
            "| `a` | before | 7 | `00ff` |",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
        assert!(!page.contains("### Wrong"));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let mut found = rehearsal();
        assert!(
            found
                .text()
                .ends_with("1 migration rehearsed on SQLite: all is well\n")
        );
        found.failures.push("a had 7 rows and has 0".to_owned());
        assert!(!found.is_good());
        let text = found.text();
        assert!(text.contains("wrong: a had 7 rows and has 0\n"), "{text}");
        assert!(text.ends_with(": 1 thing is wrong\n"), "{text}");
        assert!(found.markdown().contains("### Wrong\n\n- a had 7 rows"));
        let json = serde_json::to_value(&found).expect("it is plain data");
        assert_eq!(json["ways"][0]["statements"][0]["took_ms"], 1.5);
    }
}
