//! What the rules found, and its text for people.

use std::fmt::Write as _;

use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know: the table is small enough for it not to matter.
    Note,
    /// Worth a second thought.
    Warning,
    /// Stops a service, loses data, or is refused by the engine.
    Error,
}

impl Severity {
    /// The word for it, which is also its level in SARIF.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a rule found in a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How much it matters here.
    pub severity: Severity,
    /// The file.
    pub path: String,
    /// The line the statement starts on, counted from 1.
    pub line: usize,
    /// The migration.
    pub migration: String,
    /// The beginning of the statement, on one line.
    pub statement: String,
    /// What the statement does, with its names.
    pub message: String,
    /// Why that matters.
    pub why: &'static str,
    /// Where more is said about it.
    pub source: Option<&'static str>,
    /// What to write instead.
    pub rewrite: String,
    /// The table whose number of rows matters.
    pub table: Option<String>,
    /// About how many rows that table has, where known.
    pub rows: Option<u64>,
}

/// A finding that a directive passes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// The finding.
    pub finding: Finding,
    /// The reason given in the directive.
    pub reason: String,
}

/// All that the rules found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// How many migrations were looked at.
    pub migrations: usize,
    /// What was found, in the order of the migrations and their statements.
    pub findings: Vec<Finding>,
    /// What was found and passed over.
    pub ignored: Vec<Ignored>,
}

impl Report {
    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }

    /// Whether anything found is an error.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// The report as text for people, by file.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut path = "";
        for finding in &self.findings {
            if finding.path != path {
                path = &finding.path;
                let _ = writeln!(out, "{path}");
            }
            describe(&mut out, finding);
        }
        let _ = writeln!(out, "{}", self.summary());
        out
    }

    /// The numbers in one line.
    pub fn summary(&self) -> String {
        let mut parts = vec![
            counted(self.count(Severity::Error), "error"),
            counted(self.count(Severity::Warning), "warning"),
        ];
        let notes = self.count(Severity::Note);
        if notes > 0 {
            parts.push(counted(notes, "note"));
        }
        if !self.ignored.is_empty() {
            parts.push(format!("{} ignored", self.ignored.len()));
        }
        format!(
            "{} looked at: {}",
            counted(self.migrations, "migration"),
            parts.join(", ")
        )
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// None in practice: everything in it is text and numbers.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

fn describe(out: &mut String, finding: &Finding) {
    let _ = writeln!(
        out,
        "  line {}: {} [{}]\n    {}",
        finding.line,
        finding.severity.as_str(),
        finding.rule,
        finding.statement
    );
    let _ = writeln!(out, "    {}", finding.message);
    let _ = writeln!(out, "    why: {}", finding.why);
    if let Some(source) = finding.source {
        let _ = writeln!(out, "    see: {source}");
    }
    if !finding.rewrite.is_empty() {
        let _ = writeln!(out, "    instead:");
        for line in finding.rewrite.lines() {
            let _ = writeln!(out, "{}", format!("      {line}").trim_end());
        }
    }
    out.push('\n');
}

fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
