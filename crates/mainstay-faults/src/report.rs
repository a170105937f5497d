//! What one run of one fault showed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::layer::MAINSTAY;
use crate::verdict::Unknowns;

/// One fault on one engine, met by one layer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) fault: String,
    pub(crate) title: String,
    pub(crate) engine: String,
    pub(crate) layer: String,
    /// Why it was not run here.
    pub(crate) skipped: Option<String>,
    /// Why it could not be run to its end.
    pub(crate) broken: Option<String>,
    /// Calls a second before the fault.
    pub(crate) rate_before: f64,
    /// What callers saw from the beginning of the fault to the recovery: how often each code.
    pub(crate) saw: BTreeMap<String, usize>,
    /// From the end of the fault to the first moment when all kinds of calls succeed again.
    pub(crate) recovery_ms: Option<u64>,
    pub(crate) longest_ms: u64,
    pub(crate) missing: usize,
    pub(crate) untrue: usize,
    pub(crate) duplicates: usize,
    pub(crate) leaked: usize,
    pub(crate) hung: usize,
    pub(crate) halves: usize,
    pub(crate) unknown: Unknowns,
    /// Creates and transactions with a ledger of unknown outcome although the server answered again
    /// in time.
    pub(crate) unsettled: usize,
    /// Whether what is leaked was to be, for comparison.
    pub(crate) keeps_leaks: bool,
    /// Whether the fault may make an outcome unknown.
    pub(crate) cuts: bool,
    /// Further facts, such as what was counted apart.
    pub(crate) notes: Vec<String>,
    /// One line for each violation, the first ones only.
    pub(crate) details: Vec<String>,
    pub(crate) took_ms: u64,
}

impl Row {
    pub(crate) fn is_mainstay(&self) -> bool {
        self.layer == MAINSTAY
    }

    /// What must be 0 and is not, and what else makes the fault fail. Other layers promise nothing:
    /// for them it is what is noticed.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(problem) = &self.broken {
            found.push(format!("did not run to its end: {problem}"));
        }
        for (count, what) in [
            (self.missing, "acknowledged but missing"),
            (self.untrue, "reported failed but present"),
            (self.duplicates, "duplicates"),
            (
                if self.keeps_leaks { 0 } else { self.leaked },
                "connections leaked",
            ),
            (self.hung, "callers hung past their deadline"),
            (self.halves, "accounts that hold half a transaction"),
            (
                self.groundless(),
                "unknown outcomes although nothing was cut",
            ),
            (self.unsettled, UNSETTLED),
        ] {
            if count > 0 {
                found.push(format!("{what}: {count}"));
            }
        }
        if self.skipped.is_none() && self.broken.is_none() && self.recovery_ms.is_none() {
            found.push("full service did not return".to_owned());
        }
        if let Some(time) = self.recovery_ms.map(Duration::from_millis)
            && time > PROMPT
        {
            found.push(format!("full service returned late: {}", seconds(time)));
        }
        found
    }

    /// Outcomes that were reported as unknown, although nothing came between request and reply.
    fn groundless(&self) -> usize {
        if self.cuts || !self.is_mainstay() {
            0
        } else {
            self.unknown.all()
        }
    }

    /// What callers saw, the most frequent first.
    pub(crate) fn seen(&self) -> String {
        let mut codes: Vec<_> = self.saw.iter().collect();
        codes.sort_by_key(|(code, count)| (*code != OK, std::cmp::Reverse(**count)));
        let parts: Vec<String> = codes
            .iter()
            .map(|(code, count)| format!("{code} {count}"))
            .collect();
        if parts.is_empty() {
            "nothing".to_owned()
        } else {
            parts.join(", ")
        }
    }

    pub(crate) fn recovery(&self) -> String {
        match self.recovery_ms.map(Duration::from_millis) {
            None => "none".to_owned(),
            Some(time) if time > PROMPT => format!("{}, late", seconds(time)),
            Some(time) => seconds(time),
        }
    }

    /// Whether full service returned, but not promptly.
    pub(crate) fn is_late(&self) -> bool {
        let time = self.recovery_ms.map(Duration::from_millis);
        time.is_some_and(|time| time > PROMPT)
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.title.clone(),
            self.engine.clone(),
            self.layer.clone(),
            self.recovery(),
            self.missing.to_string(),
            self.untrue.to_string(),
            self.duplicates.to_string(),
            self.leaked.to_string(),
            self.hung.to_string(),
            self.halves.to_string(),
            format!(
                "{} / {} / {}",
                self.unknown.creates, self.unknown.transactions, self.unknown.others
            ),
            seconds(Duration::from_millis(self.longest_ms)),
            self.seen(),
        ]
    }
}

/// Full service is to return within this time.
const PROMPT: Duration = Duration::from_secs(5);

/// What is said of an outcome that could have been found out.
pub(crate) const UNSETTLED: &str = "unknown although the server answered again in time";

/// Under which name successes are counted among the codes.
pub(crate) const OK: &str = "ok";

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// A whole run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) quick: bool,
    pub(crate) rows: Vec<Row>,
}

const HEADS: [&str; 13] = [
    "Fault",
    "Engine",
    "Client",
    "Recovery",
    "Missing",
    "Untrue",
    "Twice",
    "Leaked",
    "Hung",
    "Halves",
    "Unknown c/t/o",
    "Longest",
    "What callers saw",
];

impl Report {
    /// What makes the command fail, a line each.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for row in &self.rows {
            if !row.is_mainstay() {
                // What it shows is no failure of ours, but not to have been run to its end is.
                let broken = row.broken.iter();
                lines.extend(broken.map(|what| {
                    format!("{} on {} with {}: {what}", row.fault, row.engine, row.layer)
                }));
                continue;
            }
            for what in row.violations() {
                lines.push(format!("{} on {}: {what}", row.fault, row.engine));
                let about = row.details.iter().filter(|line| belongs(line, &what));
                lines.extend(about.take(3).map(|line| format!("    {line}")));
            }
        }
        lines
    }

    /// Whether other layers than Mainstay were run.
    fn compares(&self) -> bool {
        self.rows.iter().any(|row| !row.is_mainstay())
    }

    /// The heads, and a line per run.
    fn table(&self) -> Vec<Vec<String>> {
        let heads = HEADS.map(str::to_owned).to_vec();
        let ran = self.rows.iter().filter(|row| row.skipped.is_none());
        let mut table: Vec<_> = std::iter::once(heads).chain(ran.map(Row::cells)).collect();
        if !self.compares() {
            for line in &mut table {
                line.remove(2);
            }
        }
        table
    }

    /// The name of a run, outside of the table.
    fn name(&self, row: &Row, fault: &str) -> String {
        if self.compares() {
            format!("{fault} on {} with {}", row.engine, row.layer)
        } else {
            format!("{fault} on {}", row.engine)
        }
    }

    /// As columns for a terminal.
    pub(crate) fn text(&self) -> String {
        let rows = self.table();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            for (cell, width) in row.iter().zip(&widths) {
                text.push_str(cell);
                let padding = width.saturating_sub(cell.chars().count()) + 2;
                text.extend(std::iter::repeat_n(' ', padding));
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        for row in &self.rows {
            let name = self.name(row, &row.fault);
            if let Some(reason) = &row.skipped {
                text += &format!("not run: {name}: {reason}\n");
            }
            for note in &row.notes {
                text += &format!("{name}: {note}\n");
            }
        }
        text
    }

    /// As docs/fault-matrix.md.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(INTRODUCTION);
        text += &self.body();
        let violations = self.violations();
        text += "\n## What must be 0 and is not\n\n";
        if violations.is_empty() {
            text += "Nothing.\n";
        } else {
            let lines = violations.iter().filter(|line| !line.starts_with(' '));
            text.extend(lines.map(|line| format!("- {line}\n")));
        }
        text
    }

    /// The table and further facts, as Markdown.
    pub(crate) fn body(&self) -> String {
        let mut text = String::new();
        let length = if self.quick { "3 s" } else { "10 s" };
        text += &format!(
            "Faults that have a length last {length}. The pool has 8 connections, a call may take 2 s, \
             a transaction\n5 s. Seed {}.\n\n",
            self.seed
        );
        let cell = |text: &str| text.replace('|', "\\|");
        for (number, row) in self.table().iter().enumerate() {
            let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
            text += &format!("| {} |\n", cells.join(" | "));
            if number == 0 {
                text += &format!("|{}\n", "---|".repeat(cells.len()));
            }
        }
        let notes: Vec<String> = self
            .rows
            .iter()
            .flat_map(|row| {
                let skipped = row
                    .skipped
                    .iter()
                    .map(|reason| format!("not run: {reason}"));
                let name = self.name(row, &row.title);
                let notes = skipped.chain(row.notes.iter().cloned());
                notes.map(move |note| format!("- {name}: {note}\n"))
            })
            .collect();
        if !notes.is_empty() {
            text += "\n## Further facts\n\n";
            text.extend(notes);
        }
        text
    }
}

/// Whether a detail explains a violation.
fn belongs(detail: &str, violation: &str) -> bool {
    let head = |text: &str| text.split(':').next().unwrap_or_default().to_owned();
    let (detail, violation) = (head(detail), head(violation));
    detail == violation
        || (violation == "duplicates" && detail == "applied more than once")
        || (violation.starts_with("accounts") && detail == "half a transaction")
}

const INTRODUCTION: &str = "\
# Fault matrix

Written by `cargo xtask faults --write-docs`. Do not edit it by hand.

Each row is a run on a real database: a load of concurrent reads, creates, updates, deletes and
transactions goes on before, during and after the fault. Every caller notes what it was told. At the
end the database is read past the layer and compared with these notes.

- Recovery: from the end of the fault to the first moment from which on 20 calls in a row succeed,
  calls of every kind succeed, and half of the rate before is reached. It must be within five seconds.
- Missing: acknowledged, but not in the database. Untrue: reported as failed without effect, but
  there. Twice: applied more than once. Leaked: connections that are still on loan when nobody works,
  or sessions on the server after the handle was closed. Hung: calls that were not answered by their
  deadline. Halves: accounts that hold half a transaction. All of these must be 0.
- Unknown c/t/o: creates, transactions and other writes that were reported as `Outcome::Unknown`.
  Only a fault that comes between a request and its reply may cause them; they must be 0 otherwise.
  Creates, and transactions that use the ledger or run on PostgreSQL, must not be among them when the
  server answers again at least a second before the call's deadline: their outcome can then be found
  out. A half-open connection is the one case where it cannot, for the call waits on it until its
  deadline. Where replies can be lost the load's transactions use the ledger, but in the row that
  says otherwise.
- What callers saw: answers by error code from the beginning of the fault to the recovery.

What applications see without the layer is in [the same faults beside plain
libraries](fault-baselines.md).

";

#[cfg(test)]
mod tests;
